/**
 * The lower convex hull of the last (count, arrival) points, its edge over the middle as a line, and how the points lie
 * above that line. For {@link ClockMap}. Nothing is allocated after construction.
 */
export class LowerHull {
  /** Points kept at least, once that many have come; a quarter more at most. */
  readonly window: number;
  readonly counts: Float64Array;
  readonly arrivals: Float64Array;
  /** count and arrival of the edge's left end, slope (ms per count), and its right end's count. */
  readonly line: Float64Array = new Float64Array(4).fill(Number.NaN);
  /** Of the distances above the line, ms: see {@link SPREAD}. NaN before the first {@link measure}. */
  readonly spread: Float64Array = new Float64Array(4).fill(Number.NaN);
  /** How many points are kept now. */
  size = 0;
  /** Indices of the hull's points, left to right. */
  readonly #hull: Int32Array;
  readonly #sorted: Float64Array;
  readonly #lowRank: number;
  #hullSize = 0;

  /** @param lowRank how many points from the line on the spread's `low` is the distance of */
  constructor(window: number, lowRank: number = LOW_RANK) {
    this.window = window;
    this.#lowRank = lowRank;
    const capacity = window + (window >> 2);
    this.counts = new Float64Array(capacity);
    this.arrivals = new Float64Array(capacity);
    this.#hull = new Int32Array(capacity);
    this.#sorted = new Float64Array(capacity);
  }

  reset(): void {
    this.size = 0;
    this.#hullSize = 0;
    this.line.fill(Number.NaN);
    this.spread.fill(Number.NaN);
  }

  /** Adds a point `[count, arrival]`, its count above all before. O(1) on average. */
  push(point: Float64Array): void {
    if (this.size === this.counts.length) this.#trim();
    this.counts[this.size] = point[0] as number;
    this.arrivals[this.size] = point[1] as number;
    this.#extend(this.size);
    this.size += 1;
    this.#chooseEdge();
  }

  /** Measures {@link spread} against the line as it is now: sorts, so not for every point. */
  measure(): void {
    const n = this.size;
    const sorted = this.#sorted;
    const recent = n - (n >> 2);
    const line = this.line;
    const count = line[0] as number;
    const arrival = line[1] as number;
    const slope = line[2] as number;
    let lowest = Number.POSITIVE_INFINITY;
    sorted.fill(Number.POSITIVE_INFINITY);
    for (let i = 0; i < n; i += 1) {
      // Not in a function of its own: it would be called too seldom to be compiled soon, and box what it returns.
      const above = (this.arrivals[i] as number) - arrival - slope * ((this.counts[i] as number) - count);
      sorted[i] = above;
      if (i >= recent && above < lowest) lowest = above;
    }
    sorted.sort();
    const spread = this.spread;
    spread[SPREAD.low] = sorted[Math.min(n - 1, this.#lowRank)] as number;
    spread[SPREAD.median] = sorted[n >> 1] as number;
    spread[SPREAD.high] = sorted[Math.floor(0.9 * n)] as number;
    spread[SPREAD.recentLeast] = lowest;
  }

  /** Drops the oldest points and builds the hull again: every quarter window, so a push costs O(1) on average. */
  #trim(): void {
    const from = this.size - this.window;
    this.counts.copyWithin(0, from, this.size);
    this.arrivals.copyWithin(0, from, this.size);
    this.size = this.window;
    this.#hullSize = 0;
    for (let i = 0; i < this.size; i += 1) this.#extend(i);
  }

  /** Andrew's monotone chain (1979), lower side: points come sorted by count. */
  #extend(i: number): void {
    const hull = this.#hull;
    while (this.#hullSize >= 2 && !this.#turnsUp(hull[this.#hullSize - 2] as number, hull[this.#hullSize - 1] as number, i)) {
      this.#hullSize -= 1;
    }
    hull[this.#hullSize] = i;
    this.#hullSize += 1;
  }

  #turnsUp(a: number, b: number, c: number): boolean {
    const x = this.counts;
    const y = this.arrivals;
    const x0 = x[a] as number;
    const y0 = y[a] as number;
    return ((x[b] as number) - x0) * ((y[c] as number) - y0) - ((y[b] as number) - y0) * ((x[c] as number) - x0) > 0;
  }

  #chooseEdge(): void {
    const counts = this.counts;
    const hull = this.#hull;
    // The middle of the points and not of their counts: after a gap the many say more than the one.
    const middle = counts[this.size >> 1] as number;
    let k = 1;
    while (k < this.#hullSize - 1 && (counts[hull[k] as number] as number) < middle) k += 1;
    const a = hull[k - 1] as number;
    const b = this.#hullSize === 1 ? a : (hull[k] as number);
    const line = this.line;
    line[0] = counts[a] as number;
    line[1] = this.arrivals[a] as number;
    line[2] = a === b ? 0 : ((this.arrivals[b] as number) - line[1]) / ((counts[b] as number) - line[0]);
    line[3] = counts[b] as number;
  }
}

/** What {@link LowerHull.spread} holds: a low rank, the median, the 90th percentile, and the least of the newest quarter. */
export const SPREAD = { low: 0, median: 1, high: 2, recentLeast: 3 } as const;
/** So many points from the line on: their distance says how densely the edge is lined, by more than chance. */
const LOW_RANK = 16;
