import { NavError, type Point, pointCovariance, requireSameFrame, type Transform } from '@trocar/core';
import { radiusQuantile, symmetricEigen } from '@trocar/core/math';
import { at } from '../points/rigid-fit.js';
import { addTarget, type ExpectedTreOptions } from './expected-tre.js';

/** What the region functions may take into account. */
export interface TreRegionOptions extends ExpectedTreOptions {
  /** Probability of the region: 0.95 by default. */
  readonly probability?: number;
}

/** The smallest region that holds the target's true place with a given probability. */
export interface TreEllipsoid {
  /** mm, in the edge's `to` frame. */
  readonly centre: Float64Array;
  /** Unit axes as columns, 3×3 column-major, right-handed, longest first. */
  readonly axes: Float64Array;
  /** Half-lengths along the axes, longest first, mm. */
  readonly radiiMm: Float64Array;
  /** S, 3×3 row-major, mm²: the points d from the centre with dᵀ S⁻¹ d ≤ 1. */
  readonly shape: Float64Array;
}

/** An ellipse in a plane through the target, or parallel to it. */
export interface TreEllipse {
  readonly centre: Float64Array;
  /** Unit vectors of the long and of the short half-axis, in the `to` frame. */
  readonly long: Float64Array;
  readonly short: Float64Array;
  /** Half-lengths, mm. */
  readonly radiiMm: readonly [number, number];
}

/**
 * What an ellipse in a plane means.
 *
 * - `marginal`: holds the IN-PLANE part of the error with the stated probability (two degrees of freedom). For a slice view:
 *   what lies across the slice is not asked about.
 * - `shadow`: the outline of the ellipsoid seen along the plane's normal. Larger: it holds the in-plane part with more than
 *   the stated probability (98.0 % of a known Gaussian where the ellipsoid holds 95 %).
 * - `section`: the cut of the plane through the ellipsoid's centre. Never larger than the shadow; where the error leans out of
 *   the plane it is much smaller than the error seen in the plane, so it must not be read as one.
 */
export type EllipseKind = 'marginal' | 'shadow' | 'section';

/**
 * The ellipsoid that holds the true place of a target with 95 % probability: eᵀ Σ⁻¹ e ≤ χ²₃(0.95) = 7.81 where the noise
 * level is known, ≤ 3 F(3, ν; 0.95) (Hotelling) where it was estimated with ν degrees of freedom.
 *
 * Its longest half-axis is larger than `expectedTre().p95Mm`, the radius of the 95 % sphere: for a round error by nothing,
 * for an error along one line by 1.43.
 * @throws NavError `frame/mismatch`, `frame/bad-covariance` where the edge has none, `math/out-of-range`
 */
export function treEllipsoid<To extends string, From extends string>(
  edge: Transform<To, From>,
  target: Point<NoInfer<To>>,
  options: TreRegionOptions = {},
): TreEllipsoid {
  const { covariance, freedom } = covarianceAt(edge, target, options);
  const factor = radiusQuantile([1, 0, 0, 0, 1, 0, 0, 0, 1], options.probability ?? 0.95, freedom);
  const shape = covariance.map((c) => c * factor * factor);
  const { values, vectors } = symmetricEigen(shape, 3);
  const axes = Float64Array.from({ length: 9 }, (_, n) => at(vectors, 3 * (n % 3) + Math.floor(n / 3)));
  if (handedness(axes) < 0) for (let i = 6; i < 9; i += 1) axes[i] = -at(axes, i);
  return { centre: Float64Array.from(target.xyz), axes, radiiMm: values.map((v) => Math.sqrt(Math.max(0, v))), shape };
}

/**
 * The 95 % ellipse of a target's expected error in a plane, such as a slice. {@link EllipseKind} says what each kind means.
 * @param normal of the plane, in the edge's `to` frame; any length but zero
 * @throws NavError `registration/bad-option` for a normal of no length, and as {@link treEllipsoid}
 */
export function treEllipse<To extends string, From extends string>(
  edge: Transform<To, From>,
  target: Point<NoInfer<To>>,
  normal: ArrayLike<number>,
  kind: EllipseKind = 'marginal',
  options: TreRegionOptions = {},
): TreEllipse {
  const { covariance, freedom } = covarianceAt(edge, target, options);
  const [u, v, w] = basisOf(normal);
  const inPlane = [quadratic(covariance, u, u), quadratic(covariance, u, v), quadratic(covariance, v, v)] as const;
  let [a, b, d] = inPlane;
  if (kind === 'section') {
    // The inverse's block inverted: what is left of the in-plane part once the part across is known to be nothing.
    const across = quadratic(covariance, w, w);
    const lean = [quadratic(covariance, u, w), quadratic(covariance, v, w)] as const;
    if (across > 0) {
      a -= (lean[0] * lean[0]) / across;
      b -= (lean[0] * lean[1]) / across;
      d -= (lean[1] * lean[1]) / across;
    }
  }
  const flat = kind === 'marginal' ? 0 : 1;
  const factor = radiusQuantile([1, 0, 0, 0, 1, 0, 0, 0, flat], options.probability ?? 0.95, freedom);
  const { values, vectors } = symmetricEigen([a, b, b, d], 2);
  const along = (k: number): Float64Array =>
    Float64Array.from([0, 1, 2], (i) => at(vectors, k) * at(u, i) + at(vectors, 2 + k) * at(v, i));
  const length = (k: number): number => factor * Math.sqrt(Math.max(0, at(values, k)));
  return { centre: Float64Array.from(target.xyz), long: along(0), short: along(1), radiiMm: [length(0), length(1)] };
}

function covarianceAt<To extends string, From extends string>(
  edge: Transform<To, From>,
  target: Point<To>,
  options: ExpectedTreOptions,
): { covariance: Float64Array; freedom: number } {
  requireSameFrame(edge.to, target.frame, 'Predicting the target registration error');
  if (edge.covariance === undefined) {
    throw new NavError(
      'frame/bad-covariance',
      `The edge "${edge.to.name}" from "${edge.from.name}" has no covariance, so that no region can be given. Register with a method that states one.`,
    );
  }
  const covariance = pointCovariance(new Float64Array(9), edge.covariance, target.xyz);
  const freedom = addTarget(covariance, edge.degreesOfFreedom, options);
  return { covariance, freedom };
}

/** Two unit vectors of the plane and its unit normal, right-handed. */
function basisOf(normal: ArrayLike<number>): [number[], number[], number[]] {
  const length = Math.hypot(at(normal, 0), at(normal, 1), at(normal, 2));
  if (!(length > 0 && length < Number.POSITIVE_INFINITY)) {
    throw new NavError('registration/bad-option', `A plane needs a normal of some length, got [${Array.from(normal)}].`);
  }
  const w = [0, 1, 2].map((i) => at(normal, i) / length);
  const least = [0, 1, 2].reduce((m, i) => (Math.abs(at(w, i)) < Math.abs(at(w, m)) ? i : m), 0);
  const axis = [0, 1, 2].map((i) => (i === least ? 1 : 0));
  const u = cross(axis, w);
  const size = Math.hypot(...u);
  const unit = u.map((x) => x / size);
  return [unit, cross(w, unit), w];
}

function cross(a: readonly number[], b: readonly number[]): number[] {
  return [0, 1, 2].map((i) => at(a, (i + 1) % 3) * at(b, (i + 2) % 3) - at(a, (i + 2) % 3) * at(b, (i + 1) % 3));
}

function quadratic(c: ArrayLike<number>, a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < 3; i += 1) for (let j = 0; j < 3; j += 1) sum += at(a, i) * at(c, 3 * i + j) * at(b, j);
  return sum;
}

function handedness(m: ArrayLike<number>): number {
  const column = (k: number): number[] => [0, 1, 2].map((i) => at(m, 3 * k + i));
  return cross(column(0), column(1)).reduce((sum, x, i) => sum + x * at(m, 6 + i), 0);
}
