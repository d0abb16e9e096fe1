import { NavError } from '../../base/index.js';
import {
  charsetOf,
  codeOf,
  type DataSet,
  type DicomFile,
  itemCount,
  itemOf,
  numbersOf,
  parseDicomFile,
  textOf,
} from '../../io/dicom/dataset.js';
import { patientOf, seriesOf } from '../../io/dicom/identity.js';
import { type FileSource, fileOf } from '../../io/single-file.js';
import type { PatientIdentity, SeriesIdentity } from '../../volume/index.js';

/** RT Structure Set Storage (PS3.4, B.5). */
const RT_STRUCTURES = '1.2.840.10008.5.1.4.1.1.481.3';
/** How far the points of a planar contour may lie off their mean plane, mm: rounding of decimal strings and no more. */
const PLANAR_MM = 0.1;

/** Contour Geometric Type (3006,0042; PS3.3, C.8.8.6.1). */
export type ContourKind = 'point' | 'open-planar' | 'open-nonplanar' | 'closed-planar' | 'closed-planar-xor';

/** One contour: x, y, z of each point, LPS mm, in the structure's frame of reference. A closed one does not repeat its first. */
export interface Contour {
  readonly kind: ContourKind;
  readonly points: Float64Array;
}

/** One region of interest. What the file leaves out is absent. */
export interface Structure {
  readonly number: number;
  readonly name: string;
  /** Display colour, 0 to 255 each. */
  readonly colour?: readonly [number, number, number];
  /** RT ROI Interpreted Type (3006,00A4): `ORGAN`, `GTV`, `PTV`, `EXTERNAL`, `MARKER` … */
  readonly interpretedType?: string;
  readonly observationLabel?: string;
  /** ROI Generation Algorithm (3006,0036): `AUTOMATIC`, `SEMIAUTOMATIC`, `MANUAL`. */
  readonly algorithm?: string;
  readonly frameOfReferenceUid: string | undefined;
  readonly contours: readonly Contour[];
}

/** Something of a structure set that its user must know. */
export interface StructureWarning {
  readonly code: 'no-contours' | 'no-frame-of-reference' | 'not-approved';
  readonly message: string;
}

/** A structure set as its file has it. */
export interface StructureSet {
  readonly label: string | undefined;
  readonly structures: readonly Structure[];
  /** Series of images that the contours were drawn on. */
  readonly referencedSeriesUids: readonly string[];
  /** Approval Status (300E,0002): `APPROVED`, `UNAPPROVED`, `REJECTED`. */
  readonly approval: string | undefined;
  readonly sopInstanceUid: string | undefined;
  readonly patient: PatientIdentity;
  readonly series: SeriesIdentity;
  readonly warnings: readonly StructureWarning[];
}

/**
 * An RT Structure Set (PS3.3, C.8.8.5, C.8.8.6, C.8.8.8): regions with names, colours, observations and contours.
 * @throws NavError `dicom/unsupported-object` for another object; `dicom/bad-structures` where a contour has another number
 *   of points than it says, a number that is none, a point off its plane, or a region that is not declared; `io/…`, `dicom/…`
 */
export async function readStructures(source: FileSource): Promise<StructureSet> {
  const file = await parseDicomFile(await fileOf(source));
  const { dataset, name } = file;
  const sopClass = codeOf(dataset, 'x00080016');
  if (sopClass !== RT_STRUCTURES) {
    throw new NavError(
      'dicom/unsupported-object',
      `"${name}" is no RT Structure Set but an object of class ${sopClass ?? 'unknown'}.`,
      {
        detail: { file: name, sopClass },
      },
    );
  }
  const structures = structuresOf(file);
  const approval = codeOf(dataset, 'x300e0002');
  return {
    label: textOf(dataset, 'x30060002', charsetOf(dataset)),
    structures,
    referencedSeriesUids: referencedSeries(dataset),
    approval,
    sopInstanceUid: codeOf(dataset, 'x00080018'),
    patient: patientOf(dataset),
    series: seriesOf(dataset),
    warnings: warningsOf(structures, approval),
  };
}

function items(dataset: DataSet | undefined, tag: string): DataSet[] {
  if (dataset === undefined) return [];
  return Array.from({ length: itemCount(dataset, tag) }, (_, n) => itemOf(dataset, tag, n)).filter((d) => d !== undefined);
}

function structuresOf(file: DicomFile): Structure[] {
  const { dataset } = file;
  const charset = charsetOf(dataset);
  const contours = byRoi(file, 'x30060039');
  const observations = byRoi(file, 'x30060080');
  const declared = items(dataset, 'x30060020');
  const numbers = declared.map((roi) => numberOf(file, roi, 'x30060022'));
  if (new Set(numbers).size < numbers.length) throw bad(file, 'two regions have one ROI Number (3006,0022)');
  const stray = [...contours.keys()].find((n) => !numbers.includes(n));
  if (stray !== undefined) throw bad(file, `it has contours of region ${stray}, which it does not declare`);
  return declared.map((roi, n) => {
    const number = numbers[n] as number;
    const observed = observations.get(number);
    const drawn = contours.get(number);
    const name = textOf(roi, 'x30060026', charset) ?? '';
    const colour = numbersOf(drawn, 'x3006002a', 3);
    const [type, label, algorithm] = [
      observed && codeOf(observed, 'x300600a4'),
      observed && textOf(observed, 'x30060085', charset),
      codeOf(roi, 'x30060036'),
    ];
    return {
      number,
      name,
      ...(colour?.every((x) => x >= 0 && x <= 255) && { colour: colour as [number, number, number] }),
      ...(type !== undefined && { interpretedType: type }),
      ...(label !== undefined && { observationLabel: label }),
      ...(algorithm !== undefined && { algorithm }),
      frameOfReferenceUid: codeOf(roi, 'x30060024'),
      contours: items(drawn, 'x30060040').map((item, k) => contourOf(file, item, `contour ${k + 1} of "${name}"`)),
    };
  });
}

/** Items by the region they refer to. */
function byRoi(file: DicomFile, tag: string): Map<number, DataSet> {
  const found = new Map<number, DataSet>();
  for (const item of items(file.dataset, tag)) {
    const number = numberOf(file, item, 'x30060084');
    if (!found.has(number)) found.set(number, item);
    else if (tag === 'x30060039') throw bad(file, `the contours of region ${number} stand in two places`);
  }
  return found;
}

function numberOf(file: DicomFile, item: DataSet, tag: string): number {
  const value = numbersOf(item, tag, 1)?.[0];
  if (value !== undefined && Number.isInteger(value)) return value;
  throw bad(file, 'a region has no readable ROI Number');
}

const KINDS: Readonly<Record<string, ContourKind>> = {
  POINT: 'point',
  OPEN_PLANAR: 'open-planar',
  OPEN_NONPLANAR: 'open-nonplanar',
  CLOSED_PLANAR: 'closed-planar',
  CLOSEDPLANAR_XOR: 'closed-planar-xor',
};

function contourOf(file: DicomFile, item: DataSet, what: string): Contour {
  const type = codeOf(item, 'x30060042') ?? 'absent';
  const kind = KINDS[type];
  if (kind === undefined) throw bad(file, `${what} has the geometric type ${type}`);
  const count = numbersOf(item, 'x30060046', 1)?.[0] ?? 0;
  const values = count > 0 && Number.isInteger(count) ? numbersOf(item, 'x30060050', 3 * count) : undefined;
  if (values === undefined) throw bad(file, `${what} does not hold the ${count} points it says`);
  const points = Float64Array.from(values);
  if (kind.startsWith('closed') && count < 3) throw bad(file, `${what} is closed but has ${count} points`);
  if (kind.includes('planar') && kind !== 'open-nonplanar') {
    const off = offPlane(points);
    if (off > PLANAR_MM) throw bad(file, `${what} is said to be planar but leaves its plane by ${off.toFixed(2)} mm`);
  }
  return { kind, points };
}

/** The largest distance of a point from the contour's mean plane, whose normal is Newell's (Sutherland et al. 1974). */
function offPlane(points: Float64Array): number {
  const count = points.length / 3;
  const [normal, mean] = [
    [0, 0, 0],
    [0, 0, 0],
  ] as [number[], number[]];
  for (let n = 0; n < count; n += 1) {
    const [a, b] = [points.subarray(3 * n, 3 * n + 3), points.subarray(3 * ((n + 1) % count), 3 * ((n + 1) % count) + 3)];
    for (let r = 0; r < 3; r += 1) {
      const [s, t] = [(r + 1) % 3, (r + 2) % 3];
      normal[r] = (normal[r] as number) + ((a[s] as number) - (b[s] as number)) * ((a[t] as number) + (b[t] as number));
      mean[r] = (mean[r] as number) + (a[r] as number) / count;
    }
  }
  const length = Math.hypot(...normal);
  if (!(length > 1e-9)) return 0;
  let worst = 0;
  for (let n = 0; n < count; n += 1) {
    let d = 0;
    for (let r = 0; r < 3; r += 1) d += ((points[3 * n + r] as number) - (mean[r] as number)) * (normal[r] as number);
    worst = Math.max(worst, Math.abs(d / length));
  }
  return worst;
}

function referencedSeries(dataset: DataSet): string[] {
  const found = items(dataset, 'x30060010')
    .flatMap((frame) => items(frame, 'x30060012'))
    .flatMap((study) => items(study, 'x30060014'))
    .map((series) => codeOf(series, 'x0020000e'))
    .filter((uid) => uid !== undefined);
  return [...new Set(found)];
}

function warningsOf(structures: readonly Structure[], approval: string | undefined): StructureWarning[] {
  const warnings: StructureWarning[] = [];
  const named = (list: readonly Structure[]): string => list.map((s) => `"${s.name}"`).join(', ');
  const empty = structures.filter((s) => s.contours.length === 0);
  if (empty.length > 0) warnings.push({ code: 'no-contours', message: `Nothing was drawn for ${named(empty)}.` });
  const lost = structures.filter((s) => s.frameOfReferenceUid === undefined);
  if (lost.length > 0) {
    const message = `${named(lost)} name no Frame of Reference: which images they belong to is not proven.`;
    warnings.push({ code: 'no-frame-of-reference', message });
  }
  if (approval !== undefined && approval !== 'APPROVED') {
    warnings.push({ code: 'not-approved', message: `The structure set's approval status is ${approval}.` });
  }
  return warnings;
}

function bad(file: DicomFile, what: string): NavError<'dicom/bad-structures'> {
  return new NavError('dicom/bad-structures', `"${file.name}" is no usable structure set: ${what}.`, {
    detail: { file: file.name },
  });
}
