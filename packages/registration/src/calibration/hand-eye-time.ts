import { NavError } from '@trocar/core';
import { fromQuaternion, invertRigid, multiply4, quaternionOf, rotationVectorOf, slerp } from '@trocar/core/math';
import { at } from '../points/rigid-fit.js';
import type { AnyPoseList, CalibrationPose, PoseList } from './poses.js';

/** What {@link pairInTime} may be told. */
export interface PairingOptions {
  /** Read the first list this much later, ms. Default 0. */
  readonly offsetMs?: number;
  /** Poses of the first list farther apart than this, ms, are not interpolated between. Default 100. */
  readonly maxGapMs?: number;
}

/** Two lists whose poses belong together by place. */
export interface PairedLists<A extends string, B extends string, C extends string, D extends string> {
  readonly first: PoseList<A, B>;
  readonly second: PoseList<C, D>;
  /** Poses of the second list that no pose of the first is near enough to. */
  readonly unpaired: number;
}

const DEFAULT_GAP_MS = 100;

/**
 * Pairs two recordings by their times: for each measured pose of the second list, the first is read `offsetMs` later, between its two
 * nearest measured poses (position linearly, rotation along the shorter arc). Give the faster and steadier list first.
 * @throws NavError `calibration/unpaired` where a pose has no time, times go backwards, or nothing can be paired
 */
export function pairInTime<A extends string, B extends string, C extends string, D extends string>(
  first: PoseList<A, B>,
  second: PoseList<C, D>,
  options: PairingOptions = {},
): PairedLists<A, B, C, D> {
  const track = new Track(first.poses, first.from.name, options.maxGapMs ?? DEFAULT_GAP_MS);
  const times = timesOf(second.poses, second.from.name);
  const one: CalibrationPose[] = [];
  const other: CalibrationPose[] = [];
  let unpaired = 0;
  second.poses.forEach((pose, k) => {
    if (!isMeasured(pose)) return;
    const matrix = new Float64Array(16);
    if (!track.read(matrix, at(times, k) + (options.offsetMs ?? 0))) {
      unpaired += 1;
      return;
    }
    one.push({ matrix, timeMs: at(times, k) });
    other.push(pose);
  });
  if (one.length === 0) {
    throw new NavError(
      'calibration/unpaired',
      `No pose of "${second.from.name}" lies in time between two of "${first.from.name}". Check that both clocks are the same and in milliseconds.`,
      { detail: { first: first.poses.length, second: second.poses.length } },
    );
  }
  return { first: { ...first, poses: one }, second: { ...second, poses: other }, unpaired };
}

const isMeasured = (pose: CalibrationPose): boolean =>
  pose.status === undefined || pose.status === 'ok' || pose.status === 'unknown';

function timesOf(poses: readonly CalibrationPose[], name: string): Float64Array {
  let last = Number.NEGATIVE_INFINITY;
  return Float64Array.from(poses, ({ timeMs }, k) => {
    if (timeMs === undefined || !Number.isFinite(timeMs) || timeMs < last) {
      throw new NavError(
        'calibration/unpaired',
        `Pose ${k + 1} (counting from 1) of "${name}" ${timeMs === undefined ? 'has no time' : `is of ${timeMs} ms, after ${last} ms`}. ` +
          'To be paired by time, both lists need ascending times.',
        { detail: { index: k } },
      );
    }
    last = timeMs;
    return timeMs;
  });
}

/** A recording that can be read at any time. */
class Track {
  readonly #times: Float64Array;
  readonly #matrices: readonly ArrayLike<number>[];
  readonly #gap: number;
  readonly #p = new Float64Array(4);
  readonly #q = new Float64Array(4);

  constructor(poses: readonly CalibrationPose[], name: string, gap: number) {
    const times = timesOf(poses, name);
    const kept = poses.map((pose, k) => (isMeasured(pose) ? k : -1)).filter((k) => k >= 0);
    this.#times = Float64Array.from(kept, (k) => at(times, k));
    this.#matrices = kept.map((k) => poses[k]?.matrix ?? []);
    this.#gap = gap;
  }

  /** The pose at a time into `out`; false where no two poses near enough enclose it. */
  read(out: Float64Array, time: number): boolean {
    const times = this.#times;
    let low = 0;
    let high = times.length - 1;
    if (high < 1 || !(time >= at(times, 0) && time <= at(times, high))) return false;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (at(times, middle) <= time) low = middle;
      else high = middle;
    }
    // A pose measured at that very time needs no neighbour.
    if (time === at(times, low)) high = low;
    if (time === at(times, high)) low = high;
    const span = at(times, high) - at(times, low);
    if (span > this.#gap) return false;
    const f = span > 0 ? (time - at(times, low)) / span : 0;
    const a = this.#matrices[low] as ArrayLike<number>;
    const b = this.#matrices[high] as ArrayLike<number>;
    slerp(this.#p, quaternionOf(this.#p, a), quaternionOf(this.#q, b), f);
    fromQuaternion(
      out,
      this.#p,
      [12, 13, 14].map((i) => (1 - f) * at(a, i) + f * at(b, i)),
    );
    return true;
  }
}

/** A lag between two recordings. */
export interface TimeOffset {
  /** Read the first list this much later to fit the second, ms. */
  readonly offsetMs: number;
  /** Correlation of the two turning speeds at that offset: near 1 where they are one movement. */
  readonly correlation: number;
}

/** What {@link estimateTimeOffset} may be told. */
export interface TimeOffsetOptions {
  /** The largest offset looked for, ms. Default 1000. */
  readonly withinMs?: number;
  /** Turning is measured over this long, ms. Default 300. */
  readonly windowMs?: number;
}

const STEP_MS = 10;
const LEAST_SAMPLES = 30;

/**
 * The lag between two recordings of rigidly joined bodies, from how fast they turn, which is the same for both whatever lies between them:
 * the offset of the highest correlation, refined by a parabola. Good to a few milliseconds; the calibration's own `timeOffsetMs` refines it.
 * @throws NavError `calibration/unpaired` (no times, or too little overlap), `calibration/motionless` (no changes of speed to align by)
 */
export function estimateTimeOffset(first: AnyPoseList, second: AnyPoseList, options: TimeOffsetOptions = {}): TimeOffset {
  const within = options.withinMs ?? 1000;
  const window = options.windowMs ?? 300;
  const a = new Track(first.poses, first.from.name, window);
  const b = new Track(second.poses, second.from.name, window);
  const times = timesOf(second.poses, second.from.name);
  const speedsB = Float64Array.from(times, (t) => turned(b, t, window));
  const steps = Math.ceil(within / STEP_MS);
  const scores = Array.from({ length: 2 * steps + 1 }, (_, k) => correlation(a, speedsB, times, (k - steps) * STEP_MS, window));
  let best = -1;
  scores.forEach((s, k) => {
    if (!Number.isNaN(s) && (best < 0 || s > (scores[best] as number))) best = k;
  });
  if (best < 0) {
    throw new NavError(
      'calibration/unpaired',
      `"${first.from.name}" and "${second.from.name}" do not overlap in time for long enough, or do not turn at changing speed. ` +
        'Check that both clocks are the same, and move the hand with pauses.',
      { detail: { withinMs: within } },
    );
  }
  const [left, middle, right] = [scores[best - 1], scores[best] as number, scores[best + 1]];
  const bend = (left ?? Number.NaN) - 2 * middle + (right ?? Number.NaN);
  const shift = bend < 0 ? ((left as number) - (right as number)) / (2 * bend) : 0;
  return { offsetMs: (best - steps + shift) * STEP_MS, correlation: middle };
}

const before = new Float64Array(16);
const after = new Float64Array(16);
const vector = new Float64Array(3);

/** How far the track turns within a window about a time, rad; NaN outside it. */
function turned(track: Track, time: number, window: number): number {
  if (!track.read(before, time - window / 2) || !track.read(after, time + window / 2)) return Number.NaN;
  rotationVectorOf(vector, multiply4(after, invertRigid(before, before), after));
  return Math.hypot(at(vector, 0), at(vector, 1), at(vector, 2));
}

/** Pearson's correlation of the turning of `a` read later with that of b. */
function correlation(a: Track, b: Float64Array, times: ArrayLike<number>, offset: number, window: number): number {
  let [n, x, y, xx, yy, xy] = [0, 0, 0, 0, 0, 0];
  for (let k = 0; k < b.length; k += 1) {
    const q = at(b, k);
    const p = Number.isNaN(q) ? q : turned(a, at(times, k) + offset, window);
    if (Number.isNaN(p)) continue;
    n += 1;
    x += p;
    y += q;
    xx += p * p;
    yy += q * q;
    xy += p * q;
  }
  const product = (xx - (x * x) / n) * (yy - (y * y) / n);
  return n >= LEAST_SAMPLES && product > 0 ? (xy - (x * y) / n) / Math.sqrt(product) : Number.NaN;
}
