export { pointCovariance } from './covariance.js';
export { type AnyFrame, type Frame, frame, requireSameFrame } from './frame.js';
export { FrameGraph } from './graph.js';
export type { Path } from './path.js';
export { PoseBuffer, type PoseBufferOptions, type PoseFaults } from './pose-buffer.js';
export { PoseSample } from './pose-sample.js';
export { PoseView } from './pose-view.js';
export { hasPose, isLive, STATUSES, type Status, severity, worstStatus } from './status.js';
export {
  type AffineTransform,
  type AnyTransform,
  affineTransform,
  apply,
  compose,
  invert,
  invertAffine,
  type Point,
  type Provenance,
  point,
  type Transform,
  type TransformOptions,
  transform,
} from './transform.js';
