export { toVtkImageData } from './image-data.js';
export { type Isosurface, type IsosurfaceOptions, isosurface } from './isosurface.js';
