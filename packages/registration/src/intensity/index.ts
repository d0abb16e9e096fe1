/**
 * `@trocar/registration/intensity`: images registered by what they show, with our own kernels.
 */
export { confidenceTerms, type VolumeFinding } from './confidence.js';
export type { RegistrationEvidence } from './evidence.js';
export type { MotionKind } from './motion.js';
export type { IntensityMetric } from './mutual-information.js';
export { volumeRegistrationBytes } from './pyramid.js';
export {
  type AffineVolumeRegistration,
  type RigidVolumeRegistration,
  registerVolumes,
  type VolumeRegistration,
  type VolumeRegistrationOptions,
  type VolumeRegistrationReport,
} from './register-volumes.js';
export { checkMirrored, type MirroredFinding } from './ultrasound/check-mirrored.js';
export type { UltrasoundEvidence } from './ultrasound/evidence.js';
export { confidenceTerms as ultrasoundConfidenceTerms, type UltrasoundFinding } from './ultrasound/knowing.js';
export {
  registerToUltrasound,
  type UltrasoundRegistration,
  type UltrasoundRegistrationOptions,
} from './ultrasound/register-to-ultrasound.js';
