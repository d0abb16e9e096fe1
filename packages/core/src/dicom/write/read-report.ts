import { codeOf, type DataSet, numbersOf, textOf } from '../../io/dicom/dataset.js';
import type { VolumeFile } from '../../io/index.js';
import type { Code } from './codes.js';
import type { InstanceReference, ObjectIds } from './object.js';
import { provenanceOf, type ResultProvenance } from './provenance.js';
import { corrupt, itemsOf, type ReadObject, readCode, readObject } from './read.js';
import type { MeasuredPlace, Measurement, MeasurementGroup } from './report.js';
import { REPORT } from './report-codes.js';

/** A measurement as it was read: a value that the report calls unknown comes without its unit. */
export interface ReadMeasurement extends Omit<Measurement, 'unit'> {
  readonly unit: Code | undefined;
}

/** A group as it was read. */
export interface ReadMeasurementGroup extends Omit<MeasurementGroup, 'measurements'> {
  readonly measurements: readonly ReadMeasurement[];
}

/** A measurement report as it was read. */
export interface ReadMeasurementReport extends ObjectIds {
  readonly verified: boolean;
  readonly verifier: { readonly name: string; readonly organization: string; readonly at: string } | undefined;
  readonly observers: readonly string[];
  readonly procedure: Code | undefined;
  readonly groups: readonly ReadMeasurementGroup[];
  readonly provenance: ResultProvenance | undefined;
}

/** Enhanced SR, Comprehensive SR, Comprehensive 3D SR and Extensible SR may hold TID 1500. */
const CLASSES: readonly string[] = ['22', '33', '34', '35'].map((end) => `1.2.840.10008.5.1.4.1.1.88.${end}`);
/** Deeper than any template goes; a file that nests deeper is damaged. */
const DEEPEST = 32;

/**
 * The measurements of a report by TID 1500, ours or another's. What it does not know of a report it leaves out.
 * @throws NavError `dicom/unsupported-object` for another object, or a report with another title; `io/corrupt`; as parsing throws
 */
export async function decodeMeasurementReport(source: Uint8Array | VolumeFile): Promise<ReadMeasurementReport> {
  const from = await readObject(source, CLASSES, 'structured report');
  const { dataset, charset } = from;
  const title = readCode(dataset, 'x0040a043', charset);
  if (!isCode(title, REPORT.title))
    throw corrupt(from, `it is a report "${title?.meaning ?? ''}", not an Imaging Measurement Report`);
  const content = itemsOf(dataset, 'x0040a730');
  const named = (code: Code): readonly DataSet[] => content.filter((item) => isNamed(from, item, code));
  const groups = named(REPORT.measurements)
    .flatMap((item) => groupsBelow(from, item, 0))
    .map((item) => groupOf(from, item));
  const procedure = named(REPORT.procedure)[0];
  return {
    ...from.ids,
    verified: codeOf(dataset, 'x0040a493') === 'VERIFIED',
    verifier: verifierOf(from),
    observers: named(REPORT.personName).flatMap((item) => textOf(item, 'x0040a123', charset) ?? []),
    procedure: readCode(procedure, 'x0040a168', charset),
    groups,
    provenance: provenanceOf(dataset),
  };
}

function verifierOf({ dataset, charset }: ReadObject): ReadMeasurementReport['verifier'] {
  const item = itemsOf(dataset, 'x0040a073')[0];
  if (item === undefined) return undefined;
  const text = (tag: string): string => textOf(item, tag, charset) ?? '';
  return { name: text('x0040a075'), organization: text('x0040a027'), at: text('x0040a030') };
}

function isCode(code: Code | undefined, wanted: Code): boolean {
  return code?.value === wanted.value && code.scheme === wanted.scheme;
}

function isNamed({ charset }: ReadObject, item: DataSet, code: Code): boolean {
  return isCode(readCode(item, 'x0040a043', charset), code);
}

/** Measurement groups wherever they stand below an item. */
function groupsBelow(from: ReadObject, item: DataSet, depth: number): readonly DataSet[] {
  if (depth > DEEPEST) throw corrupt(from, `its content is nested more than ${DEEPEST} deep`);
  return itemsOf(item, 'x0040a730').flatMap((child) =>
    isNamed(from, child, REPORT.group) ? [child] : groupsBelow(from, child, depth + 1),
  );
}

function groupOf(from: ReadObject, group: DataSet): ReadMeasurementGroup {
  const { charset } = from;
  const content = itemsOf(group, 'x0040a730');
  const child = (code: Code): DataSet | undefined => content.find((item) => isNamed(from, item, code));
  const segment = child(REPORT.segment);
  return {
    trackingId: textOf(child(REPORT.trackingId) ?? group, 'x0040a160', charset) ?? '',
    trackingUid: codeOf(child(REPORT.trackingUid) ?? group, 'x0040a124'),
    finding: readCode(child(REPORT.finding), 'x0040a168', charset),
    site: readCode(child(REPORT.findingSite), 'x0040a168', charset),
    segment: segment && segmentOf(from, segment),
    measurements: content.filter((item) => codeOf(item, 'x0040a040') === 'NUM').map((item) => measurementOf(from, item)),
  };
}

function segmentOf(from: ReadObject, item: DataSet): MeasurementGroup['segment'] {
  const reference = itemsOf(item, 'x00081199')[0];
  const number = reference?.uint16('x0062000b');
  const sopInstanceUid = reference && codeOf(reference, 'x00081155');
  if (reference === undefined || number === undefined || sopInstanceUid === undefined) return undefined;
  return { segmentation: evidenceFor(from, codeOf(reference, 'x00081150') ?? '', sopInstanceUid), number };
}

function evidenceFor({ dataset, ids }: ReadObject, sopClassUid: string, sopInstanceUid: string): InstanceReference {
  for (const study of itemsOf(dataset, 'x0040a375')) {
    for (const series of itemsOf(study, 'x00081115')) {
      const found = itemsOf(series, 'x00081199').some((item) => codeOf(item, 'x00081155') === sopInstanceUid);
      const [studyUid, seriesUid] = [codeOf(study, 'x0020000d') ?? ids.studyUid, codeOf(series, 'x0020000e') ?? ''];
      if (found) return { sopClassUid, sopInstanceUid, seriesUid, studyUid };
    }
  }
  return { sopClassUid, sopInstanceUid, seriesUid: '' };
}

function measurementOf(from: ReadObject, item: DataSet): ReadMeasurement {
  const { charset } = from;
  const name = readCode(item, 'x0040a043', charset);
  if (name === undefined) throw corrupt(from, 'a measurement has no name');
  const { value, unit } = numberOf(from, item, name);
  const content = itemsOf(item, 'x0040a730');
  const child = (code: Code): DataSet | undefined => content.find((each) => isNamed(from, each, code));
  const deviation = child(REPORT.standardDeviation);
  const upper = child(REPORT.upperBound);
  const place = content.find((each) => codeOf(each, 'x0040a040') === 'SCOORD3D');
  return {
    name,
    value,
    unit,
    standardUncertainty: deviation && numberOf(from, deviation, name).value,
    bound: upper && boundOf(from, upper, name),
    method: readCode(child(REPORT.method), 'x0040a168', charset),
    place: place && placeOf(from, place),
  };
}

function boundOf(from: ReadObject, upper: DataSet, name: Code): Measurement['bound'] {
  const coverage = itemsOf(upper, 'x0040a730').find((item) => isNamed(from, item, REPORT.coverage));
  const [value, probability] = [numberOf(from, upper, name).value, coverage && numberOf(from, coverage, name).value];
  return value === undefined || probability === undefined ? undefined : { upper: value, probability };
}

/** The value in doubles where it is there, else its decimal string; undefined where the report says none. */
function numberOf(
  from: ReadObject,
  item: DataSet,
  name: Code,
): { readonly value: number | undefined; readonly unit: Code | undefined } {
  const measured = itemsOf(item, 'x0040a300')[0];
  if (measured === undefined) return { value: undefined, unit: undefined };
  const text = numbersOf(measured, 'x0040a30a', 1)?.[0];
  if (text === undefined) throw corrupt(from, `the value of "${name.meaning}" cannot be read`);
  const exact = measured.elements['x0040a161']?.length === 8 ? measured.double('x0040a161') : undefined;
  // The two are one number: where they differ by more than 16 characters' rounding, something is wrong.
  if (exact !== undefined && Math.abs(exact - text) > 1e-9 * Math.max(1, Math.abs(text))) {
    throw corrupt(from, `"${name.meaning}" is ${text} by its decimal string and ${exact} by its floating point value`);
  }
  return { value: exact ?? text, unit: readCode(measured, 'x004008ea', from.charset) };
}

function placeOf(from: ReadObject, item: DataSet): MeasuredPlace {
  const element = item.elements['x00700022'];
  const kind = codeOf(item, 'x00700023') as MeasuredPlace['kind'];
  const frameOfReferenceUid = codeOf(item, 'x30060024');
  const count = (element?.length ?? 0) / 12;
  if (!Number.isInteger(count) || count < 1 || frameOfReferenceUid === undefined) {
    throw corrupt(from, 'the place of a measurement has no points, or no frame of reference');
  }
  const points = Array.from({ length: count }, (_, n) => [0, 1, 2].map((c) => item.float('x00700022', 3 * n + c) as number));
  return { kind, points, frameOfReferenceUid };
}
