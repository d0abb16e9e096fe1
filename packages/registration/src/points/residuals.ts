import { fisherTail, invertSymmetric, twoSidedZ } from '@trocar/core/math';
import { product } from '../accuracy/matrices.js';
import { carried, leverOf } from '../accuracy/pose-covariance.js';
import { isLine } from './checks.js';
import { type Estimate, estimatePose, type Pairs, residualCovariance } from './estimate.js';
import { at, residualAt } from './rigid-fit.js';

/** How one pair fits. */
export interface PointResidual {
  /** to − matrix · from, in the `to` frame, mm. */
  readonly vector: Float64Array;
  /** Its length, mm. A small residual does not make a small error at the target. */
  readonly mm: number;
  /** Whether the pair took part in the fit: `false` for a weight of 0, and for an outlier of the robust fit. */
  readonly inlier: boolean;
  /** Root mean square that this residual's length should have, mm: fitted residuals are shorter than the errors. */
  readonly expectedMm: number;
  /** Length of the residual of this pair under a registration of all OTHERS, mm; NaN where they cannot fix a pose. */
  readonly leaveOneOutMm: number;
  /** Root mean square that `leaveOneOutMm` should have, mm. */
  readonly leaveOneOutExpectedMm: number;
  /**
   * How surprising the leave-one-out residual is, as standard deviations of a normal variable with the same two-sided
   * probability (from χ²₃, or F(3, ν) where the others' residuals set the noise level): above 3 once in 370 points
   * when all is well. NaN where there is no leave-one-out residual.
   */
  readonly zScore: number;
}

/**
 * Residuals of all pairs, those left out included.
 * @param rounding errors smaller than this are rounding, mm
 */
export function residualsOf(pairs: Pairs, estimate: Estimate, rounding: number): PointResidual[] {
  const { weights } = pairs.noise;
  const many = indicesInUse(weights).length > MANY;
  return Array.from({ length: weights.length }, (_, k) => {
    const vector = residualAt(new Float64Array(3), estimate.matrix, pairs.to, pairs.from, k);
    const spread = residualCovariance(pairs, weights, estimate.matrix, estimate.uncertainty, k);
    return {
      vector,
      mm: length(vector),
      inlier: at(weights, k) > 0,
      expectedMm: rms(spread, estimate.scale),
      ...(many ? leftOutOf(pairs, weights, estimate, k, rounding) : leaveOneOut(pairs, weights, k, rounding)),
    };
  });
}

/** With more pairs in use than this, leaving one out changes the fit so little that its first order says all of it. */
export const MANY = 100;

/**
 * {@link leaveOneOut} from the fit of all: with S the covariance of the residual r and Σ the pair's own, (I − H)⁻¹ = Σ S⁻¹, the
 * residual under the others is Σ S⁻¹ r, of covariance Σ S⁻¹ Σ, and χ² falls by rᵀ S⁻¹ r (Cook & Weisberg 1982, section 2.2).
 */
export function leftOutOf(
  pairs: Pairs,
  weights: Float64Array,
  estimate: Estimate,
  k: number,
  rounding: number,
): Pick<PointResidual, 'leaveOneOutMm' | 'leaveOneOutExpectedMm' | 'zScore'> {
  const r = residualAt(new Float64Array(3), estimate.matrix, pairs.to, pairs.from, k);
  const spread = residualCovariance(pairs, weights, estimate.matrix, estimate.uncertainty, k);
  const own = new Float64Array(9);
  pairs.noise.covariance(own, k, estimate.matrix);
  const inUse = at(weights, k) > 0;
  const gain = product(own, invertSymmetric(spread, 3));
  const d = inUse
    ? Float64Array.from([0, 3, 6], (i) => at(gain, i) * at(r, 0) + at(gain, i + 1) * at(r, 1) + at(gain, i + 2) * at(r, 2))
    : r;
  const wide = inUse ? product(gain, own) : spread;
  const { known } = pairs.noise;
  const freedom = inUse ? estimate.freedom - 3 : estimate.freedom;
  const left = inUse ? Math.max(0, estimate.chiSquare - squaredDistance(r, spread)) : estimate.chiSquare;
  const scale = known ? 1 : left / freedom;
  const mm = length(d);
  const tail = (): number => fisherTail(squaredDistance(d, wide) / (3 * scale), 3, known ? Number.POSITIVE_INFINITY : freedom);
  return { leaveOneOutMm: mm, leaveOneOutExpectedMm: rms(wide, scale), zScore: mm <= rounding ? 0 : twoSidedZ(tail()) };
}

const UNTOLD = { leaveOneOutMm: Number.NaN, leaveOneOutExpectedMm: Number.NaN, zScore: Number.NaN };

/** Pair k against a registration of all others of `given`. */
export function leaveOneOut(
  pairs: Pairs,
  given: Float64Array,
  k: number,
  rounding: number,
): Pick<PointResidual, 'leaveOneOutMm' | 'leaveOneOutExpectedMm' | 'zScore'> {
  const weights = given.slice();
  weights[k] = 0;
  const others = indicesInUse(weights);
  if (others.length < 3 || isLine(pairs.to, others) || isLine(pairs.from, others)) {
    return UNTOLD;
  }
  const rest = estimatePose(pairs, weights);
  if (!Number.isFinite(at(rest.uncertainty.covariance, 0))) return UNTOLD;
  const d = residualAt(new Float64Array(3), rest.matrix, pairs.to, pairs.from, k);
  const lever = new Float64Array(3);
  leverOf(lever, rest.matrix, pairs.from, k, rest.uncertainty.centre);
  const spread = carried(rest.uncertainty.covariance, lever);
  const own = new Float64Array(9);
  pairs.noise.covariance(own, k, rest.matrix);
  for (let i = 0; i < 9; i += 1) spread[i] = at(spread, i) + at(own, i);
  const freedom = pairs.noise.known ? Number.POSITIVE_INFINITY : rest.freedom;
  const expected = rms(spread, rest.scale);
  const mm = length(d);
  const surprise = mm <= rounding ? 0 : twoSidedZ(fisherTail(squaredDistance(d, spread) / (3 * rest.scale), 3, freedom));
  return { leaveOneOutMm: mm, leaveOneOutExpectedMm: expected, zScore: surprise };
}

/** dᵀ S⁻¹ d. */
function squaredDistance(d: ArrayLike<number>, spread: Float64Array): number {
  const inverse = invertSymmetric(spread, 3);
  let sum = 0;
  for (let i = 0; i < 3; i += 1) for (let j = 0; j < 3; j += 1) sum += at(d, i) * at(inverse, 3 * i + j) * at(d, j);
  return sum;
}

/** The pairs with a weight above 0. */
export function indicesInUse(weights: ArrayLike<number>): number[] {
  return Array.from({ length: weights.length }, (_, k) => k).filter((k) => at(weights, k) > 0);
}

function length(v: ArrayLike<number>): number {
  return Math.hypot(at(v, 0), at(v, 1), at(v, 2));
}

function rms(covariance: ArrayLike<number>, scale: number): number {
  return Math.sqrt(Math.max(0, at(covariance, 0) + at(covariance, 4) + at(covariance, 8)) * scale);
}
