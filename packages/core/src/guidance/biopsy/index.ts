export { type AnyBiopsyCore, type BiopsyCore, type CoreRecording, type NeedleGuide, recordCore } from './core.js';
export { type BiopsyGun, biopsyGun, type DepthStop, type DepthStopOptions, depthStop } from './instrument.js';
export {
  type BiopsyMap,
  biopsyMap,
  type CoreSampling,
  coreSampling,
  type NextTarget,
  nextTargets,
  type SamplingOptions,
  type TargetSampling,
} from './map.js';
export { type BiopsyTarget, ballToSample, labelToSample, meshToSample } from './target.js';
