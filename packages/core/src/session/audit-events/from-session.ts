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
 * the line's number and the hash before it, by which it is found in the log; of a record its kind, as `core`. Payloads stay in the log.
 */
export function eventsOfSession(entries: readonly AuditEntry[], { source, studyUid, patient }: SessionContext): AuditEvent[] {
  return entries.map(({ utc, actor, action, sequence, previous, payload }) => {
    const details = [
      { type: 'action', value: action },
      { type: 'line', value: String(sequence) },
      { type: 'previous', value: previous },
      ...kindOf(action, payload),
    ];
    const user = { userId: actor, isRequestor: true };
    return procedureRecord(action === 'session/begun' ? 'C' : 'U', user, { studyUid, details }, patient, { utc, source });
  });
}

/** What kind of record was accepted: a word of the program. */
function kindOf(action: string, payload: AuditEntry['payload']): { readonly type: string; readonly value: string }[] {
  if (action !== 'record/accepted' || typeof payload !== 'object' || payload === null || !('kind' in payload)) return [];
  return typeof payload['kind'] === 'string' ? [{ type: 'kind', value: payload['kind'] }] : [];
}
