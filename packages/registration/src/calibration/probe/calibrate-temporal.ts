import { NavError } from '@trocar/core';
import { symmetricEigen } from '@trocar/core/math';
import { median } from '../../accuracy/robust.js';
import type { Finding, ResultOutcome } from '../../outcome.js';
import { at } from '../../points/rigid-fit.js';
import { estimateSignalLag, misfitsAtLag, type Signal, type SignalLag } from './temporal.js';

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

/** `ambiguous`: another lag fits about as well; `disagree`: video and tracker hardly show one motion; `lag-unknown`: the lag is known to no better than 20 ms. */
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
  /** Direction of the tracked motion, unit vector in the tracker's frame, and how far it goes, mm. */
  readonly axis: Float64Array;
  readonly travelMm: number;
  /** How far the line goes, pixels. */
  readonly travelPx: number;
  /** Times of the video, ms, and what is left of the line there, pixels; NaN where it was not used. */
  readonly residualsPx: Float64Array;
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
const WELL_KNOWN_MS = 20;

/**
 * The lag of a video against a tracker by one motion that both show: a probe moved up and down over the bottom of a water tank. The line's row against the tracked place along its principal
 * axis, by estimateSignalLag(): the lag that explains most, whatever its size and whichever way they move; lines far from it are left out, and it is looked for again.
 * @throws NavError `calibration/motionless` (less than 8 mm or 30 pixels), and those of estimateSignalLag()
 */
export function calibrateTemporal(video: VideoLine, tracker: TrackedPlaces, options: TemporalOptions = {}): TemporalCalibration {
  requireSame(video.timesMs.length, video.rows.length, 'video');
  requireSame(3 * tracker.timesMs.length, tracker.places.length, 'tracker');
  const motion = principalMotion(tracker);
  if (!(motion.travelMm >= LEAST_MM)) {
    const message = `The tracked probe moves ${motion.travelMm.toFixed(1)} mm at most; ${LEAST_MM} mm are needed. Move it up and down over the bottom.`;
    throw new NavError('calibration/motionless', message);
  }
  const leader: Signal = { timesMs: tracker.timesMs, values: motion.along };
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
    used: used.length,
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
  const along = Float64Array.from({ length: count }, (_, n) =>
    [0, 1, 2].reduce((sum, r) => sum + at(axis, r) * (at(places, 3 * n + r) - (mean[r] as number)), 0),
  );
  return { axis, along, travelMm: reachOf(along) };
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
