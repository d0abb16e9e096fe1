import { NavError } from '../../base/index.js';
import { breathe, type VolumeFile } from '../../io/source.js';
import { burnedInSuspicion, masked, refused } from './burned-in.js';
import { type CleaningCounts, cleanElements, noCounts } from './clean.js';
import { elementOf, type RawElement, type RawFile, textBytes } from './elements.js';
import { type Keyed, keyedBy } from './keyed.js';
import { METHOD_WORDS, methodElements } from './method.js';
import { Needles } from './needles.js';
import { type DeidentifyOptions, type Settings, settingsOf } from './options.js';
import { withoutExcess } from './pixel-bytes.js';
import type { PseudonymTable } from './pseudonyms.js';
import { readElements } from './read-elements.js';
import { type PatientIdentity, patientKey, patientOf, survey, textAt } from './survey.js';
import { DUMMY_NAME, DUMMY_TEXT } from './values.js';
import { writeElements } from './write-elements.js';

/** What de-identification did, without a single original value: it may be shown and kept with the files. */
export interface DeidentifyReport {
  /** Codes of what was applied (PS3.16, CID 7050): the profile and the chosen options. */
  readonly options: readonly string[];
  readonly patients: number;
  readonly files: readonly FileReport[];
  readonly totals: Readonly<CleaningCounts>;
  /** Who vouched for images that may have text in their pixels. */
  readonly reviewedBy: string | undefined;
  readonly warnings: readonly string[];
}

/** What was done to one file. */
export interface FileReport {
  /** From 1, in the order given. */
  readonly number: number;
  /** The new name. */
  readonly name: string;
  readonly counts: Readonly<CleaningCounts>;
  readonly burnedIn: 'nothing points to it' | 'masked' | 'reviewed';
  readonly notes: readonly string[];
}

/** De-identified files, what was done, and the way back. */
export interface Deidentified {
  /** Named by their new SOP Instance UID. */
  readonly files: readonly VolumeFile[];
  readonly report: DeidentifyReport;
  /** Originals beside pseudonyms: keep it apart, and sealed ({@link sealPseudonyms}). */
  readonly pseudonyms: PseudonymTable;
}

/**
 * De-identifies DICOM files by the Basic Application Level Confidentiality Profile (PS3.15, Annex E, Table E.1-1) and the chosen
 * options. Pixels and geometry stay bit for bit, in any transfer syntax; UIDs are replaced alike in all files, so that series,
 * frames of reference and references stay together. Private elements, elements that no dictionary knows, and what stands outside
 * of elements (preamble, padding) are never carried over.
 *
 * Give all files of a study at once: what identifies in one is sought in all.
 * @throws NavError `privacy/bad-option`, `dicom/not-dicom`, `dicom/truncated`, `io/corrupt`, `dicom/unsupported-object` (a
 * DICOMDIR), `dicom/burned-in`, `dicom/identity-left`, `io/aborted`. Files are named by their number: names may be patients'
 */
export async function deidentify(files: readonly VolumeFile[], options: DeidentifyOptions = {}): Promise<Deidentified> {
  const settings = settingsOf(options);
  if (files.length === 0) throw new NavError('io/not-found', 'No files were given. Choose at least one.');
  const keyed = await keyedBy(options.key ?? crypto.getRandomValues(new Uint8Array(32)));
  const surveyed = await surveyAll(files, settings, options);
  const uids = new Map<string, string>();
  for (const uid of surveyed.uids) uids.set(uid, await keyed.uid(uid));
  const patients = await patientsOf(surveyed.read, keyed, settings);
  const written: VolumeFile[] = [];
  const reports: FileReport[] = [];
  for (const [n, source] of surveyed.read.entries()) {
    const patient = patients.get(source.patient) as Patient;
    const spareUid = await keyed.uid(`${source.patient} ${n}`);
    const made = await writeOne(source, n, { settings, uids, needles: surveyed.needles, patient, spareUid });
    written.push(alone(made.file, written));
    reports.push(made.report);
    options.progress?.(0.5 + (0.5 * (n + 1)) / files.length);
    await breathe(options.signal);
  }
  return { files: written, report: reportOf(reports, settings, patients.size), pseudonyms: tableOf(patients, uids) };
}

interface Source {
  readonly file: RawFile;
  readonly identity: PatientIdentity;
  /** What tells the patient from others. */
  readonly patient: string;
}

interface Patient {
  readonly identity: PatientIdentity;
  readonly pseudonym: string;
  readonly days: number;
}

async function surveyAll(
  files: readonly VolumeFile[],
  settings: Settings,
  options: DeidentifyOptions,
): Promise<{ read: Source[]; uids: Set<string>; needles: Needles }> {
  const needles = new Needles([...METHOD_WORDS, DUMMY_NAME, DUMMY_TEXT]);
  for (const text of settings.identifiers) needles.add(text);
  const uids = new Set<string>();
  const read: Source[] = [];
  for (const [n, { bytes }] of files.entries()) {
    const file = await readElements(bytes, fileName(n));
    if (textAt(file.meta, 0x0002_0002) === '1.2.840.10008.1.3.10' || file.elements.some(({ tag }) => tag === 0x0004_1220)) {
      throw new NavError(
        'dicom/unsupported-object',
        `${fileName(n)} is a DICOMDIR, an index of files: leave it out and make a new one.`,
      );
    }
    const identity = patientOf(file);
    read.push({ file, identity, patient: patientKey(identity, textAt(file.elements, 0x0020_000d)) });
    survey([...file.meta, ...file.elements], settings, uids, needles);
    options.progress?.((0.5 * (n + 1)) / files.length);
    await breathe(options.signal);
  }
  return { read, uids, needles };
}

/** How messages call a file. */
function fileName(n: number): string {
  return `File ${n + 1}`;
}

async function patientsOf(read: readonly Source[], keyed: Keyed, { keepWeekday }: Settings): Promise<Map<string, Patient>> {
  const patients = new Map<string, Patient>();
  for (const { identity, patient } of read) {
    if (patients.has(patient)) continue;
    const [pseudonym, days] = [await keyed.pseudonym(patient), await keyed.shiftDays(patient, keepWeekday)];
    patients.set(patient, { identity, pseudonym, days });
  }
  return patients;
}

interface Writing {
  readonly settings: Settings;
  readonly uids: ReadonlyMap<string, string>;
  readonly needles: Needles;
  readonly patient: Patient;
  /** For a file that has no SOP Instance UID. */
  readonly spareUid: string;
}

/** Under a name of its own: copies of one object have the same UID. */
function alone(file: VolumeFile, others: readonly VolumeFile[]): VolumeFile {
  const stem = file.name.replace(/\.dcm$/, '');
  const same = others.filter(({ name }) => name === file.name || name.startsWith(`${stem}-copy`)).length;
  return same === 0 ? file : { ...file, name: file.name.replace(/\.dcm$/, `-copy${same}.dcm`) };
}

async function writeOne({ file }: Source, n: number, to: Writing): Promise<{ file: VolumeFile; report: FileReport }> {
  const { settings, uids, needles, patient } = to;
  const what = fileName(n);
  const counts = noCounts();
  const { elements: looked, burnedIn } = lookedAt(file, settings, what);
  const { elements: exact, notes } = withoutExcess({ ...file, elements: looked });
  const context = { settings, needles, uids, days: patient.days, pseudonym: patient.pseudonym, counts, what };
  const cleaned = cleanElements(exact, context);
  const elements = withPatient([...cleaned, ...methodElements(settings, burnedIn === 'masked')], patient.pseudonym);
  const sopInstanceUid = textAt(elements, 0x0008_0018) || uids.get(textAt(file.meta, 0x0002_0003)) || to.spareUid;
  const sopClassUid = textAt(elements, 0x0008_0016) || textAt(file.meta, 0x0002_0002);
  const bytes = await writeElements({ from: file, sopClassUid, sopInstanceUid, elements });
  const trailing = file.trailingBytes > 0 ? [`${file.trailingBytes} bytes behind the last element were left out`] : [];
  const name = `${sopInstanceUid}.dcm`;
  return { file: { name, bytes }, report: { number: n + 1, name, counts, burnedIn, notes: [...notes, ...trailing] } };
}

function lookedAt(
  file: RawFile,
  { burnedIn: answer }: Settings,
  what: string,
): Pick<FileReport, 'burnedIn'> & { elements: readonly RawElement[] } {
  const suspicion = burnedInSuspicion(file);
  if (suspicion === undefined) return { elements: file.elements, burnedIn: 'nothing points to it' };
  if (answer === 'refuse') throw refused(what, `${suspicion}. Look at it, then paint over the text or say who has looked`);
  if ('reviewedBy' in answer) return { elements: file.elements, burnedIn: 'reviewed' };
  return { elements: masked(file, answer.mask, what), burnedIn: 'masked' };
}

/** In the order of the tags, with the pseudonym even where the original had neither name nor ID. */
function withPatient(elements: readonly RawElement[], pseudonym: string): RawElement[] {
  const has = (tag: number): boolean => elements.some((element) => element.tag === tag);
  const added = [
    ...(has(0x0010_0010) ? [] : [elementOf(0x0010_0010, 'PN', textBytes('PN', pseudonym))]),
    ...(has(0x0010_0020) ? [] : [elementOf(0x0010_0020, 'LO', textBytes('LO', pseudonym))]),
  ];
  return [...elements, ...added].sort((a, b) => a.tag - b.tag);
}

function reportOf(files: readonly FileReport[], settings: Settings, patients: number): DeidentifyReport {
  const totals = noCounts();
  for (const { counts } of files) {
    for (const key of Object.keys(totals) as (keyof CleaningCounts)[]) totals[key] += counts[key];
  }
  const isMasked = files.some(({ burnedIn }) => burnedIn === 'masked');
  const options = ['basic', ...settings.retain, ...settings.clean, ...(isMasked ? ['pixels'] : [])];
  const reviewed = files.filter(({ burnedIn }) => burnedIn === 'reviewed').length;
  const { burnedIn } = settings;
  const warnings = [
    ...(reviewed > 0
      ? [`${reviewed} files may have text in their pixels and were passed because a person vouched for them.`]
      : []),
    'Faces can be made out of images of the head: nothing is done against that.',
  ];
  const reviewedBy = typeof burnedIn === 'object' && 'reviewedBy' in burnedIn && reviewed > 0 ? burnedIn.reviewedBy : undefined;
  return { options, patients, files, totals, reviewedBy, warnings };
}

function tableOf(patients: ReadonlyMap<string, Patient>, uids: ReadonlyMap<string, string>): PseudonymTable {
  return {
    patients: [...patients.values()].map(({ identity, pseudonym, days }) => ({ ...identity, pseudonym, shiftDays: days })),
    uids: [...uids].map(([original, pseudonym]) => ({ original, pseudonym })),
  };
}
