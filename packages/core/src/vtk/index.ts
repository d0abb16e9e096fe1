export { type Decimation, decimate, decimationReady } from './decimate.js';
export { toVtkImageData } from './image-data.js';
export { type IsosurfaceOptions, isosurface, labelSurface, type SurfaceOf } from './isosurface.js';
export { makeSurface, type SurfaceWork } from './make-surface.js';
export type { Isosurface } from './surface-mesh.js';
