/** `@trocar/core/session`: what was accepted, kept so that nothing is lost and nothing can be altered unseen. */

export * from './access/index.js';
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
export * from './audit-events/index.js';
export { browserFolder } from './browser-folder.js';
export { type ExactValue, fromExactJson, type JsonValue, toExactJson } from './exact-json.js';
export { GUIDANCE_NUMBERS, type GuidanceNumber } from './guidance-numbers.js';
export { GuidanceRun, type GuidanceSink } from './guidance-run.js';
export type { GuidanceSetup, GuideSetup, StreamSetup } from './guidance-setup.js';
export type { GuideReading } from './guide.js';
export { type AnyEdge, edgeBetween, type SessionImage, type ViewState } from './kept.js';
export * from './live/index.js';
export { type BeginOptions, beginSession, type Restored, type RestoreOptions, restoreSession } from './open.js';
export { type GuidanceDifference, type GuidanceReplay, replayGuidance } from './replay.js';
export { type HandoutOptions, handoutHtml } from './report/handout.js';
export type { ReportInput, ReportPicture, ReportTable } from './report/input.js';
export { reportHtml } from './report/report.js';
export { summaryHtml } from './report/summary.js';
export { REPORT_TEXT, type ReportText } from './report/text.js';
export { REPORT_TEXTS, type ReportLanguage } from './report/texts.js';
export type { Session, SessionParts } from './session.js';
export {
  type Acceptance,
  type AcceptedEdge,
  type AcceptedRecord,
  type AcceptedRegistration,
  type EdgeTaker,
  type EventLevel,
  type FiducialResidual,
  type RegistrationAccuracy,
  type SessionEvent,
  type SessionState,
  setAcceptedEdges,
} from './state.js';
export { type MemoryStorage, memoryStorage, type SessionStorage } from './storage.js';
