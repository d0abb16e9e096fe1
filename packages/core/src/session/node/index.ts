export { type AuditTrail, type AuditTrailOptions, auditTrail } from './audit-trail.js';
/** Sessions in folders on a disk. */
export { sessionFolder } from './session-folder.js';
export type { SyslogServer } from './syslog-link.js';
