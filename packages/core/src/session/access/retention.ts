import { NavError } from '../../base/index.js';

/** How long things are kept, days, by kind: `recording`, `session` … A kind without a number is kept for ever. */
export type RetentionRules = Readonly<Record<string, number>>;

/** Something that is kept. */
export interface KeptThing {
  readonly id: string;
  readonly kind: string;
  /** When it was ended, ISO 8601: its time runs from here. */
  readonly endedUtc: string;
  /** Where and when a copy was put that outlives this one, if any. */
  readonly exported?: { readonly to: string; readonly utc: string; readonly sha256: string };
  /** Must not be deleted: a complaint, a trial, a case for teaching. */
  readonly held?: string;
}

/** What the rules say of one thing. */
export interface RetentionFinding {
  readonly thing: KeptThing;
  /** From when on it may be deleted, ISO 8601. */
  readonly dueUtc: string;
  /** Why it cannot be deleted although it is due; undefined where it can. */
  readonly blockedBy: 'held' | 'not-exported' | undefined;
}

const DAY_MS = 86_400_000;

/**
 * What is due, the oldest first: kept longer than the rules say. Nothing is deleted here.
 * @throws NavError `access/bad-option` where a rule is no number of days, or a time is none
 */
export function dueForDeletion(things: readonly KeptThing[], rules: RetentionRules, nowMs: number): RetentionFinding[] {
  for (const [kind, days] of Object.entries(rules)) {
    if (!(days >= 1)) throw new NavError('access/bad-option', `"${kind}" is kept for ${days} days: give 1 or more.`);
  }
  const due: RetentionFinding[] = [];
  for (const thing of things) {
    const ended = Date.parse(thing.endedUtc);
    if (Number.isNaN(ended))
      throw new NavError('access/bad-option', `"${thing.id}" has no end that is a time: "${thing.endedUtc}".`);
    const days = Object.hasOwn(rules, thing.kind) ? rules[thing.kind] : undefined;
    if (days === undefined || ended + days * DAY_MS > nowMs) continue;
    const blockedBy = thing.held !== undefined ? 'held' : thing.exported === undefined ? 'not-exported' : undefined;
    due.push({ thing, dueUtc: new Date(ended + days * DAY_MS).toISOString(), blockedBy });
  }
  return due.sort((a, b) => Date.parse(a.dueUtc) - Date.parse(b.dueUtc));
}

/** What {@link deleteDue} needs of the application. */
export interface Deletion {
  /** Who confirms it: a name from a checked token, allowed `recording/deleted`. */
  readonly by: string;
  /** What `by` confirms to be deleted: exactly these. */
  readonly ids: readonly string[];
  /** Looks the exported copy up again and gives its SHA-256; undefined where it is gone. */
  readonly copyOf: (thing: KeptThing) => Promise<string | undefined>;
  /** Writes to the audit log; called before anything is removed, and again once it is. */
  readonly audit: (action: 'deletion/begun' | 'deletion/done', thing: KeptThing, by: string) => Promise<void>;
  readonly remove: (thing: KeptThing) => Promise<void>;
}

/**
 * Deletes what is due and confirmed, one by one: the copy is looked up and compared first, the log is written before the removal and
 * after it. Stops at the first that fails, so that nothing goes unlogged.
 * @returns the IDs that were deleted
 * @throws NavError `access/forbidden` where an ID is not due or blocked, or its copy is not what was exported; what `audit` and
 * `remove` throw
 */
export async function deleteDue(
  findings: readonly RetentionFinding[],
  { by, ids, copyOf, audit, remove }: Deletion,
): Promise<string[]> {
  if (by.trim() === '') throw new NavError('access/forbidden', 'Nothing is deleted: who confirms it must be named.');
  const chosen = ids.map((id) => {
    const finding = findings.find(({ thing }) => thing.id === id);
    if (finding === undefined) throw refused(id, 'it is not due');
    if (finding.blockedBy === 'held') throw refused(id, 'it is held');
    if (finding.blockedBy !== undefined) throw refused(id, 'no copy of it was exported');
    return finding.thing;
  });
  const deleted: string[] = [];
  for (const thing of chosen) {
    if ((await copyOf(thing)) !== thing.exported?.sha256)
      throw refused(thing.id, 'its exported copy is gone, or is not what was exported');
    await audit('deletion/begun', thing, by);
    await remove(thing);
    await audit('deletion/done', thing, by);
    deleted.push(thing.id);
  }
  return deleted;
}

function refused(id: string, why: string): NavError {
  return new NavError('access/forbidden', `"${id}" is not deleted: ${why}.`, { detail: { id } });
}
