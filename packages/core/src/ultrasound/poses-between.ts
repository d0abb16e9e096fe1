import { hasPose, type Status, worstStatus } from '../frames/index.js';
import { fromQuaternion, identity4, quaternionOf, rigidityError, slerp } from '../math/index.js';

/** A recorded pose, and when it was. */
export interface RecordedPose {
  /** 16 doubles, column-major, mm. */
  readonly matrix: ArrayLike<number>;
  readonly status: Status;
  /** ms of the recording's clock; NaN where nobody knows: such poses are not read. */
  readonly timeMs: number;
}

/** A pose that was read between two; `missing` comes with the identity. */
export interface PoseBetween {
  readonly matrix: Float64Array;
  readonly status: Status;
}

/** Poses farther apart in time are not interpolated between, ms. */
const LONGEST_GAP_MS = 400;
/** More than this is no rigid pose. Recordings have six digits. */
const RIGID_WITHIN = 1e-3;

/**
 * Reads recorded poses at any time, ms: the turn along the shorter arc and the place along the line between the two around it. Before the first, behind the
 * last, and between two that lie more than 0.4 s apart the pose is `missing`: nothing is extrapolated. The status is the worse of the two. What is no pose,
 * no rigid one, or has no time is passed over.
 */
export function posesBetween(recorded: readonly RecordedPose[]): (timeMs: number) => PoseBetween {
  const poses = recorded
    .filter(({ matrix, status, timeMs }) => Number.isFinite(timeMs) && hasPose(status) && rigidityError(matrix) <= RIGID_WITHIN)
    .sort((a, b) => a.timeMs - b.timeMs);
  return (timeMs) => {
    const next = firstFrom(poses, timeMs);
    const [a, b] = [poses[next - 1], poses[next]];
    if (b?.timeMs === timeMs) return { matrix: Float64Array.from(b.matrix), status: b.status };
    if (a === undefined || b === undefined || !(b.timeMs - a.timeMs <= LONGEST_GAP_MS)) {
      return { matrix: identity4(), status: 'missing' };
    }
    const f = (timeMs - a.timeMs) / (b.timeMs - a.timeMs);
    const [p, q] = [quaternionOf(new Float64Array(4), a.matrix), quaternionOf(new Float64Array(4), b.matrix)];
    const t = [12, 13, 14].map((k) => (a.matrix[k] as number) + f * ((b.matrix[k] as number) - (a.matrix[k] as number)));
    return { matrix: fromQuaternion(identity4(), slerp(q, p, q, f), t), status: worstStatus(a.status, b.status) };
  };
}

/** The number of the first pose that is not before a time; as many as there are where all are. */
function firstFrom(poses: readonly RecordedPose[], timeMs: number): number {
  let [low, high] = [0, poses.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((poses[middle] as RecordedPose).timeMs < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
