import { isNavError, NavError } from '../../base/index.js';
import type { Clock } from '../../time/index.js';
import { ByteReader, malformed } from './bytes.js';
import { entriesAfter, type FactEntries, type StillState, stillStateOf } from './facts.js';
import { type Freshness, shownState, TransitClock } from './freshness.js';
import { decodeLive, digestOf, factBytes, type LiveMessage } from './message.js';
import { readMotion } from './motion.js';
import type { LiveState } from './state.js';

/** What a replica keeps to. */
export interface ReplicaOptions {
  /** The observer's own: staleness goes by it, also when nothing is heard any more. */
  readonly clock: Clock;
  /** A state older than this is stale, ms. Default 1000. */
  readonly staleAfterMs?: number;
  /** A tool's pose older than this is stale, ms, the state's own age included. Default {@link staleAfterMs}. */
  readonly poseLimitMs?: number;
  /** Messages that wait for one before them: after this long a whole state is asked for, ms. Default 500. */
  readonly holdMs?: number;
}

/**
 * What became of a message.
 *
 * - `applied`: the state is the operator's, checked.
 * - `old`: it says nothing new: a repetition, an earlier one, or another run's.
 * - `held`: it waits for a change that has not come.
 * - `diverged`: what is held after it is not what the operator had. Nothing is shown until a whole state has come.
 */
export type Received = 'applied' | 'old' | 'held' | 'diverged';

/** What an observer is shown. */
export interface Observation {
  /** As it may be shown, {@link shownState}; undefined where nothing is known. */
  readonly state: LiveState | undefined;
  readonly freshness: Freshness;
}

/** What a replica has done. */
export interface ReplicaCounts {
  applied: number;
  old: number;
  held: number;
  /** Digests that did not fit, and messages that were malformed: none of them was ever shown. */
  diverged: number;
  malformed: number;
}

/** Changes that came before an earlier one wait, so many at most. */
const MOST_HELD = 64;
/** An earlier run of the operator's program is let in again after this silence of a later one, ms: its clock was set back. */
const OTHER_RUN_AFTER_MS = 5000;

interface Held {
  readonly epoch: number;
  readonly revision: number;
  readonly sequence: number;
  readonly capturedUtcMs: number;
  readonly entries: FactEntries;
  readonly facts: Uint8Array;
  readonly still: StillState;
  readonly state: LiveState;
}

/**
 * The observer's side: a copy of the operator's state that is either the operator's, to the bit of what was sent, or not shown.
 *
 * Every message carries a digest of the whole state after it, and a message is applied only where the digest of what the replica would hold
 * is the same. What does not fit makes the replica `unknown` and {@link wantsSnapshot} true until a whole state has come.
 */
export class LiveReplica {
  readonly counts: ReplicaCounts = { applied: 0, old: 0, held: 0, diverged: 0, malformed: 0 };
  readonly #options: Required<ReplicaOptions>;
  readonly #transit = new TransitClock();
  #now: Held | undefined;
  #known = false;
  /** Whether a message came on this connection as the operator sent it: what was kept on the way says nothing of now. */
  #linked = false;
  #heardAt = Number.NEGATIVE_INFINITY;
  /** Changes and the newest motion that wait for a change before them, by revision. */
  readonly #waiting = new Map<number, LiveMessage>();
  #motion: LiveMessage | undefined;
  #waitsSince = Number.NaN;
  /** Whether the message that is taken came as it was sent. */
  #asSent = false;

  constructor(options: ReplicaOptions) {
    const { staleAfterMs = 1000, holdMs = 500 } = options;
    const { poseLimitMs = staleAfterMs } = options;
    if (!(staleAfterMs > 0 && poseLimitMs > 0 && holdMs > 0)) {
      throw new NavError('live/bad-option', 'A replica needs limits above 0 ms.');
    }
    this.#options = { clock: options.clock, staleAfterMs, poseLimitMs, holdMs };
  }

  /** Whether a whole state is to be asked for. */
  get wantsSnapshot(): boolean {
    return !this.#known || this.#options.clock.now() - this.#waitsSince > this.#options.holdMs;
  }

  /** The run and the change that it holds; for who asks for what comes after. */
  get place(): { readonly epoch: number; readonly revision: number } | undefined {
    return this.#known && this.#now !== undefined ? { epoch: this.#now.epoch, revision: this.#now.revision } : undefined;
  }

  /** The link is gone: what is held is stale from now on, whatever its age. The next message that is applied ends that. */
  disconnected(): void {
    this.#linked = false;
  }

  /** A round trip between this observer and the operator, ms; NaN where it is not known. */
  set roundTripMs(ms: number) {
    this.#transit.roundTripMs = ms;
  }

  /**
   * Takes a message.
   *
   * A snapshot, and what was `kept` on the way for who joins, may be old: they give the state and leave it stale, and the first message that
   * comes as it was sent makes it live.
   * @param kept whether a relay or broker had it from before
   * @throws NavError `live/malformed`, `live/wrong-version`: nothing of it was taken, and nothing is shown until a whole state has come
   */
  receive(bytes: Uint8Array, kept = false): Received {
    try {
      const message = decodeLive(bytes);
      this.#asSent = !kept && message.kind !== 'snapshot';
      const received = this.#take(message);
      this.counts[received] += 1;
      return received;
    } catch (error) {
      this.#known = false;
      this.counts.malformed += 1;
      // What a state cannot hold, such as two things of one name, is malformed where it was received.
      if (isNavError(error, 'live/bad-value') || isNavError(error, 'live/too-large'))
        throw malformed('facts that contradict each other', error);
      throw error;
    }
  }

  /** What may be shown now. */
  observe(): Observation {
    const held = this.#known ? this.#now : undefined;
    const now = this.#options.clock.now();
    if (held === undefined) {
      return { state: undefined, freshness: { standing: 'unknown', asOf: undefined, ageMs: Number.NaN, ageBoundMs: Number.NaN } };
    }
    const ageMs = this.#transit.ageOf(held.capturedUtcMs, now);
    const freshness: Freshness = {
      standing: this.#linked && ageMs <= this.#options.staleAfterMs ? 'live' : 'stale',
      asOf: new Date(held.capturedUtcMs),
      ageMs,
      ageBoundMs: this.#transit.boundMs,
    };
    return { state: shownState(held.state, freshness, this.#options.poseLimitMs), freshness };
  }

  /** The state as the operator had it, without what its age makes of it; undefined where it is not known. For tests and recordings. */
  get held(): LiveState | undefined {
    return this.#known ? this.#now?.state : undefined;
  }

  #take(message: LiveMessage): Received {
    const now = this.#options.clock.now();
    const before = this.#now;
    const newRun = before !== undefined && message.epoch !== before.epoch;
    if (newRun && message.epoch < before.epoch && now - this.#heardAt < OTHER_RUN_AFTER_MS) return 'old';
    if (message.kind === 'snapshot') return this.#snapshot(message, now);
    if (!this.#known || before === undefined) return 'old';
    if (newRun) {
      // The operator's program began anew: its first whole state is on its way or was missed.
      this.#known = false;
      return 'diverged';
    }
    return message.kind === 'change' ? this.#change(message, before, now) : this.#move(message, before, now);
  }

  #snapshot(message: LiveMessage, now: number): Received {
    const before = this.#now;
    if (this.#known && before?.epoch === message.epoch && message.sequence <= before.sequence) return 'old';
    const entries = entriesAfter(new Map(), message.entries);
    if (before?.epoch !== message.epoch) this.#forget();
    if (!this.#apply(message, entries, factBytes(entries), undefined, now)) return 'diverged';
    for (const revision of this.#waiting.keys()) if (revision <= message.revision) this.#waiting.delete(revision);
    this.#catchUp(now);
    return 'applied';
  }

  /** What waited and how long messages took belong to another run of the operator's program. */
  #forget(): void {
    this.#transit.reset();
    this.#waiting.clear();
    this.#motion = undefined;
  }

  #change(message: LiveMessage, before: Held, now: number): Received {
    if (message.revision <= before.revision) return 'old';
    if (message.revision > before.revision + 1) return this.#hold(message, now);
    const entries = entriesAfter(before.entries, message.entries);
    if (!this.#apply(message, entries, factBytes(entries), undefined, now)) return 'diverged';
    this.#catchUp(now);
    return this.#known ? 'applied' : 'diverged';
  }

  #move(message: LiveMessage, before: Held, now: number): Received {
    if (message.revision > before.revision) {
      if (this.#motion === undefined || message.sequence > this.#motion.sequence) this.#motion = message;
      this.#waitFrom(now);
      return 'held';
    }
    if (message.revision < before.revision || message.sequence <= before.sequence) return 'old';
    return this.#apply(message, before.entries, before.facts, before.still, now) ? 'applied' : 'diverged';
  }

  #hold(message: LiveMessage, now: number): Received {
    this.#waitFrom(now);
    if (this.#waiting.size < MOST_HELD) this.#waiting.set(message.revision, message);
    return 'held';
  }

  #waitFrom(now: number): void {
    if (Number.isNaN(this.#waitsSince)) this.#waitsSince = now;
  }

  /** Applies what waited for what has come. */
  #catchUp(now: number): void {
    for (let next = this.#next(); next !== undefined && this.#known; next = this.#next()) {
      const before = this.#now as Held;
      this.#waiting.delete(next.revision);
      const entries = entriesAfter(before.entries, next.entries);
      this.#apply(next, entries, factBytes(entries), undefined, now);
    }
    const motion = this.#motion;
    const held = this.#now as Held;
    if (motion !== undefined && motion.revision <= held.revision) {
      this.#motion = undefined;
      if (this.#known && motion.revision === held.revision && motion.sequence > held.sequence) {
        this.#apply(motion, held.entries, held.facts, held.still, now);
      }
    }
    this.#waitsSince = this.#waiting.size === 0 && this.#motion === undefined ? Number.NaN : now;
  }

  #next(): LiveMessage | undefined {
    return this.#waiting.get((this.#now?.revision ?? 0) + 1);
  }

  /** Makes the state after a message the one that is held, where its digest says that it is the operator's. */
  #apply(message: LiveMessage, entries: FactEntries, facts: Uint8Array, known: StillState | undefined, now: number): boolean {
    if (digestOf(message, facts, message.motion) !== message.digest) {
      this.#known = false;
      return false;
    }
    const still = known ?? stillStateOf(entries, message.version);
    const from = new ByteReader(message.motion);
    const state = readMotion(from, still);
    from.end();
    const { epoch, revision, sequence, capturedUtcMs } = message;
    this.#now = { epoch, revision, sequence, capturedUtcMs, entries, facts, still, state };
    this.#known = true;
    this.#heardAt = now;
    if (this.#asSent) {
      this.#linked = true;
      this.#transit.came(capturedUtcMs, now);
    }
    return true;
  }
}
