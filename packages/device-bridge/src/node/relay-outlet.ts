import type { CarriedKind } from '../codec/relay/index.js';

/** How an observer's connection is filled. */
export interface OutletOptions {
  /** At most so much goes to one observer, bytes per second, the network's own included. */
  readonly bytesPerSecond: number;
  /** What the network adds to a frame, bytes. */
  readonly overheadBytes: number;
  /** So much may be on its way unacknowledged before the next waits, bytes. */
  readonly windowBytes: number;
  /** What may not be left out waits at most so much and so long; then the observer is cut, and joins again. */
  readonly mostWaitingBytes: number;
  readonly mostWaitingMs: number;
}

interface Sent {
  readonly bytes: number;
  readonly at: number;
}

/** The rate is lowered where frames wait this much longer on their way than the fastest, ms: longer than one lost packet costs. */
const STANDING_MS = 600;
const LOWER = 0.7;
const RAISE_PER_SECOND = 1.1;
const LOWEST = 600;
/** A rate is lowered at most this often, ms. */
const LOWER_EVERY_MS = 1000;
/** The fastest way is learnt anew in this time, ms. */
const FASTEST_KEPT_MS = 30_000;

/**
 * What goes to one observer: what may not be left out in order, and of motion the newest alone.
 *
 * The operating system's buffers would hold seconds of a slow link. So no more is handed to them than the observer has lately acknowledged:
 * what waits, waits here, where a newer motion replaces it. Without timers: call {@link pump} when time has passed.
 */
export class RelayOutlet {
  readonly #options: OutletOptions;
  readonly #send: (frame: Uint8Array) => void;
  readonly #reliable: Array<{ readonly frame: Uint8Array; readonly at: number }> = [];
  #motion: Uint8Array | undefined;
  #waitingBytes = 0;
  #unacked: Sent[] = [];
  #inFlight = 0;
  #count = 0;
  #acked = 0;
  #rate: number;
  #left: number;
  #leftAt: number;
  #fastest = Number.POSITIVE_INFINITY;
  #fastestAt = 0;
  #loweredAt = Number.NEGATIVE_INFINITY;
  /** Motion that was replaced by a newer one before it was sent. */
  replaced = 0;
  sentBytes = 0;

  constructor(options: OutletOptions, send: (frame: Uint8Array) => void, now: number) {
    this.#options = options;
    this.#send = send;
    this.#rate = options.bytesPerSecond;
    this.#left = options.bytesPerSecond / 4;
    this.#leftAt = now;
  }

  /** Bytes a second that it sends at most now. */
  get rate(): number {
    return this.#rate;
  }

  /** Whether it has fallen so far behind that it must be cut. */
  tooSlow(now: number): boolean {
    const first = this.#reliable[0];
    const { mostWaitingBytes, mostWaitingMs } = this.#options;
    return this.#waitingBytes > mostWaitingBytes || (first !== undefined && now - first.at > mostWaitingMs);
  }

  /** Takes a frame to be sent as soon as it may. */
  offer(kind: CarriedKind, frame: Uint8Array, now: number): void {
    if (this.#motion !== undefined) this.replaced += 1;
    this.#motion = undefined;
    if (kind === 'motion') {
      this.#motion = frame;
    } else {
      // A change brings the motion of its moment: an older one is of no use behind it.
      this.#reliable.push({ frame, at: now });
      this.#waitingBytes += frame.length;
    }
    this.pump(now);
  }

  /** The observer has so many of the frames. False where it cannot: it counts otherwise than we do. */
  acked(count: number, now: number): boolean {
    const more = count - this.#acked;
    if (more < 0 || more > this.#unacked.length) return false;
    const [last] = this.#unacked.slice(more - 1, more);
    for (const one of this.#unacked.splice(0, more)) this.#inFlight -= one.bytes;
    this.#acked = count;
    if (last !== undefined) this.#learn(now - last.at, now);
    this.pump(now);
    return true;
  }

  /** Sends what may be sent now. */
  pump(now: number): void {
    const gained = (Math.max(0, now - this.#leftAt) / 1000) * this.#rate;
    this.#left = Math.min(this.#rate / 4, this.#left + gained);
    this.#leftAt = now;
    while (this.#left > 0 && this.#inFlight < this.#options.windowBytes) {
      const next = this.#reliable.shift();
      if (next !== undefined) {
        this.#waitingBytes -= next.frame.length;
        this.#put(next.frame, now);
      } else if (this.#motion !== undefined) {
        const motion = this.#motion;
        this.#motion = undefined;
        this.#put(motion, now);
      } else {
        return;
      }
    }
  }

  #put(frame: Uint8Array, now: number): void {
    const bytes = frame.length + this.#options.overheadBytes;
    this.#left -= bytes;
    this.#inFlight += bytes;
    this.#unacked.push({ bytes, at: now });
    this.#count += 1;
    this.sentBytes += bytes;
    this.#send(frame);
  }

  /** Lowers the rate where frames stand in a queue on the way, and raises it slowly where they do not. */
  #learn(tookMs: number, now: number): void {
    if (tookMs <= this.#fastest || now - this.#fastestAt > FASTEST_KEPT_MS) {
      this.#fastest = tookMs;
      this.#fastestAt = now;
    }
    if (tookMs - this.#fastest > STANDING_MS) {
      if (now - this.#loweredAt < LOWER_EVERY_MS) return;
      this.#loweredAt = now;
      this.#rate = Math.max(LOWEST, this.#rate * LOWER);
    } else if (now - this.#loweredAt > LOWER_EVERY_MS) {
      this.#loweredAt = now - LOWER_EVERY_MS / 2;
      this.#rate = Math.min(this.#options.bytesPerSecond, this.#rate * RAISE_PER_SECOND ** 0.5);
    }
  }
}
