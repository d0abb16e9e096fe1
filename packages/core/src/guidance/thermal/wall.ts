/**
 * How much of a stepped wall's area counts. The faces between voxels of a slanting wall have together more area than the wall (4/π
 * of a cylinder's, 3/2 of a sphere's). Where the wall's normal is n, faces across axis a make up |n_a| of its area each, and
 * Σ |n_a|² = 1: so each face counts |n_a|.
 */
const REACH = 2;

/**
 * A function that gives |n_a| of the face between a cell and the next along an axis, with the normal from the slope of the inside's
 * share in 5×5×5 cells around either, weighted by a Gaussian of 1.2 cells.
 * @param metres edge lengths of a cell, m
 */
export function wallWeights(
  size: readonly [number, number, number],
  metres: readonly [number, number, number],
  inside: (cell: number) => boolean,
): (cell: number, step: number, axis: 0 | 1 | 2) => number {
  const [ni, nj, nk] = size;
  const steps = [1, ni, ni * nj] as const;
  // A vessel that leaves the grid goes on behind its end.
  const clamp = (v: number, n: number): number => Math.max(0, Math.min(n - 1, v));
  const slope = (cell: number, out: Float64Array): void => {
    const i = cell % ni;
    const j = Math.floor(cell / ni) % nj;
    const k = Math.floor(cell / ni / nj);
    for (let c = -REACH; c <= REACH; c += 1) {
      for (let b = -REACH; b <= REACH; b += 1) {
        for (let a = -REACH; a <= REACH; a += 1) {
          if (!inside(clamp(i + a, ni) + steps[1] * clamp(j + b, nj) + steps[2] * clamp(k + c, nk))) continue;
          const weight = Math.exp(-(a * a + b * b + c * c) / 2.88);
          out[0] = (out[0] as number) + weight * a;
          out[1] = (out[1] as number) + weight * b;
          out[2] = (out[2] as number) + weight * c;
        }
      }
    }
  };
  const normal = new Float64Array(3);
  return (cell, step, axis) => {
    normal.fill(0);
    slope(cell, normal);
    slope(cell + step, normal);
    for (let k = 0; k < 3; k += 1) normal[k] = (normal[k] as number) / (metres[k] as number);
    const length = Math.hypot(normal[0] as number, normal[1] as number, normal[2] as number);
    // No slope: a vessel one voxel thin, or a flat one between two others. Its faces are its wall.
    return length > 1e-9 / Math.max(...metres) ? Math.abs(normal[axis] as number) / length : 1;
  };
}
