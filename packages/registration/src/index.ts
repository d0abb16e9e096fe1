/**
 * `@trocar/registration`: paired points and what may be expected of them. Image registration is a subpath.
 */
export { type ExpectedTre, type ExpectedTreOptions, expectedTreOf } from './accuracy/expected-tre.js';
export {
  type EllipseKind,
  type TreEllipse,
  type TreEllipsoid,
  type TreRegionOptions,
  treEllipse,
  treEllipsoid,
} from './accuracy/tre-ellipsoid.js';
export { type TreMapOptions, treMap } from './accuracy/tre-map.js';
export { PivotCollector, type PivotCollectorOptions } from './calibration/coverage.js';
export type { CoverageGauge } from './calibration/coverage-gauge.js';
export {
  type Correction,
  type DistortionCorrection,
  type DistortionFinding,
  type DistortionOptions,
  fitDistortion,
} from './calibration/distortion.js';
export type { Box } from './calibration/distortion-basis.js';
export { calibrateEyeToHand, calibrateHandEye, calibrateRobotWorld } from './calibration/hand-eye.js';
export type { ExtraParameter } from './calibration/hand-eye-extra.js';
export type { HoldOut } from './calibration/hand-eye-holdout.js';
export type { AxisDiversity } from './calibration/hand-eye-motions.js';
export type {
  HandEyeCalibration,
  HandEyeFinding,
  HandEyeNoise,
  HandEyeOptions,
  HandEyeResidual,
  PoseNoise,
} from './calibration/hand-eye-result.js';
export {
  estimateTimeOffset,
  type PairedLists,
  type PairingOptions,
  pairInTime,
  type TimeOffset,
  type TimeOffsetOptions,
} from './calibration/hand-eye-time.js';
export { calibratePivot, type PivotCalibration, type PivotFinding, type PivotOptions } from './calibration/pivot.js';
export type { TrackerNoise } from './calibration/pivot-estimate.js';
export { type CalibrationPose, calibrationPose, type PoseList } from './calibration/poses.js';
export type { OrientationSpread } from './calibration/poses-spread.js';
export {
  calibrateProbe,
  type ProbeCalibration,
  type ProbeCounts,
  type ProbeFinding,
  type ProbeOptions,
  type ProbeResidual,
} from './calibration/probe/calibrate-probe.js';
export {
  calibrateTemporal,
  type TemporalCalibration,
  type TemporalFinding,
  type TemporalOptions,
  type TrackedPlaces,
  type VideoLine,
} from './calibration/probe/calibrate-temporal.js';
export type { SizeCheck } from './calibration/probe/checks.js';
export { type Dot, type DotOptions, detectDots, type WireDots } from './calibration/probe/dots.js';
export { findWires, type WireOptions } from './calibration/probe/find-wires.js';
export { LineFinder, type LineOptions } from './calibration/probe/line.js';
export type { Labelling } from './calibration/probe/linear.js';
export { phantomFromProbeOf, type TimedProbePose, type WireObservation } from './calibration/probe/observations.js';
export {
  calibrateProbeByPoint,
  calibrateProbeBySingleWall,
  type PointObservation,
  type TargetOptions,
  type WallObservation,
} from './calibration/probe/other-targets.js';
export { type FCalVersion, fCalPhantom, type NWire, type NWirePhantom, type PhantomWire } from './calibration/probe/phantom.js';
export { type SoundSpeed, type SoundSpeedOptions, soundSpeedOf } from './calibration/probe/sound-speed.js';
export { estimateSignalLag, type Signal, type SignalLag, type SignalLagOptions } from './calibration/probe/temporal.js';
export {
  type CheckedProbe,
  type ProbeCheck,
  type ProbeValidation,
  type ValidationFinding,
  type ValidationLimits,
  validateProbe,
} from './calibration/probe/validate-probe.js';
export { calibrateSpin, type SpinCalibration, type SpinFinding, type SpinOptions } from './calibration/spin.js';
export { alongShaft } from './calibration/spin-shaft.js';
export {
  calibrateTemplate,
  type Insertion,
  type TemplateCalibration,
  type TemplateFinding,
  type TemplateOptions,
} from './calibration/template.js';
export { checkTool, type ToolCheck, type ToolCheckFinding, type ToolCheckOptions } from './calibration/tool-check.js';
export {
  checkReference,
  type ReferenceCheck,
  type ReferenceCheckFinding,
  type ReferenceCheckOptions,
} from './calibration/tool-check-reference.js';
export type { Finding, Outcome, ResultOutcome } from './outcome.js';
export type { AllowedOddity } from './points/consistency.js';
export type { DropSuggestion, FitSummary } from './points/drop.js';
export type { FitHealth, RegistrationFinding } from './points/findings.js';
export {
  type Correspondence,
  type MatchFinding,
  matchPoints,
  type PointMatch,
  type PointMatchOptions,
} from './points/match-points.js';
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
export { type Collected, type Coverage, SurfaceCollector, type SurfaceCollectorOptions } from './surface/collector.js';
export { type PreparedSurface, prepareSurface, type SurfaceFinding, type SurfaceOptions } from './surface/prepare-surface.js';
export {
  registerSurface,
  type SurfaceRegistration,
  type SurfaceRegistrationFinding,
  type SurfaceRegistrationOptions,
  type SurfaceResidual,
  type SurfaceRival,
} from './surface/register-surface.js';
export type { FreeMotion, PatientDirection } from './surface/words.js';
export {
  RegistrationWatch,
  type RegistrationWatchOptions,
  type WatchFinding,
  type WatchReport,
} from './verification/registration-watch.js';
export {
  type CheckLandmark,
  type LandmarkCheck,
  landmarksNeeded,
  type RegistrationVerification,
  type VerificationFinding,
  type VerificationOptions,
  verifyRegistration,
} from './verification/verify-registration.js';
