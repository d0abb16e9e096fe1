import { ClockMap } from '@trocar/core';

/** Times of one source never repeat or go back while the clock map settles: this apart, at least, ms. */
export const LEAST_STEP_MS = 0.001;
/** A stamp so much older than the newest is no message that was overtaken: the sender's clock was set back. */
const STEP_BACK_MS = 1000;

/** Where the numbers are in the state. */
const NEWEST = 0;
const LAST_OUT = 1;

/**
 * The UTC stamps of one sender to host time: the protocol has no echo, so the stamps are fitted to their arrivals, as
 * frame counts are (`ClockMap`). No stamp, as Debian's example servers send it, gives the arrival.
 *
 * A repeated stamp gives the same time again, so that a sender whose clock stands still is seen by the freeze guard.
 * A time never lies after its arrival by more than what keeps two messages of one packet apart. Nothing is allocated.
 */
export class SenderClock {
  readonly #map = new ClockMap({ wrap: Number.POSITIVE_INFINITY, unitMs: 1 });
  /** The newest stamp, and the last time given out. */
  readonly #state = new Float64Array(2).fill(Number.NaN);
  readonly #point = new Float64Array(2);

  /** How far a time that was mapped can be off beside the constant delay, ms; Infinity before that is known. */
  get boundMs(): number {
    return this.#map.boundMs;
  }

  /** Whether stamps can be mapped by what has come so far. */
  get ready(): boolean {
    return this.#map.ready;
  }

  /**
   * Host time of another stamp of the same sender's clock, which this one does not learn from: in place.
   * @param cell `[UTC in ms]`, and then `[host ms]`
   */
  map(cell: Float64Array): void {
    this.#map.map(cell);
  }

  /** A new connection: another sender, perhaps. Times still go on from the last. */
  restart(): void {
    this.#map.reset();
    this.#state[NEWEST] = Number.NaN;
  }

  /**
   * Host time of a message, into `out[0]`.
   * @param stamp `[UTC in ms]`, NaN for none
   * @param arrivedAt `[host ms]`
   */
  measure(stamp: Float64Array, arrivedAt: Float64Array, out: Float64Array): void {
    const state = this.#state;
    const utc = stamp[0] as number;
    const arrived = arrivedAt[0] as number;
    if (utc === state[NEWEST]) {
      out[0] = state[LAST_OUT] as number;
      return;
    }
    out[0] = arrived;
    if (!Number.isNaN(utc)) {
      const point = this.#point;
      point[0] = utc;
      point[1] = arrived;
      this.#map.push(point);
      this.#map.map(point);
      out[0] = Math.min(point[0] as number, arrived);
      const behind = (state[NEWEST] as number) - utc;
      if (behind > 0 && behind < STEP_BACK_MS) return;
      state[NEWEST] = utc;
    }
    const earliest = (state[LAST_OUT] as number) + LEAST_STEP_MS;
    if ((out[0] as number) < earliest) out[0] = earliest;
    state[LAST_OUT] = out[0] as number;
  }
}
