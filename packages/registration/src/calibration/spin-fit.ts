import { Random, radiusQuantile, svd3 } from '@trocar/core/math';
import { huberWeight, median } from '../accuracy/robust.js';
import { at } from '../points/rigid-fit.js';
import { type Correlation, correlationOf } from './pivot-noise.js';
import type { UsablePoses } from './poses.js';

/**
 * The axis about which a tool was spun: R_i a = b for every pose, a in the tool's frame, b in the tracker's.
 *
 * Rotation errors move R_i a by the same amount in all directions across b, so the maximum of Σ w bᵀ R_i a is the
 * likeliest axis: the first singular vectors of the mean rotation matrix R̄. The sum of |(R_iᵀR_j − I) a|² over ALL pairs
 * of poses is 2 n² (1 − |R̄ a|²) and so has the same minimum; a pair at angle θ counts with sin²(θ/2), and pairs of
 * neighbours, which hold little but noise, count for nothing. Rotation errors shorten R̄ and do not turn it.
 */
export interface SpinFit {
  /** Unit vectors: in the tool's frame, and in the tracker's. */
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly weights: Float64Array;
  /** Angle between R_i a and b for every pose, rad. */
  readonly misfits: Float64Array;
  /** Angle about b from the mean orientation for every pose, −π … π, rad. */
  readonly angles: Float64Array;
  /** 3×3 row-major covariance of a, rad²: of rank 2, across a. */
  readonly covariance: Float64Array;
  readonly degreesOfFreedom: number;
  readonly effective: number;
  readonly converged: boolean;
}

/** √χ²₂ at 99 %: Huber's corner. */
const CORNER = 3.0349;
const LEFT_OUT = 0.9995;
/** Share of the variance of normal errors in two components that corner and limit leave. */
const LOSS = 0.9919;
/** Chance 1 − 1e-4 of a triple without outliers where half are (69), twice over. */
const TRIPLES = 140;
const SEARCHED = 150;
const MOST_STEPS = 60;
/** √ of the median of χ²₂. */
const MEDIAN_RADIUS = 1.1774;
/** No tracker resolves less, rad. */
const ROUNDING = 1e-9;

/** Fits the axis; with `robust`, from the half of the poses that agree best. */
export function fitSpin(poses: UsablePoses, robust: boolean, seed: number): SpinFit {
  const n = poses.count;
  let weights: Float64Array = new Float64Array(n).fill(1);
  let axis = axisOf(poses, weights);
  let misfits = anglesOff(poses, axis);
  let converged = !robust;
  if (robust) {
    axis = consensus(poses, seed);
    misfits = anglesOff(poses, axis);
    let sd = Math.max(ROUNDING, ((1 + 5 / n) * median(misfits.slice())) / MEDIAN_RADIUS);
    let freedom = Number.POSITIVE_INFINITY;
    for (let step = 0; step < MOST_STEPS && !converged; step += 1) {
      const limit = sd * radiusQuantile(FLAT, LEFT_OUT, freedom);
      const scale = sd;
      weights = misfits.map((m) => (m > limit ? 0 : huberWeight(m / scale, CORNER)));
      const next = axisOf(poses, weights);
      const moved = Math.hypot(...next.a.map((x, i) => x - at(axis.a, i)));
      axis = next;
      misfits = anglesOff(poses, axis);
      const noise = spreadOf(misfits, weights);
      sd = Math.max(ROUNDING, Math.sqrt(noise.variance / LOSS));
      freedom = Math.max(3, noise.freedom);
      converged = step > 2 && moved < 1e-6 * sd + 1e-13;
    }
  }
  return {
    ...axis,
    weights,
    misfits,
    angles: spinAngles(poses, axis, weights),
    converged,
    ...uncertainty(poses, axis, weights, misfits, robust),
  };
}

type Orientations = Pick<UsablePoses, 'count' | 'matrices'>;

/** The identity in two of three directions. */
const FLAT: ArrayLike<number> = [1, 0, 0, 0, 1, 0, 0, 0, 0];

interface Axis {
  readonly a: Float64Array;
  readonly b: Float64Array;
}

function axisOf(poses: Orientations, weights: ArrayLike<number>): Axis {
  const mean = new Float64Array(9);
  for (let k = 0; k < poses.count; k += 1) {
    const w = at(weights, k);
    if (!(w > 0)) continue;
    for (let r = 0; r < 3; r += 1)
      for (let c = 0; c < 3; c += 1) mean[3 * r + c] = at(mean, 3 * r + c) + w * at(poses.matrices, 16 * k + 4 * c + r);
  }
  const { u, v } = svd3(mean);
  return { a: Float64Array.of(at(v, 0), at(v, 3), at(v, 6)), b: Float64Array.of(at(u, 0), at(u, 3), at(u, 6)) };
}

/** R_k a, into `out`. */
function turned(out: Float64Array, poses: Orientations, k: number, a: ArrayLike<number>): Float64Array {
  const m = 16 * k;
  for (let i = 0; i < 3; i += 1) {
    out[i] =
      at(poses.matrices, m + i) * at(a, 0) + at(poses.matrices, m + 4 + i) * at(a, 1) + at(poses.matrices, m + 8 + i) * at(a, 2);
  }
  return out;
}

function anglesOff(poses: Orientations, { a, b }: Axis): Float64Array {
  const v = new Float64Array(3);
  return Float64Array.from({ length: poses.count }, (_, k) => {
    turned(v, poses, k, a);
    const chord = Math.hypot(at(v, 0) - at(b, 0), at(v, 1) - at(b, 1), at(v, 2) - at(b, 2));
    return 2 * Math.asin(Math.min(1, chord / 2));
  });
}

/** The axis of three poses on which the half of the poses agrees best, refined on that half. */
function consensus(poses: UsablePoses, seed: number): Axis {
  const random = new Random(seed);
  const looked = evenly(poses, SEARCHED);
  const weights = new Float64Array(looked.count);
  let best: { axis: Axis; score: number } | undefined;
  const judge = (axis: Axis): void => {
    const score = median(anglesOff(looked, axis));
    if (best === undefined || score < best.score) best = { axis, score };
  };
  for (let trial = 0; trial < TRIPLES; trial += 1) {
    weights.fill(0);
    for (let i = 0; i < 3; i += 1) weights[random.below(looked.count)] = 1;
    judge(axisOf(looked, weights));
  }
  for (let step = 0; step < 5; step += 1) {
    const { axis, score } = best as unknown as { axis: Axis; score: number };
    const off = anglesOff(looked, axis);
    judge(
      axisOf(
        looked,
        off.map((m) => (m <= score ? 1 : 0)),
      ),
    );
  }
  return (best as unknown as { axis: Axis }).axis;
}

/** At most `count` of the poses, evenly over time. */
function evenly(poses: UsablePoses, count: number): Orientations {
  if (poses.count <= count) return poses;
  const matrices = new Float64Array(16 * count);
  for (let i = 0; i < count; i += 1) {
    const k = Math.floor((i * poses.count) / count);
    matrices.set(poses.matrices.subarray(16 * k, 16 * k + 16), 16 * i);
  }
  return { count, matrices };
}

/** Variance of one of the two components of the misfits, and its degrees of freedom. */
function spreadOf(misfits: ArrayLike<number>, weights: ArrayLike<number>, inflation = 1): { variance: number; freedom: number } {
  let sum = 0;
  let used = 0;
  for (let k = 0; k < weights.length; k += 1) {
    if (!(at(weights, k) > 0)) continue;
    used += 1;
    sum += at(weights, k) * at(misfits, k) ** 2;
  }
  // Four numbers are fitted, a and b having two each.
  const freedom = Math.max(1, 2 * used - Math.min(1.5 * used, 4 * inflation));
  return { variance: sum / freedom, freedom: Math.max(1, (2 * used) / inflation - 4) };
}

/** Unit vectors across v, and the part of each pose's misfit along them. */
function basis(v: ArrayLike<number>): [Float64Array, Float64Array] {
  const [x, y, z] = [at(v, 0), at(v, 1), at(v, 2)];
  const p = Math.abs(x) < 0.6 ? [0, z, -y] : [-z, 0, x];
  const size = Math.hypot(...p);
  const first = Float64Array.from(p, (c) => c / size);
  const [a, b, c] = first as unknown as [number, number, number];
  return [first, Float64Array.of(y * c - z * b, z * a - x * c, x * b - y * a)];
}

/**
 * The covariance of a. In coordinates across a and across b the misfit in the tracker's frame is Q_i δa − δb with a 2×2
 * rotation Q_i, so Cov = Λ⁻¹ M Λ⁻¹ as for a pivot, with errors that last.
 */
function uncertainty(
  poses: UsablePoses,
  { a, b }: Axis,
  weights: ArrayLike<number>,
  misfits: ArrayLike<number>,
  robust: boolean,
): Pick<SpinFit, 'covariance' | 'degreesOfFreedom' | 'effective'> {
  const [a1, a2] = basis(a);
  const [b1, b2] = basis(b);
  const n = poses.count;
  const errors = new Float64Array(3 * n);
  const q = new Float64Array(4 * n);
  const v = new Float64Array(3);
  for (let k = 0; k < n; k += 1) {
    turned(v, poses, k, a);
    for (let i = 0; i < 3; i += 1) errors[3 * k + i] = at(v, i) - at(b, i);
    [a1, a2].forEach((direction, c) => {
      turned(v, poses, k, direction);
      q[4 * k + c] = dot(b1, v);
      q[4 * k + 2 + c] = dot(b2, v);
    });
  }
  const rounding = misfits.length * ROUNDING ** 2 > Float64Array.from(misfits).reduce((sum, m) => sum + m * m, 0);
  const correlation: Correlation = rounding ? { share: 0, decay: 0, inflation: 1 } : correlationOf(errors, weights);
  const { variance, freedom } = spreadOf(misfits, weights, correlation.inflation);
  const own = planar(q, weights, correlation, variance / (robust ? LOSS : 1));
  const covariance = new Float64Array(9);
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j < 3; j += 1) {
      covariance[3 * i + j] =
        own[0] * at(a1, i) * at(a1, j) +
        own[1] * (at(a1, i) * at(a2, j) + at(a2, i) * at(a1, j)) +
        own[2] * at(a2, i) * at(a2, j);
    }
  }
  const used = Array.from(weights).filter((w) => w > 0).length;
  return { covariance, degreesOfFreedom: freedom, effective: used / correlation.inflation };
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  at(a, 0) * at(b, 0) + at(a, 1) * at(b, 1) + at(a, 2) * at(b, 2);

/**
 * Variances and covariance of δa along its two directions. δb is eliminated: with W = Σ w and Q̄ = Σ w Q / W, the score of
 * δa alone is Σ w (Q_i − Q̄)ᵀ e_i, and its information Σ w (I − Q̄ᵀQ̄).
 */
function planar(
  q: Float64Array,
  weights: ArrayLike<number>,
  { share, decay }: Correlation,
  variance: number,
): [number, number, number] {
  const n = weights.length;
  const mean = new Float64Array(4);
  let total = 0;
  for (let k = 0; k < n; k += 1) {
    total += at(weights, k);
    for (let i = 0; i < 4; i += 1) mean[i] = at(mean, i) + at(weights, k) * at(q, 4 * k + i);
  }
  for (let i = 0; i < 4; i += 1) mean[i] = at(mean, i) / total;
  const information = [
    total * (1 - at(mean, 0) ** 2 - at(mean, 2) ** 2),
    -total * (at(mean, 0) * at(mean, 1) + at(mean, 2) * at(mean, 3)),
    total * (1 - at(mean, 1) ** 2 - at(mean, 3) ** 2),
  ] as const;
  const meat = new Float64Array(4);
  const lasting = new Float64Array(4);
  const z = new Float64Array(4);
  for (let k = 0; k < n; k += 1) {
    for (let i = 0; i < 4; i += 1) z[i] = at(weights, k) * (at(q, 4 * k + i) - at(mean, i));
    for (let i = 0; i < 2; i += 1) {
      for (let j = 0; j < 2; j += 1) {
        // Column i of Z against column j: Z is (Q − Q̄), its transpose the score.
        let sum = 0;
        for (const row of [0, 2]) {
          sum +=
            at(z, row + i) * at(z, row + j) +
            share * (at(z, row + i) * at(lasting, row + j) + at(lasting, row + i) * at(z, row + j));
        }
        meat[2 * i + j] = at(meat, 2 * i + j) + sum;
      }
    }
    for (let i = 0; i < 4; i += 1) lasting[i] = decay * (at(lasting, i) + at(z, i));
  }
  return sandwich(information, meat, variance);
}

function sandwich(
  [aa, ab, bb]: readonly [number, number, number],
  meat: Float64Array,
  variance: number,
): [number, number, number] {
  const determinant = aa * bb - ab * ab;
  const inverse = [bb / determinant, -ab / determinant, -ab / determinant, aa / determinant] as const;
  const half = [0, 1].flatMap((i) =>
    [0, 1].map((j) => inverse[(2 * i) as 0] * at(meat, j) + inverse[(2 * i + 1) as 1] * at(meat, 2 + j)),
  );
  const full = (i: number, j: number): number =>
    variance *
    ((half[2 * i] as number) * (inverse[j as 0] as number) + (half[2 * i + 1] as number) * (inverse[(2 + j) as 2] as number));
  return [full(0, 0), (full(0, 1) + full(1, 0)) / 2, full(1, 1)];
}

/** Angles about b of the poses against their mean. */
function spinAngles(poses: UsablePoses, { a, b }: Axis, weights: ArrayLike<number>): Float64Array {
  const [a1] = basis(a);
  const [b1, b2] = basis(b);
  const v = new Float64Array(3);
  const raw = Float64Array.from({ length: poses.count }, (_, k) => {
    turned(v, poses, k, a1);
    return Math.atan2(dot(b2, v), dot(b1, v));
  });
  let [sine, cosine] = [0, 0];
  raw.forEach((angle, k) => {
    sine += at(weights, k) * Math.sin(angle);
    cosine += at(weights, k) * Math.cos(angle);
  });
  const mean = Math.atan2(sine, cosine);
  return raw.map((angle) => Math.atan2(Math.sin(angle - mean), Math.cos(angle - mean)));
}

/** The part of the circle that angles cover: 2π less the largest gap between neighbours, rad. */
export function covered(angles: readonly number[]): number {
  const sorted = Float64Array.from(angles).sort();
  let gap = at(sorted, 0) + 2 * Math.PI - at(sorted, sorted.length - 1);
  for (let k = 1; k < sorted.length; k += 1) gap = Math.max(gap, at(sorted, k) - at(sorted, k - 1));
  return 2 * Math.PI - gap;
}
