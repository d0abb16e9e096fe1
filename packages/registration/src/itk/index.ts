/**
 * `@trocar/registration/itk`: registration of images by their content with elastix, and ITK transform files. Runs offline:
 * in a browser the assets come from where `setAssetsBase()` of `@trocar/core/io` says.
 */
export type { Deformation } from '../deformable/deformation.js';
export { deformation, type ElastixDeformation } from './deformation.js';
export type { DeformationShape } from './deformation-checks.js';
export { encodeDisplacementField } from './displacement-field.js';
export type { ImageFinding } from './findings.js';
export type { Agreement } from './metric.js';
export { formatParameterMap, type ParameterMap, parseParameterMap } from './parameters.js';
export {
  type AffineImageRegistration,
  type DeformableImageRegistration,
  type ImageRegistration,
  type ImageRegistrationOptions,
  type ImageRegistrationReport,
  type RigidImageRegistration,
  registerImages,
} from './register-images.js';
export { type ResampleThroughOptions, resampleThrough } from './resample-through.js';
export { asElastix } from './spline-maps.js';
export type { RegistrationKind } from './stages.js';
export { readTransformFile, type StoredRegistration, type TransformFile, writeTransformFile } from './transform-file.js';
