import { NavError } from '../base/index.js';
import { type AuditEntry, type AuditHead, type AuditVerdict, NO_LINES, parseHead, verifyAudit } from './audit.js';
import { fromExactJson } from './exact-json.js';
import { Fields } from './fields.js';
import { keptImage, requireSameImage, type SessionImage } from './kept.js';
import { damaged, Session, type SessionParts, type SessionPlace, writeFirstLine, writeRestoredLine } from './session.js';
import { acceptanceOf, firstState, isKnownAction, SESSION_VERSION, type SessionState, stateAfter } from './state.js';

/** How a session begins. */
export interface BeginOptions<F extends string> extends SessionParts<F> {
  /** Who begins it. */
  readonly by: string;
  /** The program and its version. */
  readonly software: string;
  /** Default: 16 random bytes as hexadecimal digits. */
  readonly id?: string;
}

/** How a session is taken up again. */
export interface RestoreOptions<F extends string> extends SessionParts<F> {
  readonly by: string;
}

/** A session that was taken up again, and what that cost. */
export interface Restored<F extends string> {
  readonly session: Session<F>;
  /** Bytes of lines that were being written at the crash, and were removed. Nothing in them had been accepted. */
  readonly givenUpBytes: number;
  /** What was restored and what was given up, for a person. */
  readonly message: string;
}

/**
 * Begins a session in an empty storage.
 * @throws NavError `session/exists` where there is one, `session/other-images` where the images do not name their frame of
 *   reference, `session/bad-value`, `session/write-failed`
 */
export async function beginSession<F extends string>(options: BeginOptions<F>): Promise<Session<F>> {
  const { storage, image, software, by } = options;
  const { journal, head } = await storage.load();
  if (journal.length > 0 || head !== undefined) {
    throw new NavError('session/exists', `There is a session in ${storage.label}. Restore it, or begin elsewhere.`);
  }
  if (image.frameOfReferenceUid === undefined) {
    throw new NavError(
      'session/other-images',
      'The images do not name their frame of reference, so nothing can be bound to them. Give them a name of their own first.',
    );
  }
  const id = options.id ?? randomId();
  const payload = { version: SESSION_VERSION, id, software, image: keptImage(image) };
  const place = await writeFirstLine<F>(options, { id, software, by, payload });
  return new Session(options, place);
}

/**
 * Takes a session up again, exactly: every accepted number has the bits it was accepted with. A last line that was being
 * written is removed, and told; a log that was changed, cut off or belongs to other images is refused, and nothing is used.
 * @throws NavError `session/not-found`; `session/damaged`, whose detail has `line` and `fault`; `session/cut-off` where accepted
 *   lines are missing; `session/other-images`; `session/unsupported`; `session/write-failed`
 */
export async function restoreSession<F extends string>(options: RestoreOptions<F>): Promise<Restored<F>> {
  const { storage, image, by } = options;
  const { journal, head: kept } = await storage.load();
  if (journal.length === 0 && kept === undefined) throw nothing(storage.label);
  const head = kept === undefined ? NO_LINES : parseHead(kept);
  const verdict = verifyAudit(journal, head.count > 0 ? head : undefined);
  requireWhole(verdict, head, storage.label);
  if (verdict.head.count === 0) throw nothing(storage.label);
  const place: SessionPlace<F> = {
    head: verdict.head,
    length: verdict.goodBytes,
    state: stateOf(verdict.entries, image, storage.label),
  };
  const givenUpBytes = journal.length - verdict.goodBytes;
  if (givenUpBytes > 0) await storage.cut(verdict.goodBytes);
  const session = await writeRestoredLine(options, place, by, givenUpBytes);
  return { session, givenUpBytes, message: restoredMessage(verdict, givenUpBytes) };
}

/**
 * Refuses a log whose accepted lines are not all as they were written. What lies behind the kept head was never accepted:
 * there, and only there, a bad line is one that the crash tore.
 */
function requireWhole({ finding, head }: AuditVerdict, kept: AuditHead, label: string): void {
  // The first line is written before there is any head; from then on there is one.
  if (kept.count === 0 && head.count > 1) throw damaged(label, 'Its head is missing.');
  if (finding === undefined) return;
  const detail = { line: finding.line, fault: finding.fault };
  const lost = finding.fault === 'cut-off' || (finding.fault === 'torn' && kept.count > head.count);
  if (lost) {
    throw new NavError(
      'session/cut-off',
      `The session in ${label} lacks accepted lines: ${kept.count} were accepted and ${head.count} are there. ` +
        'What was accepted last is not known: register again in a new session.',
      { detail },
    );
  }
  if (finding.line <= kept.count) throw damaged(label, finding.message, detail);
}

function stateOf<F extends string>(
  [first, ...later]: readonly AuditEntry[],
  image: SessionImage<F>,
  label: string,
): SessionState<F> {
  if (first?.action !== 'session/begun') throw damaged(label, 'It does not begin with a beginning.');
  const f = new Fields(fromExactJson(first.payload), 'The first line');
  const version = f.number('version');
  if (version !== SESSION_VERSION) throw unsupported(label, `its version is ${version}, and ${SESSION_VERSION} is known`);
  const [id, software] = [f.text('id'), f.text('software')];
  requireSameImage(f.get('image'), image);
  f.end();
  let state: SessionState<F> = firstState(id, software, acceptanceOf(first));
  for (const entry of later) {
    if (!isKnownAction(entry.action)) throw unsupported(label, `line ${entry.sequence} has the action "${entry.action}"`);
    state = stateAfter(state, entry, image);
  }
  return state;
}

function restoredMessage(verdict: AuditVerdict, givenUpBytes: number): string {
  const last = verdict.entries.at(-1);
  const until = `${verdict.head.count} lines were restored, the last of ${last?.utc} (${last?.action}).`;
  if (givenUpBytes === 0) return `${until} Nothing was lost.`;
  return `${until} ${givenUpBytes} bytes were being written when the program stopped; nothing in them had been accepted.`;
}

function nothing(label: string): NavError {
  return new NavError('session/not-found', `There is no session in ${label}: none was begun there.`);
}

function unsupported(label: string, why: string): NavError {
  return new NavError('session/unsupported', `The session in ${label} is of another version: ${why}.`);
}

/** Not `randomUUID`, which a page without a secure context does not have. */
function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
}
