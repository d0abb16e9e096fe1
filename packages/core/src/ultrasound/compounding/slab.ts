import type { RowSpans } from '../clip.js';
import type { SweepGrid } from '../grid.js';

/** How a pixel reaches voxels: the nearest one, or the eight around it, by their nearness along each axis. */
export type SweepInterpolation = 'nearest' | 'linear';
/** What becomes of several pixels of one voxel: their weighted mean, the mean of the latest image's, or the brightest. */
export type SweepCompounding = 'mean' | 'latest' | 'maximum';

/** What a slab is made for; goes to workers as it is. */
export interface SlabPlan {
  readonly grid: SweepGrid;
  /** Planes first … end − 1 along k are this slab's to finish. */
  readonly first: number;
  readonly end: number;
  readonly interpolation: SweepInterpolation;
  readonly compounding: SweepCompounding;
  /** Pixels along a row. */
  readonly columns: number;
  readonly spans: RowSpans;
  /** A weight of 0 … 255 for each pixel. */
  readonly importance: Uint8Array | undefined;
  /** Backward, with a beam of this width across the image; undefined forward. */
  readonly elevationMm?: number | undefined;
}

/**
 * Sums of grey values are kept in steps of this, so that they are exact in doubles and the same in every order. A voxel can take
 * 2⁵³ steps: 30 million pixels.
 */
const STEP_EXPONENT = 20;
/** Added to and taken from a double this rounds it to whole steps. */
export const TO_STEPS: number = 1.5 * 2 ** (52 - STEP_EXPONENT);

/**
 * Sums for the planes of a slab, and one plane of its neighbours on either side, which takes what spills over and is thrown away: so a slab
 * needs nothing of its neighbours.
 */
export interface Sums {
  /** For each voxel the sum of value × weight and, behind it, of weights; for `maximum` the largest value and 1. */
  readonly sums: Float64Array;
  /** For `latest`: time or number of the image that a voxel's sums are of; else empty. */
  readonly stamps: Float64Array;
  /** The plane that index 0 lies in. */
  readonly plane: number;
  readonly strides: readonly [number, number];
}

/** The planes that a slab keeps sums for: the first of them, and how many. */
export function keptPlanes(plan: SlabPlan): readonly [number, number] {
  const plane = Math.max(0, plan.first - 1);
  return [plane, Math.min(plan.grid.size[2], plan.end + 1) - plane];
}

/** Room for a slab's sums. */
export function makeSums(plan: SlabPlan): Sums {
  const [ni, nj] = plan.grid.size;
  const [plane, planes] = keptPlanes(plan);
  const count = ni * nj * planes;
  const stamps = new Float64Array(plan.compounding === 'latest' ? count : 0).fill(Number.NEGATIVE_INFINITY);
  return { sums: new Float64Array(2 * count), stamps, plane, strides: [ni, ni * nj] };
}

/** A box of voxels: i, j, k from `low` to before `high`. */
export interface VoxelBox {
  readonly low: readonly [number, number, number];
  readonly high: readonly [number, number, number];
}
