import { NavError } from '../base/index.js';

/**
 * The offset between two clocks from echoes with four time stamps, and how wrong it can be.
 *
 * An echo is sent at t1 and received at t2 (remote clock), answered at t3 (remote) and received at t4: the offset
 * remote − local is ((t2 − t1) + (t3 − t4)) / 2, off by at most half the round trip (t4 − t1) − (t3 − t2), however
 * unequal the two ways are (Mills, RFC 5905, section 8). Of a sliding window the echo with the smallest bound is
 * used, where a bound grows with age by how far the two clocks may drift apart.
 */
export class RoundTrip {
  readonly window: number;
  readonly driftPpm: number;
  readonly resolutionMs: number;
  /** offset, half round trip, t4; per echo. */
  readonly #echoes: Float64Array;
  #next = 0;
  #size = 0;
  /** offset (ms), bound (ms) at the last echo, local time of the best echo. */
  readonly #best = new Float64Array(3).fill(Number.NaN);

  /**
   * @param options `window`: echoes kept, default 64; `driftPpm`: how fast the clocks may drift apart, default 100;
   * `resolutionMs`: the coarser clock's step, default 0.1 as browsers have outside isolated pages
   * @throws NavError `time/not-synchronised`
   */
  constructor(options: { readonly window?: number; readonly driftPpm?: number; readonly resolutionMs?: number } = {}) {
    this.window = options.window ?? 64;
    this.driftPpm = options.driftPpm ?? 100;
    this.resolutionMs = options.resolutionMs ?? 0.1;
    if (!(Number.isInteger(this.window) && this.window >= 1 && this.driftPpm >= 0 && this.resolutionMs >= 0)) {
      throw new NavError(
        'time/not-synchronised',
        `A round trip needs window ≥ 1, driftPpm ≥ 0 and resolutionMs ≥ 0, got ${this.window}, ${this.driftPpm} and ${this.resolutionMs}.`,
      );
    }
    this.#echoes = new Float64Array(this.window * 3);
  }

  /** Remote minus local time, ms; NaN before the first echo. */
  get offsetMs(): number {
    return this.#best[0] as number;
  }

  /** How far {@link offsetMs} can be from the truth, ms, at the last echo; NaN before it. Half the echo's round trip, a clock step, and drift. */
  get boundMs(): number {
    return this.#best[1] as number;
  }

  /** How many echoes the window holds. */
  get size(): number {
    return this.#size;
  }

  /** Forgets everything: a new connection may be another clock. */
  reset(): void {
    this.#size = 0;
    this.#next = 0;
    this.#best.fill(Number.NaN);
  }

  /**
   * Takes one echo; false where it is impossible (not finite, or answered before it was asked) and so not used.
   * @param stamps t1 (local), t2 (remote), t3 (remote), t4 (local), ms
   */
  push(stamps: ArrayLike<number>): boolean {
    const t1 = stamps[0] as number;
    const t2 = stamps[1] as number;
    const t3 = stamps[2] as number;
    const t4 = stamps[3] as number;
    const roundTrip = t4 - t1 - (t3 - t2);
    if (!(Number.isFinite(roundTrip) && t4 >= t1 && t3 >= t2 && roundTrip >= -2 * this.resolutionMs)) return false;
    const base = this.#next * 3;
    this.#echoes[base] = (t2 - t1 + (t3 - t4)) / 2;
    this.#echoes[base + 1] = Math.max(0, roundTrip / 2) + this.resolutionMs;
    this.#echoes[base + 2] = t4;
    this.#next = (this.#next + 1) % this.window;
    this.#size = Math.min(this.#size + 1, this.window);
    this.#choose(t4);
    return true;
  }

  #choose(now: number): void {
    this.#best[1] = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#size; i += 1) {
      const age = now - (this.#echoes[3 * i + 2] as number);
      const bound = (this.#echoes[3 * i + 1] as number) + age * this.driftPpm * 1e-6;
      if (bound < (this.#best[1] as number)) {
        this.#best[0] = this.#echoes[3 * i] as number;
        this.#best[1] = bound;
        this.#best[2] = this.#echoes[3 * i + 2] as number;
      }
    }
  }
}
