import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { NavError } from '../base/index.js';
import type { DicomArchive, StoreOutcome } from '../dicom/archive/index.js';
import { isDicom } from '../io/dicom/dataset.js';
import { ARCHIVE_OPTIONS, type ArchiveArguments, archiveArgumentsOf, archiveOf } from './archive-arguments.js';
import { type CommandOutput, refused } from './terminal.js';

/** What was typed, read. */
export interface StoreRequest {
  readonly archive: ArchiveArguments;
  readonly paths: readonly string[];
}

/** One line of the usage. */
export const STORE_USAGE: string =
  '  trocar-volume store PATH… --archive URL [--json]   DICOM files to an archive; what became of each is told';

/** Files in memory at a time. */
const AT_ONCE = 64;

/** @throws Error with a sentence for the person who typed the command */
export function storeRequestOf(args: readonly string[]): StoreRequest {
  const { values, positionals } = parseArgs({ args: [...args], options: ARCHIVE_OPTIONS, allowPositionals: true, strict: true });
  if (positionals.length === 0) throw new Error('"store" needs a file or a folder.');
  return { archive: archiveArgumentsOf(values, 'store'), paths: positionals };
}

interface Told {
  readonly path: string;
  readonly sopInstanceUid: string;
  readonly outcome: StoreOutcome['outcome'];
  readonly reason?: string;
}

/** Sends DICOM files; the code is 1 where one of them was not stored for sure. */
export async function runStore(request: StoreRequest, to: CommandOutput): Promise<0 | 1> {
  const { json, url } = request.archive;
  const told: Told[] = [];
  const ignored: string[] = [];
  try {
    const archive = await archiveOf(request.archive);
    const paths = (await Promise.all(request.paths.map(filesBelow))).flat();
    for (let n = 0; n < paths.length; n += AT_ONCE) await sendSome(archive, paths.slice(n, n + AT_ONCE), told, ignored);
    if (told.length === 0)
      throw new NavError('dicom/not-dicom', 'There is no DICOM file among what was named: nothing was sent.');
    const failed = told.filter(({ outcome }) => outcome === 'refused' || outcome === 'unknown');
    if (json) to.out(JSON.stringify({ ok: failed.length === 0, archive: url, objects: told, ignored }, null, 2));
    else sayAll(told, failed, ignored, to);
    return failed.length === 0 ? 0 : 1;
  } catch (error) {
    return refused(error, to, json, { archive: url, objects: told, ignored });
  }
}

async function sendSome(archive: DicomArchive, paths: readonly string[], told: Told[], ignored: string[]): Promise<void> {
  const files: { path: string; bytes: Uint8Array }[] = [];
  for (const path of paths) {
    const buffer = await readFile(path);
    const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    if (isDicom(bytes) && !/(^|[/\\])DICOMDIR$/i.test(path)) files.push({ path, bytes });
    else ignored.push(path);
  }
  const outcomes = await archive.store(files.map(({ bytes }) => bytes));
  outcomes.forEach(({ identity, outcome, reason }, n) => {
    const words = reason?.words;
    told.push({
      path: files[n]?.path ?? '',
      sopInstanceUid: identity.sopInstanceUid,
      outcome,
      ...(words !== undefined && { reason: words }),
    });
  });
}

/** @throws NavError `io/not-found` */
async function filesBelow(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const entries = await readdir(path, { withFileTypes: true, recursive: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (cause) {
    throw new NavError('io/not-found', `"${path}" could not be read.`, { detail: { path }, cause });
  }
}

function sayAll(told: readonly Told[], failed: readonly Told[], ignored: readonly string[], to: CommandOutput): void {
  for (const { path, outcome, reason } of failed) to.error(`${path}: ${outcome}${reason === undefined ? '' : `: ${reason}`}`);
  const changed = told.filter(({ outcome }) => outcome === 'stored-changed');
  for (const { path, reason } of changed) to.error(`${path}: stored, but ${reason ?? 'changed'}`);
  to.out(
    `${told.length - failed.length} of ${told.length} objects stored; ${ignored.length} files that are no DICOM were left out.`,
  );
}
