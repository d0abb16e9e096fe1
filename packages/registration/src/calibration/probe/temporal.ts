import { NavError } from '@trocar/core';
import { median } from '../../accuracy/robust.js';
import { at } from '../../points/rigid-fit.js';

/** A number that was measured over time: where a line shows in an image, or how far along its path a tracked tool is. */
export interface Signal {
  /** Increasing, ms. */
  readonly timesMs: ArrayLike<number>;
  readonly values: ArrayLike<number>;
}

/** What {@link estimateSignalLag} may be told. */
export interface SignalLagOptions {
  /** A lag is looked for within this to either side, ms. Default 500. */
  readonly mostLagMs?: number;
}

/** How much later one signal is than another. */
export interface SignalLag {
  /** `ambiguous`: another lag is about as good; `failed`: the signals hardly agree. */
  readonly outcome: 'ok' | 'ambiguous' | 'failed';
  /** What `follower` shows at a time, `leader` shows this much later, ms: leader(t + lagMs) is follower(t). */
  readonly lagMs: number;
  /** Its standard deviation, from what is left of the signals and how steeply they change; correlation in time counted. */
  readonly sdMs: number;
  /** follower ≈ gain · leader + offset. A negative gain: they move against each other. */
  readonly gain: number;
  readonly offset: number;
  /** Share of the follower's variance that the leader explains, 0 … 1. */
  readonly explained: number;
  /** The best lag elsewhere, and what it explains. */
  readonly runnerUp: { readonly lagMs: number; readonly explained: number } | undefined;
}

const LEAST_SAMPLES = 20;
/** So much of the follower must lie in the leader's time. */
const LEAST_OVERLAP = 0.6;
/** Two lags are about as good where what they leave unexplained is within this factor. */
const ALIKE = 1.5;

/**
 * The lag between two signals of one motion, by how much of one the other explains (least squares of gain and offset at each lag;
 * the leader read by cubic interpolation), over all lags and both signs; the best score wins, not the smaller lag. The peak is placed
 * between samples by Gauss–Newton, and its standard deviation is σ² / (gain² Σ leader′²), inflated by the residuals' correlation in time.
 * @throws NavError `calibration/too-few-poses`, `calibration/not-finite`, `calibration/bad-option` (times that go backwards),
 *   `calibration/motionless`
 */
export function estimateSignalLag(follower: Signal, leader: Signal, options: SignalLagOptions = {}): SignalLag {
  const most = options.mostLagMs ?? 500;
  requireSignal(follower, 'follower');
  requireSignal(leader, 'leader');
  const step = Math.max(1, Math.min(spacingOf(follower), spacingOf(leader)) / 4);
  const scores: LagScore[] = [];
  for (let lag = -Math.floor(most / step) * step; lag <= most; lag += step) scores.push(scoreOf(follower, leader, lag));
  const peaks = scores.filter(
    (s, n) => s.explained >= (scores[n - 1]?.explained ?? -1) && s.explained > (scores[n + 1]?.explained ?? -1),
  );
  peaks.sort((a, b) => b.explained - a.explained);
  const [first, next] = peaks;
  if (first === undefined || !(first.explained > 0)) {
    throw new NavError(
      'calibration/bad-option',
      'The signals do not overlap in time. Check that both clocks are the same and in ms.',
    );
  }
  const refined = [first, ...(next === undefined ? [] : [next])].map((peak) => refine(follower, leader, peak, step));
  // Between samples of the lag the lower of two peaks may be the higher one.
  refined.sort((a, b) => b.explained - a.explained);
  const [best, second] = refined as [LagScore, LagScore | undefined];
  const runnerUp = second && { lagMs: second.lagMs, explained: second.explained };
  const alike = second !== undefined && 1 - second.explained < ALIKE * (1 - best.explained);
  const outcome = best.explained < 0.5 ? 'failed' : alike ? 'ambiguous' : 'ok';
  const { lagMs, gain, offset, explained } = best;
  return { outcome, lagMs, sdMs: deviationOf(follower, leader, best), gain, offset, explained, runnerUp };
}

/** What is left of the follower at a lag, in its own unit; NaN where the leader was not measured. */
export function misfitsAtLag(
  follower: Signal,
  leader: Signal,
  { lagMs, gain, offset }: Pick<SignalLag, 'lagMs' | 'gain' | 'offset'>,
): Float64Array {
  return Float64Array.from(
    { length: follower.values.length },
    (_, n) => at(follower.values, n) - gain * valueAt(leader, at(follower.timesMs, n) + lagMs) - offset,
  );
}

interface LagScore {
  readonly lagMs: number;
  readonly explained: number;
  readonly gain: number;
  readonly offset: number;
}

/** Gauss–Newton on the lag; it stays where that does not help. */
function refine(follower: Signal, leader: Signal, from: LagScore, step: number): LagScore {
  let best = from;
  for (let round = 0; round < 20; round += 1) {
    let [top, bottom] = [0, 0];
    for (let n = 0; n < follower.values.length; n += 1) {
      const time = at(follower.timesMs, n) + best.lagMs;
      const slope = best.gain * slopeAt(leader, time);
      const value = valueAt(leader, time);
      if (Number.isNaN(value) || Number.isNaN(slope)) continue;
      top += slope * (at(follower.values, n) - best.gain * value - best.offset);
      bottom += slope * slope;
    }
    const move = Math.max(-step, Math.min(step, top / bottom));
    const next = scoreOf(follower, leader, best.lagMs + move);
    if (!(next.explained > best.explained)) return best;
    best = next;
    if (Math.abs(move) < 1e-6) return best;
  }
  return best;
}

/** Least squares of gain and offset at a lag. */
function scoreOf(follower: Signal, leader: Signal, lagMs: number): LagScore {
  let [n, x, y, xx, xy, yy] = [0, 0, 0, 0, 0, 0];
  for (let k = 0; k < follower.values.length; k += 1) {
    const a = valueAt(leader, at(follower.timesMs, k) + lagMs);
    if (Number.isNaN(a)) continue;
    const b = at(follower.values, k);
    n += 1;
    x += a;
    y += b;
    xx += a * a;
    xy += a * b;
    yy += b * b;
  }
  if (n < LEAST_OVERLAP * follower.values.length) return { lagMs, explained: -1, gain: 0, offset: 0 };
  const [sxx, sxy, syy] = [xx - (x * x) / n, xy - (x * y) / n, yy - (y * y) / n];
  if (!(sxx > 0 && syy > 0)) return { lagMs, explained: -1, gain: 0, offset: 0 };
  const gain = sxy / sxx;
  return { lagMs, explained: (sxy * sxy) / (sxx * syy), gain, offset: (y - gain * x) / n };
}

function deviationOf(follower: Signal, leader: Signal, { lagMs, gain, offset }: LagScore): number {
  const left: number[] = [];
  let steepness = 0;
  for (let n = 0; n < follower.values.length; n += 1) {
    const time = at(follower.timesMs, n) + lagMs;
    const value = valueAt(leader, time);
    const slope = slopeAt(leader, time);
    if (Number.isNaN(value) || Number.isNaN(slope)) continue;
    left.push(at(follower.values, n) - gain * value - offset);
    steepness += (gain * slope) ** 2;
  }
  const squares = left.reduce((sum, r) => sum + r * r, 0);
  const neighbours = left.slice(1).reduce((sum, r, n) => sum + r * (left[n] as number), 0);
  const rho = Math.max(0, Math.min(0.99, squares > 0 ? neighbours / squares : 0));
  return Math.sqrt(((squares / Math.max(1, left.length - 3)) * ((1 + rho) / (1 - rho))) / steepness);
}

/** Samples farther apart than this many usual distances, and this, ms, are not read between: what happened there is not known. */
const LONGEST_GAP = 4;
const LONGEST_GAP_MS = 100;

const gaps = new WeakMap<ArrayLike<number>, number>();

/** The longest distance of samples that is read between, ms. */
function longestGap(timesMs: ArrayLike<number>): number {
  let gap = gaps.get(timesMs);
  if (gap === undefined) {
    const steps = Float64Array.from({ length: timesMs.length - 1 }, (_, n) => at(timesMs, n + 1) - at(timesMs, n));
    gap = Math.max(LONGEST_GAP_MS, LONGEST_GAP * median(steps));
    gaps.set(timesMs, gap);
  }
  return gap;
}

/** The sample at or before a time; −1 outside, and in a gap. */
function before({ timesMs }: Signal, time: number): number {
  let [low, high] = [0, timesMs.length - 1];
  if (!(time >= at(timesMs, low) && time <= at(timesMs, high))) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (at(timesMs, middle) <= time) low = middle;
    else high = middle;
  }
  return at(timesMs, high) - at(timesMs, low) > longestGap(timesMs) ? -1 : low;
}

/** Slope at a sample from its neighbours (Catmull–Rom for uneven times). */
function tangent({ timesMs, values }: Signal, n: number): number {
  const gap = longestGap(timesMs);
  const near = (k: number): boolean => Math.abs(at(timesMs, k) - at(timesMs, n)) <= gap;
  const [first, last] = [Math.max(0, n - 1), Math.min(values.length - 1, n + 1)];
  const [a, b] = [near(first) ? first : n, near(last) ? last : n];
  // A sample between two gaps is all that is known of its time.
  if (a === b) return 0;
  return (at(values, b) - at(values, a)) / (at(timesMs, b) - at(timesMs, a));
}

/** Cubic Hermite between samples; NaN outside, and in gaps. */
export function valueAt(signal: Signal, time: number): number {
  const n = before(signal, time);
  if (n < 0) return Number.NaN;
  const h = at(signal.timesMs, n + 1) - at(signal.timesMs, n);
  const u = (time - at(signal.timesMs, n)) / h;
  const [p, q] = [at(signal.values, n), at(signal.values, n + 1)];
  const [s, t] = [h * tangent(signal, n), h * tangent(signal, n + 1)];
  return p + u * (s + u * (3 * (q - p) - 2 * s - t + u * (2 * (p - q) + s + t)));
}

function slopeAt(signal: Signal, time: number): number {
  const h = 0.5;
  return (valueAt(signal, time + h) - valueAt(signal, time - h)) / (2 * h);
}

function spacingOf({ timesMs }: Signal): number {
  return (at(timesMs, timesMs.length - 1) - at(timesMs, 0)) / (timesMs.length - 1);
}

function requireSignal({ timesMs, values }: Signal, name: string): void {
  if (values.length < LEAST_SAMPLES || timesMs.length !== values.length) {
    throw new NavError(
      'calibration/too-few-poses',
      `The ${name} needs ${LEAST_SAMPLES} samples with a time each; it has ${values.length}.`,
    );
  }
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let n = 0; n < values.length; n += 1) {
    if (!Number.isFinite(at(values, n)) || !Number.isFinite(at(timesMs, n))) {
      throw new NavError('calibration/not-finite', `Sample ${n} of the ${name} is not finite.`);
    }
    if (n > 0 && !(at(timesMs, n) > at(timesMs, n - 1))) {
      throw new NavError('calibration/bad-option', `Sample ${n} of the ${name} is not later than the one before it.`);
    }
    low = Math.min(low, at(values, n));
    high = Math.max(high, at(values, n));
  }
  if (!(high > low)) throw new NavError('calibration/motionless', `The ${name} never changes: move the probe up and down.`);
}
