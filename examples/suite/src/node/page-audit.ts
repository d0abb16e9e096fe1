import { NavError } from '@trocar/core';
import {
  AUDIT_EVENT_TYPE,
  type AuditCommon,
  type AuditEntry,
  type AuditHead,
  type AuditOutcome,
  type AuditParticipant,
  type AuditPatient,
  type AuditStudy,
  applicationActivity,
  eventsOfSession,
  exported,
  instancesAccessed,
  procedureRecord,
  securityAlert,
  userAuthentication,
  verifyAudit,
} from '@trocar/core/session';
import type { AuditTrail } from '@trocar/core/session/node';

/** What an example's events are about. What is not known is said so: an event is never left out for want of a name. */
export interface AuditedCase {
  readonly patient: AuditPatient;
  readonly study: AuditStudy;
}

/** How an example's server tells what happens. */
export interface PageAuditOptions {
  readonly trail: AuditTrail;
  /** The program: `ct-liver-ablation`. */
  readonly application: string;
  /** This machine, as the site knows it. */
  readonly host: string;
  readonly site?: string;
  readonly subject?: AuditedCase;
  /** UTC now, ms of 1970. */
  readonly now: () => number;
}

const UNKNOWN = 'unknown';
const UNKNOWN_CASE: AuditedCase = { patient: { id: UNKNOWN }, study: { uid: UNKNOWN, sopClasses: [] } };

/** The kind of the record that the monitor keeps by itself: the alarms that stand. */
const ALARMS = 'alarms';
/** Lines of a session that are no deed to be told: how views lie, where the procedure stands, what was noted. */
const BESIDE: ReadonlySet<string> = new Set(['view/set', 'step/entered', 'event/noted']);
/** A session's log is at most so long, bytes. */
export const LONGEST_LOG = 32 * 1024 * 1024;

/**
 * What happens at an example's server, as audit messages (DICOM PS3.15, A.5) in a trail. Every method resolves once its event is kept, and
 * throws what `AuditTrail.record` throws: whoever calls lets nothing happen that could not be told.
 */
export class PageAudit {
  readonly #options: PageAuditOptions;
  /** Where the log of each case ended, by the page's name for it. */
  readonly #heads = new Map<string, { readonly bytes: number; readonly head: AuditHead }>();

  constructor(options: PageAuditOptions) {
    this.#options = options;
  }

  get #subject(): AuditedCase {
    return this.#options.subject ?? UNKNOWN_CASE;
  }

  #common(outcome: AuditOutcome = 0, outcomeDescription?: string): AuditCommon {
    const { application, host, site, now } = this.#options;
    return {
      utc: new Date(now()).toISOString(),
      source: { id: `${application}@${host}`, type: 4, ...(site !== undefined && { site }) },
      outcome,
      ...(outcomeDescription !== undefined && { outcomeDescription }),
    };
  }

  get #program(): AuditParticipant {
    return { userId: this.#options.application, alternativeUserId: String(process.pid), isRequestor: false };
  }

  /** The program began, or ends. */
  application(what: 'start' | 'stop'): Promise<void> {
    return this.#options.trail.record(applicationActivity(what, this.#program, undefined, this.#common()));
  }

  /** Somebody signed in, or was refused. @param who the token's subject, or where it came from if it names nobody that can be believed */
  signedIn(who: string, refused?: string): Promise<void> {
    const user = { userId: who, isRequestor: true };
    return this.#options.trail.record(
      userAuthentication('login', user, this.#program, this.#common(refused === undefined ? 0 : 4, refused)),
    );
  }

  /** A page with the case was opened. */
  opened(who: string): Promise<void> {
    const { patient, study } = this.#subject;
    const details = [{ type: 'action', value: 'case/opened' }];
    const user = { userId: who, isRequestor: true };
    return this.#options.trail.record(procedureRecord('R', user, { studyUid: study.uid, details }, patient, this.#common()));
  }

  /** Images were read. */
  read(who: string): Promise<void> {
    const { patient, study } = this.#subject;
    return this.#options.trail.record(
      instancesAccessed('R', { userId: who, isRequestor: true }, [study], patient, this.#common()),
    );
  }

  /** Somebody asked for what their role may not. */
  forbidden(who: string, what: string): Promise<void> {
    const reporter = { userId: who, isRequestor: true };
    const description = `"${what}" was asked for by ${who}, who may not`;
    return this.#options.trail.record(
      securityAlert(
        AUDIT_EVENT_TYPE.useOfRestrictedFunction,
        reporter,
        { id: this.#options.application, description },
        this.#common(8),
      ),
    );
  }

  /** A report or a recording left the system as a file. @param what the kind of file, not its path: `report` */
  exported(who: string, what: string): Promise<void> {
    const { patient, study } = this.#subject;
    const user = { userId: who, isRequestor: true };
    return this.#options.trail.record(exported(user, { userId: what, isRequestor: false }, [study], [patient], this.#common()));
  }

  /** Somebody came to look on, left, or was turned away. @param who as the relay knows them; of one that was turned away: why */
  observer(what: 'joined' | 'left' | 'refused', who: string): Promise<void> {
    if (what === 'refused') return this.signedIn('unknown observer', who);
    const user = { userId: who, isRequestor: true };
    return this.#options.trail.record(
      userAuthentication(what === 'joined' ? 'login' : 'logout', user, this.#program, this.#common()),
    );
  }

  /** Somebody did something to the procedure outside a session's log, as an observer's proposal was accepted. */
  did(who: string, action: string): Promise<void> {
    const { patient, study } = this.#subject;
    const user = { userId: who, isRequestor: true };
    const details = [{ type: 'action', value: action }];
    return this.#options.trail.record(procedureRecord('U', user, { studyUid: study.uid, details }, patient, this.#common()));
  }

  /**
   * New lines of a session's log, before the page keeps them: each deed of a person becomes an event. They are checked: they must be whole, and
   * follow the ones before.
   * @param log the page's name of the case
   * @param at how long its log is without them, bytes
   * @param may asked for every line: throws where whoever is signed in may not do that
   * @param who is signed in; without one the log's own word is taken
   * @param known whether they are lines from before, of a case that is taken up again: nothing is told of them
   * @throws NavError `session/damaged` where they do not follow, and what `may` throws: then none of them is told
   */
  async lines(log: string, bytes: Uint8Array, options: LogLines): Promise<void> {
    const { at, who, known, may } = options;
    const before = at === 0 ? undefined : this.#heads.get(log);
    if (at > 0 && before?.bytes !== at) throw damaged(`its lines from byte ${at} on follow nothing that this server knows`);
    const { ok, entries, head, finding } = verifyAudit(bytes, undefined, before?.head);
    if (!ok) throw damaged(finding?.message ?? 'it is not whole');
    if (!known) {
      const asked = entries.filter((entry) => !isMonitors(entry));
      for (const { action } of asked) may(action);
      const deeds = asked.filter(({ action }) => !BESIDE.has(action));
      await this.#tell(deeds, who);
    }
    this.#heads.set(log, { bytes: at + bytes.length, head });
  }

  async #tell(entries: readonly AuditEntry[], who: string | undefined): Promise<void> {
    const { patient, study } = this.#subject;
    for (const event of eventsOfSession(entries, { source: this.#common().source, studyUid: study.uid, patient })) {
      // Who is signed in asked for it, whatever name the page wrote into its log; that name stays beside it.
      const asked = who === undefined ? [] : [{ userId: who, isRequestor: true }];
      const named = event.participants.filter(({ userId }) => userId !== who);
      const participants = [...asked, ...named.map((one) => ({ ...one, isRequestor: who === undefined }))];
      await this.#options.trail.record({ ...event, participants });
    }
  }

  /** Ends: what was not sent yet has two seconds. */
  async close(): Promise<void> {
    await this.application('stop');
    await this.#options.trail.flush(2000);
    await this.#options.trail.close();
  }
}

/** How lines of a log come. */
export interface LogLines {
  readonly at: number;
  readonly who: string | undefined;
  readonly known: boolean;
  readonly may: (action: string) => void;
}

/** Whether a line is of the monitor itself: nobody asked for it. */
function isMonitors({ action, payload }: AuditEntry): boolean {
  return (
    action === 'record/accepted' &&
    typeof payload === 'object' &&
    payload !== null &&
    'kind' in payload &&
    payload['kind'] === ALARMS
  );
}

function damaged(why: string): NavError {
  return new NavError('session/damaged', `The page's log is not told: ${why}. Restore the session.`);
}
