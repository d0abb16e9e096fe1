import { type Frame, type Point, point } from '@trocar/core';
import { fromQuaternion, type Random, transformPoint } from '@trocar/core/math';

/** Seeded fiducial layouts, poses and localisation errors, for this package's own tests. */

/** A rigid matrix with any rotation and a translation within `reachMm`. */
export function randomPose(random: Random, reachMm = 300): Float64Array {
  const t = [0, 0, 0].map(() => random.between(-reachMm, reachMm));
  return fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), t);
}

/** `n` places on the upper part of a head-sized ellipsoid, at least 25 mm apart, mm. */
export function headLayout(random: Random, n: number): Float64Array[] {
  const places: Float64Array[] = [];
  while (places.length < n) {
    const u = [random.normal(), random.normal(), random.normal()] as const;
    const size = Math.hypot(...u);
    const p = Float64Array.of((75 * u[0]) / size, (95 * u[1]) / size, (85 * u[2]) / size);
    const z = p[2] as number;
    const near = places.some((q) => Math.hypot(...q.map((x, i) => x - (p[i] as number))) < 25);
    if (z > -50 && !near) places.push(p);
  }
  return places;
}

/** matrix · p for each place. */
export function moved(matrix: ArrayLike<number>, places: readonly ArrayLike<number>[]): Float64Array[] {
  return places.map((p) => transformPoint(new Float64Array(3), matrix, p));
}

/** Each place with a normal error of these standard deviations along x, y, z, mm. */
export function localised(random: Random, places: readonly ArrayLike<number>[], sd: readonly number[]): Float64Array[] {
  return places.map((p) => Float64Array.from({ length: 3 }, (_, i) => (p[i] as number) + (sd[i] as number) * random.normal()));
}

/** The places as points of a frame. */
export function pointsIn<F extends string>(frame: Frame<F>, places: readonly ArrayLike<number>[]): Point<F>[] {
  return places.map((p) => point(frame, p));
}
