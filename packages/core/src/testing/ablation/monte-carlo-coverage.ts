import type { PlacedProbe } from '../../guidance/ablation/zone.js';
import { type Random, symmetricEigen } from '../../math/index.js';

/** An error to draw from, as plain Monte Carlo does: no lattice, no choice of points, no bound. */
export interface DrawnError {
  readonly covariance: ArrayLike<number>;
  readonly degreesOfFreedom?: number;
}

/** A motion as a function of points. */
type Motion = (p: readonly number[]) => number[];

/**
 * The share of random poses in which every point lies in one of the probes' ellipsoids: pseudo-random normal numbers, χ² as a sum of squares, motions as
 * rotation matrices by a long Taylor series of the 4×4 exponential.
 */
export function monteCarloCoverage(
  points: readonly (readonly number[])[],
  probes: readonly PlacedProbe<string>[] | readonly Omit<PlacedProbe<string>, 'frame'>[],
  shared: DrawnError | undefined,
  random: Random,
  count: number,
): number {
  const own = probes.map((p) =>
    drawFrom(
      { covariance: p.covariance as ArrayLike<number>, ...(p.degreesOfFreedom && { degreesOfFreedom: p.degreesOfFreedom }) },
      random,
    ),
  );
  const together = shared && drawFrom(shared, random);
  let covered = 0;
  for (let n = 0; n < count; n += 1) {
    const outer = together?.();
    const ellipsoids = probes.map((probe, i) => {
      const inner = (own[i] as () => Motion)();
      const place = (p: readonly number[]): number[] => (outer === undefined ? inner(p) : outer(inner(p)));
      const { matrix: m, shape } = probe;
      const at = (z: number, axis: number): number[] =>
        [0, 1, 2].map((k) => (m[12 + k] as number) + z * (m[8 + k] as number) + (axis < 3 ? (m[4 * axis + k] as number) : 0));
      const centre = place(at(shape.centreMm, 3));
      const axes = [0, 1, 2].map((axis) => place(at(shape.centreMm, axis)).map((v, k) => v - (centre[k] as number)));
      return { centre, axes, radii: shape.radiiMm };
    });
    const inside = (p: readonly number[]): boolean =>
      ellipsoids.some(({ centre, axes, radii }) => {
        let sum = 0;
        for (let a = 0; a < 3; a += 1) {
          const axis = axes[a] as number[];
          let along = 0;
          for (let k = 0; k < 3; k += 1) along += (axis[k] as number) * ((p[k] as number) - (centre[k] as number));
          sum += (along / (radii[a] as number)) ** 2;
        }
        return sum <= 1;
      });
    if (points.every(inside)) covered += 1;
  }
  return covered / count;
}

/** Random motions with an error. */
export function drawFrom({ covariance, degreesOfFreedom }: DrawnError, random: Random): () => Motion {
  const { values, vectors } = symmetricEigen(covariance, 6);
  return () => {
    const z = Array.from(values, (v) => Math.sqrt(Math.max(0, v)) * random.normal());
    let scale = 1;
    if (degreesOfFreedom !== undefined && Number.isFinite(degreesOfFreedom)) {
      let squares = 0;
      for (let n = 0; n < degreesOfFreedom; n += 1) squares += random.normal() ** 2;
      scale = Math.sqrt(degreesOfFreedom / squares);
    }
    const xi = [0, 1, 2, 3, 4, 5].map((r) => scale * z.reduce((sum, v, c) => sum + (vectors[6 * r + c] as number) * v, 0));
    const [x, y, w, a, b, c] = xi as [number, number, number, number, number, number];
    const rows = [
      [0, -c, b, x],
      [c, 0, -a, y],
      [-b, a, 0, w],
    ];
    return (p) => {
      const at = [p[0], p[1], p[2], 1] as number[];
      let term = at;
      const sum = [...at];
      for (let k = 1; k < 20; k += 1) {
        term = [...rows.map((row) => row.reduce((s, v, i) => s + v * (term[i] as number), 0) / k), 0];
        for (let i = 0; i < 3; i += 1) sum[i] = (sum[i] as number) + (term[i] as number);
      }
      return sum.slice(0, 3);
    };
  };
}
