/**
 * `@trocar/registration`: paired points and what may be expected of them. Image registration is a subpath.
 */
export { type ExpectedTre, type ExpectedTreOptions, expectedTreOf } from './accuracy/expected-tre.js';
export type { Finding, Outcome, ResultOutcome } from './outcome.js';
export type { AllowedOddity } from './points/consistency.js';
export type { DropSuggestion, FitSummary } from './points/drop.js';
export type { FitHealth, RegistrationFinding } from './points/findings.js';
export type { PointNoise } from './points/noise.js';
export { type PointRegistration, type PointRegistrationOptions, registerPoints } from './points/register-points.js';
export {
  registerAffine,
  registerSimilarity,
  SCALE_LIMITS,
  type ScaledRegistration,
  type ScaledRegistrationOptions,
} from './points/register-scaled.js';
export type { PointResidual } from './points/residuals.js';
export { type PreparedSurface, prepareSurface, type SurfaceFinding, type SurfaceOptions } from './surface/prepare-surface.js';
export {
  registerSurface,
  type SurfaceRegistration,
  type SurfaceRegistrationFinding,
  type SurfaceRegistrationOptions,
  type SurfaceResidual,
  type SurfaceRival,
} from './surface/register-surface.js';
export type { FreeMotion } from './surface/words.js';
