import type { Point, Transform } from '@trocar/core';
import { radiusQuantile, transformPoint } from '@trocar/core/math';
import { type PointRegistration, registerPoints } from '@trocar/registration';
import { tipCovariance } from './tip-covariance.js';
import type { Touch } from './touch.js';

/** What may be expected of a registration at one place, from everything known to contribute. */
export interface TargetBound {
  /** 3×3, row-major, mm². */
  readonly covariance: Float64Array;
  readonly degreesOfFreedom: number;
  /** The true error at the target stays below this with 95 % probability, mm; NaN where a part of it is not known. */
  readonly p95Mm: number;
  /**
   * S of the ellipsoid dᵀ S⁻¹ d ≤ 1 about the target that holds the true error with 95 % probability: 3×3, row-major, mm².
   * Where the error leans one way, it reaches further that way than the ball of {@link p95Mm}, and less far across.
   */
  readonly shape95: Float64Array;
  /**
   * The ellipse that holds the part of the error WITHIN any plane with 95 % probability is so many times the outline of that
   * ellipsoid, seen across the plane.
   */
  readonly inPlane95: number;
  /** The same as {@link p95Mm} for any probability. */
  quantileMm(probability: number): number;
}

/**
 * The bound of the target registration error at a point of the image.
 *
 * Two things contribute. The localisation error of the fiducials is estimated from the residuals by `registerPoints`. The
 * calibration error of the tip is the same in every touch, so residuals hardly show it: its known covariance is carried
 * through the registration, by registering again with the touches that a tip displaced along each of its axes would have
 * made. The degrees of freedom of the sum are Welch's and Satterthwaite's (1946, 1947).
 */
export function targetBound<F extends string, Tool extends string, Tip extends string>(
  registration: PointRegistration<F, 'reference'>,
  marked: readonly Point<F>[],
  touches: readonly Touch[],
  stylusFromTip: Transform<Tool, Tip>,
  target: Point<F>,
): TargetBound {
  const estimated = registration.expectedTre(target).covariance;
  const covariance = Float64Array.from(estimated);
  addTipShare(covariance, registration, marked, touches, stylusFromTip, target);
  const [part, whole] = [trace(estimated), trace(covariance)];
  const freedom = (of: { readonly degreesOfFreedom?: number }): number => of.degreesOfFreedom ?? Number.POSITIVE_INFINITY;
  const degreesOfFreedom = whole ** 2 / (part ** 2 / freedom(registration.edge) + (whole - part) ** 2 / freedom(stylusFromTip));
  const known = Number.isFinite(whole);
  const quantileMm = (probability: number): number =>
    known ? radiusQuantile(covariance, probability, degreesOfFreedom) : Number.NaN;
  // Of a normal error with an estimated level: dᵀ Σ⁻¹ d is 3 F(3, ν), the squared radius for the unit matrix.
  const reach = (inSpace: 0 | 1): number =>
    known ? radiusQuantile([1, 0, 0, 0, 1, 0, 0, 0, inSpace], 0.95, degreesOfFreedom) : Number.NaN;
  const shape95 = covariance.map((c) => c * reach(1) ** 2);
  return { covariance, degreesOfFreedom, p95Mm: quantileMm(0.95), shape95, inPlane95: reach(0) / reach(1), quantileMm };
}

/** covariance += J Σ_tip Jᵀ, J by differences over the three axes of the tip. */
function addTipShare<F extends string, Tool extends string, Tip extends string>(
  covariance: Float64Array,
  registration: PointRegistration<F, 'reference'>,
  marked: readonly Point<F>[],
  touches: readonly Touch[],
  stylusFromTip: Transform<Tool, Tip>,
  target: Point<F>,
): void {
  const tip = tipCovariance(stylusFromTip);
  const { to, from } = registration.edge;
  const here = inReference(registration, target);
  const columns = [0, 1, 2].map((axis) => {
    const moved = touches.map((t) => shifted(t, axis));
    const again = registerPoints(to, from, marked, moved, { allow: ['scale', 'half-turn'] });
    const there = transformPoint(new Float64Array(3), again.edge.matrix, here);
    return [0, 1, 2].map((k) => ((there[k] as number) - (target.xyz[k] as number)) / STEP_MM);
  });
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j < 3; j += 1) {
      let sum = 0;
      for (let a = 0; a < 3; a += 1) {
        for (let b = 0; b < 3; b += 1) {
          sum += (columns[a]?.[i] as number) * (tip[3 * a + b] as number) * (columns[b]?.[j] as number);
        }
      }
      covariance[3 * i + j] = (covariance[3 * i + j] as number) + sum;
    }
  }
}

/** Displacement of the tip for the differences, mm: small, or points that all lean inwards would look like another scale. */
const STEP_MM = 0.01;

/** The touch that a tip so far along one of its axes would have made. */
function shifted(t: Touch, axis: number): Point<'reference'> {
  const m = t.referenceFromTip;
  return { ...t.point, xyz: [0, 1, 2].map((k) => (t.point.xyz[k] as number) + STEP_MM * (m[4 * axis + k] as number)) };
}

/** A point of the image in the reference frame, as the registration has it. */
function inReference<F extends string>(registration: PointRegistration<F, 'reference'>, p: Point<F>): Float64Array {
  const m = registration.edge.matrix;
  const d = [0, 1, 2].map((k) => (p.xyz[k] as number) - (m[12 + k] as number));
  return Float64Array.from([0, 1, 2], (r) => [0, 1, 2].reduce((sum, k) => sum + (m[4 * r + k] as number) * (d[k] as number), 0));
}

function trace(c: ArrayLike<number>): number {
  return (c[0] as number) + (c[4] as number) + (c[8] as number);
}
