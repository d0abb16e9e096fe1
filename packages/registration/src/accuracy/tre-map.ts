import { NavError, pointCovariance, requireSameFrame, type Transform } from '@trocar/core';
import type { Grid } from '@trocar/core/volume';
import { at } from '../points/rigid-fit.js';
import { addTarget, type ExpectedTreOptions } from './expected-tre.js';
import { QuantileTable } from './quantile-table.js';

/** What {@link treMap} may take into account. */
export interface TreMapOptions extends ExpectedTreOptions {
  /** Which bound: 0.95 by default. */
  readonly probability?: number;
}

/** Voxels a map may have. */
const MOST_VOXELS = 2 ** 27;

/**
 * The bound that the target registration error stays below with 95 % probability, mm, at the centre of every voxel of a
 * grid in the edge's `to` frame: what {@link expectedTreOf} says there, within 0.5 %. NaN throughout where the edge has no
 * covariance. i fastest, as a volume's voxels.
 * @throws NavError `frame/mismatch`, `registration/too-large` (more than 2²⁷ voxels), `registration/bad-option`,
 * `math/out-of-range`
 */
export function treMap<To extends string, From extends string>(
  edge: Transform<To, From>,
  grid: Grid<NoInfer<To>>,
  options: TreMapOptions = {},
): Float32Array {
  requireSameFrame(edge.to, grid.frame, 'Mapping the target registration error');
  const { covariance } = edge;
  const map = new Float32Array(voxelsOf(grid));
  if (covariance === undefined) return map.fill(Number.NaN);
  const freedom = edge.degreesOfFreedom ?? Number.POSITIVE_INFINITY;
  const table = new QuantileTable(options.probability ?? 0.95, freedom, (options.targetFleMm ?? 0) > 0);
  const p = new Float64Array(3);
  const c = new Float64Array(9);
  const [ni, nj, nk] = grid.size;
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, n += 1) {
        place(p, grid.frameFromIndex, i, j, k);
        const sure = addTarget(pointCovariance(c, covariance, p), freedom, options);
        map[n] = radius(c, table, sure);
      }
    }
  }
  return map;
}

function voxelsOf(grid: Pick<Grid<string>, 'size' | 'frameFromIndex'>): number {
  const voxels = grid.size[0] * grid.size[1] * grid.size[2];
  const whole = grid.size.every((n) => Number.isInteger(n) && n >= 0) && grid.frameFromIndex.length === 16;
  if (!whole) throw new NavError('registration/bad-option', `A grid needs whole sizes and a 4×4 matrix, got [${grid.size}].`);
  if (voxels <= MOST_VOXELS) return voxels;
  throw new NavError(
    'registration/too-large',
    `A map of ${grid.size.join(' × ')} voxels is more than can be held. The error varies slowly: take a coarser grid.`,
    { detail: { voxels, most: MOST_VOXELS } },
  );
}

function place(p: Float64Array, m: ArrayLike<number>, i: number, j: number, k: number): void {
  for (let r = 0; r < 3; r += 1) p[r] = at(m, r) * i + at(m, 4 + r) * j + at(m, 8 + r) * k + at(m, 12 + r);
}

/** The quantile of the length, by the closed form of the eigenvalues (Smith 1961, CACM 4:168). */
function radius(c: Float64Array, table: QuantileTable, freedom: number): number {
  const trace = at(c, 0) + at(c, 4) + at(c, 8);
  if (!(trace > 0)) return trace === 0 ? 0 : Number.NaN;
  const x = at(c, 0) / trace - 1 / 3;
  const y = at(c, 4) / trace - 1 / 3;
  const z = at(c, 8) / trace - 1 / 3;
  const [xy, xz, yz] = [at(c, 1) / trace, at(c, 2) / trace, at(c, 5) / trace];
  const q = Math.sqrt((x * x + y * y + z * z + 2 * (xy * xy + xz * xz + yz * yz)) / 6);
  const determinant = x * (y * z - yz * yz) - xy * (xy * z - yz * xz) + xz * (xy * yz - y * xz);
  const phi = q > 0 ? Math.acos(Math.max(-1, Math.min(1, determinant / (2 * q * q * q)))) / 3 : 0;
  const first = 1 / 3 + 2 * q * Math.cos(phi);
  const third = Math.max(0, 1 / 3 + 2 * q * Math.cos(phi + (2 * Math.PI) / 3));
  const second = Math.max(third, 1 - first - third);
  return Math.sqrt(first * trace) * table.at(Math.min(1, second / first), Math.min(second, third) / first, freedom);
}
