import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isNavError, NavError } from '../base/index.js';
import {
  type AuditEntry,
  type AuditFinding,
  type AuditHead,
  type AuditVerdict,
  parseHead,
  verifyAudit,
} from '../session/index.js';

/** A head that a log is held to, and where it was kept. */
export interface KeptHead {
  readonly label: string;
  readonly head: AuditHead;
}

/** A log as it lies on a disk. */
export interface AuditLog {
  /** The journal's path. */
  readonly path: string;
  readonly journal: Uint8Array;
  /** The text of the `head.json` beside it; undefined where the folder has none, or where a file alone was named. */
  readonly ownHead: string | undefined;
  readonly isFolder: boolean;
}

/** What was found out about a log. */
export interface AuditCheck {
  readonly outcome: 'good' | 'altered';
  /** The lines up to the first bad one, and where they end. */
  readonly entries: readonly AuditEntry[];
  readonly head: AuditHead;
  /** The first thing that is wrong; undefined where nothing is. */
  readonly finding: AuditFinding | undefined;
  /** What the heads were kept in that the log was held to. */
  readonly heldTo: readonly string[];
  /** What a person should know beside. */
  readonly notes: readonly string[];
}

/**
 * Reads a session's folder, or a journal alone.
 * @throws NavError `session/not-found` where there is none
 */
export async function readLog(path: string): Promise<AuditLog> {
  try {
    const isFolder = (await stat(path)).isDirectory();
    const journal = isFolder ? join(path, 'journal.jsonl') : path;
    // The head first: a program that is still writing puts lines behind it, never before.
    const ownHead = isFolder ? await readIfThere(join(path, 'head.json')) : undefined;
    return { path: journal, journal: await readFile(journal), ownHead, isFolder };
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** A head from a file of its own. @throws NavError `session/not-found`, `session/damaged` */
export async function readHeadFile(path: string): Promise<AuditHead> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw unreadable(path, cause);
  }
  return parseHead(text.trim());
}

/**
 * A head as a person has it: its one text, or from a printed report the number of lines and the hash, whose groups may be
 * apart.
 * @throws NavError `session/damaged`
 */
export function headFromText(text: string): AuditHead {
  const [, count = '', grouped = ''] = /^\s*(\d+)[\s,:]+([0-9a-f\s]+)$/i.exec(text) ?? [];
  const hash = grouped.replace(/\s/g, '').toLowerCase();
  return parseHead(count === '' ? text.trim() : `{"count":${Number(count)},"hash":"${hash}"}`);
}

/**
 * Holds a log to its own head and to those that were kept elsewhere.
 *
 * As at a restore, what lies behind the head in a session's folder was never accepted: a line that is torn there is told, and
 * is no alteration. Of a journal alone nobody knows that, and every bad line counts.
 */
export function checkLog(log: AuditLog, kept: readonly KeptHead[]): AuditCheck {
  const own = ownHeadOf(log);
  if ('finding' in own) return altered(verifyAudit(log.journal), own.finding, []);
  const heads = [...own.heads, ...kept];
  const heldTo = heads.map(({ label }) => label);
  const plain = verifyAudit(log.journal);
  if (log.journal.length === 0)
    return altered(plain, finding(1, 'cut-off', 'The log is empty: there is nothing to hold.'), heldTo);
  const ownHead = own.heads[0]?.head;
  if (heads.length === 0 && !plain.ok) return altered(plain, plain.finding, heldTo);
  for (const { head } of heads) {
    const verdict = verifyAudit(log.journal, head);
    if (!verdict.ok && !isUnfinished(verdict, head, ownHead)) return altered(verdict, verdict.finding, heldTo);
  }
  const notes = heads.length === 0 ? [NO_HEAD] : notesOn(log, plain, ownHead);
  return { outcome: 'good', entries: plain.entries, head: plain.head, finding: undefined, heldTo, notes };
}

/** Whether only a line behind the log's own head is bad, which a crash tore, and all that `head` counts is there. */
function isUnfinished({ finding: found, head: end }: AuditVerdict, head: AuditHead, own: AuditHead | undefined): boolean {
  if (own === undefined || found === undefined || found.fault === 'other-head') return false;
  return found.line > own.count && end.count >= head.count;
}

const NO_HEAD =
  'No head was given: whether lines are missing at the end, or all were written anew, cannot be known. ' +
  'Hand in the head from a printed report (--head-text) or one that was kept elsewhere (--head).';

function notesOn({ journal }: AuditLog, plain: AuditVerdict, own: AuditHead | undefined): string[] {
  if (own === undefined) return [];
  const behind = plain.head.count - own.count;
  const torn = journal.length - plain.goodBytes;
  return [
    ...(behind > 0 ? [`${behind} whole lines stand behind the head: they were written, and not yet said to be accepted.`] : []),
    ...(torn > 0 ? [`${torn} bytes at the end are a line that was being written. Nothing in them had been accepted.`] : []),
  ];
}

/** The folder's own head; a finding where it is damaged, or missing though there is more than the first line. */
function ownHeadOf({ ownHead, isFolder, journal }: AuditLog): { heads: readonly KeptHead[] } | { finding: AuditFinding } {
  if (ownHead !== undefined) {
    try {
      return { heads: [{ label: 'head.json', head: parseHead(ownHead) }] };
    } catch (error) {
      if (!isNavError(error)) throw error;
      return { finding: finding(1, 'other-head', 'head.json is damaged. Without it, name the journal itself.') };
    }
  }
  const { head } = verifyAudit(journal);
  const isMissing = isFolder && head.count > 1;
  if (!isMissing) return { heads: [] };
  return { finding: finding(head.count, 'cut-off', 'head.json is missing. To check without it, name the journal itself.') };
}

const finding = (line: number, fault: AuditFinding['fault'], message: string): AuditFinding => ({ line, fault, message });

function altered(verdict: AuditVerdict, found: AuditFinding | undefined, heldTo: readonly string[]): AuditCheck {
  return { outcome: 'altered', entries: verdict.entries, head: verdict.head, finding: found, heldTo, notes: [] };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function unreadable(path: string, cause: unknown): NavError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new NavError('session/not-found', `No audit log can be read at ${path}: ${why}. Name a session's folder or a journal.`, {
    cause,
  });
}
