import { NavError } from '@trocar/core';
import { invertSymmetric } from '@trocar/core/math';
import { product } from '../accuracy/matrices.js';
import { at } from './rigid-fit.js';

/** What is known of the points' localisation errors. Leave it all out where nothing is known. */
export interface PointNoise {
  /**
   * How much each pair counts in the fit, N numbers ≥ 0: 0 leaves a pair out. Without `fleMm` or covariances they
   * also say how the pairs' variances compare (variance ∝ 1 / weight); with them they only steer the fit, and the
   * covariance of the result accounts for the mismatch.
   */
  readonly weights?: ArrayLike<number>;
  /**
   * Known fiducial localisation error, mm: the root-mean-square LENGTH of one pair's error, both sides together (so
   * √(FLE_to² + FLE_from²)), equal along all axes. One number, or one for each pair.
   */
  readonly fleMm?: number | ArrayLike<number>;
  /** Known covariance of each point of one or both sides, 9 numbers (mm², symmetric) each, in that side's own frame. */
  readonly covariances?: {
    readonly to?: readonly ArrayLike<number>[];
    readonly from?: readonly ArrayLike<number>[];
  };
  /**
   * `known` where `fleMm` or the covariances are millimetres to rely on; `estimated` where they only say how the
   * points compare and the level is taken from the residuals. Default: `known` where either is given.
   */
  readonly scale?: 'known' | 'estimated';
}

/** {@link PointNoise} in the form the estimator works with. */
export interface NoiseModel {
  /** Scalar weights for the closed form: mean 1 over the pairs in use, 0 for a pair left out. */
  readonly weights: Float64Array;
  /** Whether the covariances are in mm², or only relative to a level that the residuals must tell. */
  readonly known: boolean;
  /** Whether the fit weighs by the inverse of the covariances: the information is the true one, up to a common level. */
  readonly exact: boolean;
  /** Whether the scalar weights say all that the covariances say, so that the closed form is the best fit. */
  readonly isotropic: boolean;
  /** Covariance of pair k's error in the `to` frame, for a pose of that matrix: 9 numbers into `out`. */
  covariance(out: Float64Array, k: number, matrix: ArrayLike<number>): void;
  /**
   * How much of pair k's error is the `from` side's: R Σ_from Rᵀ (R Σ_from Rᵀ + Σ_to)⁻¹, new, 3×3 row-major. Undefined where
   * only the sum of both sides' errors is known.
   */
  fromShare(k: number, matrix: ArrayLike<number>): Float64Array | undefined;
}

/**
 * Reads what was said of the noise of `n` pairs.
 * @throws NavError `registration/bad-weights`
 */
export function noiseModel(n: number, noise: PointNoise): NoiseModel {
  const { weights, fleMm, covariances } = noise;
  if (fleMm !== undefined && covariances !== undefined) {
    throw bad('Give either fleMm or covariances, not both: they are two statements about the same errors.');
  }
  if (noise.scale === 'known' && fleMm === undefined && covariances === undefined) {
    throw bad('A known noise level needs fleMm or covariances.');
  }
  const given = weights === undefined ? undefined : checked(weights, n, 'weights', (w) => w >= 0);
  if (covariances !== undefined) return fromCovariances(n, given, covariances, noise.scale !== 'estimated');
  const fle = typeof fleMm === 'number' ? new Float64Array(n).fill(fleMm) : fleMm;
  if (fle === undefined) return isotropic(given ?? new Float64Array(n).fill(1), undefined, false, false);
  const lengths = checked(fle, n, 'fleMm', (f) => f > 0);
  const own = given ?? lengths.map((f) => 1 / (f * f));
  return isotropic(
    own,
    lengths.map((f) => (f * f) / 3),
    noise.scale !== 'estimated',
    given !== undefined,
  );
}

/** @param steered whether the weights are a choice of their own rather than the inverse variances */
function isotropic(weights: Float64Array, variances: Float64Array | undefined, known: boolean, steered: boolean): NoiseModel {
  const mean1 = normalised(weights);
  const variance = variances ?? mean1.map((w) => (w > 0 ? 1 / w : 1));
  return {
    weights: mean1,
    known,
    exact: !steered,
    isotropic: true,
    covariance(out, k) {
      out.fill(0);
      out[0] = out[4] = out[8] = at(variance, k);
    },
    fromShare: () => undefined,
  };
}

function fromCovariances(
  n: number,
  weights: Float64Array | undefined,
  covariances: NonNullable<PointNoise['covariances']>,
  known: boolean,
): NoiseModel {
  for (const side of ['to', 'from'] as const) {
    const list = covariances[side];
    if (list === undefined) continue;
    if (list.length !== n) throw bad(`covariances.${side} has ${list.length} entries for ${n} pairs.`);
    for (const [k, c] of list.entries()) requireCovariance(c, `covariances.${side}[${k}]`);
  }
  if (covariances.to === undefined && covariances.from === undefined)
    throw bad('covariances names neither side; give them for `to`, `from` or both.');
  const traces = Float64Array.from(
    { length: n },
    (_, k) => trace(covariances.to?.[k] ?? ZERO) + trace(covariances.from?.[k] ?? ZERO),
  );
  const zero = traces.findIndex((t) => !(t > 0));
  if (zero >= 0) throw bad(`Pair ${zero} has no error at all on either side; give it a small covariance.`, { index: zero });
  return {
    weights: normalised(weights ?? traces.map((t) => 3 / t)),
    known,
    exact: weights === undefined,
    isotropic: false,
    covariance(out, k, matrix) {
      turned(out, covariances.from?.[k] ?? ZERO, matrix);
      const own = covariances.to?.[k] ?? ZERO;
      for (let i = 0; i < 9; i += 1) out[i] = at(out, i) + at(own, i);
    },
    fromShare(k, matrix) {
      const both = new Float64Array(9);
      this.covariance(both, k, matrix);
      const moving = new Float64Array(9);
      turned(moving, covariances.from?.[k] ?? ZERO, matrix);
      return product(moving, invertSymmetric(both, 3));
    },
  };
}

const ZERO = new Float64Array(9);

function trace(c: ArrayLike<number>): number {
  return at(c, 0) + at(c, 4) + at(c, 8);
}

/** R C Rᵀ for the rotation of a column-major 4×4, into `out`. */
function turned(out: Float64Array, c: ArrayLike<number>, matrix: ArrayLike<number>): void {
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j < 3; j += 1) {
      let sum = 0;
      for (let a = 0; a < 3; a += 1) {
        for (let b = 0; b < 3; b += 1) sum += at(matrix, 4 * a + i) * at(c, 3 * a + b) * at(matrix, 4 * b + j);
      }
      out[3 * i + j] = sum;
    }
  }
}

function normalised(weights: Float64Array): Float64Array {
  let total = 0;
  let used = 0;
  for (const w of weights) {
    total += w;
    if (w > 0) used += 1;
  }
  return used === 0 ? weights : weights.map((w) => (w * used) / total);
}

function checked(values: ArrayLike<number>, n: number, name: string, allowed: (value: number) => boolean): Float64Array {
  if (values.length !== n) throw bad(`${name} has ${values.length} entries for ${n} pairs; give one for each pair.`);
  const copy = Float64Array.from(values);
  const wrong = copy.findIndex((value) => !(Number.isFinite(value) && allowed(value)));
  if (wrong >= 0) throw bad(`${name}[${wrong}] is ${values[wrong]}, which is not a usable value.`, { index: wrong });
  return copy;
}

function requireCovariance(c: ArrayLike<number>, name: string): void {
  const finite = c.length === 9 && Array.from(c).every((x) => Number.isFinite(x));
  const scale = finite ? trace(c) : 0;
  const pairs = [
    [1, 3, 0, 4],
    [2, 6, 0, 8],
    [5, 7, 4, 8],
  ] as const;
  const sound =
    finite &&
    [0, 4, 8].every((i) => at(c, i) >= 0) &&
    pairs.every(
      ([a, b, i, j]) =>
        Math.abs(at(c, a) - at(c, b)) <= 1e-9 * scale && at(c, a) ** 2 <= at(c, i) * at(c, j) * (1 + 1e-9) + 1e-300,
    );
  if (!sound) throw bad(`${name} is not a covariance: 9 finite numbers, symmetric, with no negative variance.`);
}

function bad(message: string, detail: Record<string, unknown> = {}): NavError<'registration/bad-weights'> {
  return new NavError('registration/bad-weights', message, { detail });
}
