import type { CarriedKind } from '../codec/relay/index.js';

/** How an observer's connection is filled. */
export interface OutletOptions {
  /** At most so much goes to one observer, bytes per second, the network's own included. */
  readonly bytesPerSecond: number;
  /** What the network adds to a frame, bytes. */
  readonly overheadBytes: number;
  /** So much may be on its way unacknowledged at most, bytes: less where the link carries less. */
  readonly windowBytes: number;
  /** What may not be left out waits at most so much and so long; then the observer is cut, and joins again. */
  readonly mostWaitingBytes: number;
  readonly mostWaitingMs: number;
}

interface Sent {
  readonly bytes: number;
  readonly at: number;
}

/** A link's rate is measured over this long, and the best of the last ten measures is taken, ms. */
const MEASURE_MS = 500;
const MEASURES = 10;
/** So much more than a round trip may be under way at that rate, ms: a lost packet's time, and not much of a queue. */
const STANDING_MS = 200;
/** A link that was idle has shown no rate: so much may be under way in any case, bytes. */
const LEAST_WINDOW = 1500;

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
  #left: number;
  #leftAt: number;
  #fastest = Number.POSITIVE_INFINITY;
  #measuredFrom = Number.NaN;
  #measuredBytes = 0;
  #rates: number[] = [];
  /** Motion that was replaced by a newer one before it was sent. */
  replaced = 0;
  sentBytes = 0;

  constructor(options: OutletOptions, send: (frame: Uint8Array) => void, now: number) {
    this.#options = options;
    this.#send = send;
    this.#left = options.bytesPerSecond / 4;
    this.#leftAt = now;
  }

  /** Bytes that may be under way unacknowledged now: what the link carries in a round trip and a little more. */
  get window(): number {
    if (this.#rates.length < 2) return this.#options.windowBytes;
    const carried = (Math.max(...this.#rates) * (this.#fastest + STANDING_MS)) / 1000;
    return Math.min(this.#options.windowBytes, Math.max(LEAST_WINDOW, carried));
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
    for (const one of this.#unacked.splice(0, more)) {
      this.#inFlight -= one.bytes;
      this.#measuredBytes += one.bytes;
      this.#fastest = Math.min(this.#fastest, now - one.at);
    }
    this.#acked = count;
    this.#measure(now);
    this.pump(now);
    return true;
  }

  /** Sends what may be sent now. */
  pump(now: number): void {
    const { bytesPerSecond } = this.#options;
    const gained = (Math.max(0, now - this.#leftAt) / 1000) * bytesPerSecond;
    this.#left = Math.min(bytesPerSecond / 4, this.#left + gained);
    this.#leftAt = now;
    while (this.#left > 0 && this.#inFlight < this.window) {
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

  /** Learns what the link carries, from what was acknowledged over half a second and more. */
  #measure(now: number): void {
    if (Number.isNaN(this.#measuredFrom)) this.#measuredFrom = now;
    const took = now - this.#measuredFrom;
    if (took < MEASURE_MS) return;
    this.#rates = [...this.#rates, (1000 * this.#measuredBytes) / took].slice(-MEASURES);
    this.#measuredFrom = now;
    this.#measuredBytes = 0;
  }
}
