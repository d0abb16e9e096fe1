import { NavError } from '../base/index.js';

/** How the tiles of one axis lie, and how much each says at every voxel. */
export interface AxisTiles {
  /** First voxel of each tile, ascending. */
  readonly starts: readonly number[];
  /** For each tile, its weight at each of its voxels. At every voxel of the axis the weights of the tiles there sum to 1. */
  readonly weights: readonly Float64Array[];
}

/** The Gaussian's standard deviation, in edges of a tile: at a tile's border it is 3e-4 of what it is in its middle. */
const SIGMA = 1 / 8;

/**
 * Tiles of `patch` voxels that cover an axis of `n` (n ≥ patch), evenly, each overlapping the next by at least `overlap` of its edge,
 * the same from both ends; with Gaussian weights, divided by their sum at each voxel. The product of three axes' weights is then
 * a partition of unity in space, without a sum to keep.
 * @param overlap 0 up to, but not including, 1
 * @throws NavError `analysis/bad-option`
 */
export function axisTiles(n: number, patch: number, overlap: number): AxisTiles {
  if (!(overlap >= 0 && overlap <= 0.9) || !(n >= patch && patch >= 1)) {
    throw new NavError('analysis/bad-option', `Tiles need an overlap from 0 to 0.9 and an axis no shorter than a tile.`, {
      detail: { n, patch, overlap },
    });
  }
  const free = n - patch;
  const step = Math.max(1, Math.floor(patch * (1 - overlap)));
  let starts = evenly(free, free === 0 ? 1 : Math.ceil(free / step) + 1);
  // Rounded alike from both ends, neighbours may be a voxel too far apart: then one more.
  while (starts.some((start, t) => t > 0 && start - (starts[t - 1] as number) > step)) starts = evenly(free, starts.length + 1);
  const bell = Float64Array.from({ length: patch }, (_, x) => Math.exp(-0.5 * ((x - (patch - 1) / 2) / (SIGMA * patch)) ** 2));
  const sum = new Float64Array(n);
  for (const start of starts)
    for (let x = 0; x < patch; x += 1) sum[start + x] = (sum[start + x] as number) + (bell[x] as number);
  return { starts, weights: starts.map((start) => bell.map((w, x) => w / (sum[start + x] as number))) };
}

/** So many whole numbers from 0 to `free`, even but for rounding, the same from both ends. */
function evenly(free: number, count: number): number[] {
  const fromLow = (m: number): number => Math.floor((m * free) / Math.max(1, count - 1));
  return Array.from({ length: count }, (_, i) => (2 * i < count - 1 ? fromLow(i) : free - fromLow(count - 1 - i)));
}
