import { rotationVectorOf } from '@trocar/core/math';
import { at } from '../points/rigid-fit.js';

/**
 * A rigid motion as a screw (Chasles): a turn about an axis and a slide along it.
 *
 * A motion seen from two bodies that are rigidly joined has the same angle and the same slide for both, whatever lies
 * between them (Chen 1991, IEEE CVPR, 528): so the two numbers tell a bad pair of poses before anything is solved.
 */
export interface Screw {
  /** Angle of the turn, rad, 0 … π. */
  readonly angleRad: number;
  /** Slide along the axis, mm. Its sign goes with the axis', which is arbitrary at a half-turn. NaN where nothing turns. */
  readonly slideMm: number;
}

/** The screw of a rigid 4×4 (column-major, mm). */
export function screwOf(m: ArrayLike<number>): Screw {
  const v = rotationVectorOf(new Float64Array(3), m);
  const angleRad = Math.hypot(at(v, 0), at(v, 1), at(v, 2));
  const along = at(v, 0) * at(m, 12) + at(v, 1) * at(m, 13) + at(v, 2) * at(m, 14);
  return { angleRad, slideMm: along / angleRad };
}

/** How far two screws of one motion are from being the same. */
export interface ScrewMismatch {
  readonly angleRad: number;
  readonly slideMm: number;
}

/** From this angle on, noise may have reversed one of the two axes. */
const HALF_TURN = Math.PI - 0.2;

/** |θ_a − θ_b| and |d_a − d_b|; near a half-turn, where the axis' sense is arbitrary, the slides may have opposite signs. */
export function screwMismatch(a: Screw, b: Screw): ScrewMismatch {
  const straight = Math.abs(a.slideMm - b.slideMm);
  const turned = Math.abs(a.slideMm + b.slideMm);
  const either = Math.min(a.angleRad, b.angleRad) > HALF_TURN;
  return { angleRad: Math.abs(a.angleRad - b.angleRad), slideMm: either ? Math.min(straight, turned) : straight };
}
