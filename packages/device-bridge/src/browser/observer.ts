import type { CarriedKind } from '../codec/relay/index.js';
import { RelayLink, type RelayLinkOptions, type RelayLinkState } from './observer-link.js';

/** How an observer looks on. */
export interface ObserverOptions extends RelayLinkOptions {
  /** What the operator sent: for `LiveReplica.receive`. What it throws breaks the connection off, and a new one begins with a whole state. */
  readonly message: (bytes: Uint8Array, kept: boolean) => void;
  /** The connection is gone, or the operator's is: for `LiveReplica.disconnected`. */
  readonly lost?: () => void;
}

/** An observer's connection to a room. */
export interface ObserverLink {
  readonly state: RelayLinkState;
  /** To the operator and back, ms; NaN where it is not known. For `LiveReplica.roundTripMs`. */
  readonly roundTripMs: number;
  readonly connections: number;
  /** Asks for a whole state; at most twice a second goes out. */
  ask(): void;
  /** Sends a note, as `encodeNote` makes it. @returns false where there is no connection or no operator: say so, nothing is kept */
  note(bytes: Uint8Array): boolean;
  close(): void;
}

const ASK_EVERY_MS = 500;

/**
 * Connects to a room of a relay, to look on. Returns at once and connects again by itself.
 * @throws NavError `relay/bad-option`
 */
export function connectObserver(options: ObserverOptions): ObserverLink {
  let askedAt = Number.NEGATIVE_INFINITY;
  let publisher = false;
  const changed = (state: RelayLinkState): void => {
    if (publisher && !state.publisher) options.lost?.();
    publisher = state.publisher;
    options.changed?.(state);
  };
  const link = new RelayLink(
    { ...options, changed },
    {
      publishes: false,
      carried: (_kind, payload, kept) => options.message(payload, kept),
      ask: () => undefined,
      note: () => undefined,
      lost: () => options.lost?.(),
    },
  );
  return {
    get state() {
      return link.state;
    },
    get roundTripMs() {
      return link.roundTripMs;
    },
    get connections() {
      return link.connections;
    },
    ask: () => {
      const now = options.clock.now();
      if (now - askedAt >= ASK_EVERY_MS && link.send({ type: 'ask' })) askedAt = now;
    },
    note: (bytes) => link.state.publisher && link.send({ type: 'note', by: '', payload: bytes }),
    close: () => link.close(),
  };
}

/** How an operator publishes. */
export interface PublishOptions extends RelayLinkOptions {
  /** Somebody needs a whole state: for `LivePublisher.requestSnapshot`. Also asked after every new connection. */
  readonly ask: () => void;
  /** An observer's note: for `decodeNote`. @param by its sender, as the relay knows them */
  readonly note?: (bytes: Uint8Array, by: string) => void;
}

/** An operator's connection to a room. */
export interface PublisherLink {
  readonly state: RelayLinkState;
  readonly connections: number;
  /** Sends a message of `LivePublisher.publish`. False where there is no connection: the next one begins with a whole state. */
  send(kind: CarriedKind, bytes: Uint8Array): boolean;
  close(): void;
}

/**
 * Connects to a room of a relay, to publish. Returns at once and connects again by itself.
 * @throws NavError `relay/bad-option`
 */
export function connectPublisher(options: PublishOptions): PublisherLink {
  const link = new RelayLink(options, {
    publishes: true,
    carried: () => undefined,
    ask: () => options.ask(),
    note: (payload, by) => options.note?.(payload, by),
    lost: () => undefined,
  });
  return {
    get state() {
      return link.state;
    },
    get connections() {
      return link.connections;
    },
    send: (kind, bytes) => link.send({ type: 'carried', kind, payload: bytes, kept: false }),
    close: () => link.close(),
  };
}
