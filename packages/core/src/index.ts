/**
 * `@trocar/core`: what a headless pose logger needs. Volumes, files, guidance and rendering are subpaths.
 */
export { isNavError, NavError, type NavErrorCode, Signal, type Unsubscribe } from './base/index.js';
export {
  type AffineTransform,
  type AnyFrame,
  type AnyTransform,
  affineTransform,
  apply,
  compose,
  type Frame,
  FrameGraph,
  frame,
  hasPose,
  invert,
  invertAffine,
  isLive,
  type Path,
  type Point,
  PoseBuffer,
  type PoseBufferOptions,
  PoseSample,
  PoseView,
  type Provenance,
  point,
  pointCovariance,
  requireSameFrame,
  STATUSES,
  type Status,
  severity,
  type Transform,
  type TransformOptions,
  transform,
  worstStatus,
} from './frames/index.js';
export { type Clock, ClockMap, type Instant, RoundTrip, systemClock } from './time/index.js';
