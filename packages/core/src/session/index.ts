/** `@trocar/core/session`: what was accepted, kept so that nothing is lost and nothing can be altered unseen. */
export {
  type AuditEntry,
  type AuditFault,
  type AuditFinding,
  type AuditHead,
  type AuditVerdict,
  headText,
  parseHead,
  verifyAudit,
} from './audit.js';
export { type ExactValue, fromExactJson, type JsonValue, toExactJson } from './exact-json.js';
export { type AnyEdge, edgeBetween, type SessionImage, type ViewState } from './kept.js';
export { type BeginOptions, beginSession, type Restored, type RestoreOptions, restoreSession } from './open.js';
export type { Session, SessionParts } from './session.js';
export {
  type Acceptance,
  type AcceptedEdge,
  type AcceptedRecord,
  type AcceptedRegistration,
  type EventLevel,
  type FiducialResidual,
  type RegistrationAccuracy,
  type SessionEvent,
  type SessionState,
  setAcceptedEdges,
} from './state.js';
export { type MemoryStorage, memoryStorage, type SessionStorage } from './storage.js';
