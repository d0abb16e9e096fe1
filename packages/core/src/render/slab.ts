import { NavError } from '../base/index.js';
import { type AnyVolume, spacingOf } from '../volume/index.js';

/** A slice with a thickness: of all values along its normal the highest, the lowest or the mean is drawn. */
export interface Slab {
  /** Half of it before the slice and half behind, mm, above 0. */
  readonly thicknessMm: number;
  /** `max` (MIP): vessels, calcifications, needles. `min`: airways. `mean`: less noise. */
  readonly mode: 'max' | 'min' | 'mean';
}

/** The most samples across a slab. */
const MOST_SAMPLES = 1025;

/**
 * Refuses a slab that cannot be drawn.
 * @throws NavError `math/out-of-range`
 */
export function requireSlab(slab: Slab): void {
  const { thicknessMm, mode } = slab;
  if (Number.isFinite(thicknessMm) && thicknessMm > 0 && ['max', 'min', 'mean'].includes(mode)) return;
  throw new NavError(
    'math/out-of-range',
    `A slab needs a thickness of more than 0 mm and a mode of max, min or mean, got ${thicknessMm} and "${mode}".`,
    { detail: { thicknessMm, mode } },
  );
}

/**
 * How many samples lie evenly across a slab, from face to face with one in the middle: no further apart than half the shortest
 * edge of a voxel, up to 1025.
 */
export function slabSamples(slab: Slab, v: Pick<AnyVolume, 'frameFromIndex'>): number {
  const apart = Math.min(...spacingOf(v)) / 2;
  return Math.min(MOST_SAMPLES, 2 * Math.ceil(slab.thicknessMm / 2 / apart) + 1);
}
