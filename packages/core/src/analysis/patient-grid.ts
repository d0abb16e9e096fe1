import { identity4, invert4, multiply4 } from '../math/index.js';
import { type AnyVolume, type GridShape, Sampler } from '../volume/index.js';

/**
 * The grid that a network sees of a volume: its axes along L, P and S, voxels of the model's spacing, centred on the volume's centre,
 * no smaller than a patch. It depends on where the volume lies, not on the order of its voxels: flipped and permuted arrays have
 * the same grid.
 */
export function patientGrid(
  v: AnyVolume,
  spacingMm: readonly [number, number, number],
  patch: readonly [number, number, number],
): GridShape {
  const m = v.frameFromIndex;
  const frameFromIndex = identity4();
  const size = [0, 1, 2].map((r) => {
    const column = (c: number): number => m[4 * c + r] as number;
    const extent = [0, 1, 2].reduce((sum, c) => sum + Math.abs(column(c)) * (v.size[c] as number), 0);
    const centre = [0, 1, 2].reduce((sum, c) => sum + (column(c) * ((v.size[c] as number) - 1)) / 2, m[12 + r] as number);
    const spacing = spacingMm[r] as number;
    // A hair's breadth more than a whole number of voxels is rounding.
    const n = Math.max(patch[r] as number, Math.ceil(extent / spacing - 1e-6));
    frameFromIndex[5 * r] = spacing;
    frameFromIndex[12 + r] = centre - ((n - 1) / 2) * spacing;
    return n;
  });
  return { size: size as [number, number, number], frameFromIndex };
}

/** No more samples along one edge of a voxel. */
const MOST_SAMPLES = 8;

/**
 * Means of a volume over the boxes of a grid's voxels, slice by slice, NaN where the box holds no image.
 *
 * Where the grid is coarser than the volume, trilinear samples at most about a voxel apart are averaged: a single one would pass on the
 * noise of its place. They lie evenly about the voxel's centre.
 */
export class BoxMeans {
  readonly #sampler: Sampler;
  readonly #indexFromGrid = identity4();
  readonly #size: readonly [number, number, number];
  /** Offsets of the samples from a voxel's centre, in indices of the volume. */
  readonly #offsets: Float64Array;

  constructor(v: AnyVolume, grid: GridShape) {
    this.#sampler = new Sampler(v);
    this.#size = grid.size;
    const m = multiply4(this.#indexFromGrid, this.#sampler.indexFromFrame, grid.frameFromIndex);
    const counts = [0, 1, 2].map((c) => {
      const steps = [0, 1, 2].map((r) => Math.abs(m[4 * c + r] as number));
      return Math.min(MOST_SAMPLES, Math.max(1, Math.round(Math.max(...steps))));
    });
    const [a, b, c] = counts as [number, number, number];
    const at = (n: number, count: number): number => (n + 0.5) / count - 0.5;
    const offsets: number[] = [];
    for (let z = 0; z < c; z += 1) {
      for (let y = 0; y < b; y += 1) {
        for (let x = 0; x < a; x += 1) {
          const p = [at(x, a), at(y, b), at(z, c)] as const;
          for (let r = 0; r < 3; r += 1) {
            offsets.push((m[r] as number) * p[0] + (m[4 + r] as number) * p[1] + (m[8 + r] as number) * p[2]);
          }
        }
      }
    }
    this.#offsets = Float64Array.from(offsets);
  }

  /** Slice k of the grid into `out` from `at` on, i fastest: rescaled values. */
  sliceInto(out: Float32Array, at: number, k: number): void {
    const m = this.#indexFromGrid;
    const [ni, nj] = this.#size;
    for (let j = 0, n = at; j < nj; j += 1) {
      const x = (m[4] as number) * j + (m[8] as number) * k + (m[12] as number);
      const y = (m[5] as number) * j + (m[9] as number) * k + (m[13] as number);
      const z = (m[6] as number) * j + (m[10] as number) * k + (m[14] as number);
      for (let i = 0; i < ni; i += 1, n += 1) {
        out[n] = this.#mean(x + (m[0] as number) * i, y + (m[1] as number) * i, z + (m[2] as number) * i);
      }
    }
  }

  #mean(x: number, y: number, z: number): number {
    const o = this.#offsets;
    let sum = 0;
    let count = 0;
    for (let s = 0; s < o.length; s += 3) {
      const value = this.#sampler.atIndex(x + (o[s] as number), y + (o[s + 1] as number), z + (o[s + 2] as number));
      if (Number.isNaN(value)) continue;
      sum += value;
      count += 1;
    }
    return count === 0 ? Number.NaN : sum / count;
  }
}

/** index of `to` = matrix · index of `from`, for two grids in one frame. */
export function indexFromIndex(to: GridShape, from: GridShape): Float64Array {
  const m = identity4();
  invert4(m, to.frameFromIndex);
  return multiply4(new Float64Array(16), m, from.frameFromIndex);
}
