import { multiply4 } from '@trocar/core/math';
import {
  fillHoles,
  gridOfSweep,
  type ImageClip,
  makeSweep,
  rowSpans,
  type SweepFrame,
  type SweepGrid,
  SweepReconstructor,
} from '@trocar/core/ultrasound';
import { spacingOf, type Volume, volume } from '@trocar/core/volume';
import { REFERENCE } from './frames.js';
import { FAN } from './probe.js';
import { PIXEL_MM, PLANE_FROM_IMAGE, RASTER, rasterised } from './raster.js';

/** One frame of a sweep with the pose it was taken at. */
export interface SweptFrame {
  /** Echoes 1 … 255 per line and sample, samples fastest. */
  readonly echoes: Uint8Array;
  /** Reference from the ultrasound's plane: rigid, 16 doubles, column-major, mm. */
  readonly referenceFromPlane: Float64Array;
  /** When it was taken, host ms. */
  readonly atMs: number;
}

/** Voxel edge of the compounded volume, mm. */
export const COMPOUND_MM = 0.7;
/** Gaps between seen voxels up to this wide are filled, mm centre to centre: a sweep with wider ones is judged before. */
const FILL_MM = 3 * COMPOUND_MM;
/** The first millimetres under the face show the face, no tissue. */
const NEAR_FIELD_MM = 1;
/** Frames that lie too far apart to be one sweep of a prostate. */
const MOST_VOXELS = 12e6;

const HALF_DEG = (180 * FAN.halfAngle) / Math.PI;
/** What of a raster is tissue. */
export const CLIP: ImageClip = {
  fan: {
    apex: [-RASTER.left / PIXEL_MM, 0],
    anglesDeg: [-HALF_DEG, HALF_DEG],
    radii: [(FAN.startMm + NEAR_FIELD_MM) / PIXEL_MM, FAN.endMm / PIXEL_MM],
  },
};

/** Columns and rows of a raster. */
export const RASTER_SIZE: readonly [number, number] = [RASTER.width, RASTER.height];

/** One frame as a raster with its place in the reference. */
export function rasterOf({ echoes, referenceFromPlane, atMs }: SweptFrame): SweepFrame & { readonly timeMs: number } {
  return {
    pixels: rasterised(new Uint8Array(RASTER.width * RASTER.height), echoes),
    frameFromImage: multiply4(new Float64Array(16), referenceFromPlane, PLANE_FROM_IMAGE),
    timeMs: atMs,
  };
}

/** What puts such rasters into the voxels of a grid: each pixel averaged into the voxels around it. */
export function reconstructorOn(grid: SweepGrid): SweepReconstructor<'reference'> {
  return new SweepReconstructor({ frame: REFERENCE, size: RASTER_SIZE, grid, clip: CLIP, interpolation: 'linear' });
}

/**
 * The frames of a sweep as one volume, by `@trocar/core/ultrasound`: each as a raster, its pixels averaged into the voxels around them,
 * narrow gaps filled. What no frame showed is 0. The grid lies along the images and across them.
 * @throws NavError `ultrasound/no-frames`, `ultrasound/bad-times`, `ultrasound/too-large` for frames too far apart to be one sweep
 */
export function compound(frames: readonly SweptFrame[]): Volume<'reference'> {
  const sweep = makeSweep({ frame: REFERENCE, size: RASTER_SIZE, frames: frames.map(rasterOf) });
  const grid = gridOfSweep(sweep, rowSpans(RASTER_SIZE, CLIP), { spacingMm: COMPOUND_MM, mostVoxels: MOST_VOXELS });
  const made = reconstructorOn(grid);
  for (const image of sweep.frames) made.add(image);
  const { voxels, coverage } = made;
  fillHoles(voxels, coverage, { size: grid.size, spacingMm: spacingOf(grid), maxGapMm: FILL_MM });
  return volume({
    frame: REFERENCE,
    voxels,
    ...grid,
    modality: 'US',
    series: { description: `sweep of ${frames.length} frames` },
  });
}

/**
 * A swept volume whose voxels that no frame showed are NaN instead of 0, for what blends it with another: where nothing was seen nothing is
 * drawn as seen.
 */
export function withUnknown(us: Volume<'reference'>): Volume<'reference'> {
  const { frame, size, frameFromIndex, modality, series } = us;
  const voxels = new Float32Array(us.voxels.length);
  for (let n = 0; n < voxels.length; n += 1) voxels[n] = (us.voxels[n] as number) || Number.NaN;
  return volume({ frame, voxels, size, frameFromIndex, ...(modality && { modality }), series });
}
