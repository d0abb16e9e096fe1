import { type Clock, isNavError } from '@trocar/core';
import {
  type CarriedKind,
  decodeFrame,
  encodeFrame,
  KEPT,
  LARGEST_NOTE,
  RELAY_CLOSE,
  RELAY_VERSION,
  type RelayFrame,
} from '../codec/relay/index.js';
import { type OutletOptions, RelayOutlet } from './relay-outlet.js';
import { Allowance } from './server-limits.js';

/** One end of a connection, as a room needs it: a WebSocket, or a link of a simulation. */
export interface RelayPeer {
  /** Who it is, by its token; told to the operator with what it proposes. */
  readonly name: string;
  readonly publishes: boolean;
  send(frame: Uint8Array): void;
  close(code: number, reason: string): void;
}

/** What a room keeps to. */
export interface RoomOptions extends OutletOptions {
  readonly clock: Clock;
  readonly observers: number;
  /** Frames of one observer per second: acknowledgements, pings, questions. */
  readonly framesPerSecond: number;
  /** Notes of one observer per second; twice as many at once. */
  readonly notesPerSecond: number;
  /** What is kept for who joins is forgotten this long after the publisher left, ms. */
  readonly keepMs: number;
  /** A participant that says nothing for this long is gone, ms. */
  readonly silentMs: number;
}

/** The usual limits of a room. 7000 bytes a second are 56 kbit/s: acknowledgements and a little more fit below 64. */
export const USUAL_ROOM: Omit<RoomOptions, 'clock'> = {
  bytesPerSecond: 7000,
  overheadBytes: 56,
  windowBytes: 4500,
  mostWaitingBytes: 131_072,
  mostWaitingMs: 10_000,
  observers: 256,
  framesPerSecond: 60,
  notesPerSecond: 8,
  keepMs: 60_000,
  silentMs: 10_000,
};

/** What a room has done. */
export interface RoomCounts {
  snapshots: number;
  changes: number;
  motions: number;
  notes: number;
  /** Motion that was not sent because a newer one came first. */
  replaced: number;
  sentBytes: number;
  /** Observers that were cut because they did not keep up, and participants for what they sent. */
  tooSlow: number;
  refused: number;
}

/** Changes that are kept behind a snapshot, and sent to who joins rather than asking for a new snapshot. */
const MOST_KEPT = 256;
const MOST_SENT_BEHIND = 4;
/** A whole state is asked for at most so often, ms; the publisher's round trip is measured so often. */
const ASK_EVERY_MS = 500;
const PING_EVERY_MS = 2000;

class Observer {
  readonly peer: RelayPeer;
  readonly outlet: RelayOutlet;
  readonly frames: Allowance;
  readonly notes: Allowance;
  needsSnapshot = true;
  heardAt: number;

  constructor(peer: RelayPeer, options: RoomOptions, now: number) {
    this.peer = peer;
    this.outlet = new RelayOutlet(options, (frame) => peer.send(frame), now);
    this.frames = new Allowance(2 * options.framesPerSecond, options.framesPerSecond, now);
    this.notes = new Allowance(2 * options.notesPerSecond, options.notesPerSecond, now);
    this.heardAt = now;
  }
}

/**
 * One live session at a relay: one publisher, many observers. It carries bytes that it does not understand, keeps the last snapshot and
 * what came after it for who joins, and lets observers say no more than acknowledgements, questions and notes.
 *
 * Without timers and sockets: call {@link tick} every few milliseconds.
 */
export class RelayRoom {
  readonly counts: RoomCounts = {
    snapshots: 0,
    changes: 0,
    motions: 0,
    notes: 0,
    replaced: 0,
    sentBytes: 0,
    tooSlow: 0,
    refused: 0,
  };
  readonly #options: RoomOptions;
  readonly #observers = new Map<RelayPeer, Observer>();
  #publisher: RelayPeer | undefined;
  #publisherHeardAt = 0;
  #leftAt = Number.NEGATIVE_INFINITY;
  #snapshot: Uint8Array | undefined;
  #changes: Uint8Array[] = [];
  #motion: Uint8Array | undefined;
  #wanted = false;
  #askedAt = Number.NEGATIVE_INFINITY;
  #pingId = 0;
  #pingAt = Number.NEGATIVE_INFINITY;
  #publisherRttMs = Number.NaN;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  get observerCount(): number {
    return this.#observers.size;
  }

  get hasPublisher(): boolean {
    return this.#publisher !== undefined;
  }

  /** Whether nobody is here and nothing is kept. */
  get isEmpty(): boolean {
    return this.#publisher === undefined && this.#observers.size === 0 && this.#snapshot === undefined;
  }

  /** Somebody comes. One who may not is closed. */
  join(peer: RelayPeer): void {
    const now = this.#options.clock.now();
    if (peer.publishes) {
      this.#takePublisher(peer, now);
      return;
    }
    if (this.#observers.size >= this.#options.observers) {
      this.counts.refused += 1;
      peer.close(RELAY_CLOSE.tooMuch, 'bridge/too-much: the room is full');
      return;
    }
    const observer = new Observer(peer, this.#options, now);
    this.#observers.set(peer, observer);
    peer.send(encodeFrame({ type: 'hello', version: RELAY_VERSION, publishes: false }));
    peer.send(this.#presence());
    this.#publisher?.send(this.#presence());
    this.#serve(observer, now);
  }

  /** A publisher that comes back replaces itself; another one is refused while the first is there. */
  #takePublisher(peer: RelayPeer, now: number): void {
    const before = this.#publisher;
    if (before !== undefined && before.name !== peer.name) {
      this.counts.refused += 1;
      peer.close(RELAY_CLOSE.taken, 'another operator publishes here');
      return;
    }
    this.#publisher = peer;
    this.#publisherHeardAt = now;
    this.#publisherRttMs = Number.NaN;
    before?.close(RELAY_CLOSE.taken, 'replaced by a newer connection of the same operator');
    peer.send(encodeFrame({ type: 'hello', version: RELAY_VERSION, publishes: true }));
    this.#wanted = true;
    this.#askedAt = Number.NEGATIVE_INFINITY;
    this.#tellAll();
    this.tick();
  }

  /** Somebody has left. */
  leave(peer: RelayPeer): void {
    const observer = this.#observers.get(peer);
    if (observer !== undefined) {
      this.counts.replaced += observer.outlet.replaced;
      this.counts.sentBytes += observer.outlet.sentBytes;
      this.#observers.delete(peer);
      this.#publisher?.send(this.#presence());
    } else if (this.#publisher === peer) {
      this.#publisher = undefined;
      this.#leftAt = this.#options.clock.now();
      this.#tellAll();
    }
  }

  /** A frame of a participant. What is malformed or not theirs to send closes their connection. */
  receive(peer: RelayPeer, bytes: Uint8Array): void {
    const now = this.#options.clock.now();
    let frame: RelayFrame;
    try {
      frame = decodeFrame(bytes);
    } catch (error) {
      this.#refuse(peer, RELAY_CLOSE.malformed, isNavError(error) ? error.code : 'relay/malformed');
      return;
    }
    if (peer === this.#publisher) this.#fromPublisher(frame, bytes, now);
    else {
      const observer = this.#observers.get(peer);
      if (observer !== undefined) this.#fromObserver(observer, frame, now);
    }
  }

  #fromPublisher(frame: RelayFrame, bytes: Uint8Array, now: number): void {
    this.#publisherHeardAt = now;
    if (frame.type === 'carried') this.#carry(frame.kind, bytes.slice(), now);
    else if (frame.type === 'pong' && frame.id === this.#pingId) this.#publisherRttMs = now - this.#pingAt;
    else if (frame.type === 'ping')
      this.#publisher?.send(encodeFrame({ type: 'pong', id: frame.id, publisherRttMs: Number.NaN }));
    else if (frame.type !== 'pong')
      this.#refuse(this.#publisher as RelayPeer, RELAY_CLOSE.malformed, `relay/malformed: a ${frame.type}`);
  }

  #carry(kind: CarriedKind, frame: Uint8Array, now: number): void {
    if (kind === 'snapshot') {
      this.counts.snapshots += 1;
      this.#snapshot = frame;
      this.#changes = [];
      this.#motion = undefined;
      this.#wanted = false;
      for (const observer of this.#observers.values()) if (observer.needsSnapshot) this.#serve(observer, now);
      return;
    }
    if (kind === 'change') {
      this.counts.changes += 1;
      this.#motion = undefined;
      this.#changes.push(frame);
      if (this.#changes.length > MOST_KEPT) {
        this.#snapshot = undefined;
        this.#changes = [];
        this.#wanted = true;
      }
    } else {
      this.counts.motions += 1;
      this.#motion = frame;
    }
    for (const observer of this.#observers.values()) if (!observer.needsSnapshot) observer.outlet.offer(kind, frame, now);
  }

  /** Gives an observer what is kept; where that is long or nothing, it waits for a new snapshot. */
  #serve(observer: Observer, now: number): void {
    const stale = this.#publisher !== undefined && this.#changes.length > MOST_SENT_BEHIND;
    if (this.#snapshot === undefined || stale) {
      this.#wanted = true;
      return;
    }
    observer.needsSnapshot = false;
    observer.outlet.offer('snapshot', asKept(this.#snapshot), now);
    for (const change of this.#changes) observer.outlet.offer('change', asKept(change), now);
    if (this.#motion !== undefined) observer.outlet.offer('motion', asKept(this.#motion), now);
  }

  #fromObserver(observer: Observer, frame: RelayFrame, now: number): void {
    const { peer } = observer;
    observer.heardAt = now;
    if (!observer.frames.take(1, now)) {
      this.#refuse(peer, RELAY_CLOSE.tooMuch, 'bridge/too-much: too many frames');
    } else if (frame.type === 'ack') {
      if (!observer.outlet.acked(frame.count, now))
        this.#refuse(peer, RELAY_CLOSE.malformed, 'relay/malformed: an ack of what was not sent');
    } else if (frame.type === 'ping') {
      peer.send(encodeFrame({ type: 'pong', id: frame.id, publisherRttMs: this.#publisherRttMs }));
    } else if (frame.type === 'ask') {
      // Its own copy did not fit: what is kept here may not either, so a new one is made.
      observer.needsSnapshot = true;
      this.#wanted = true;
    } else if (frame.type === 'note') {
      this.#note(observer, frame.payload, now);
    } else {
      this.#refuse(peer, RELAY_CLOSE.malformed, `bridge/not-allowed: an observer sends no ${frame.type}`);
    }
  }

  #note(observer: Observer, payload: Uint8Array, now: number): void {
    if (!observer.notes.take(1, now) || payload.length > LARGEST_NOTE) {
      this.#refuse(observer.peer, RELAY_CLOSE.tooMuch, 'bridge/too-much: too many notes');
      return;
    }
    this.counts.notes += 1;
    this.#publisher?.send(encodeFrame({ type: 'note', by: observer.peer.name, payload }));
  }

  /** Does what time asks for. */
  tick(): void {
    const now = this.#options.clock.now();
    for (const observer of this.#observers.values()) {
      observer.outlet.pump(now);
      if (observer.outlet.tooSlow(now)) {
        this.counts.tooSlow += 1;
        this.#cut(observer.peer, RELAY_CLOSE.tooSlow, 'relay/too-slow: join again');
      } else if (now - observer.heardAt > this.#options.silentMs) {
        this.#cut(observer.peer, RELAY_CLOSE.silent, 'silent');
      }
    }
    if (this.#publisher !== undefined) this.#tendPublisher(this.#publisher, now);
    else if (now - this.#leftAt > this.#options.keepMs) this.#forget();
  }

  #tendPublisher(publisher: RelayPeer, now: number): void {
    if (now - this.#publisherHeardAt > this.#options.silentMs) {
      this.#cut(publisher, RELAY_CLOSE.silent, 'silent');
      return;
    }
    if (this.#wanted && now - this.#askedAt >= ASK_EVERY_MS) {
      this.#askedAt = now;
      publisher.send(encodeFrame({ type: 'ask' }));
    }
    if (now - this.#pingAt >= PING_EVERY_MS) {
      this.#pingAt = now;
      this.#pingId = (this.#pingId + 1) >>> 0;
      publisher.send(encodeFrame({ type: 'ping', id: this.#pingId }));
    }
  }

  /** What was shown is not kept for who comes long after. */
  #forget(): void {
    this.#snapshot = undefined;
    this.#changes = [];
    this.#motion = undefined;
    for (const observer of this.#observers.values()) observer.needsSnapshot = true;
  }

  #refuse(peer: RelayPeer, code: number, reason: string): void {
    this.counts.refused += 1;
    this.#cut(peer, code, reason);
  }

  #cut(peer: RelayPeer, code: number, reason: string): void {
    this.leave(peer);
    peer.close(code, reason);
  }

  #presence(): Uint8Array {
    const observers = Math.min(65_535, this.#observers.size);
    return encodeFrame({ type: 'presence', publisher: this.#publisher !== undefined, observers });
  }

  /** Observers are told whether an operator is here, not who else looks on each time somebody comes. */
  #tellAll(): void {
    const frame = this.#presence();
    for (const { peer } of this.#observers.values()) peer.send(frame);
    this.#publisher?.send(frame);
  }

  /** Closes everybody's connection. */
  close(): void {
    for (const peer of [...this.#observers.keys(), ...(this.#publisher === undefined ? [] : [this.#publisher])]) {
      this.#cut(peer, 1001, 'the relay stops');
    }
  }
}

/** Who joins is told that this is from before: it may be of any age. */
function asKept(frame: Uint8Array): Uint8Array {
  const kept = frame.slice();
  kept[0] = (kept[0] as number) | KEPT;
  return kept;
}
