import { NavError } from '../base/index.js';
import { DriftFilter } from './drift-filter.js';
import { LowerHull, SPREAD } from './lower-hull.js';

/** What a clock map may know of the device beforehand. */
export interface ClockMapOptions {
  /** Points that the line is made from, at least, once that many have come. Default 1200: 20 s at 60 Hz. */
  readonly window?: number;
  /**
   * The device's count begins at 0 again after this many: default 2³² as of a 32-bit counter; 65 536 of a 16-bit one;
   * 86 400 of seconds of the day; `Infinity` for time stamps that do not wrap.
   */
  readonly wrap?: number;
  /**
   * Host ms per device count, where it is known: 1 for stamps in ms, 1000 in seconds. The map is then right from the
   * first points, and a stamp out of order is recognised from the start. Default: not known, as of a frame counter.
   */
  readonly unitMs?: number;
}

/**
 * Device counts (frame numbers, or time stamps of any unit) to host time, from arrivals alone.
 *
 * A packet can be late, never early: the true line lies below every (count, arrival) point. So the map is the edge of
 * the lower convex hull of the last points that spans the middle of the window. Late spikes of any size do not move
 * it. Where the delays do not crowd at their least (a host that polls, or delays that are normally distributed),
 * the lowest points are few and chance: there a Kalman filter over all points, lowered onto the hull, is steadier and is used
 * instead ({@link method}). What no one-way method can see is the constant part of the delay: exposure, processing,
 * fastest transport; and a poll in step with the device, whose delay changes only over minutes.
 *
 * A count that does not fit (a stamp from the future, zero, a jump) is left out, counted in {@link strays} and mapped to
 * its arrival; when they go on, a clock stepped or a counter began anew, and so does the map: {@link restarts}.
 * Mapped times are never later than the arrival they came with. Nothing is allocated after construction: numbers go
 * through caller-owned cells, because V8 boxes a double argument of a call that is not inlined.
 */
export class ClockMap {
  /** As {@link ClockMapOptions.window}. */
  readonly window: number;
  /** As {@link ClockMapOptions.wrap}. */
  readonly wrap: number;
  /** As {@link ClockMapOptions.unitMs}; NaN where it is not known. */
  readonly unitMs: number;
  readonly #hull: LowerHull;
  readonly #filter = new DriftFilter();
  readonly #filterStart = new Float64Array(3);
  /** count, host time and slope (ms per count) of the line in use. */
  readonly #line = new Float64Array(3).fill(Number.NaN);
  /** Added to the device's counts; the newest count taken, as the device sent it. */
  readonly #unwrap = new Float64Array([0, Number.NaN]);
  /** The last count pushed, as the device sent it, and its arrival. */
  readonly #pushed = new Float64Array(2).fill(Number.NaN);
  /** The point being learnt, its count unwrapped: in a cell, because a double argument may be boxed. */
  readonly #next = new Float64Array(2);
  /** How much later the next point arrived than the line says, ms; NaN where there is no line to say so. */
  readonly #late = new Float64Array(1);
  /** How far the filter's line lies above the hull's in the mean, ms, and from how many points that is known. */
  readonly #lift = new Float64Array(2);
  /** How the arrivals spread about the filter's line when that mean began, ms. */
  readonly #liftNoise = new Float64Array(1);
  /** Arrival of the first of a run of counts that went back. */
  readonly #backSince = new Float64Array(1);
  #fits = true;
  #misfits = 0;
  #backs = 0;
  #lates = 0;
  #sinceMeasured = 0;
  #usesFilter = false;
  #doubtsUnit = false;
  /** How often the map began anew: the device restarted its counter, or one of the clocks stepped. */
  restarts = 0;
  /** Points that were left out because they did not fit: single wild stamps, and the first few after a step. */
  strays = 0;

  /** @throws NavError `time/not-synchronised` where the window is shorter than 32, or wrap or unitMs are not above 0 */
  constructor(options: ClockMapOptions = {}) {
    this.window = options.window ?? 1200;
    this.wrap = options.wrap ?? 2 ** 32;
    this.unitMs = options.unitMs ?? Number.NaN;
    if (!(Number.isInteger(this.window) && this.window >= 32)) {
      throw new NavError('time/not-synchronised', `A clock map needs a window of at least 32 points, got ${this.window}.`);
    }
    if (!(this.wrap > 0) || (options.unitMs !== undefined && !(this.unitMs > 0 && this.unitMs < Number.POSITIVE_INFINITY))) {
      throw new NavError(
        'time/not-synchronised',
        `A clock map needs wrap > 0 (Infinity for none) and unitMs > 0, got ${this.wrap} and ${this.unitMs}.`,
      );
    }
    this.#hull = new LowerHull(this.window);
  }

  /** Whether enough has arrived for a line. Until then a count maps to the arrival it came with, or by `unitMs`. */
  get ready(): boolean {
    return this.#hull.size >= READY_AFTER;
  }

  /** Host milliseconds per device count; NaN until {@link ready}. */
  get periodMs(): number {
    return this.ready ? (this.#line[2] as number) : Number.NaN;
  }

  /** How many points the line is made from now. */
  get size(): number {
    return this.#hull.size;
  }

  /** What the map goes by now. It changes only when the spread of the delays does, with a margin between there and back. */
  get method(): 'hull' | 'kalman' {
    return this.#usesFilter ? 'kalman' : 'hull';
  }

  /**
   * How far the mapped time of the newest count may be from the truth plus the constant delay, ms: 99 of 100 are within,
   * for delays that are independent of the device's frames. Infinity until {@link ready}.
   */
  get boundMs(): number {
    if (!this.ready) return Number.POSITIVE_INFINITY;
    const hull = this.#hull;
    const spread = hull.spread;
    if (Number.isNaN(spread[SPREAD.low] as number)) return Number.POSITIVE_INFINITY;
    const newest = hull.counts[hull.size - 1] as number;
    const middle = hull.counts[hull.size >> 1] as number;
    // The line is held in the middle of the points: after a gap the newest is far from it, measured by how far they reach.
    const reach = 1 + Math.max(1, (newest - middle) / Math.max(middle - (hull.counts[0] as number), 1e-300));
    const filter = this.#usesFilter ? FILTER_SHARE * (spread[SPREAD.high] as number) + 3 * this.#filter.sdMs : 0;
    return Math.max(filter, EDGE_SHARE * reach * (spread[SPREAD.low] as number)) + RESOLUTION_MS;
  }

  /** Forgets everything: tracking started anew. */
  reset(): void {
    this.#hull.reset();
    this.#filter.reset();
    this.#line.fill(Number.NaN);
    this.#lift.fill(0);
    this.#liftNoise[0] = 0;
    this.#unwrap[0] = 0;
    this.#unwrap[1] = Number.NaN;
    this.#pushed.fill(Number.NaN);
    this.#fits = true;
    this.#misfits = 0;
    this.#backs = 0;
    this.#lates = 0;
    this.#sinceMeasured = 0;
    this.#usesFilter = false;
  }

  /**
   * Learns one packet. A count seen before is ignored, as is one that came late and out of order; a wrap is followed;
   * three counts in a row that do not fit, or twenty arrivals half a second late, begin a new map.
   * @param point `[device count, arrival on the host in ms]`
   */
  push(point: Float64Array): void {
    const raw = point[0] as number;
    const arrival = point[1] as number;
    if (!Number.isFinite(raw) || !Number.isFinite(arrival)) return;
    if (raw === this.#pushed[0] || raw === this.#unwrap[1]) return;
    this.#pushed[0] = raw;
    this.#pushed[1] = arrival;
    this.#next[1] = arrival;
    this.#unwrapNext();
    this.#fits = true;
    if (this.#hull.size > 0 && this.#cameBack()) return;
    if (this.#hull.size > 0 && this.#isStray()) this.#leaveOut();
    else this.#take();
  }

  /**
   * Host time of a device count, in place: `cell[0]` is a count as the device sends it and becomes host ms; NaN
   * before the first {@link push}. Counts a little behind the newest (a tool measured one frame earlier) are right too.
   */
  map(cell: Float64Array): void {
    const raw = cell[0] as number;
    const isPushed = raw === this.#pushed[0];
    if (isPushed && !this.#fits) {
      cell[0] = this.#pushed[1] as number;
      return;
    }
    let count = raw + (this.#unwrap[0] as number);
    // A count from just before the wrap, asked for just after it.
    if (raw - (this.#unwrap[1] as number) > this.wrap / 2) count -= this.wrap;
    const line = this.#line;
    const at = (line[1] as number) + (line[2] as number) * (count - (line[0] as number));
    cell[0] = isPushed && at > (this.#pushed[1] as number) ? (this.#pushed[1] as number) : at;
  }

  /** The count pushed into `#next`, with as many wraps added as bring it nearest to the newest. */
  #unwrapNext(): void {
    const raw = this.#pushed[0] as number;
    const ahead = raw - (this.#unwrap[1] as number);
    let count = raw + (this.#unwrap[0] as number);
    if (ahead < -this.wrap / 2) count += this.wrap;
    else if (ahead > this.wrap / 2) count -= this.wrap;
    this.#next[0] = count;
  }

  /** Whether the next point is a packet that was overtaken: older than the newest, and where the line says. */
  #cameBack(): boolean {
    const hull = this.#hull;
    if ((this.#next[0] as number) > (hull.counts[hull.size - 1] as number)) {
      this.#backs = 0;
      return false;
    }
    const arrival = this.#next[1] as number;
    if (this.#backs === 0) this.#backSince[0] = arrival;
    this.#backs += 1;
    // Nothing that only changes the order keeps a device from going forward for so long.
    if (this.#backs >= MISFITS && arrival - (this.#backSince[0] as number) > BACK_MS) return this.#startOver();
    this.#measureLateness();
    const late = this.#late[0] as number;
    return late > -EARLY_MS && late < LATE_MS;
  }

  /** Fills `#late`. */
  #measureLateness(): void {
    const line = this.#line;
    const next = this.#next;
    const on = (line[1] as number) + (line[2] as number) * ((next[0] as number) - (line[0] as number));
    this.#late[0] = this.ready || this.#trustsUnit() ? (next[1] as number) - on : Number.NaN;
  }

  /** Far earlier than a packet can be, or a count that went back for no reason of order. */
  #isStray(): boolean {
    const hull = this.#hull;
    this.#measureLateness();
    if ((this.#next[0] as number) <= (hull.counts[hull.size - 1] as number)) return true;
    if (this.#isTooEarly()) return true;
    this.#lates = (this.#late[0] as number) > LATE_MS ? this.#lates + 1 : 0;
    if (this.#lates >= LATE_TIMES) this.#startOver();
    return false;
  }

  /** Earlier than the line by so much is a step: some ms where the line is well known, and more while it is not. */
  #isTooEarly(): boolean {
    const early = -(this.#late[0] as number);
    if (early > EARLY_MS) return true;
    const median = this.#hull.spread[SPREAD.median] as number;
    if (this.#hull.size < this.window >> 2 || Number.isNaN(median)) return false;
    return early > STEP_MS && early > STEP_MEDIANS * median;
  }

  #leaveOut(): void {
    this.#misfits += 1;
    this.strays += 1;
    this.#fits = false;
    if (this.#misfits >= MISFITS) {
      this.#doubtsUnit = !this.ready;
      this.#startOver();
      this.#take();
    }
  }

  /** Forgets all but the point that is being learnt. */
  #startOver(): false {
    const raw = this.#pushed[0] as number;
    const arrival = this.#pushed[1] as number;
    this.reset();
    this.restarts += 1;
    this.#pushed[0] = raw;
    this.#pushed[1] = arrival;
    this.#next[0] = raw;
    this.#next[1] = arrival;
    return false;
  }

  #take(): void {
    this.#misfits = 0;
    this.#unwrap[1] = this.#pushed[0] as number;
    this.#unwrap[0] = (this.#next[0] as number) - (this.#pushed[0] as number);
    const hull = this.#hull;
    hull.push(this.#next);
    this.#filter.push(this.#next);
    this.#sinceMeasured += 1;
    if (hull.size === FIRST_MEASURE || this.#sinceMeasured >= this.window >> 2) this.#measure();
    this.#chooseLine();
  }

  /** Now and then: how the delays are spread, what that means for the method, and whether they rose as a whole. */
  #measure(): void {
    const hull = this.#hull;
    const spread = hull.spread;
    this.#sinceMeasured = 0;
    hull.measure();
    const risen = spread[SPREAD.recentLeast] as number;
    if (hull.size >= this.window && risen > STEP_MS && risen > STEP_MEDIANS * (spread[SPREAD.median] as number)) {
      this.#startOver();
      this.#take();
      return;
    }
    if (hull.size < this.window >> 1) return;
    if (this.#filter.isLost) this.#beginFilter();
    this.#distrustLift();
    const evenness = (spread[SPREAD.median] as number) / Math.max(spread[SPREAD.high] as number, RESOLUTION_MS);
    if ((spread[SPREAD.high] as number) < LEAST_SPREAD_MS) this.#usesFilter = false;
    else if (this.#usesFilter) this.#usesFilter = evenness > EVEN_UNTIL;
    else if (evenness > EVEN_FROM) {
      this.#usesFilter = true;
      // The filter goes on where the hull is, so that no time leaps.
      this.#lift[1] = 0;
    }
  }

  #beginFilter(): void {
    const hull = this.#hull;
    const high = hull.spread[SPREAD.high] as number;
    const newest = hull.counts[hull.size - 1] as number;
    const start = this.#filterStart;
    const line = this.#line;
    line[0] = newest;
    line[1] = (hull.line[1] as number) + (hull.line[2] as number) * (newest - (hull.line[0] as number)) + high / 2;
    line[2] = hull.line[2] as number;
    const variance = Math.max((high * high) / 4, RESOLUTION_MS * RESOLUTION_MS);
    start[0] = variance;
    start[1] = variance / (newest - (hull.counts[0] as number)) ** 2;
    start[2] = variance;
    this.#filter.begin(line, start);
  }

  #chooseLine(): void {
    const hull = this.#hull;
    const from = hull.line;
    const line = this.#line;
    const newest = hull.size - 1;
    if (newest < KNOWN_UNTIL - 1 && this.#trustsUnit()) {
      this.#lineByUnit();
      return;
    }
    if (!this.ready) {
      // The slope so far places counts next to the newest one; the newest itself maps to its arrival.
      line[0] = hull.counts[newest] as number;
      line[1] = hull.arrivals[newest] as number;
      line[2] = newest === 0 ? 0 : (line[1] - (hull.arrivals[0] as number)) / (line[0] - (hull.counts[0] as number));
      return;
    }
    for (let k = 0; k < 3; k += 1) line[k] = from[k] as number;
    const filtered = this.#filter.line;
    if (Number.isNaN(filtered[0] as number)) return;
    this.#followLift();
    if (!this.#usesFilter) return;
    for (let k = 0; k < 3; k += 1) line[k] = filtered[k] as number;
    line[1] = (line[1] as number) - (this.#lift[0] as number);
  }

  /** The mean of the filter's height above the hull at the newest count, over longer than any one hull lives. */
  #followLift(): void {
    const filtered = this.#filter.line;
    const from = this.#hull.line;
    const onHull = (from[1] as number) + (from[2] as number) * ((filtered[0] as number) - (from[0] as number));
    const lift = this.#lift;
    const n = Math.min((lift[1] as number) + 1, LIFT_TIMES * this.window);
    lift[1] = n;
    lift[0] = (lift[0] as number) + ((filtered[1] as number) - onHull - (lift[0] as number)) / n;
  }

  /** Delays that spread otherwise than before lie otherwise above their least: the mean begins anew, from where it is. */
  #distrustLift(): void {
    const noise = this.#filter.noiseMs;
    const before = this.#liftNoise[0] as number;
    if (noise < ANOTHER_NOISE * before && before < ANOTHER_NOISE * noise) return;
    this.#liftNoise[0] = noise;
    this.#lift[1] = Math.min(this.#lift[1] as number, LIFT_ANEW);
  }

  /** A unit is believed until the arrivals contradict it grossly: stamps in another unit than was said. */
  #trustsUnit(): boolean {
    if (Number.isNaN(this.unitMs) || this.#doubtsUnit) return false;
    const slope = this.#hull.line[2] as number;
    return !this.ready || Math.abs(slope - this.unitMs) < 0.2 * this.unitMs;
  }

  /** The line of the known slope through the lowest point. */
  #lineByUnit(): void {
    const { counts, arrivals, size } = this.#hull;
    let lowest = 0;
    for (let i = 1; i < size; i += 1) {
      const rise = (arrivals[i] as number) - (arrivals[lowest] as number);
      if (rise < this.unitMs * ((counts[i] as number) - (counts[lowest] as number))) lowest = i;
    }
    this.#line[0] = counts[lowest] as number;
    this.#line[1] = arrivals[lowest] as number;
    this.#line[2] = this.unitMs;
  }
}

/** Points before the hull is believed; and before it is believed more than a unit that is known. */
const READY_AFTER = 20;
const KNOWN_UNTIL = 100;
/** Points at which the spread is measured first; then every quarter window. */
const FIRST_MEASURE = 20;
/** A packet cannot be early: more than this below the line means that the counter jumped ahead. */
const EARLY_MS = 100;
/** Of a line that is well known, a step of this much is told from the spread of the delays, in ms and in their medians. */
const STEP_MS = 10;
const STEP_MEDIANS = 8;
/** So many in a row that do not fit are no stray packets. */
const MISFITS = 3;
/** Packets overtake each other within this long. */
const BACK_MS = 50;
/** A host may stall once; packets that keep coming this late mean that the counter stood still. */
const LATE_MS = 500;
const LATE_TIMES = 20;
/**
 * Median over 90th percentile of the delays above the hull: 0.30 where they crowd at their least (exponential), 0.55 where
 * they are even (a poll), 0.7 where they are normal. Between the two the method stays what it is.
 */
const EVEN_FROM = 0.45;
const EVEN_UNTIL = 0.38;
/** Delays spread less than this are no poll. */
const LEAST_SPREAD_MS = 0.05;
/** Windows over which the filter's height above the hull is averaged: longer than a poll's beat against the frames. */
const LIFT_TIMES = 6;
const LIFT_ANEW = 50;
const ANOTHER_NOISE = 1.25;
/** What 99 of 100 errors are within, of the spread's low rank and of its 90th percentile; by simulation, see bench/clock.ts. */
const EDGE_SHARE = 1;
const FILTER_SHARE = 0.1;
const RESOLUTION_MS = 0.001;
