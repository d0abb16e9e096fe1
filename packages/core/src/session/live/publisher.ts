import { NavError } from '../../base/index.js';
import type { Clock, Instant } from '../../time/index.js';
import { ByteWriter } from './bytes.js';
import { changesBetween, entriesOf, type FactEntries, isOfViewsOnly } from './facts.js';
import { digestOf, encodeLive, factBytes, LIVE_VERSION, type LiveHeader, type LiveKind } from './message.js';
import { writeMotion } from './motion.js';
import type { LiveState } from './state.js';

/** What a publisher keeps to. */
export interface PublisherOptions {
  /** UTC of its moments is sent: what observers show as "as of". */
  readonly clock: Clock;
  /** Motion is sent at most so often, Hz. Default 25. */
  readonly rateHz?: number;
  /** Motion that has not changed is still sent so often, Hz, so that observers know that it has not. Default 5. */
  readonly idleHz?: number;
  /** Changes of views alone are sent at most so often, Hz: the newest of them. Default 10. */
  readonly viewHz?: number;
  /** Motion is left out so that all messages together stay below this, bytes per second, each with {@link overheadBytes}. Default 6500. */
  readonly bytesPerSecond?: number;
  /** What the network adds to a message: WebSocket 2 … 4, TCP 32 with time stamps, IPv4 20. Default 56. */
  readonly overheadBytes?: number;
  /** A whole state is made at least so often, in changes: what is kept for who joins has an end. Default 256. */
  readonly snapshotEvery?: number;
}

/** A message to be carried. */
export interface OutgoingLive {
  readonly kind: LiveKind;
  readonly bytes: Uint8Array;
  /** The moment that it says it is of, ms of UTC: what observers show as "as of". */
  readonly capturedUtcMs: number;
}

/** The budget may be saved up for this long, s: a few messages at once, not a flood. */
const SAVED_SECONDS = 0.25;
const DEFAULTS = { rateHz: 25, idleHz: 5, viewHz: 10, bytesPerSecond: 6500, overheadBytes: 56, snapshotEvery: 256 } as const;

/**
 * The operator's side: turns states into messages.
 *
 * Call {@link publish} with the whole state whenever it may have changed, at least at the rate; carry what it returns in that order.
 * Changes of facts go out at once, whatever the budget: they are few. Motion goes out at the rate as far as the budget allows.
 */
export class LivePublisher {
  readonly #options: Required<PublisherOptions>;
  readonly #epoch: number;
  #sequence = 0;
  #revision = 0;
  #entries: FactEntries = new Map();
  #facts = new Uint8Array(0);
  #motion = new Uint8Array(0);
  readonly #startedAt: Instant;
  readonly #startedUtcMs: number;
  #sinceSnapshot = 0;
  #wanted = true;
  #motionAt = Number.NEGATIVE_INFINITY;
  #viewsAt = Number.NEGATIVE_INFINITY;
  #left: number;
  #leftAt: number;

  /** @throws NavError `live/bad-option` */
  constructor(options: PublisherOptions) {
    this.#options = { ...DEFAULTS, ...options };
    for (const [name, value] of Object.entries(this.#options)) {
      if (name !== 'clock' && !((value as number) > 0 && Number.isFinite(value))) {
        throw new NavError('live/bad-option', `A live session needs a finite ${name} above 0, got ${String(value)}.`);
      }
    }
    const now = options.clock.now();
    this.#startedAt = now;
    this.#startedUtcMs = options.clock.utc(now).getTime();
    this.#epoch = Math.floor(this.#startedUtcMs / 1000) >>> 0;
    this.#left = SAVED_SECONDS * this.#options.bytesPerSecond;
    this.#leftAt = now;
  }

  /** Of this run: see {@link LiveHeader.epoch}. */
  get epoch(): number {
    return this.#epoch;
  }

  /** An observer, or who carries for one, needs a whole state: the next call of {@link publish} makes one. */
  requestSnapshot(): void {
    this.#wanted = true;
  }

  /**
   * The messages that this state makes now; none where nothing is due.
   * @throws NavError `live/bad-value` or `live/too-large` for a state that cannot be sent: nothing of it is sent, and the one before holds
   */
  publish(state: LiveState): OutgoingLive[] {
    const now = this.#options.clock.now();
    this.#refill(now);
    const entries = entriesOf(state);
    const motion = motionOf(state);
    const changes = changesBetween(this.#entries, entries);
    const first = this.#sequence === 0;
    if (changes.size > 0 && (first || this.#mayChange(changes, now))) return this.#change(now, entries, motion, changes);
    // Motion belongs to the facts that were sent. While a change of views waits, tools and readings are the same ones.
    if (this.#wanted) return [this.#snapshot(now, motion)];
    return this.#isDue(now, motion) ? [this.#message(now, 'motion', motion, NONE)] : [];
  }

  #mayChange(changes: ReadonlyMap<string, unknown>, now: Instant): boolean {
    return !isOfViewsOnly(changes) || now - this.#viewsAt >= 1000 / this.#options.viewHz - SLACK_MS;
  }

  #change(
    now: Instant,
    entries: FactEntries,
    motion: Uint8Array<ArrayBuffer>,
    changes: ReadonlyMap<string, Uint8Array | undefined>,
  ): OutgoingLive[] {
    const facts = factBytes(entries) as Uint8Array<ArrayBuffer>;
    if (isOfViewsOnly(changes)) this.#viewsAt = now;
    this.#entries = entries;
    this.#facts = facts;
    this.#revision += 1;
    const first = this.#sequence === 0;
    const out = first ? [] : [this.#message(now, 'change', motion, changes)];
    this.#sinceSnapshot += 1;
    if (first || this.#wanted || this.#sinceSnapshot >= this.#options.snapshotEvery) out.push(this.#snapshot(now, motion));
    return out;
  }

  #snapshot(now: Instant, motion: Uint8Array<ArrayBuffer>): OutgoingLive {
    this.#wanted = false;
    this.#sinceSnapshot = 0;
    return this.#message(now, 'snapshot', motion, this.#entries);
  }

  #isDue(now: Instant, motion: Uint8Array): boolean {
    const { rateHz, idleHz, overheadBytes } = this.#options;
    const same = motion.length === this.#motion.length && motion.every((byte, i) => byte === this.#motion[i]);
    if (now - this.#motionAt < 1000 / (same ? idleHz : rateHz) - SLACK_MS) return false;
    // What keeps observers from taking the picture for stale is sent in any case.
    return this.#left >= motion.length + overheadBytes + HEADER_BYTES || now - this.#motionAt >= 1000 / idleHz;
  }

  #message(
    now: Instant,
    kind: LiveKind,
    motion: Uint8Array<ArrayBuffer>,
    entries: ReadonlyMap<string, Uint8Array | undefined>,
  ): OutgoingLive {
    this.#sequence += 1;
    const header: LiveHeader = {
      version: LIVE_VERSION,
      kind,
      epoch: this.#epoch,
      sequence: this.#sequence,
      revision: this.#revision,
      // From the monotonic clock: the wall clock may be set, and observers would take the jump for a delay.
      capturedUtcMs: Math.round(this.#startedUtcMs + (now - this.#startedAt)),
    };
    const bytes = encodeLive({ ...header, digest: digestOf(header, this.#facts, motion), entries, motion });
    // A snapshot is for who joins; the others do not get it, and their motion goes on beside it.
    if (kind !== 'snapshot') {
      this.#motion = motion;
      this.#motionAt = now;
      this.#left -= bytes.length + this.#options.overheadBytes;
    }
    return { kind, bytes, capturedUtcMs: header.capturedUtcMs };
  }

  #refill(now: number): void {
    const { bytesPerSecond } = this.#options;
    const gained = (Math.max(0, now - this.#leftAt) / 1000) * bytesPerSecond;
    this.#left = Math.min(SAVED_SECONDS * bytesPerSecond, this.#left + gained);
    this.#leftAt = now;
  }
}

/** Timers fire a little early; a message is not put off by a whole frame for that, ms. */
const SLACK_MS = 1;
/** About what the header of a motion takes. */
const HEADER_BYTES = 17;
const NONE: ReadonlyMap<string, Uint8Array | undefined> = new Map();

function motionOf(state: LiveState): Uint8Array<ArrayBuffer> {
  const to = new ByteWriter();
  writeMotion(to, state);
  return to.take() as Uint8Array<ArrayBuffer>;
}
