/** Guidance graphics for a stage: what a hand follows, drawn by what the pose's status allows. */
export { type AblationOptions, AblationZoneGraphic } from './ablation.js';
export { type AvoidLevel, type AvoidLimits, type AvoidOptions, AvoidStructure, avoidLevel } from './avoid.js';
export { Bullseye, type BullseyeOptions } from './bullseye.js';
export { type CorridorOptions, TrajectoryCorridor } from './corridor.js';
export { DepthBar, type DepthBarOptions } from './depth-bar.js';
export { DistanceLine, type FarEnd, towards } from './distance-line.js';
export { type FanShape, fanHolds } from './fan.js';
export type { GuidanceGraphic } from './graphic.js';
export { InstrumentGraphic } from './instrument.js';
export { type DepthMark, type InstrumentDescription, instrumentFromJson } from './instrument-description.js';
export { CoverageReadout, MarginLegend } from './margin-legend.js';
export { MARGIN_STEPS, type MarginStep, marginStep } from './margin-steps.js';
export { type MarginKind, MarginSurface, type MarginSurfaceOptions, type PlaceError } from './margin-surface.js';
export { formatProbability, formatProbabilityBound } from './probability.js';
export { type RowRange, type UltrasoundFormat, UltrasoundImage } from './ultrasound-image.js';
export { type UltrasoundGeometry, UltrasoundPlane, type UltrasoundPlaneOptions } from './ultrasound-plane.js';
export { type UltrasoundTarget, UltrasoundView, type UltrasoundViewOptions } from './ultrasound-view.js';
