import { type Point, pointCovariance, requireSameFrame, type Transform } from '@trocar/core';
import { radiusQuantile } from '@trocar/core/math';
import { at } from '../points/rigid-fit.js';

/** How far a registration is expected to misplace one point. NaN throughout where the pose's covariance is unknown. */
export interface ExpectedTre {
  /** 3×3 row-major, mm², in the transform's `to` frame. */
  readonly covariance: Float64Array;
  /** Root mean square of the target registration error, mm. */
  readonly rmsMm: number;
  /**
   * The error stays below this with 95 % probability, mm. Where the noise level was estimated from the residuals this
   * allows for the estimate being too small: at 4 points it is about 2.2 × `rmsMm`, with a known level about 1.6 ×.
   */
  readonly p95Mm: number;
}

/** What {@link expectedTreOf} may take into account. */
export interface ExpectedTreOptions {
  /** Known localisation error of the target itself, mm (rms length, isotropic): added where the target is measured too. */
  readonly targetFleMm?: number;
}

/**
 * The expected target registration error at a point of an edge's `to` frame, from the edge's own covariance: so also for
 * a stored, inverted or composed edge. (Σ_p = J Cov Jᵀ with J = [I | −[p]×]; Fitzpatrick 1998 in the isotropic case.)
 * @param p the target in the transform's `to` frame
 * @throws NavError `frame/mismatch`
 */
export function expectedTreOf<To extends string, From extends string>(
  edge: Transform<To, From>,
  p: Point<NoInfer<To>>,
  options: ExpectedTreOptions = {},
): ExpectedTre {
  requireSameFrame(edge.to, p.frame, 'Predicting the target registration error');
  if (edge.covariance === undefined) {
    return { covariance: new Float64Array(9).fill(Number.NaN), rmsMm: Number.NaN, p95Mm: Number.NaN };
  }
  const covariance = pointCovariance(new Float64Array(9), edge.covariance, p.xyz);
  const registration = trace(covariance);
  const own = (options.targetFleMm ?? 0) ** 2 / 3;
  for (const i of [0, 4, 8]) covariance[i] = at(covariance, i) + own;
  const total = trace(covariance);
  // A known part leaves the sum's level better known than the estimated part's (Welch–Satterthwaite).
  const freedom = (edge.degreesOfFreedom ?? Number.POSITIVE_INFINITY) * (own > 0 ? (total / registration) ** 2 : 1);
  return { covariance, rmsMm: Math.sqrt(total), p95Mm: radiusQuantile(covariance, 0.95, freedom) };
}

function trace(c: ArrayLike<number>): number {
  return Math.max(0, at(c, 0)) + Math.max(0, at(c, 4)) + Math.max(0, at(c, 8));
}
