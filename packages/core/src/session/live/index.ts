/** The live session: what an operator shows to observers who already have the images. See docs/live-session.md. */
export type { AuditDraft } from '../audit.js';
export { LARGEST_LIVE_MESSAGE } from './bytes.js';
export { type AsOfWords, asOfText, type Freshness, type Standing } from './freshness.js';
export { imageHash, liveImage } from './image-hash.js';
export { LIVE_VERSION, type LiveKind, liveKindOf } from './message.js';
export {
  decodeNote,
  encodeNote,
  type ObserverNote,
  type OpenProposal,
  type Proposal,
  ProposalDesk,
  type ProposalDeskOptions,
  type RemotePointer,
} from './proposal.js';
export { LivePublisher, type OutgoingLive, type PublisherOptions } from './publisher.js';
export { POSE_STEP_DEG, POSE_STEP_MM } from './quantised.js';
export { LiveReplica, type Observation, type Received, type ReplicaCounts, type ReplicaOptions } from './replica.js';
export {
  EMPTY_LIVE_STATE,
  type LiveAlarm,
  type LiveAnnotation,
  type LiveCamera,
  type LiveGuidance,
  type LiveImage,
  type LivePlan,
  type LivePointer,
  type LiveReading,
  type LiveState,
  type LiveTool,
  type LiveVerdict,
  type LiveView,
  PROPOSAL_KINDS,
  type ProposalKind,
  type Triple,
} from './state.js';
