import type { PoseSample } from '../frames/index.js';
import { fromRotationVector, multiply4, quaternionOf, type Random } from '../math/index.js';
import type { Instant } from '../time/index.js';

/** How a simulated tracker errs. Everything left out is perfect. */
export interface TrackerModel {
  /** Standard deviation of the position per axis, mm: one number, or one for each axis of the tracker frame. */
  readonly positionSdMm?: number | readonly [number, number, number];
  /** Standard deviation of the rotation about each axis, rad. */
  readonly rotationSdRad?: number;
  /** The share of samples that are grossly wrong: 0 … 1. */
  readonly outlierRate?: number;
  /** How far wrong those are, mm, in a random direction. */
  readonly outlierMm?: number;
  /** Windows of true time in which the tool is not seen: from ≤ t < to, ms. */
  readonly occlusions?: readonly { readonly fromMs: number; readonly toMs: number }[];
  /** From the measurement to its arrival, ms. */
  readonly latencyMs?: number;
  /** Standard deviation of the latency, ms; an arrival never comes before its measurement. */
  readonly jitterMs?: number;
}

const turn = new Float64Array(16);
const seen = new Float64Array(16);
const quaternion = new Float64Array(4);

/**
 * What a tracker that errs as `model` says makes of a tool's true pose, into `out`. Its errors come from `random`
 * alone: the same generator state gives the same sample. Rotation errs about the tool's own origin.
 * @param trackerFromTool the true pose: 16 doubles, column-major, mm
 * @param at when the pose was true
 */
export function observePose(
  out: PoseSample,
  trackerFromTool: ArrayLike<number>,
  at: Instant,
  model: TrackerModel,
  random: Random,
): void {
  out.measuredAt = at;
  const delay = (model.latencyMs ?? 0) + (model.jitterMs ?? 0) * random.normal();
  out.arrivedAt = (at + Math.max(0, delay)) as Instant;
  out.errorMm = Number.NaN;
  // Every sample draws the same numbers, so that an occlusion does not change the noise of what follows it.
  const r = model.rotationSdRad ?? 0;
  fromRotationVector(turn, [r * random.normal(), r * random.normal(), r * random.normal()]);
  multiply4(seen, trackerFromTool, turn);
  addPositionNoise(seen, model, random);
  addOutlier(seen, model, random);
  if ((model.occlusions ?? []).some((o) => at >= o.fromMs && at < o.toMs)) {
    out.status = 'missing';
    out.setPose(Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN);
    return;
  }
  const q = quaternionOf(quaternion, seen);
  out.status = 'ok';
  out.setPose(
    seen[12] as number,
    seen[13] as number,
    seen[14] as number,
    q[0] as number,
    q[1] as number,
    q[2] as number,
    q[3] as number,
  );
}

function addPositionNoise(m: Float64Array, model: TrackerModel, random: Random): void {
  const sd = model.positionSdMm ?? 0;
  for (let k = 0; k < 3; k += 1) {
    const own = typeof sd === 'number' ? sd : (sd[k] as number);
    m[12 + k] = (m[12 + k] as number) + own * random.normal();
  }
}

function addOutlier(m: Float64Array, model: TrackerModel, random: Random): void {
  const hit = random.uniform() < (model.outlierRate ?? 0);
  const d = [random.normal(), random.normal(), random.normal()];
  const length = Math.hypot(...d);
  if (!hit) return;
  for (let k = 0; k < 3; k += 1) m[12 + k] = (m[12 + k] as number) + ((model.outlierMm ?? 0) * (d[k] as number)) / length;
}
