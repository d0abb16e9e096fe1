import { type AnyFrame, type Frame, NavError, type PoseSample, requireSameFrame, type Status } from '@trocar/core';
import { fromQuaternion, quaternionOf, rigidityError } from '@trocar/core/math';
import { at } from '../points/rigid-fit.js';

/**
 * Recorded poses as every calibration takes them, and the checks that all of them share: what is not a measurement is
 * never used, and a recording that cannot hold the answer is refused by name.
 */

/** One recorded pose. A `Transform` is one too: its frames are then checked against the list's. */
export interface CalibrationPose {
  /** p_to = matrix · p_from: 16 numbers, column-major, mm. Not looked at where the status says that there is no measurement. */
  readonly matrix: ArrayLike<number>;
  /** When the pose was true, ms on any clock that all poses of the recording share. */
  readonly timeMs?: number;
  /** What the device says of the pose. Absent: the caller vouches for it, as for `ok`. */
  readonly status?: Status;
  /** 6×6 row-major as a transform's, mm² and rad²: used where every pose has one. */
  readonly covariance?: ArrayLike<number>;
  readonly to?: AnyFrame;
  readonly from?: AnyFrame;
}

/** A pose list whose frames are only known at run time. */
export interface AnyPoseList {
  readonly to: AnyFrame;
  readonly from: AnyFrame;
  readonly poses: readonly CalibrationPose[];
}

/** Poses of one tool in the order recorded: `to` is the tracker or the reference, `from` the tool's own marker. */
export interface PoseList<To extends string, From extends string> extends AnyPoseList {
  readonly to: Frame<To>;
  readonly from: Frame<From>;
}

/** What {@link usablePoses} demands. */
export interface PoseRules {
  /** What is being done, to begin messages with: `A pivot calibration`. */
  readonly purpose: string;
  /** Fewer usable poses than this are refused. */
  readonly atLeast: number;
  /** Larger shares of poses that were not measured are refused. Default 0.5. */
  readonly maxHiddenShare?: number;
  /** Take `unknown` for `ok`: for protocols that never tell. Default false. */
  readonly acceptUnknown?: boolean;
  /** The tool is meant to be held still: copies of the pose before are kept, and no motion is no fault. Default false. */
  readonly still?: boolean;
}

/** The measured poses of a list. */
export interface UsablePoses {
  readonly count: number;
  /** Places in the list given, counted from 0, ascending. */
  readonly indices: readonly number[];
  /** 16 doubles each, column-major, mm, with rotations orthogonal to rounding. */
  readonly matrices: Float64Array;
  /** ms; NaN where a pose has no time. */
  readonly times: Float64Array;
  /** Poses given. */
  readonly given: number;
  /** Poses whose status or fill value says that they were not measured, or that are an unconnected transform's identity. */
  readonly hidden: number;
  /** Exact copies of the pose before: the device told one measurement twice. */
  readonly repeated: number;
}

/** Text of four digits, as trackers and files write it, leaves a rotation this far from orthogonal. */
const RIGID_WITHIN = 1e-3;
const DEFAULT_HIDDEN = 0.5;
/** A thousand kilometres, mm: no place, in whatever unit it is meant. */
const FILLER_ABOVE = 1e9;

/**
 * A pose from a tracker's sample: the numbers are copied. A quaternion that three digits have left a little too long or short is
 * made one of length 1: samples and files admit no others.
 */
export function calibrationPose(sample: PoseSample): CalibrationPose {
  const v = sample.values;
  const q = v.slice(6, 10);
  const length = Math.hypot(...q);
  if (length > 0) for (let i = 0; i < 4; i += 1) q[i] = at(q, i) / length;
  const matrix = fromQuaternion(new Float64Array(16), q, v.subarray(3, 6));
  return { matrix, timeMs: sample.measuredAt, status: sample.status };
}

/**
 * The poses of a list that are measurements: status `ok`, not an exact copy of the one before, not an unconnected
 * transform's identity, not a place beyond 1000 km (a device's fill value). Rotations that a file has rounded (RᵀR within 1e-3 of the identity) are made orthogonal again.
 * @throws NavError `calibration/too-few-poses`, `calibration/not-finite`, `calibration/not-rigid` (scale, shear, mirror,
 * a transposed 4×4), `calibration/identity-poses`, `calibration/hidden`, `frame/mismatch`
 */
export function usablePoses(list: AnyPoseList, rules: PoseRules): UsablePoses {
  const { poses } = list;
  if (poses.length < rules.atLeast) throw tooFew(rules, poses.length, 0);
  const seen: number[] = [];
  poses.forEach((pose, k) => {
    if (pose.to !== undefined) requireSameFrame(list.to, pose.to, rules.purpose);
    if (pose.from !== undefined) requireSameFrame(list.from, pose.from, rules.purpose);
    if (isMeasured(pose.status, rules) && !isFiller(pose.matrix)) seen.push(k);
  });
  requireSeen(list, rules, seen.length);
  for (const k of seen) requireRigid(poses[k] as CalibrationPose, k, rules);
  const identities = seen.filter((k) => isIdentity((poses[k] as CalibrationPose).matrix));
  // One exact identity may be the start that all other poses are told from; two are a transform that was never set.
  const unset = identities.length > 1 ? new Set(identities) : new Set<number>();
  if (unset.size > 0 && 2 * unset.size > seen.length) throw notConnected(list, rules, unset.size, seen.length);
  const measured = seen.filter((k) => !unset.has(k));
  requireSeen(list, rules, measured.length);
  const fresh = measured.filter((k, n) => rules.still === true || n === 0 || !sameMatrix(poses, k, measured[n - 1] as number));
  if (measured.length >= rules.atLeast && fresh.length < 2 && rules.atLeast > 1) throw motionless(list, rules, measured.length);
  if (fresh.length < rules.atLeast) throw tooFew(rules, poses.length, poses.length - fresh.length);
  return collected(poses, fresh, poses.length - measured.length, measured.length - fresh.length);
}

function isMeasured(status: Status | undefined, rules: PoseRules): boolean {
  return status === undefined || status === 'ok' || (status === 'unknown' && rules.acceptUnknown === true);
}

function requireSeen(list: AnyPoseList, rules: PoseRules, seen: number): void {
  const untold = list.poses.filter((p) => p.status === 'unknown').length;
  requireShown(list.from.name, { given: list.poses.length, seen, untold }, rules);
}

/**
 * Refuses a recording in which the marker was seen too rarely.
 * @param counts poses given, measured, and of status `unknown`
 * @throws NavError `calibration/hidden`
 */
export function requireShown(
  tool: string,
  { given, seen, untold }: { readonly given: number; readonly seen: number; readonly untold: number },
  rules: PoseRules,
): void {
  const hidden = given - seen;
  const share = hidden / given;
  if (seen > 0 && share <= (rules.maxHiddenShare ?? DEFAULT_HIDDEN)) return;
  const advice =
    untold > given / 2 && rules.acceptUnknown !== true
      ? 'The protocol does not tell whether the tool was seen: check that it was, and pass acceptUnknown.'
      : 'Keep the marker turned to the tracker, clean and uncovered, and record again.';
  throw new NavError(
    'calibration/hidden',
    `${rules.purpose}: the marker "${tool}" was ${seen === 0 ? 'never seen' : `not seen in ${Math.round(100 * share)} %`} ` +
      `of the ${given} poses. ${advice}`,
    { detail: { tool, given, hidden, unknown: untold } },
  );
}

function requireRigid(pose: CalibrationPose, index: number, rules: PoseRules): void {
  const m = pose.matrix;
  const where = `${rules.purpose}: pose ${index + 1} (counting from 1)`;
  const finite = m.length === 16 && Array.from(m).every((x) => Number.isFinite(x));
  if (!finite) {
    throw new NavError(
      'calibration/not-finite',
      `${where} is no matrix of 16 finite numbers, though its status is "${pose.status ?? 'ok'}". Mark it missing, or leave it out.`,
      { detail: { index } },
    );
  }
  const error = rigidityError(m);
  if (error <= RIGID_WITHIN) return;
  const transposed =
    at(m, 12) === 0 && at(m, 13) === 0 && at(m, 14) === 0 && (at(m, 3) !== 0 || at(m, 7) !== 0 || at(m, 11) !== 0);
  const why = transposed
    ? 'its translation stands in the last row: give matrices column by column'
    : `it scales, shears or mirrors (RᵀR is off by ${error.toPrecision(2)})`;
  throw new NavError('calibration/not-rigid', `${where} is not a rigid motion: ${why}.`, {
    detail: { index, error, transposed },
  });
}

/** Whether a place is a number that stands for none, such as the −3.697314e28 of NDI's trackers. */
function isFiller(m: ArrayLike<number>): boolean {
  return [12, 13, 14].some((i) => Number.isFinite(at(m, i)) && Math.abs(at(m, i)) > FILLER_ABOVE);
}

function isIdentity(m: ArrayLike<number>): boolean {
  for (let i = 0; i < 16; i += 1) if (Math.abs(at(m, i) - (i % 5 === 0 ? 1 : 0)) > 1e-12) return false;
  return true;
}

function sameMatrix(poses: readonly CalibrationPose[], a: number, b: number): boolean {
  const x = (poses[a] as CalibrationPose).matrix;
  const y = (poses[b] as CalibrationPose).matrix;
  for (let i = 0; i < 16; i += 1) if (x[i] !== y[i]) return false;
  return true;
}

function collected(poses: readonly CalibrationPose[], used: number[], hidden: number, repeated: number): UsablePoses {
  const matrices = new Float64Array(16 * used.length);
  const times = new Float64Array(used.length).fill(Number.NaN);
  const q = new Float64Array(4);
  used.forEach((k, n) => {
    const { matrix, timeMs } = poses[k] as CalibrationPose;
    quaternionOf(q, matrix);
    fromQuaternion(matrices.subarray(16 * n, 16 * n + 16), q, [at(matrix, 12), at(matrix, 13), at(matrix, 14)]);
    if (timeMs !== undefined) times[n] = timeMs;
  });
  return { count: used.length, indices: used, matrices, times, given: poses.length, hidden, repeated };
}

function tooFew(rules: PoseRules, given: number, unusable: number): NavError {
  const left = unusable > 0 ? ` of which ${unusable} are hidden or copies of the one before` : '';
  return new NavError(
    'calibration/too-few-poses',
    `${rules.purpose} needs at least ${rules.atLeast} measured poses and has ${given}${left}. Record for longer.`,
    { detail: { given, unusable, atLeast: rules.atLeast } },
  );
}

function notConnected(list: AnyPoseList, rules: PoseRules, identities: number, seen: number): NavError {
  return new NavError(
    'calibration/identity-poses',
    `${rules.purpose}: ${identities === seen ? 'every pose' : `${identities} of ${seen} poses`} of "${list.from.name}" ` +
      'is the identity. The transform is not connected to the tracker: connect it, check that its numbers change, and record again.',
    { detail: { identities, seen } },
  );
}

/** The refusal of a tool that did not move. */
export function motionless(list: AnyPoseList, rules: PoseRules, seen: number): NavError {
  return new NavError(
    'calibration/motionless',
    `${rules.purpose}: the tool "${list.from.name}" did not move in ${seen} poses. Start recording, then tilt the tool about its ` +
      'tip in all directions; where it did move, the tracker is not sending fresh poses.',
    { detail: { seen } },
  );
}
