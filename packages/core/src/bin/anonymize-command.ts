import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { NavError } from '../base/index.js';
import {
  CLEAN_OPTIONS,
  type CleanOption,
  type Deidentified,
  type DeidentifyOptions,
  deidentify,
  mergePseudonyms,
  openPseudonyms,
  type PixelRectangle,
  RETAIN_OPTIONS,
  type RetainOption,
  sealPseudonyms,
} from '../dicom/privacy/index.js';
import type { VolumeFile } from '../io/index.js';
import { type CommandOutput, refused } from './terminal.js';

/** For the usage of `trocar-volume`. */
export const ANONYMIZE_USAGE: string = `anonymize: DICOM files without who the patient is (PS3.15, Annex E, Basic Profile)
  PATH…                  files and folders of DICOM files; what is none is passed over and counted
  --out DIR              where the new files go: a new or empty folder, one file an object, named by its new UID
  --profile basic        the only one, and the default
  --retain A,B           uids, device, institution, characteristics, longitudinal-full, longitudinal-modified
  --clean A,B            descriptors, graphics, structured-content
  --keep-weekday         dates shifted by whole weeks
  --key-file F           the secret that pseudonyms and UIDs follow from; made new where there is none. Keep it as you keep the originals
  --table F              originals beside pseudonyms, encrypted with that key; added to where it is there. Not inside DIR
  --mask X,Y,W,H         paint over this rectangle of every frame that may have text in it; may be given several times
  --reviewed-by WHO      pass such images instead, because WHO has looked at them all
  --identifier TEXT      more that must not be left anywhere; may be given several times`;

const OPTIONS = {
  out: { type: 'string' },
  profile: { type: 'string' },
  retain: { type: 'string' },
  clean: { type: 'string' },
  'keep-weekday': { type: 'boolean' },
  'key-file': { type: 'string' },
  table: { type: 'string' },
  mask: { type: 'string', multiple: true },
  'reviewed-by': { type: 'string' },
  identifier: { type: 'string', multiple: true },
  json: { type: 'boolean' },
} as const;

/** What was typed, read. */
export interface AnonymizeRequest {
  readonly paths: readonly string[];
  readonly out: string;
  readonly keyFile: string | undefined;
  readonly table: string | undefined;
  readonly options: DeidentifyOptions;
  readonly json: boolean;
}

/** @throws Error with a sentence for the person who typed the command */
export function anonymizeRequestOf(args: readonly string[]): AnonymizeRequest {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  if (positionals.length === 0) throw new Error('"anonymize" needs at least one file or folder.');
  if (values.out === undefined || values.out === '') throw new Error('"anonymize" needs --out DIR.');
  if (values.profile !== undefined && values.profile !== 'basic') throw new Error(`--profile is basic, not "${values.profile}".`);
  if (values.table !== undefined && values['key-file'] === undefined)
    throw new Error('--table needs --key-file F, which it is encrypted with.');
  if (values.mask !== undefined && values['reviewed-by'] !== undefined) throw new Error('--mask or --reviewed-by, not both.');
  const { out, table } = values;
  if (table !== undefined && isInside(table, out))
    throw new Error('--table must lie outside of --out: who gets the files must not get it.');
  if (values['key-file'] !== undefined && isInside(values['key-file'], out))
    throw new Error('--key-file must lie outside of --out.');
  const retain = listOf(values.retain, RETAIN_OPTIONS, 'retain');
  if (retain.includes('safe-private')) throw new Error('--retain safe-private needs a list of elements: it is for programs.');
  const options: DeidentifyOptions = {
    retain,
    clean: listOf(values.clean, CLEAN_OPTIONS, 'clean'),
    keepWeekday: values['keep-weekday'] ?? false,
    identifiers: values.identifier ?? [],
    ...(values.mask !== undefined && { burnedIn: { mask: values.mask.map(rectangleOf) } }),
    ...(values['reviewed-by'] !== undefined && { burnedIn: { reviewedBy: values['reviewed-by'] } }),
  };
  return { paths: positionals, out, keyFile: values['key-file'], table, options, json: values.json ?? false };
}

function isInside(path: string, folder: string): boolean {
  const way = relative(resolve(folder), resolve(path));
  return way !== '..' && !way.startsWith(`..${sep}`);
}

function listOf<T extends RetainOption | CleanOption>(text: string | undefined, known: readonly T[], name: string): T[] {
  return (text ?? '').split(',').flatMap((given) => {
    const word = given.trim();
    if (word === '') return [];
    const found = known.find((one) => one === word);
    if (found === undefined) throw new Error(`--${name}: "${word}" is none of ${known.join(', ')}.`);
    return [found];
  });
}

function rectangleOf(text: string): PixelRectangle {
  const [x, y, width, height, ...more] = text.split(',').map((part) => (/^\d+$/.test(part.trim()) ? Number(part) : Number.NaN));
  const whole = [x, y, width, height].every((n) => n !== undefined && Number.isSafeInteger(n));
  if (!whole || more.length > 0) throw new Error(`--mask is four whole numbers X,Y,W,H, not "${text}".`);
  return { x: x as number, y: y as number, width: width as number, height: height as number };
}

/** `trocar-volume anonymize`; the answer is the exit code. Never throws a NavError; prints no original value and no key. */
export async function runAnonymize(request: AnonymizeRequest, to: CommandOutput): Promise<0 | 1> {
  try {
    await perform(request, to);
    return 0;
  } catch (error) {
    return refused(error, to, request.json);
  }
}

async function perform(request: AnonymizeRequest, to: CommandOutput): Promise<void> {
  await requireEmpty(request.out);
  const { files, passedOver } = await filesOf(request.paths);
  const key = request.keyFile === undefined ? undefined : await keyOf(request.keyFile);
  const made = await deidentify(files, { ...request.options, ...(key !== undefined && { key: key.bytes }) });
  // The way back first: files without it could never be traced, should the disk be full.
  if (request.table !== undefined && key !== undefined) await keepTable(request.table, made, key.bytes);
  await mkdir(request.out, { recursive: true });
  for (const { name, bytes } of made.files) await writeFile(join(request.out, name), bytes, { flag: 'wx' });
  tell(request, made, { passedOver, isNewKey: key?.isNew ?? false }, to);
}

async function requireEmpty(folder: string): Promise<void> {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return [];
    throw new NavError('io/not-writable', `"${folder}" is no folder that can be written to (${cause.code ?? 'unknown'}).`);
  });
  if (names.length > 0)
    throw new NavError(
      'io/not-writable',
      `"${folder}" is not empty: take a new folder, so that nothing else is among the files.`,
    );
}

/** DICOM files under the paths, numbered in the order of their paths. Others are counted. */
async function filesOf(paths: readonly string[]): Promise<{ files: VolumeFile[]; passedOver: number }> {
  const files: VolumeFile[] = [];
  let passedOver = 0;
  for (const [n, path] of paths.entries()) {
    for (const file of await below(path, n)) {
      const bytes = new Uint8Array(await readFile(file));
      if (bytes.length > 132 && Buffer.from(bytes.subarray(128, 132)).toString('latin1') === 'DICM' && !isDirectory(bytes))
        files.push({ name: '', bytes });
      else passedOver += 1;
    }
  }
  if (files.length === 0) throw new NavError('io/not-found', `There is no DICOM file under the ${paths.length} given paths.`);
  return { files, passedOver };
}

/** A DICOMDIR names its class, Media Storage Directory, in its first bytes. */
function isDirectory(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(132, 400)).includes('1.2.840.10008.1.3.10\0');
}

async function below(path: string, n: number): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    return entries
      .filter((e) => e.isFile())
      .map((e) => join(e.parentPath, e.name))
      .sort();
  } catch (cause) {
    // Not the path itself: folders are named for patients.
    throw new NavError(
      'io/not-found',
      `Path ${n + 1} of the command could not be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown'}).`,
    );
  }
}

/** The key of the file, or a new one that only its owner can read. */
async function keyOf(path: string): Promise<{ bytes: Uint8Array; isNew: boolean }> {
  const read = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw new NavError('io/not-found', `The key file "${path}" could not be read (${cause.code ?? 'unknown'}).`);
  });
  if (read !== undefined) {
    const text = read.toString('latin1').trim();
    return {
      bytes: /^([0-9a-f]{2}){32,}$/i.test(text) ? new Uint8Array(Buffer.from(text, 'hex')) : new Uint8Array(read),
      isNew: false,
    };
  }
  const bytes = new Uint8Array(randomBytes(32));
  const file = await open(path, 'wx', 0o600);
  await file.writeFile(`${Buffer.from(bytes).toString('hex')}\n`);
  await file.sync();
  await file.close();
  return { bytes, isNew: true };
}

async function keepTable(path: string, { pseudonyms }: Deidentified, key: Uint8Array): Promise<void> {
  const there = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw new NavError('io/not-found', `The table "${path}" could not be read (${cause.code ?? 'unknown'}).`);
  });
  const table = there === undefined ? pseudonyms : mergePseudonyms(await openPseudonyms(new Uint8Array(there), key), pseudonyms);
  await mkdir(dirname(resolve(path)), { recursive: true });
  await writeFile(`${path}.new`, await sealPseudonyms(table, key), { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
}

interface Facts {
  readonly passedOver: number;
  readonly isNewKey: boolean;
}

function tell(request: AnonymizeRequest, { report }: Deidentified, { passedOver, isNewKey }: Facts, to: CommandOutput): void {
  const { out, table, keyFile, json } = request;
  const agrees = keyFile === undefined ? ['No key file was given: no other run gives these pseudonyms and UIDs again.'] : [];
  const warnings = [...report.warnings, ...agrees];
  if (json) {
    to.out(JSON.stringify({ ok: true, out, table, keyFile, newKey: isNewKey, passedOver, ...report, warnings }, null, 2));
    return;
  }
  const { totals } = report;
  to.out(
    `${report.files.length} files of ${report.patients} patients written to ${out}; ${passedOver} files passed over, which are no DICOM images or objects.`,
  );
  to.out(`profile    ${report.options.join(', ')}`);
  to.out(
    `elements   ${totals.removed} removed, ${totals.private} private removed, ${totals.emptied} emptied, ${totals.replaced} replaced, ${totals.remappedUids} with new UIDs`,
  );
  to.out(
    `suspicious ${totals.unknown} unknown, ${totals.illegal} of illegal value, ${totals.leaks} that held an identifier: all removed or replaced`,
  );
  if (isNewKey) to.out(`key        made new in ${String(keyFile)}: keep it as the originals are kept`);
  if (table !== undefined) to.out(`table      ${table}, encrypted`);
  for (const warning of warnings) to.out(`note: ${warning}`);
}
