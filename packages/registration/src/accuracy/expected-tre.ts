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
  return withTarget(pointCovariance(new Float64Array(9), edge.covariance, p.xyz), edge.degreesOfFreedom, options);
}

/**
 * The expected error of a point whose registered position has this covariance, and the target's own error added.
 * @param covariance 3×3, mm²; taken over and changed
 * @param degreesOfFreedom behind its level; absent where that is known
 */
export function withTarget(
  covariance: Float64Array,
  degreesOfFreedom: number | undefined,
  options: ExpectedTreOptions,
): ExpectedTre {
  const freedom = addTarget(covariance, degreesOfFreedom, options);
  return { covariance, rmsMm: Math.sqrt(trace(covariance)), p95Mm: radiusQuantile(covariance, 0.95, freedom) };
}

/** Adds the target's own variance to `covariance` and returns the degrees of freedom behind the sum. */
export function addTarget(covariance: Float64Array, degreesOfFreedom: number | undefined, options: ExpectedTreOptions): number {
  const registration = trace(covariance);
  const own = (options.targetFleMm ?? 0) ** 2 / 3;
  for (let i = 0; i < 9; i += 4) covariance[i] = at(covariance, i) + own;
  // A known part leaves the sum's level better known than the estimated part's (Welch–Satterthwaite).
  return (degreesOfFreedom ?? Number.POSITIVE_INFINITY) * (own > 0 ? (trace(covariance) / registration) ** 2 : 1);
}

function trace(c: ArrayLike<number>): number {
  return Math.max(0, at(c, 0)) + Math.max(0, at(c, 4)) + Math.max(0, at(c, 8));
}
