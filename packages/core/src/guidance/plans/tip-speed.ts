import { isLive, type PoseView } from '../../frames/index.js';

const CAPACITY = 128;
/** Numbers kept of a pose: its time (ms) and the tip. */
const STRIDE = 4;
/** A line through fewer poses, or over less time, says more of their noise than of a motion. */
const FEWEST = 4;
const SHORTEST_MS = 60;

/**
 * How fast a tip moves, from its recent live poses: the slope of the straight line that fits them best, with the standard error that their
 * scatter about it gives. A pose that is not live, a gap as long as the window, or a step back in time makes it start anew. Allocates
 * nothing. A motion that changes within the window is averaged; its scatter widens the error.
 */
export class TipSpeed {
  readonly windowMs: number;
  /** Velocity of the tip in the view's frame, mm/s; NaN while not known. */
  readonly velocity: Float64Array = new Float64Array(3).fill(Number.NaN);
  readonly #error = new Float64Array(1).fill(Number.NaN);
  readonly #ring = new Float64Array(STRIDE * CAPACITY);
  /** Time of the newest pose; sums of the fit: mean time, mean place, sum of squares of times. */
  readonly #newest = new Float64Array(1);
  readonly #means = new Float64Array(4);
  #next = 0;
  #count = 0;

  /** @param windowMs poses older than this, against the newest, do not count: 100 … 1000 */
  constructor(windowMs = 200) {
    this.windowMs = Math.min(1000, Math.max(100, windowMs));
  }

  /** Standard error of each component of the velocity, mm/s; NaN while not known. */
  get standardErrorMmPerS(): number {
    return this.#error[0] as number;
  }

  /** Takes over a pose. One with the measured time of the last is the same measurement and changes nothing. */
  update(view: PoseView): void {
    const ahead = view.times[4] as number;
    const t = (view.times[1] as number) + (Number.isFinite(ahead) ? ahead : 0);
    if (!isLive(view.status) || !Number.isFinite(t)) {
      this.#count = 0;
      this.#fit();
      return;
    }
    const newest = this.#newest[0] as number;
    if (this.#count > 0 && t === newest) return;
    if (t < newest) this.#count = 0;
    const o = STRIDE * this.#next;
    this.#ring[o] = t;
    for (let k = 0; k < 3; k += 1) this.#ring[o + 1 + k] = view.matrix[12 + k] as number;
    this.#newest[0] = t;
    this.#next = (this.#next + 1) % CAPACITY;
    this.#count = Math.min(CAPACITY, this.#count + 1);
    this.#dropOld();
    this.#fit();
  }

  /** Where the n-th newest pose stands in the ring. */
  #at(n: number): number {
    return STRIDE * ((this.#next - 1 - n + 2 * CAPACITY) % CAPACITY);
  }

  #dropOld(): void {
    const newest = this.#newest[0] as number;
    while (this.#count > 0 && newest - (this.#ring[this.#at(this.#count - 1)] as number) > this.windowMs) this.#count -= 1;
  }

  #fit(): void {
    this.velocity.fill(Number.NaN);
    this.#error[0] = Number.NaN;
    const n = this.#count;
    const newest = this.#newest[0] as number;
    if (n < FEWEST || newest - (this.#ring[this.#at(n - 1)] as number) < SHORTEST_MS) return;
    const ring = this.#ring;
    const means = this.#means;
    means.fill(0);
    for (let i = 0; i < n; i += 1) {
      const o = this.#at(i);
      means[0] = (means[0] as number) + ((ring[o] as number) - newest) / n;
      for (let k = 1; k < 4; k += 1) means[k] = (means[k] as number) + (ring[o + k] as number) / n;
    }
    this.velocity.fill(0);
    let squares = 0;
    let scatter = 0;
    for (let i = 0; i < n; i += 1) {
      const o = this.#at(i);
      const t = (ring[o] as number) - newest - (means[0] as number);
      squares += t * t;
      for (let k = 0; k < 3; k += 1) {
        const x = (ring[o + 1 + k] as number) - (means[1 + k] as number);
        this.velocity[k] = (this.velocity[k] as number) + t * x;
        scatter += x * x;
      }
    }
    for (let k = 0; k < 3; k += 1) {
      const slope = (this.velocity[k] as number) / squares;
      scatter -= slope * slope * squares;
      this.velocity[k] = 1000 * slope;
    }
    this.#error[0] = 1000 * Math.sqrt(Math.max(0, scatter) / (3 * (n - 2)) / squares);
  }
}
