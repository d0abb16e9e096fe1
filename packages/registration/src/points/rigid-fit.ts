import { svd3 } from '@trocar/core/math';

/**
 * The least-squares rigid motion between paired points.
 *
 * Arun, Huang & Blostein 1987 (IEEE PAMI 9:698) with the reflection guard of Umeyama 1991 (IEEE PAMI 13:376):
 * H = Σ w (x − x̄)(y − ȳ)ᵀ = U S Vᵀ, R = V diag(1, 1, det V Uᵀ) Uᵀ, t = ȳ − R x̄.
 */
export interface RigidFit {
  /** p_to = matrix · p_from: 16 doubles, column-major, mm. */
  readonly matrix: Float64Array;
  /** Σ w |y − R x − t|², mm². */
  readonly squares: number;
  /** The same sum for the best motion that mirrors: smaller than `squares` where the pairs are each other's mirror image. */
  readonly mirroredSquares: number;
}

/** Weighted centroids and the cross-covariance about them: all that a fit needs to know of the points. */
interface Moments {
  readonly toMean: Float64Array;
  readonly fromMean: Float64Array;
  /** Row-major: H[3·i + j] = Σ w x_i y_j. */
  readonly cross: Float64Array;
  /** Σ w (|x − x̄|² + |y − ȳ|²). */
  readonly spread: number;
}

/**
 * Fits the rigid motion.
 * @param to coordinates 3N, mm
 * @param from coordinates 3N, mm
 * @param weights N numbers ≥ 0, not all zero
 * @param order which `from` point belongs to each `to` point; as they stand where absent
 */
export function fitRigid(
  to: ArrayLike<number>,
  from: ArrayLike<number>,
  weights: ArrayLike<number>,
  order?: ArrayLike<number>,
): RigidFit {
  const moments = momentsOf(to, from, weights, order);
  const { u, s, v } = svd3(moments.cross);
  const handedness = det3(u) * det3(v) < 0 ? -1 : 1;
  const matrix = new Float64Array(16);
  matrix[15] = 1;
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j < 3; j += 1) {
      matrix[4 * j + i] =
        at(v, 3 * i) * at(u, 3 * j) + at(v, 3 * i + 1) * at(u, 3 * j + 1) + handedness * at(v, 3 * i + 2) * at(u, 3 * j + 2);
    }
  }
  for (let i = 0; i < 3; i += 1) {
    let turned = 0;
    for (let j = 0; j < 3; j += 1) turned += at(matrix, 4 * j + i) * at(moments.fromMean, j);
    matrix[12 + i] = at(moments.toMean, i) - turned;
  }
  const sure = at(s, 0) + at(s, 1);
  return {
    matrix,
    squares: Math.max(0, moments.spread - 2 * (sure + handedness * at(s, 2))),
    mirroredSquares: Math.max(0, moments.spread - 2 * (sure - handedness * at(s, 2))),
  };
}

function momentsOf(
  to: ArrayLike<number>,
  from: ArrayLike<number>,
  weights: ArrayLike<number>,
  order: ArrayLike<number> | undefined,
): Moments {
  const n = weights.length;
  const toMean = new Float64Array(3);
  const fromMean = new Float64Array(3);
  let total = 0;
  for (let k = 0; k < n; k += 1) {
    const w = at(weights, k);
    const m = order === undefined ? k : at(order, k);
    total += w;
    for (let i = 0; i < 3; i += 1) {
      toMean[i] = at(toMean, i) + w * at(to, 3 * k + i);
      fromMean[i] = at(fromMean, i) + w * at(from, 3 * m + i);
    }
  }
  for (let i = 0; i < 3; i += 1) {
    toMean[i] = at(toMean, i) / total;
    fromMean[i] = at(fromMean, i) / total;
  }
  const cross = new Float64Array(9);
  let spread = 0;
  for (let k = 0; k < n; k += 1) {
    const w = at(weights, k);
    const m = order === undefined ? k : at(order, k);
    for (let i = 0; i < 3; i += 1) {
      const x = at(from, 3 * m + i) - at(fromMean, i);
      const own = at(to, 3 * k + i) - at(toMean, i);
      spread += w * (x * x + own * own);
      for (let j = 0; j < 3; j += 1) {
        cross[3 * i + j] = at(cross, 3 * i + j) + w * x * (at(to, 3 * k + j) - at(toMean, j));
      }
    }
  }
  return { toMean, fromMean, cross, spread };
}

/** `values[i]`, where the index is known to be inside. */
export function at(values: ArrayLike<number>, i: number): number {
  return values[i] as number;
}

/** y − M x for pair k, into `out`. */
export function residualAt(
  out: Float64Array,
  matrix: ArrayLike<number>,
  to: ArrayLike<number>,
  from: ArrayLike<number>,
  k: number,
): Float64Array {
  const x = at(from, 3 * k);
  const y = at(from, 3 * k + 1);
  const z = at(from, 3 * k + 2);
  for (let i = 0; i < 3; i += 1) {
    out[i] = at(to, 3 * k + i) - (at(matrix, i) * x + at(matrix, 4 + i) * y + at(matrix, 8 + i) * z + at(matrix, 12 + i));
  }
  return out;
}

function det3(m: ArrayLike<number>): number {
  return (
    at(m, 0) * (at(m, 4) * at(m, 8) - at(m, 5) * at(m, 7)) -
    at(m, 1) * (at(m, 3) * at(m, 8) - at(m, 5) * at(m, 6)) +
    at(m, 2) * (at(m, 3) * at(m, 7) - at(m, 4) * at(m, 6))
  );
}
