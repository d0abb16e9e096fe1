import type { Clock } from '@trocar/core';
import { encodeNote, LiveReplica, type Observation, type Proposal, type ReplicaOptions } from '@trocar/core/session';
import { type CreateSocket, connectObserver, type ObserverLink } from '@trocar/device-bridge/browser';

/** How an observer joins. */
export interface LookOnOptions {
  readonly url: string;
  readonly token: string;
  readonly clock: Clock;
  readonly createSocket?: CreateSocket;
  readonly replica?: Partial<Omit<ReplicaOptions, 'clock'>>;
  /** A state was applied. */
  readonly applied?: (replica: LiveReplica) => void;
}

/** An observer: a link to the relay and a replica behind it. */
export class LookOn {
  readonly replica: LiveReplica;
  readonly link: ObserverLink;

  constructor(options: LookOnOptions) {
    const { url, token, clock, createSocket, replica, applied } = options;
    this.replica = new LiveReplica({ clock, ...replica });
    this.link = connectObserver({
      url,
      token,
      clock,
      ...(createSocket && { createSocket }),
      message: (bytes, kept) => {
        if (this.replica.receive(bytes, kept) === 'applied') applied?.(this.replica);
      },
      lost: () => this.replica.disconnected(),
    });
  }

  /** What may be shown now: once a drawn frame. Asks for a whole state where one is needed. */
  observe(): Observation {
    this.replica.roundTripMs = this.link.roundTripMs;
    if (this.replica.wantsSnapshot) this.link.ask();
    return this.replica.observe();
  }

  /** @returns false where nobody would get it: say so. @throws NavError `live/bad-value` */
  propose(proposal: Proposal): boolean {
    return this.link.note(encodeNote({ what: 'proposal', proposal }));
  }

  close(): void {
    this.link.close();
  }
}
