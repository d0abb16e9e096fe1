import { NavError } from '../base/index.js';
import { LowerHull, SPREAD } from './lower-hull.js';

/** What a round trip may assume of the two clocks. */
export interface RoundTripOptions {
  /** Echoes kept, at most; when they are so many the older half is thinned, the tighter of two staying. Default 128. */
  readonly window?: number;
  /** How fast the two clocks may run apart at most, parts per million. Default 100. */
  readonly driftPpm?: number;
  /** How much that rate itself may change while echoes are kept, parts per million. Default 2. */
  readonly wanderPpm?: number;
  /** Echoes older than this are let go, ms. Default ten minutes. */
  readonly horizonMs?: number;
  /** The coarser clock's step, ms: default 0.1 as browsers have outside isolated pages. */
  readonly resolutionMs?: number;
}

/** Doubles per echo: upper limit and its local time, lower limit and its local time, round trip. */
const STRIDE = 5;

/**
 * Offset and skew between two clocks from echoes with four time stamps, and how wrong they can be.
 *
 * An echo is sent at t1 and received at t2 (remote clock), answered at t3 (remote) and received at t4. Neither way takes
 * less than no time, so remote minus local is at most t2 − t1 at local time t1 and at least t3 − t4 at t4, however
 * unequal the two ways are. The offset runs along a line whose slope is at most `driftPpm` and that passes below all
 * the upper limits and above all the lower ones; what lines are left bounds the offset and the skew. The middle is
 * taken, and half the width is the bound. A limit loosens with its age by `wanderPpm`. (The lines between two hulls: Zhang, Liu and
 * Xia, Clock synchronization algorithms for network measurements, INFOCOM 2002; the limits of one echo: RFC 5905, section 8.)
 *
 * Echoes that contradict each other mean that a clock stepped: the oldest are let go until the rest agree, and that is
 * counted in {@link restarts}.
 */
export class RoundTrip {
  readonly window: number;
  readonly driftPpm: number;
  readonly wanderPpm: number;
  readonly horizonMs: number;
  readonly resolutionMs: number;
  readonly #echoes: Float64Array;
  #size = 0;
  /** offset (ms), bound (ms), skew and its bound (ms per ms), all at the local time that follows them. */
  readonly #best = new Float64Array(5).fill(Number.NaN);
  /** The quickest ways there and back, to see the skew by; and the point that goes in. */
  readonly #upper: LowerHull;
  readonly #lower: LowerHull;
  readonly #point = new Float64Array(2);
  /** Least and greatest skew that the echoes allow. */
  readonly #skews = new Float64Array(2);
  /** How often echoes contradicted each other, because a clock stepped or changed its rate beyond what is assumed. */
  restarts = 0;

  /** @throws NavError `time/not-synchronised` */
  constructor(options: RoundTripOptions = {}) {
    this.window = options.window ?? 128;
    this.driftPpm = options.driftPpm ?? 100;
    this.wanderPpm = options.wanderPpm ?? 2;
    this.horizonMs = options.horizonMs ?? 600_000;
    this.resolutionMs = options.resolutionMs ?? 0.1;
    const good = this.driftPpm >= 0 && this.wanderPpm >= 0 && this.horizonMs > 0 && this.resolutionMs >= 0;
    if (!(Number.isInteger(this.window) && this.window >= 1 && good)) {
      throw new NavError(
        'time/not-synchronised',
        'A round trip needs window ≥ 1, driftPpm, wanderPpm and resolutionMs ≥ 0 and horizonMs > 0, got ' +
          `${this.window}, ${this.driftPpm}, ${this.wanderPpm}, ${this.resolutionMs} and ${this.horizonMs}.`,
      );
    }
    this.#echoes = new Float64Array(this.window * STRIDE);
    this.#upper = new LowerHull(Math.max(this.window, LEAST_ECHOES), LOW_RANK);
    this.#lower = new LowerHull(Math.max(this.window, LEAST_ECHOES), LOW_RANK);
  }

  /** Remote minus local time at the last echo, ms; NaN before the first echo. */
  get offsetMs(): number {
    return this.#best[0] as number;
  }

  /** How far {@link offsetMs} can be from the truth, ms, at the last echo; NaN before it. It grows from then on: {@link boundAt}. */
  get boundMs(): number {
    return this.#best[1] as number;
  }

  /** How much faster the remote clock runs, parts per million; NaN before the first echo. */
  get skewPpm(): number {
    return (this.#best[2] as number) * 1e6;
  }

  /** How far {@link skewPpm} can be from the truth, parts per million: `driftPpm` until the echoes tell more. */
  get skewBoundPpm(): number {
    return (this.#best[3] as number) * 1e6;
  }

  /** The quickest round trip among the echoes kept, ms; NaN before the first. */
  get minRoundTripMs(): number {
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#size; i += 1) least = Math.min(least, this.#echoes[STRIDE * i + 4] as number);
    return this.#size === 0 ? Number.NaN : least;
  }

  /**
   * Whether the bound at the last echo is within 0.2 ms of half the quickest round trip: nothing much is to be gained by
   * asking soon again. Until it is, an echo every 100 ms tells more than one a second.
   */
  get isTight(): boolean {
    return this.boundMs <= this.minRoundTripMs / 2 + TIGHT_MS;
  }

  /** How many echoes are kept. */
  get size(): number {
    return this.#size;
  }

  /** Remote minus local time at a local time, ms. */
  offsetAt(localMs: number): number {
    return (this.#best[0] as number) + (this.#best[2] as number) * (localMs - (this.#best[4] as number));
  }

  /** How far {@link offsetAt} can be from the truth, ms: the more the further from the last echo. */
  boundAt(localMs: number): number {
    const away = Math.abs(localMs - (this.#best[4] as number));
    return (this.#best[1] as number) + ((this.#best[3] as number) + this.wanderPpm * 1e-6) * away;
  }

  /** Remote to local time, in place: `cell[0]` is remote ms and becomes local ms; NaN before the first echo. For the pose path. */
  toLocal(cell: Float64Array): void {
    const best = this.#best;
    const t0 = best[4] as number;
    // local − t0 = (remote − offset − t0) / (1 + skew): the small difference is divided, so that nothing is rounded away.
    cell[0] = t0 + ((cell[0] as number) - (best[0] as number) - t0) / (1 + (best[2] as number));
  }

  /** Forgets everything: a new connection may be another clock. */
  reset(): void {
    this.#size = 0;
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
    this.#makeRoom(t4);
    const e = this.#echoes;
    const base = this.#size * STRIDE;
    // Coarse clocks may make the two limits of a quick echo cross: then they meet in the middle.
    const crossed = Math.max(0, -roundTrip / 2);
    e[base] = t2 - t1 + crossed + this.resolutionMs;
    e[base + 1] = t1;
    e[base + 2] = t3 - t4 - crossed - this.resolutionMs;
    e[base + 3] = t4;
    e[base + 4] = Math.max(0, roundTrip);
    this.#size += 1;
    if (!this.#limitSkew(t4)) {
      this.restarts += 1;
      do this.#dropOldest(Math.ceil(this.#size / 4));
      while (!this.#limitSkew(t4));
    }
    this.#estimateSkew();
    this.#choose(t4);
    return true;
  }

  #dropOldest(n: number): void {
    this.#echoes.copyWithin(0, n * STRIDE, this.#size * STRIDE);
    this.#size -= n;
  }

  /** Lets go of what is beyond the horizon; thins the older half where there is no room. */
  #makeRoom(now: number): void {
    let old = 0;
    while (old < this.#size && now - (this.#echoes[old * STRIDE + 3] as number) > this.horizonMs) old += 1;
    if (old > 0) this.#dropOldest(old);
    if (this.#size < this.window) return;
    const pairs = this.window >> 2;
    if (pairs === 0) {
      this.#dropOldest(1);
      return;
    }
    for (let k = 0; k < pairs; k += 1) this.#merge(2 * k, 2 * k + 1, k);
    this.#echoes.copyWithin(pairs * STRIDE, 2 * pairs * STRIDE, this.#size * STRIDE);
    this.#size -= pairs;
  }

  /** Of two echoes the tighter limit on either side, as seen from now with the skew as it is known. */
  #merge(a: number, b: number, to: number): void {
    const e = this.#echoes;
    const skew = this.#best[2] as number;
    const ia = a * STRIDE;
    const ib = b * STRIDE;
    const out = to * STRIDE;
    const upper = (e[ia] as number) - skew * (e[ia + 1] as number) <= (e[ib] as number) - skew * (e[ib + 1] as number) ? ia : ib;
    const lower =
      (e[ia + 2] as number) - skew * (e[ia + 3] as number) >= (e[ib + 2] as number) - skew * (e[ib + 3] as number) ? ia : ib;
    const roundTrip = Math.min(e[ia + 4] as number, e[ib + 4] as number);
    // Both halves are read before either is written: out is never right of a.
    const u = e[upper] as number;
    const ut = e[upper + 1] as number;
    e[out + 2] = e[lower + 2] as number;
    e[out + 3] = e[lower + 3] as number;
    e[out] = u;
    e[out + 1] = ut;
    e[out + 4] = roundTrip;
  }

  /** The skews that some line between all limits has, into `#skews`; false where there is no such line. */
  #limitSkew(now: number): boolean {
    const e = this.#echoes;
    const wander = this.wanderPpm * 1e-6;
    let least = -this.driftPpm * 1e-6;
    let most = this.driftPpm * 1e-6;
    for (let i = 0; i < this.#size; i += 1) {
      const upperAt = e[STRIDE * i + 1] as number;
      const upper = (e[STRIDE * i] as number) + wander * (now - upperAt);
      for (let j = 0; j < this.#size; j += 1) {
        const lowerAt = e[STRIDE * j + 3] as number;
        const lower = (e[STRIDE * j + 2] as number) - wander * (now - lowerAt);
        const run = upperAt - lowerAt;
        if (run > 0) most = Math.min(most, (upper - lower) / run);
        else if (run < 0) least = Math.max(least, (upper - lower) / run);
      }
    }
    this.#skews[0] = least;
    this.#skews[1] = most;
    return this.#size === 1 || least <= most + SKEW_ROUNDING;
  }

  /**
   * Narrows the skews to what the quickest echoes of either way show, while their delays stay what they are: the edges of
   * the two hulls are two measurements of it, which a change of delay parts from each other. They count by as much as
   * they differ, and by how thinly the edges are lined.
   */
  #estimateSkew(): void {
    if (this.#size < LEAST_ECHOES) return;
    const e = this.#echoes;
    const skews = this.#skews;
    const upper = this.#upper;
    const lower = this.#lower;
    upper.reset();
    lower.reset();
    for (let i = 0; i < this.#size; i += 1) {
      const b = STRIDE * i;
      this.#pushLimit(upper, e[b + 1] as number, e[b] as number);
      this.#pushLimit(lower, e[b + 3] as number, -(e[b + 2] as number));
    }
    upper.measure();
    lower.measure();
    const a = upper.line[2] as number;
    const b = -(lower.line[2] as number);
    const half = ((upper.counts[upper.size - 1] as number) - (upper.counts[0] as number)) / 2;
    const thin = (upper.spread[SPREAD.low] as number) + (lower.spread[SPREAD.low] as number);
    const within = DIFFER * Math.abs(a - b) + (THIN * thin) / half + this.wanderPpm * 1e-6;
    const least = Math.max(skews[0] as number, (a + b) / 2 - within);
    const most = Math.min(skews[1] as number, (a + b) / 2 + within);
    if (!(least <= most)) return;
    skews[0] = least;
    skews[1] = most;
  }

  #pushLimit(hull: LowerHull, at: number, limit: number): void {
    this.#point[0] = at;
    this.#point[1] = limit;
    // A way of no time, or a clock of coarse steps, may put two at one moment: one of them is enough for a slope.
    if (hull.size === 0 || at > (hull.counts[hull.size - 1] as number)) hull.push(this.#point);
  }

  /** Every limit lies before now, so the highest offset now has the greatest skew, and the lowest the least. */
  #choose(now: number): void {
    const e = this.#echoes;
    const wander = this.wanderPpm * 1e-6;
    const least = this.#skews[0] as number;
    const most = this.#skews[1] as number;
    let upper = Number.POSITIVE_INFINITY;
    let lower = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < this.#size; i += 1) {
      const b = STRIDE * i;
      upper = Math.min(upper, (e[b] as number) + (most + wander) * (now - (e[b + 1] as number)));
      lower = Math.max(lower, (e[b + 2] as number) + (least - wander) * (now - (e[b + 3] as number)));
    }
    const best = this.#best;
    best[0] = (upper + lower) / 2;
    best[1] = Math.max(0, (upper - lower) / 2);
    best[2] = (least + most) / 2;
    best[3] = Math.max(0, (most - least) / 2);
    best[4] = now;
  }
}

/** Echoes before their quickest are looked at for the skew. */
const LEAST_ECHOES = 16;
const LOW_RANK = 4;
/** What the skew is within, of the difference of its two measurements, and of the slope that the edges' lining leaves. */
const DIFFER = 0.5;
const THIN = 0.5;
/** What a bound may have over half the quickest round trip and still be called tight: a coarse clock's step and some ageing. */
const TIGHT_MS = 0.2;
/** Differences of time stamps are rounded; a thousandth of a ppm is no contradiction. */
const SKEW_ROUNDING = 1e-9;
