import { NavError } from '../base/index.js';
import { type ImageClip, rowSpans } from './clip.js';
import type { SlabPlan, SweepCompounding, SweepInterpolation } from './compounding/slab.js';
import { gridOfSweep, type SweepGrid, type SweepGridOptions } from './grid.js';
import type { Sweep } from './sweep.js';

/** How pixels become voxels. */
export interface CompoundingOptions {
  /** Default `linear`. */
  readonly interpolation?: SweepInterpolation;
  /** Default `mean`. */
  readonly compounding?: SweepCompounding;
  /** Which pixels are ultrasound. Default all. */
  readonly clip?: ImageClip;
  /** How much each pixel counts, 0 … 255, row by row; pixels of 0 are left out. Default all alike. */
  readonly importance?: Uint8Array;
}

/** What reconstructSweep() is told. */
export interface SweepReconstructionOptions extends CompoundingOptions {
  /** Edge of a voxel, mm. Default 0.5. Not looked at where `grid` is given. */
  readonly spacingMm?: SweepGridOptions['spacingMm'];
  /** Along which axes a box is put around the sweep. Default `sweep`: along the images and across them. */
  readonly axes?: SweepGridOptions['axes'];
  /** The output's voxels; pixels outside are dropped. Default a box around the sweep. */
  readonly grid?: SweepGrid;
  /** Gaps between seen voxels up to this wide, mm centre to centre, are interpolated. Default 0: none. */
  readonly fillGapsMm?: number;
  /**
   * `forward` (the default): pixels go to voxels. `backward`: every voxel asks the images within half of `elevationMm`; a straight line over
   * their distances, weighted by nearness, gives its value. Means only; takes 41 bytes a voxel.
   */
  readonly mode?: 'forward' | 'backward';
  /** The beam's width across the image, mm: what `backward` needs. Mostly 2 … 6 mm; twice the distance between images at least. */
  readonly elevationMm?: number;
  /** Default `uint8`: rounded, 0 where nothing was seen. `float32`: NaN there. */
  readonly voxels?: 'uint8' | 'float32';
}

/** The planes along k that one worker finishes: the first, and the one after its last. */
export type Planes = readonly [number, number];

/**
 * A plan for the whole of a grid.
 * @throws NavError `ultrasound/bad-clip`, `ultrasound/bad-option`
 */
export function planOf(size: readonly [number, number], grid: SweepGrid, options: CompoundingOptions): SlabPlan {
  const { importance, interpolation = 'linear', compounding = 'mean' } = options;
  if (importance !== undefined && importance.length !== size[0] * size[1]) {
    throw new NavError(
      'ultrasound/bad-option',
      `The importance has ${importance.length} weights, and an image ${size[0] * size[1]} pixels.`,
    );
  }
  if (!['nearest', 'linear'].includes(interpolation) || !['mean', 'latest', 'maximum'].includes(compounding)) {
    throw new NavError('ultrasound/bad-option', `There is no ${compounding} compounding with ${interpolation} interpolation.`);
  }
  const spans = rowSpans(size, options.clip);
  return { grid, first: 0, end: grid.size[2], interpolation, compounding, columns: size[0], spans, importance };
}

/**
 * The elevational width of a backward reconstruction; undefined for a forward one.
 * @throws NavError `ultrasound/bad-option`
 */
export function elevationOf(options: SweepReconstructionOptions): number | undefined {
  const { mode = 'forward', elevationMm, interpolation = 'linear', compounding = 'mean' } = options;
  const refuse = (what: string): NavError => new NavError('ultrasound/bad-option', what, { detail: { mode, elevationMm } });
  if (mode === 'forward') {
    if (elevationMm !== undefined) throw refuse('An elevational width means something to backward reconstruction only.');
    return undefined;
  }
  if (mode !== 'backward') throw refuse(`There is no ${mode} reconstruction: it is forward or backward.`);
  if (interpolation !== 'linear' || compounding !== 'mean') {
    throw refuse('Backward reconstruction interpolates and averages: leave interpolation and compounding out.');
  }
  if (!(elevationMm !== undefined && Number.isFinite(elevationMm) && elevationMm > 0)) {
    throw refuse('Backward reconstruction needs elevationMm, the width of the beam across the image, in millimetres.');
  }
  return elevationMm;
}

/** The grid that options ask for. */
export function gridFor<F extends string>(sweep: Sweep<F>, options: SweepReconstructionOptions): SweepGrid {
  if (options.grid !== undefined) return options.grid;
  const { spacingMm = 0.5, axes } = options;
  return gridOfSweep(sweep, rowSpans(sweep.size, options.clip), { spacingMm, ...(axes && { axes }) });
}
