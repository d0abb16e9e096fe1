/** `@trocar/core/analysis`: networks asked about volumes, and what they say as proposals that a person accepts. */
export { type InputIdentity, type Sha256, webSha256 } from './hash.js';
export {
  type Lesion,
  type LesionOptions,
  measureLesions,
} from './lesions.js';
export {
  type MeasuredErrors,
  type ModelDescription,
  type ModelLabel,
  type ModelRuntime,
  modelDescription,
  type Normalisation,
  type SegmentationModel,
} from './model.js';
export { type OnnxOptions, type OrtModule, type OrtSession, type OrtTensor, onnxModel } from './onnx.js';
export {
  type Acceptance,
  type Accepted,
  type AnalysisProvenance,
  type AnalysisWarning,
  acceptProposal,
  type Proposal,
  requireAccepted,
} from './proposal.js';
export { type Segmentation, type SegmentOptions, segment } from './segment.js';
