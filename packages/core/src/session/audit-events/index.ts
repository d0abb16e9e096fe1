export { checkAuditMessage } from './check-message.js';
export {
  AUDIT_EVENT,
  AUDIT_EVENT_TYPE,
  AUDIT_ROLE,
  type AuditAction,
  type AuditCode,
  type AuditCommon,
  type AuditEvent,
  type AuditObject,
  type AuditOutcome,
  type AuditParticipant,
  type AuditPatient,
  type AuditSource,
  type AuditStudy,
  applicationActivity,
  exported,
  instancesAccessed,
  instancesTransferred,
  patientRecord,
  procedureRecord,
  queried,
  securityAlert,
  userAuthentication,
} from './event.js';
export { eventsOfSession, type SessionContext } from './from-session.js';
export type { XmlNode } from './parse-xml.js';
export { type SyslogSender, syslogFrame, syslogMessage } from './syslog.js';
export { auditMessageXml } from './xml.js';
