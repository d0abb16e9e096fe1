import { parseArgs } from 'node:util';
import { isNavError, type NavError } from '../base/index.js';
import { headText } from '../session/index.js';
import { type AuditCheck, checkLog, headFromText, type KeptHead, readHeadFile, readLog } from './audit-check.js';
import { entryLines, printable } from './audit-lines.js';
import type { CommandOutput } from './terminal.js';

const USAGE = `trocar-audit: check and read the audit log of a session.

  trocar-audit verify PATH    whether every line is as it was written and none is missing
  trocar-audit print PATH     the log for people, one line an entry, up to the first that is bad

PATH is a session's folder (journal.jsonl and head.json), or a journal alone.

  --head FILE      hold the log to a head that was kept elsewhere, too
  --head-text T    the same, from a printed report: the number of lines and the hash ("42 9f0c…")
  --full           print: with all that each entry holds, as canonical JSON
  --json           one object for programs
  --help           this text

A chain of hashes finds every change by who did not write all later hashes anew. Who did, and who removed the end together
with head.json, is found out only by a head that was kept elsewhere.

Exit code: 0 good, 1 altered or not whole, 2 wrong usage or nothing that can be read.`;

const OPTIONS = {
  json: { type: 'boolean' },
  full: { type: 'boolean' },
  head: { type: 'string' },
  'head-text': { type: 'string' },
  help: { type: 'boolean' },
} as const;

interface Request {
  readonly command: 'verify' | 'print';
  readonly path: string;
  readonly headFile: string | undefined;
  readonly headText: string | undefined;
  readonly json: boolean;
  readonly full: boolean;
}

/** Runs `trocar-audit` with its arguments; the answer is the exit code. Never throws a NavError. */
export async function runAuditCommand(args: readonly string[], to: CommandOutput): Promise<0 | 1 | 2> {
  let request: Request | 'help';
  try {
    request = requestOf(args);
  } catch (error) {
    to.error(error instanceof Error ? error.message : String(error));
    to.error('Try "trocar-audit --help".');
    return 2;
  }
  if (request === 'help') {
    to.out(USAGE);
    return 0;
  }
  try {
    const check = checkLog(await readLog(request.path), await headsOf(request));
    tell(check, request, to);
    return check.outcome === 'good' ? 0 : 1;
  } catch (error) {
    if (!isNavError(error)) throw error;
    refuse(error, request, to);
    return 2;
  }
}

/** @throws Error with a sentence for the person who typed the command */
function requestOf(args: readonly string[]): Request | 'help' {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  if (values.help || args.length === 0) return 'help';
  const [command, path, ...rest] = positionals;
  if (command !== 'verify' && command !== 'print') throw new Error(`"${command ?? ''}" is no command of trocar-audit.`);
  if (path === undefined || rest.length > 0) throw new Error(`"${command}" takes one path.`);
  if (values.full && command !== 'print') throw new Error('--full belongs to "print".');
  return {
    command,
    path,
    headFile: values.head,
    headText: values['head-text'],
    json: values.json ?? false,
    full: values.full ?? false,
  };
}

/** The heads that were kept elsewhere. @throws NavError `session/damaged`, `session/not-found` */
async function headsOf({ headFile, headText: text }: Request): Promise<KeptHead[]> {
  return [
    ...(headFile === undefined ? [] : [{ label: headFile, head: await readHeadFile(headFile) }]),
    ...(text === undefined ? [] : [{ label: '--head-text', head: headFromText(text) }]),
  ];
}

function tell(check: AuditCheck, { command, path, json, full }: Request, to: CommandOutput): void {
  if (json) {
    const { outcome, entries, head, finding, heldTo, notes } = check;
    const entriesIf = command === 'print' ? { entries } : {};
    to.out(JSON.stringify({ ok: outcome === 'good', path, outcome, head, heldTo, finding, notes, ...entriesIf }, null, 2));
  } else {
    if (command === 'print') for (const line of entryLines(check.entries, full)) to.out(line);
    else for (const line of verdictLines(check, path)) to.out(line);
    for (const note of check.notes) to.out(`note: ${note}`);
  }
  if (check.finding !== undefined) to.error(`altered: ${check.finding.message}`);
}

function verdictLines({ outcome, entries, head, heldTo }: AuditCheck, path: string): string[] {
  const [first, last] = [entries[0], entries.at(-1)];
  const lines = `${head.count} line${head.count === 1 ? '' : 's'}`;
  const span = first === undefined ? '' : `, ${printable(first.utc)} to ${printable(last?.utc ?? '')}`;
  return [
    outcome === 'good' ? `${path}: good. ${lines}${span}.` : `${path}: ALTERED. Good are the first ${lines}${span}.`,
    `held to    ${heldTo.join(', ') || 'no head'}`,
    `ends at    ${headText(head)}`,
  ];
}

function refuse({ code, message, detail }: NavError, { path, json }: Request, to: CommandOutput): void {
  to.error(`${code}: ${message}`);
  if (json) to.out(JSON.stringify({ ok: false, path, outcome: 'refused', error: { code, message, detail } }, null, 2));
}
