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
