import { NavError } from '../base/index.js';
import { canonicalText, type JsonValue } from './exact-json.js';
import { sha256Hex } from './sha256.js';

/** One line of an audit log: who did what, and when. */
export interface AuditEntry {
  /** From 1, without gaps. */
  readonly sequence: number;
  /** The wall clock, ISO 8601: for people; it may jump. */
  readonly utc: string;
  /** The host's monotonic clock, ms; its origin is another after each restart of the program. */
  readonly at: number;
  /** Who: a person's name or number as the site uses it, or a part of the program. */
  readonly actor: string;
  /** What, as `plan/accepted`. */
  readonly action: string;
  /** With what; doubles that JSON lacks are written as {@link toExactJson} does. */
  readonly payload: JsonValue;
  /** The hash of the line before; 64 zeros in the first. */
  readonly previous: string;
}

/** Where a log ends: what is kept apart from it, printed or signed, so that a log without its end is found out. */
export interface AuditHead {
  /** How many lines. */
  readonly count: number;
  /** The hash of the last of them. */
  readonly hash: string;
}

/** What a new line says, before it has its place in the chain. */
export type AuditDraft = Pick<AuditEntry, 'utc' | 'at' | 'actor' | 'action' | 'payload'>;

/** What the first line takes for the one before it. */
export const NO_LINES: AuditHead = { count: 0, hash: '0'.repeat(64) };

/** Why a log is not what was written. */
export type AuditFault =
  /** The line's bytes are no UTF-8, no JSON, or not written in the one way that the log writes. */
  | 'unreadable'
  /** The line's hash is not that of what it says. */
  | 'altered'
  /** The line's number does not follow the one before: a line is missing, doubled or in another place. */
  | 'out-of-sequence'
  /** The line does not name the hash of the one before. */
  | 'broken-link'
  /** The last line has no end. */
  | 'torn'
  /** There are fewer lines than the head that was kept counts. */
  | 'cut-off'
  /** The line that the kept head names has another hash: everything was written anew. */
  | 'other-head';

/** The first thing that is wrong with a log. */
export interface AuditFinding {
  /** From 1. */
  readonly line: number;
  readonly fault: AuditFault;
  /** What is wrong, where, and what it means. */
  readonly message: string;
}

/** What checking a log has shown. */
export interface AuditVerdict {
  /** Every line is as it was written, none is missing, and the kept head, where one was given, stands in it. */
  readonly ok: boolean;
  /** The lines up to the first bad one. */
  readonly entries: readonly AuditEntry[];
  /** Where those end; compare its hash with the one on a printed report. */
  readonly head: AuditHead;
  /** How many bytes they take. */
  readonly goodBytes: number;
  readonly finding: AuditFinding | undefined;
}

/**
 * A line with its place in the chain: `{"entry":…,"hash":"…"}` and a line feed, in canonical JSON (RFC 8785). The hash is the
 * SHA-256 of the canonical text of `entry`, which names the hash of the line before.
 */
export function sealLine(draft: AuditDraft, before: AuditHead): { readonly bytes: Uint8Array; readonly head: AuditHead } {
  const { utc, at, actor, action, payload } = draft;
  const sequence = before.count + 1;
  const text = canonicalText({ sequence, utc, at, actor, action, payload, previous: before.hash });
  const hash = sha256Hex(text);
  const bytes = new TextEncoder().encode(`{"entry":${text},"hash":"${hash}"}\n`);
  return { bytes, head: { count: sequence, hash } };
}

/** The text of a head, in one way only: what is kept beside a log, and what a site may sign with a key of its own. */
export function headText(head: AuditHead): string {
  return canonicalText({ count: head.count, hash: head.hash });
}

/** A head from {@link headText}. @throws NavError `session/damaged` where it is none */
export function parseHead(text: string): AuditHead {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const { count, hash } = (value ?? {}) as Partial<AuditHead>;
  const good = typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 && typeof hash === 'string';
  if (!good || !HASH.test(hash) || headText({ count, hash }) !== text) {
    throw new NavError(
      'session/damaged',
      'The kept head of the audit log is damaged: take it from a printed report or a backup.',
    );
  }
  return { count, hash };
}

const LINE_FEED = 0x0a;
const HASH = /^[0-9a-f]{64}$/;

/**
 * Checks a log from its first line to its last, and gives the first thing that is wrong.
 *
 * A hash chain finds what was changed by who did not compute all later hashes anew. Against who did, and against a log
 * whose end was removed, there is the head: keep it elsewhere, and hand it in.
 * @param kept where the log ended when the head was kept; lines after it are allowed
 * @param from where an earlier part ended that was checked already: `log` is what follows it. Default the beginning
 */
export function verifyAudit(log: Uint8Array, kept?: AuditHead, from: AuditHead = NO_LINES): AuditVerdict {
  const entries: AuditEntry[] = [];
  let head = from;
  let finding: AuditFinding | undefined;
  let at = 0;
  while (at < log.length && finding === undefined) {
    const line = head.count + 1;
    const end = log.indexOf(LINE_FEED, at);
    const read = end < 0 ? found(line, 'torn') : readLine(log.subarray(at, end), head);
    if (!('entry' in read)) finding = read;
    else {
      head = { count: line, hash: read.hash };
      entries.push(read.entry);
      at = end + 1;
      if (kept?.count === line && kept.hash !== read.hash) finding = found(line, 'other-head');
    }
  }
  if (finding === undefined && kept !== undefined && kept.count > head.count) {
    finding = found(head.count + 1, 'cut-off', `The head counts ${kept.count} lines and the log has ${head.count}.`);
  }
  return { ok: finding === undefined, entries, head, goodBytes: at, finding };
}

interface ReadLine {
  readonly entry: AuditEntry;
  readonly hash: string;
}

function readLine(bytes: Uint8Array, before: AuditHead): ReadLine | AuditFinding {
  const line = before.count + 1;
  const read = parseLine(bytes);
  if (read === undefined) return found(line, 'unreadable');
  if (sha256Hex(canonicalText(read.entry as unknown as JsonValue)) !== read.hash) return found(line, 'altered');
  const { sequence, previous } = read.entry;
  if (sequence !== line) return found(line, 'out-of-sequence', `Line ${line} has the number ${sequence}.`);
  return previous === before.hash ? read : found(line, 'broken-link');
}

// A byte order mark at the beginning of a line is no part of it: it must not be passed over.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const ENTRY_KEYS = ['action', 'actor', 'at', 'payload', 'previous', 'sequence', 'utc'];

function parseLine(bytes: Uint8Array): ReadLine | undefined {
  let value: unknown;
  try {
    const text = utf8.decode(bytes);
    value = JSON.parse(text);
    if (canonicalText(value as JsonValue) !== text) return undefined;
  } catch {
    return undefined;
  }
  const { entry, hash } = (value ?? {}) as Partial<ReadLine>;
  if (Object.keys(value as object).length !== 2 || typeof hash !== 'string' || typeof entry !== 'object') return undefined;
  return isEntry(entry) ? { entry, hash } : undefined;
}

function isEntry(entry: unknown): entry is AuditEntry {
  if (typeof entry !== 'object' || entry === null || Object.keys(entry).sort().join() !== ENTRY_KEYS.join()) return false;
  const { utc, at, actor, action, sequence, previous } = entry as Record<string, unknown>;
  const texts = [utc, actor, action, previous].every((text) => typeof text === 'string');
  return texts && typeof at === 'number' && typeof sequence === 'number';
}

const MEANS: Readonly<Record<AuditFault, string>> = {
  unreadable: 'It cannot be read: its bytes were changed.',
  altered: 'It does not say what was written: its hash is that of another text.',
  'out-of-sequence': 'A line before it is missing, doubled or in another place.',
  'broken-link': 'It was written after another line than the one that now stands before it.',
  torn: 'It has no end: it was being written when the program or the machine stopped, or its end was removed.',
  'cut-off': 'The end of the log was removed.',
  'other-head': 'It is not the line that the kept head names: the log, or its head, is another one.',
};

function found(line: number, fault: AuditFault, more = ''): AuditFinding {
  const message = `Line ${line} of the audit log: ${more === '' ? '' : `${more} `}${MEANS[fault]}`;
  return { line, fault, message };
}
