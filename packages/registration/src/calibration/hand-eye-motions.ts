import { invertRigid, multiply4, Random, rotationVectorOf, symmetricEigen } from '@trocar/core/math';

/**
 * Poses as the calibrations work on them: A X B = Y for every pose, with A and B measured. 16 doubles a pose,
 * column-major, mm. `a` is base-from-hand, `b` eye-from-target, X hand-from-eye, Y base-from-target.
 */
export interface PosePairs {
  readonly count: number;
  readonly a: Float64Array;
  readonly b: Float64Array;
}

/** Pose i of a stack: a view, not a copy. */
export function poseAt(stack: Float64Array, i: number): Float64Array {
  return stack.subarray(16 * i, 16 * i + 16);
}

/** The chosen poses, copied. */
export function selected(pairs: PosePairs, indices: ArrayLike<number>): PosePairs {
  const count = indices.length;
  const a = new Float64Array(16 * count);
  const b = new Float64Array(16 * count);
  for (let k = 0; k < count; k += 1) {
    a.set(poseAt(pairs.a, indices[k] as number), 16 * k);
    b.set(poseAt(pairs.b, indices[k] as number), 16 * k);
  }
  return { count, a, b };
}

/** The poses with one list or both turned round, to see whether that is how they were meant. */
export function inverted(pairs: PosePairs, which: { readonly a: boolean; readonly b: boolean }): PosePairs {
  const turned = (stack: Float64Array): Float64Array => {
    const out = new Float64Array(stack.length);
    for (let i = 0; i < pairs.count; i += 1) invertRigid(poseAt(out, i), poseAt(stack, i));
    return out;
  };
  return { count: pairs.count, a: which.a ? turned(pairs.a) : pairs.a, b: which.b ? turned(pairs.b) : pairs.b };
}

/** Motions between poses: a X = X b for each, a = A_j⁻¹ A_i and b = B_j B_i⁻¹. */
export interface Motions {
  readonly count: number;
  /** The two poses of each motion. */
  readonly first: Int32Array;
  readonly second: Int32Array;
  /** 16 doubles each. */
  readonly a: Float64Array;
  readonly b: Float64Array;
  /** Rotation vectors, 3 doubles each, rad. */
  readonly alpha: Float64Array;
  readonly beta: Float64Array;
}

/** Motions turn at least this much to be worth using: the error of an axis is that of the poses over sin of this. */
const LEAST_TURN = (10 * Math.PI) / 180;
/** All pairs up to this many, then a seeded choice among them. */
const MOST_MOTIONS = 4000;

/**
 * Motions between all pairs of poses that turn by at least 10° in both lists; of long lists a seeded sample. Pairs far
 * apart in rotation, not consecutive ones: those of a recording at 30 Hz hold little but noise.
 */
export function motionsOf(pairs: PosePairs, seed: number, least: number = LEAST_TURN): Motions {
  const { count } = pairs;
  const all = (count * (count - 1)) / 2;
  const first: number[] = [];
  const second: number[] = [];
  if (all <= MOST_MOTIONS) {
    for (let i = 1; i < count; i += 1) for (let j = 0; j < i; j += 1) first.push(i) && second.push(j);
  } else {
    const random = new Random(seed);
    for (let k = 0; k < MOST_MOTIONS; k += 1) {
      const i = random.below(count);
      const j = (i + 1 + random.below(count - 1)) % count;
      first.push(Math.max(i, j));
      second.push(Math.min(i, j));
    }
  }
  return motionsBetween(pairs, first, second, least);
}

/** The motions between these poses, of those that turn by at least `least` rad in both lists. */
export function motionsBetween(
  pairs: PosePairs,
  first: readonly number[],
  second: readonly number[],
  least: number = LEAST_TURN,
): Motions {
  const n = first.length;
  const kept = { first: [] as number[], second: [] as number[] };
  const a = new Float64Array(16 * n);
  const b = new Float64Array(16 * n);
  const alpha = new Float64Array(3 * n);
  const beta = new Float64Array(3 * n);
  const inverse = new Float64Array(16);
  const v = new Float64Array(3);
  const w = new Float64Array(3);
  let count = 0;
  for (let k = 0; k < n; k += 1) {
    const i = first[k] as number;
    const j = second[k] as number;
    const motionA = multiply4(poseAt(a, count), invertRigid(inverse, poseAt(pairs.a, j)), poseAt(pairs.a, i));
    const motionB = multiply4(poseAt(b, count), poseAt(pairs.b, j), invertRigid(inverse, poseAt(pairs.b, i)));
    rotationVectorOf(v, motionA);
    rotationVectorOf(w, motionB);
    if (
      Math.min(
        Math.hypot(v[0] as number, v[1] as number, v[2] as number),
        Math.hypot(w[0] as number, w[1] as number, w[2] as number),
      ) < least
    )
      continue;
    alpha.set(v, 3 * count);
    beta.set(w, 3 * count);
    kept.first.push(i);
    kept.second.push(j);
    count += 1;
  }
  return {
    count,
    first: Int32Array.from(kept.first),
    second: Int32Array.from(kept.second),
    a: a.subarray(0, 16 * count),
    b: b.subarray(0, 16 * count),
    alpha: alpha.subarray(0, 3 * count),
    beta: beta.subarray(0, 3 * count),
  };
}

/** How well a set of motions fixes a hand-eye transform. */
export interface AxisDiversity {
  /** Motions between poses that turn enough to count. */
  readonly motions: number;
  /** The largest turn between any two poses, degrees. */
  readonly largestTurnDeg: number;
  /**
   * How far the rotation axes spread about their common direction, degrees: root mean square, motions weighted by the
   * square of their angle's sine. 0 where all are parallel, 54.7 where they point everywhere equally.
   */
  readonly axisSpreadDeg: number;
}

/** The diversity of the axes of one side's motions (`alpha` or `beta`: rigidly joined bodies have the same). */
export function axisDiversity(vectors: Float64Array): AxisDiversity {
  const motions = vectors.length / 3;
  const scatter = new Float64Array(9);
  let largest = 0;
  for (let k = 0; k < motions; k += 1) {
    const v = vectors.subarray(3 * k, 3 * k + 3);
    const angle = Math.hypot(v[0] as number, v[1] as number, v[2] as number);
    largest = Math.max(largest, angle);
    const scale = Math.sin(angle / 2) / angle;
    for (let i = 0; i < 3; i += 1)
      for (let j = 0; j < 3; j += 1)
        scatter[3 * i + j] = (scatter[3 * i + j] as number) + scale * scale * (v[i] as number) * (v[j] as number);
  }
  const { values } = symmetricEigen(scatter, 3);
  const total = (values[0] as number) + (values[1] as number) + (values[2] as number);
  const across = total > 0 ? Math.max(0, (values[1] as number) + (values[2] as number)) / total : 0;
  const degrees = 180 / Math.PI;
  return { motions, largestTurnDeg: largest * degrees, axisSpreadDeg: Math.asin(Math.sqrt(Math.min(1, across))) * degrees };
}
