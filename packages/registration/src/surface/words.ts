import { at } from '../points/rigid-fit.js';

/** Patient directions of +x, +y, +z and −x, −y, −z in LPS. */
const NAMES = ['left', 'posterior', 'head', 'right', 'anterior', 'feet'] as const;

/** A patient direction. */
export type PatientDirection = (typeof NAMES)[number];

/** The patient direction nearest to a vector in LPS. */
export function directionName(v: ArrayLike<number>): PatientDirection {
  let best = 0;
  for (let k = 1; k < 3; k += 1) if (Math.abs(at(v, k)) > Math.abs(at(v, best))) best = k;
  return NAMES[at(v, best) >= 0 ? best : best + 3] as PatientDirection;
}

/** `left–right`, `anterior–posterior` or `head–feet`: whichever a line in LPS runs along most. */
export function axisName(v: ArrayLike<number>): string {
  const name = directionName(v);
  if (name === 'left' || name === 'right') return 'left–right';
  return name === 'head' || name === 'feet' ? 'head–feet' : 'anterior–posterior';
}

/** A motion that the points hold back little, for a person. */
export interface FreeMotion {
  readonly kind: 'turn' | 'slide';
  /** Unit vector of the axis turned about or the direction slid along, in the surface's frame (LPS). */
  readonly axis: Float64Array;
  /** A point of the axis turned about, mm; the cloud's centroid for a slide. */
  readonly through: Float64Array;
  /** The motion itself: (ρ, L φ) about the cloud's centroid, unit length. */
  readonly motion: Float64Array;
  /** The cloud's centroid in the surface's frame and its size L, mm. */
  readonly centroid: Float64Array;
  readonly sizeMm: number;
  /** Standard deviation along it: of the cloud's root-mean-square motion, mm. */
  readonly sdMm: number;
  /** Information per point, 0 (free) … 1. */
  readonly stiffness: number;
}

/**
 * What a motion (ρ, L φ) about a centroid is: a turn where the axis of its screw passes within ten cloud sizes, else a slide.
 * @param size the cloud's size L, mm
 */
export function freeMotion(
  motion: ArrayLike<number>,
  centroid: ArrayLike<number>,
  size: number,
  sdMm: number,
  stiffness: number,
): FreeMotion {
  const rho = [0, 1, 2].map((k) => at(motion, k)) as [number, number, number];
  const phi = [3, 4, 5].map((k) => at(motion, k) / size) as [number, number, number];
  const turn = Math.hypot(...phi);
  const cross = [phi[1] * rho[2] - phi[2] * rho[1], phi[2] * rho[0] - phi[0] * rho[2], phi[0] * rho[1] - phi[1] * rho[0]];
  const offset = cross.map((c) => c / (turn * turn));
  const known = {
    motion: Float64Array.from({ length: 6 }, (_, k) => at(motion, k)),
    centroid: Float64Array.from(centroid),
    sizeMm: size,
    sdMm,
    stiffness,
  };
  if (turn * 10 * size > Math.hypot(...rho)) {
    const axis = Float64Array.from(phi, (p) => p / turn);
    return { kind: 'turn', axis, through: Float64Array.from(offset, (o, k) => o + at(centroid, k)), ...known };
  }
  const length = Math.hypot(...rho);
  return { kind: 'slide', axis: Float64Array.from(rho, (r) => r / length), through: Float64Array.from(centroid), ...known };
}

/** `turns about a head–feet axis through (1, 2, 3) mm`. */
export function describeMotion(motion: FreeMotion): string {
  if (motion.kind === 'slide') return `slides along ${axisName(motion.axis)}`;
  const through = Array.from(motion.through, (x) => x.toFixed(0)).join(', ');
  return `slides about a ${axisName(motion.axis)} axis through (${through}) mm`;
}
