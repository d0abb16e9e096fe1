export {
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
