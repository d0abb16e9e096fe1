import type { AnyVolume } from '../volume/index.js';
import type { IsosurfaceOptions, SurfaceOf } from './isosurface.js';
import type { Isosurface } from './surface-mesh.js';

/** What a surface is made of, without what names the patient. */
export type SurfaceGrid = Pick<AnyVolume, 'size' | 'frameFromIndex' | 'rescale'>;

/** What a surface's worker is told: the grid, its voxels in parts, and then what to make of them. */
export type ToSurfaceWorker =
  | { readonly kind: 'grid'; readonly grid: SurfaceGrid; readonly empty: AnyVolume['voxels'] }
  | { readonly kind: 'voxels'; readonly at: number; readonly part: AnyVolume['voxels'] }
  | { readonly kind: 'make'; readonly what: SurfaceOf; readonly options: IsosurfaceOptions };

/** What it answers. */
export type FromSurfaceWorker =
  | { readonly kind: 'progress'; readonly fraction: number }
  | { readonly kind: 'made'; readonly surface: Isosurface }
  | { readonly kind: 'failed'; readonly why: string };
