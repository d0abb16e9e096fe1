import { NavError } from '@trocar/core';
import { cholesky, choleskySolve, symmetricEigen } from '@trocar/core/math';
import { median } from '../../accuracy/robust.js';
import type { Finding, ResultOutcome } from '../../outcome.js';
import { at } from '../../points/rigid-fit.js';
import { estimateSignalLag, misfitsAtLag, type Signal, type SignalLag, valueAt } from './temporal.js';

/** What a video shows over time: the row of a line in its images. */
export interface VideoLine {
  /** Increasing, ms. */
  readonly timesMs: ArrayLike<number>;
  /** Pixels; NaN where no line was seen. */
  readonly rows: ArrayLike<number>;
}

/** Where a tracked probe was over time. */
export interface TrackedPlaces {
  /** Increasing, ms. */
  readonly timesMs: ArrayLike<number>;
  /** Three numbers for each time, mm. */
  readonly places: ArrayLike<number>;
}

/** What {@link calibrateTemporal} may be told. */
export interface TemporalOptions {
  /** A lag is looked for within this to either side, ms. Default 500, as in PLUS. */
  readonly mostLagMs?: number;
}

/** `ambiguous`: another lag fits about as well; `disagree`: video and tracker hardly show one motion; `lag-unknown`: the lag is known to no better than 5 ms (standard deviation). */
export type TemporalFinding = Finding<'ambiguous' | 'disagree' | 'lag-unknown'>;

/** How much later a tracker tells of a motion than a video shows it. */
export interface TemporalCalibration {
  readonly outcome: ResultOutcome;
  /** The pose that belongs to an image is that of so much later: tracker(t + lagMs) is video(t). PLUS calls it the tracker's lag. */
  readonly lagMs: number;
  readonly sdMs: number;
  /** Share of the line's motion that the tracker explains, 0 … 1. */
  readonly explained: number;
  /** Pixels a millimetre along the principal axis; negative: they move against each other. */
  readonly pixelsPerMm: number;
  /** The direction of the tracked motion that the line follows, unit vector in the tracker's frame, and how far it goes along it, mm. */
  readonly axis: Float64Array;
  readonly travelMm: number;
  /** How far the line goes, pixels. */
  readonly travelPx: number;
  /** Times of the video, ms, and what is left of the line there, pixels; NaN where it was not used. */
  readonly residualsPx: Float64Array;
  /** Lines that agree with a place of the tracker at their time. */
  readonly used: number;
  readonly runnerUp: SignalLag['runnerUp'];
  readonly findings: readonly TemporalFinding[];
}

/** Motions smaller than these tell nothing of times: PLUS's limits. */
const LEAST_MM = 8;
const LEAST_PX = 30;
/** Lines farther from the motion than so many usual misfits are others: echoes of echoes, bubbles. */
const REJECT = 5;
const ROUNDS = 4;
/** Less of the line's motion, or of the lines, is no agreement: what disagrees can always be left out until the rest agrees. */
const LEAST_EXPLAINED = 0.8;
const LEAST_USED = 0.6;
const WELL_KNOWN_MS = 5;

/**
 * The lag of a video against a tracker by one motion that both show: a probe moved up and down over the bottom of a water tank. The line's row against the tracked place along that
 * direction which explains it best (seldom the one in which most moves: what slides along the bottom shows nothing), by estimateSignalLag(): the lag that explains most, whatever its size and whichever way they move; lines far from it are left out, and it is looked for again.
 * @throws NavError `calibration/motionless` (less than 8 mm or 30 pixels), and those of estimateSignalLag()
 */
export function calibrateTemporal(video: VideoLine, tracker: TrackedPlaces, options: TemporalOptions = {}): TemporalCalibration {
  requireSame(video.timesMs.length, video.rows.length, 'video');
  requireSame(3 * tracker.timesMs.length, tracker.places.length, 'tracker');
  const whole = principalMotion(tracker);
  requireTravel(whole.travelMm);
  const [first, last] = [at(tracker.timesMs, 0), at(tracker.timesMs, tracker.timesMs.length - 1)];
  // What the video shows before and after the tracker's recording says nothing.
  const inside = Array.from({ length: video.rows.length }, (_, n) => n).filter(
    (n) => !Number.isNaN(at(video.rows, n)) && at(video.timesMs, n) >= first && at(video.timesMs, n) <= last,
  );
  const travelPx = reachOf(inside.map((n) => at(video.rows, n)));
  if (inside.length > 0 && !(travelPx >= LEAST_PX)) {
    const message = `The line in the images moves ${travelPx.toFixed(0)} pixels at most; ${LEAST_PX} are needed. Is it the bottom of the tank, and in the clip?`;
    throw new NavError('calibration/motionless', message);
  }
  const follows = explainingMotion(video, tracker, inside, whole, options.mostLagMs ?? MOST_LAG_MS);
  // A direction in which hardly anything moves fits by chance, and what follows says that nothing agrees.
  const motion = follows.travelMm >= LEAST_MM ? follows : whole;
  const leader: Signal = { timesMs: tracker.timesMs, values: motion.along };
  let used = inside;
  let found: SignalLag | undefined;
  for (let round = 0; round < ROUNDS; round += 1) {
    const follower: Signal = { timesMs: used.map((n) => at(video.timesMs, n)), values: used.map((n) => at(video.rows, n)) };
    found = estimateSignalLag(follower, leader, options);
    const residuals = misfitsAtLag(lineOf(video), leader, found);
    const limit =
      REJECT * 1.4826 * median(Float64Array.from(used, (n) => Math.abs(at(residuals, n))).filter((x) => !Number.isNaN(x)));
    const kept = inside.filter((n) => !(Math.abs(at(residuals, n)) > Math.max(limit, 1)));
    const settled = kept.length === used.length && kept.every((n, k) => n === used[k]);
    used = kept;
    if (settled) break;
  }
  return answerOf(video, leader, found as SignalLag, { used, of: inside.length }, motion, travelPx);
}

function answerOf(
  video: VideoLine,
  leader: Signal,
  found: SignalLag,
  { used, of }: { readonly used: readonly number[]; readonly of: number },
  { axis, travelMm }: Motion,
  travelPx: number,
): TemporalCalibration {
  const residualsPx = new Float64Array(video.rows.length).fill(Number.NaN);
  const all = misfitsAtLag(lineOf(video), leader, found);
  for (const n of used) residualsPx[n] = at(all, n);
  const findings: TemporalFinding[] = [];
  if (found.explained < LEAST_EXPLAINED || used.length < LEAST_USED * of) {
    const message = `The tracker explains ${(100 * found.explained).toFixed(0)} % of the motion of ${used.length} of ${of} lines: they do not show one motion, or not within the lags that were tried.`;
    findings.push({ code: 'disagree', message });
  } else if (found.outcome === 'ambiguous') {
    const message = `A lag of ${found.runnerUp?.lagMs.toFixed(0)} ms fits about as well: the motion repeats itself. Move the probe unevenly.`;
    findings.push({ code: 'ambiguous', message });
  }
  if (!(found.sdMs <= WELL_KNOWN_MS)) {
    findings.push({
      code: 'lag-unknown',
      message: `The lag is known to ±${found.sdMs.toFixed(0)} ms only. Move the probe faster.`,
    });
  }
  const failed = findings.some(({ code }) => code !== 'ambiguous');
  return {
    outcome: failed ? 'failed' : findings.length > 0 ? 'ambiguous' : 'ok',
    lagMs: found.lagMs,
    sdMs: found.sdMs,
    explained: found.explained,
    pixelsPerMm: found.gain,
    axis,
    travelMm,
    travelPx,
    residualsPx,
    used: used.filter((n) => !Number.isNaN(at(all, n))).length,
    runnerUp: found.runnerUp,
    findings,
  };
}

const lineOf = ({ timesMs, rows }: VideoLine): Signal => ({ timesMs, values: rows });

interface Motion {
  readonly axis: Float64Array;
  /** How far along the axis each place is, from their mean, mm. */
  readonly along: Float64Array;
  readonly travelMm: number;
}

function requireTravel(travelMm: number): void {
  if (travelMm >= LEAST_MM) return;
  const message = `The tracked probe moves ${travelMm.toFixed(1)} mm at most; ${LEAST_MM} mm are needed. Move it up and down over the bottom.`;
  throw new NavError('calibration/motionless', message);
}

const MOST_LAG_MS = 500;
/** Lags at which directions are tried, ms; how often the direction is found anew at the lag that it gave. */
const DIRECTION_STEP_MS = 20;
const DIRECTION_ROUNDS = 3;
/** What a tracker errs by, mm: directions that move no more say nothing. */
const TRACKER_MM = 0.5;

/** The motion along the direction whose places explain the line best, at the lag where they do. */
function explainingMotion(
  video: VideoLine,
  tracker: TrackedPlaces,
  inside: readonly number[],
  whole: Motion,
  mostLagMs: number,
): Motion {
  const axes = [0, 1, 2].map(
    (r): Signal => ({
      timesMs: tracker.timesMs,
      values: Float64Array.from({ length: tracker.timesMs.length }, (_, n) => at(tracker.places, 3 * n + r)),
    }),
  );
  let best: Direction | undefined;
  for (let lag = -Math.floor(mostLagMs / DIRECTION_STEP_MS) * DIRECTION_STEP_MS; lag <= mostLagMs; lag += DIRECTION_STEP_MS) {
    const found = directionAt(video, axes, inside, lag);
    if (found !== undefined && found.explained > (best?.explained ?? 0)) best = found;
  }
  if (best === undefined) return whole;
  let motion = motionAlong(tracker, best.axis);
  for (let round = 0; round < DIRECTION_ROUNDS; round += 1) {
    const follower: Signal = { timesMs: inside.map((n) => at(video.timesMs, n)), values: inside.map((n) => at(video.rows, n)) };
    const { lagMs } = estimateSignalLag(follower, { timesMs: tracker.timesMs, values: motion.along }, { mostLagMs });
    const next = directionAt(video, axes, inside, lagMs);
    if (next === undefined || !(next.explained > best.explained)) break;
    best = next;
    motion = motionAlong(tracker, next.axis);
  }
  return motion;
}

/** A direction, and the share of the line's motion that places along it explain. */
interface Direction {
  readonly axis: Float64Array;
  readonly explained: number;
}

/** Least squares of the line's row on the three coordinates, so many ms later; damped by what a tracker errs by. */
function directionAt(video: VideoLine, axes: readonly Signal[], inside: readonly number[], lagMs: number): Direction | undefined {
  const rows: number[][] = [];
  for (const n of inside) {
    const p = axes.map((axis) => valueAt(axis, at(video.timesMs, n) + lagMs));
    if (!p.some(Number.isNaN)) rows.push([...p, at(video.rows, n)]);
  }
  const count = rows.length;
  if (count < LEAST_SHARE * inside.length || count < 10) return undefined;
  const mean = [0, 1, 2, 3].map((c) => rows.reduce((sum, row) => sum + (row[c] as number), 0) / count);
  const [normal, right] = [new Float64Array(9), new Float64Array(3)];
  let squares = 0;
  for (const row of rows) {
    const d = row.map((x, c) => x - (mean[c] as number));
    squares += (d[3] as number) ** 2;
    for (let i = 0; i < 3; i += 1) {
      right[i] = at(right, i) + (d[i] as number) * (d[3] as number);
      for (let j = 0; j < 3; j += 1) normal[3 * i + j] = at(normal, 3 * i + j) + (d[i] as number) * (d[j] as number);
    }
  }
  for (let i = 0; i < 3; i += 1) normal[4 * i] = at(normal, 4 * i) + count * TRACKER_MM ** 2;
  if (!(squares > 0) || !cholesky(normal, normal, 3)) return undefined;
  const weights = choleskySolve(new Float64Array(3), normal, right, 3);
  const length = Math.hypot(...weights);
  if (!(length > 0)) return undefined;
  const explained = weights.reduce((sum, w, i) => sum + w * at(right, i), 0) / squares;
  return { axis: weights.map((w) => w / length), explained };
}

/** So much of the line must have places beside it. */
const LEAST_SHARE = 0.6;

/** How far along a direction the places are, from their mean. */
function motionAlong({ places }: TrackedPlaces, axis: Float64Array): Motion {
  const count = places.length / 3;
  const along = Float64Array.from({ length: count }, (_, n) =>
    [0, 1, 2].reduce((sum, r) => sum + at(axis, r) * at(places, 3 * n + r), 0),
  );
  const mean = along.reduce((sum, x) => sum + x, 0) / count;
  for (let n = 0; n < count; n += 1) along[n] = at(along, n) - mean;
  return { axis, along, travelMm: reachOf(along) };
}

/** The direction in which places are spread most. */
function principalMotion({ places }: TrackedPlaces): Motion {
  const count = places.length / 3;
  const mean = [0, 1, 2].map((r) => {
    let sum = 0;
    for (let n = 0; n < count; n += 1) sum += at(places, 3 * n + r);
    return sum / Math.max(1, count);
  });
  const spread = new Float64Array(9);
  for (let n = 0; n < count; n += 1) {
    for (let r = 0; r < 3; r += 1) {
      for (let c = 0; c < 3; c += 1)
        spread[3 * r + c] =
          at(spread, 3 * r + c) + (at(places, 3 * n + r) - (mean[r] as number)) * (at(places, 3 * n + c) - (mean[c] as number));
    }
  }
  if (!spread.every((x) => Number.isFinite(x)))
    throw new NavError('calibration/not-finite', 'A place of the tracker is not finite.');
  const { vectors } = symmetricEigen(spread, 3);
  const axis = Float64Array.from([0, 1, 2], (r) => at(vectors, 3 * r));
  return motionAlong({ timesMs: [], places }, axis);
}

function reachOf(values: ArrayLike<number>): number {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let n = 0; n < values.length; n += 1) {
    low = Math.min(low, at(values, n));
    high = Math.max(high, at(values, n));
  }
  return high - low;
}

function requireSame(times: number, values: number, name: string): void {
  if (times === values) return;
  throw new NavError('calibration/bad-option', `The ${name} needs as many times as it has values.`);
}
