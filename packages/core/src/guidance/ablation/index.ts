/** Ablation: what a probe destroys, how well that covers a tumour, how surely, and what to burn instead. */
export {
  type Applicator,
  type ApplicatorLibrary,
  type ApplicatorRow,
  applicatorOf,
  readApplicators,
  writeApplicators,
  zoneShapeOf,
} from './applicators.js';
export { type AblationConfirmation, type ConfirmationInit, confirmAblation } from './confirm.js';
export { type AblationCoverage, type CoverageOptions, coverageProbability, type SharedError } from './coverage.js';
export { ellipsoidDistance } from './ellipsoid.js';
export { ILLUSTRATIVE_APPLICATORS } from './illustrative.js';
export { coveredShare, type MarginMap, marginMap } from './margin.js';
export type { ZoneShape } from './placed.js';
export {
  type AblationProposal,
  type ProbeSetting,
  type ProbeWay,
  type ProposalInit,
  type ProposedProbe,
  proposeProbes,
} from './propose.js';
export { fieldZone, surfaceZone } from './surface-zone.js';
export { type AblationTarget, ablationTarget, labelTarget, type TargetCells } from './target.js';
export {
  type AblationZone,
  EllipsoidZone,
  ellipsoidZone,
  type PlacedProbe,
  type PlannedProbeInit,
  placeProbe,
  plannedProbe,
  trackedProbe,
} from './zone.js';
