import { type AffineTransform, requireSameFrame } from '@trocar/core';
import { transformPoint } from '@trocar/core/math';
import { type Grid, type ResampleOptions, resample, Sampler, type Volume, valueRange, volume } from '@trocar/core/volume';
import type { Deformation } from '../deformable/deformation.js';

/**
 * A volume drawn anew on a grid of another frame through a registration: the moving image as the fixed image's grid sees it.
 * Trilinear. Through a matrix in the source's own voxel type; through a deformation as rescaled 32-bit floats.
 * @param sourceFromGrid `movingFromFixed`, or the `deformation`, of an image registration; any map of points between the frames
 * @throws NavError `frame/mismatch`, `volume/bad-geometry`
 */
export function resampleThrough<G extends string, S extends string>(
  source: Volume<S>,
  grid: Grid<G>,
  sourceFromGrid: AffineTransform<NoInfer<S>, NoInfer<G>> | Pick<Deformation<NoInfer<S>, NoInfer<G>>, 'to' | 'from' | 'map'>,
  options: ResampleOptions = {},
): Volume<G> {
  if (!('map' in sourceFromGrid)) return resample(source, grid, sourceFromGrid, options);
  requireSameFrame(source.frame, sourceFromGrid.to, 'Resampling a volume');
  requireSameFrame(grid.frame, sourceFromGrid.from, 'Resampling onto a grid');
  const sampler = new Sampler(source);
  const [ni, nj, nk] = grid.size;
  const voxels = new Float32Array(ni * nj * nk);
  const outside = options.outside ?? valueRange(source).min;
  const p = new Float64Array(3);
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, n += 1) {
        p[0] = i;
        p[1] = j;
        p[2] = k;
        sourceFromGrid.map(p, transformPoint(p, grid.frameFromIndex, p));
        const value = sampler.at(p[0] as number, p[1] as number, p[2] as number);
        voxels[n] = Number.isNaN(value) ? outside : value;
      }
    }
  }
  return volume({
    frame: grid.frame,
    voxels,
    size: grid.size,
    frameFromIndex: grid.frameFromIndex,
    modality: source.modality,
    patient: source.patient,
    series: source.series,
    ...(source.rescale.unit !== undefined && { rescale: { slope: 1, intercept: 0, unit: source.rescale.unit } }),
  });
}
