import type { AuditEntry } from '../audit.js';
import { type AuditEvent, type AuditPatient, type AuditSource, procedureRecord } from './event.js';

/** What a session's log does not say of itself. */
export interface SessionContext {
  readonly source: AuditSource;
  /** The study that the procedure works on. */
  readonly studyUid: string;
  readonly patient: AuditPatient;
}

/**
 * A session's audit log as Procedure Record events (PS3.15, A.5.3.11), one for each line and none left out: who, when, what, and
 * the line's number and the hash before it, by which it is found in the log. Payloads stay in the log.
 */
export function eventsOfSession(entries: readonly AuditEntry[], { source, studyUid, patient }: SessionContext): AuditEvent[] {
  return entries.map(({ utc, actor, action, sequence, previous }) => {
    const details = [
      { type: 'action', value: action },
      { type: 'line', value: String(sequence) },
      { type: 'previous', value: previous },
    ];
    const user = { userId: actor, isRequestor: true };
    return procedureRecord(action === 'session/begun' ? 'C' : 'U', user, { studyUid, details }, patient, { utc, source });
  });
}
