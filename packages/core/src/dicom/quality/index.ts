export {
  type AcquisitionInput,
  type AcquisitionReport,
  checkAcquisition,
  type Finding,
  type FindingVerdict,
} from './check.js';
export { type ContrastInput, type ContrastPhase, contrastPhase } from './contrast.js';
export { type AcquisitionFacts, readAcquisitionFacts } from './facts.js';
export { type MotionJump, type SliceMotion, sliceMotion } from './motion.js';
export { ACQUISITION_PROTOCOLS, type AcquisitionProtocol, type Limit } from './protocol.js';
export { type QaMeasurement, type QaPoint, type QaRule, type QaTrend, type QaTrendOptions, qaTrend } from './trend.js';
