/**
 * `@trocar/registration/deformable`: maps that bend, what they do, and how they are found.
 */
export { composeDeformations, inverseDeformation } from './compose.js';
export type { Deformation, JacobianMap, PointMap } from './deformation.js';
export { deformableConfidenceTerms } from './dense/confidence.js';
export type { DeformableEvidence, DeformableFinding } from './dense/judge.js';
export type { DenseMetric } from './dense/scene.js';
export {
  ControlGrid,
  type ControlGridInit,
  controlGridOver,
  type SplineDeformation,
  type SplineDeformationInit,
  splineDeformation,
} from './displacement-grid.js';
export { type DeformableOptions, type DeformableRegistration, registerDeformable } from './register-deformable.js';
export {
  type LandmarkDeformation,
  type LandmarkDeformationFinding,
  type LandmarkDeformationOptions,
  type LandmarkMethod,
  registerLandmarks,
} from './register-landmarks.js';
