export { DistanceField, type SignedField } from './distance-field.js';
export { type DistanceFieldOptions, distanceToLabel, distanceToMesh, type MeshFieldOptions } from './distance-field-build.js';
export { type IsosurfaceOptions, isosurface } from './isosurface.js';
export { type Mesh, type MeshInit, mesh } from './mesh.js';
export { closestOnTriangle, MeshDistance } from './mesh-distance.js';
export { type HausdorffDistance, type HausdorffOptions, hausdorffDistance } from './mesh-hausdorff.js';
export { type Grid, type GridShape, type ResampleOptions, regrid, resample, resampleStraight } from './resample.js';
export { type ReslicePlane, resliceInto } from './reslice.js';
export { Sampler, sampleLinear, valueRange } from './sample.js';
export { SignedMeshDistance } from './signed-mesh-distance.js';
export {
  type AnyVolume,
  cornersOf,
  type PatientIdentity,
  requireNoShear,
  type SeriesIdentity,
  SHEAR_LIMIT_DEGREES,
  shearDegrees,
  spacingOf,
  type Volume,
  type VolumeInit,
  type VolumeWarning,
  type VoxelArray,
  volume,
} from './volume.js';
export { CT_WINDOWS, greyOf, percentiles, type WindowLevel, windowPreset } from './window.js';
