import { type AffineTransform, requireSameFrame } from '@trocar/core';
import { identity4, invert4, transformPoint } from '@trocar/core/math';
import {
  type AnyVolume,
  type Grid,
  type GridShape,
  type ResampleOptions,
  resample,
  Sampler,
  type Volume,
  type VoxelArray,
  valueRange,
  volume,
} from '@trocar/core/volume';
import type { Deformation, PointMap } from '../deformable/deformation.js';

/** How {@link resampleThrough} draws. */
export interface ResampleThroughOptions extends ResampleOptions {
  /**
   * `linear`, the default, between eight voxels; `nearest` takes the voxel whose centre is nearest, in the source's own voxel
   * type and rescale: for labels, of which no mixture is one.
   */
  readonly interpolation?: 'linear' | 'nearest';
}

/**
 * A volume drawn anew on a grid of another frame through a registration: the moving image as the fixed image's grid sees it.
 * Trilinear: through a matrix in the source's own voxel type, through a deformation as rescaled 32-bit floats; or the nearest
 * voxel, for labels.
 * @param sourceFromGrid `movingFromFixed`, or the `deformation`, of an image registration; any map of points between the frames
 * @throws NavError `frame/mismatch`, `volume/bad-geometry`
 */
export function resampleThrough<G extends string, S extends string>(
  source: Volume<S>,
  grid: Grid<G>,
  sourceFromGrid: AffineTransform<NoInfer<S>, NoInfer<G>> | Pick<Deformation<NoInfer<S>, NoInfer<G>>, 'to' | 'from' | 'map'>,
  options: ResampleThroughOptions = {},
): Volume<G> {
  const nearest = options.interpolation === 'nearest';
  if (!('map' in sourceFromGrid)) {
    if (!nearest) return resample(source, grid, sourceFromGrid, options);
    const { matrix } = sourceFromGrid;
    const map: PointMap = (out, p) => transformPoint(out, matrix, p);
    return resampleThrough(source, grid, { to: sourceFromGrid.to, from: sourceFromGrid.from, map }, options);
  }
  requireSameFrame(source.frame, sourceFromGrid.to, 'Resampling a volume');
  requireSameFrame(grid.frame, sourceFromGrid.from, 'Resampling onto a grid');
  const voxels = nearest
    ? nearestVoxels(source, grid, sourceFromGrid.map, options)
    : linearVoxels(source, grid, sourceFromGrid.map, options);
  const { unit } = source.rescale;
  return volume({
    frame: grid.frame,
    voxels,
    size: grid.size,
    frameFromIndex: grid.frameFromIndex,
    modality: source.modality,
    patient: source.patient,
    series: source.series,
    ...(nearest ? { rescale: source.rescale } : unit !== undefined && { rescale: { slope: 1, intercept: 0, unit } }),
  });
}

function linearVoxels(source: AnyVolume, grid: GridShape, map: PointMap, options: ResampleOptions): Float32Array {
  const sampler = new Sampler(source);
  const voxels = new Float32Array(grid.size[0] * grid.size[1] * grid.size[2]);
  const outside = options.outside ?? valueRange(source).min;
  eachVoxel(grid, map, (n, p) => {
    const value = sampler.at(p[0] as number, p[1] as number, p[2] as number);
    voxels[n] = Number.isNaN(value) ? outside : value;
  });
  return voxels;
}

function nearestVoxels(source: AnyVolume, grid: GridShape, map: PointMap, options: ResampleOptions): VoxelArray {
  const { slope, intercept } = source.rescale;
  const outside = options.outside ?? valueRange(source).min;
  const count = grid.size[0] * grid.size[1] * grid.size[2];
  const voxels = new (source.voxels.constructor as new (length: number) => VoxelArray)(count);
  voxels.fill((outside - intercept) / slope);
  const indexFromFrame = identity4();
  invert4(indexFromFrame, source.frameFromIndex);
  const [ni, nj, nk] = source.size;
  eachVoxel(grid, map, (n, p) => {
    transformPoint(p, indexFromFrame, p);
    const [i, j, k] = [Math.round(p[0] as number), Math.round(p[1] as number), Math.round(p[2] as number)];
    if (!(i >= 0 && j >= 0 && k >= 0 && i < ni && j < nj && k < nk)) return;
    voxels[n] = source.voxels[i + ni * (j + nj * k)] as number;
  });
  return voxels;
}

/** Calls `draw` with each voxel of a grid and where it comes from, mm; the place may be written to. */
function eachVoxel(
  { size: [ni, nj, nk], frameFromIndex }: GridShape,
  map: PointMap,
  draw: (n: number, p: Float64Array) => void,
): void {
  const p = new Float64Array(3);
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, n += 1) {
        p[0] = i;
        p[1] = j;
        p[2] = k;
        map(p, transformPoint(p, frameFromIndex, p));
        draw(n, p);
      }
    }
  }
}
