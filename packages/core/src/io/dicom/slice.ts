import { NavError } from '../../base/index.js';
import type { PatientIdentity, SeriesIdentity } from '../../volume/index.js';
import { codeOf, type DataSet, type DicomFile, itemCount, itemOf, numbersOf, tagName } from './dataset.js';
import { doseGrid, isDose } from './dose.js';
import { patientOf, seriesOf } from './identity.js';
import { colourOf, isProjection, layoutOf, type PixelLayout, projectionRefused } from './layout.js';

export type { PixelLayout } from './layout.js';

/** What a DICOM file says of all its frames. */
export interface Header {
  readonly file: DicomFile;
  readonly sopClass: string;
  readonly modality: string | undefined;
  readonly frameOfReferenceUid: string | undefined;
  readonly patient: PatientIdentity;
  readonly series: SeriesIdentity;
  readonly localizer: boolean;
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  readonly layout: PixelLayout;
}

/** One frame and what its pixels need to be decoded. */
export interface FramePixels {
  readonly header: Pick<Header, 'file' | 'rows' | 'columns' | 'frames' | 'layout'> & {
    /** Samples per pixel: 1, or 3 for colour. */
    readonly samples?: 1 | 3;
  };
  /** Which frame of its file, from 0. */
  readonly frame: number;
}

/** One plane of pixels and its place: DICOM's patient coordinates (LPS), mm. */
export interface Slice {
  readonly header: Header;
  /** Which frame of its file, from 0. */
  readonly frame: number;
  /** Centre of the first pixel transmitted. */
  readonly position: readonly number[];
  /** Direction cosines along a row (towards higher columns) and along a column (towards higher rows). */
  readonly along: readonly number[];
  readonly down: readonly number[];
  /** Distance between the centres of neighbouring columns, and of neighbouring rows. */
  readonly columnSpacing: number;
  readonly rowSpacing: number;
  /** Thickness, or the distance to the next slice, where the file says: only used for a lone slice. */
  readonly thickness: number | undefined;
  readonly slope: number;
  readonly intercept: number;
  readonly unit: string | undefined;
  /** Where this frame's attributes stand: its own functional groups, those of all frames, the file. */
  readonly groups: readonly DataSet[];
}

/** The largest miss of unit length, and of a right angle, that rounded direction cosines may have. */
const COSINE_TOLERANCE = 1e-3;

/** `"name.dcm"`, or `"name.dcm" frame 3` for a file of several frames. */
export function sliceName(slice: FramePixels): string {
  const { file, frames } = slice.header;
  return frames > 1 ? `"${file.name}" frame ${slice.frame + 1}` : `"${file.name}"`;
}

/** A position as people read it: mm with three decimals. */
export function placeName(position: readonly number[]): string {
  return `(${position.map((x) => x.toFixed(3)).join(', ')}) mm`;
}

/** Whether the file carries an image at all: structured reports, presentation states and the like do not. */
export function hasPixels(file: DicomFile): boolean {
  const { elements } = file.dataset;
  return ['x7fe00010', 'x7fe00008', 'x7fe00009'].some((tag) => elements[tag] !== undefined);
}

/**
 * The slices of one file, with every frame's own geometry.
 * @throws NavError `dicom/no-pixel-data`, `dicom/missing-geometry`, `dicom/bad-geometry`, `dicom/unsupported-object`,
 *   `io/corrupt` (no size, or a rescale that cannot be read), `dicom/bad-dose`
 */
export function slicesOf(file: DicomFile): Slice[] {
  if (!hasPixels(file)) {
    const sopClass = codeOf(file.dataset, 'x00080016') ?? 'unknown';
    throw new NavError(
      'dicom/no-pixel-data',
      `"${file.name}" has no pixel data (SOP class ${sopClass}): it is a report or the like, or it was cut before its pixels.`,
      { detail: { file: file.name, sopClass } },
    );
  }
  if (isProjection(file.dataset)) throw projectionRefused(file);
  const places = placesOf(file);
  const header = headerOf(file, places.length);
  return places.map((place, frame) => ({ header, frame, ...place }));
}

/** A file's common facts. @throws NavError `dicom/unsupported-object`, `io/corrupt` */
function headerOf(file: DicomFile, frames: number): Header {
  const { dataset } = file;
  const imageType = (dataset.string('x00080008') ?? '')
    .toUpperCase()
    .split('\\')
    .map((part) => part.trim());
  if (imageType.includes('MOSAIC')) {
    throw new NavError(
      'dicom/unsupported-object',
      `"${file.name}" shows all slices of a volume side by side (MOSAIC): its position and spacing are not those of its pixels. ` +
        'Export the series with one image a slice, or as enhanced MR.',
      { detail: { file: file.name } },
    );
  }
  const rows = dataset.uint16('x00280010') ?? 0;
  const columns = dataset.uint16('x00280011') ?? 0;
  if (rows === 0 || columns === 0) {
    throw new NavError('io/corrupt', `"${file.name}" has pixel data but no Rows or Columns.`, { detail: { file: file.name } });
  }
  return {
    file,
    sopClass: codeOf(dataset, 'x00080016') ?? '',
    modality: codeOf(dataset, 'x00080060'),
    frameOfReferenceUid: codeOf(dataset, 'x00200052'),
    patient: patientOf(dataset),
    series: seriesOf(dataset),
    localizer: imageType.includes('LOCALIZER'),
    rows,
    columns,
    frames,
    layout: layoutOf(file),
  };
}

/** Number of Frames, 1 where it is absent. */
export function framesOf(dataset: DataSet): number {
  return Math.max(1, Math.round(Number(dataset.string('x00280008') ?? '1')) || 1);
}

type Place = Omit<Slice, 'header' | 'frame'>;

/** Every frame's place and rescale: from the functional groups where there are any (PS3.3, C.7.6.16), else the top level. */
function placesOf(file: DicomFile): Place[] {
  const { dataset } = file;
  const frames = framesOf(dataset);
  if (isDose(file)) return dosePlaces(file, frames);
  const perFrame = itemCount(dataset, 'x52009230');
  if (perFrame === 0 && frames === 1) return [{ ...placeOf(file, 0, () => dataset), groups: [dataset] }];
  if (perFrame !== frames) {
    throw new NavError(
      'dicom/missing-geometry',
      `"${file.name}" has ${frames} frames but geometry for ${perFrame} of them, so their places are not known.${alsoColour(dataset)}`,
      { detail: { file: file.name, frames, perFrame } },
    );
  }
  const shared = itemOf(dataset, 'x52009229');
  return Array.from({ length: frames }, (_, n) => {
    const own = itemOf(dataset, 'x52009230', n);
    const groups = [own, shared, dataset].filter((d) => d !== undefined);
    return { ...placeOf(file, n, (group) => itemOf(own, group) ?? itemOf(shared, group)), groups };
  });
}

/** The frames of a dose grid lie along the normal of the first, at stated distances (PS3.3, C.8.8.3.2). */
function dosePlaces(file: DicomFile, frames: number): Place[] {
  const { dataset } = file;
  const { offsets, scaling, unit } = doseGrid(file, frames);
  const first = placeOf(file, 0, () => dataset);
  const [a, d] = [first.along, first.down] as unknown as [[number, number, number], [number, number, number]];
  const normal = [a[1] * d[2] - a[2] * d[1], a[2] * d[0] - a[0] * d[2], a[0] * d[1] - a[1] * d[0]];
  return offsets.map((mm) => ({
    ...first,
    position: first.position.map((x, r) => x + mm * (normal[r] as number)),
    slope: scaling,
    intercept: 0,
    unit,
    groups: [dataset],
  }));
}

function placeOf(file: DicomFile, frame: number, group: (tag: string) => DataSet | undefined): Omit<Place, 'groups'> {
  const measures = group('x00289110');
  const position = numbersOf(group('x00209113'), 'x00200032', 3);
  const cosines = numbersOf(group('x00209116'), 'x00200037', 6);
  const spacing = numbersOf(measures, 'x00280030', 2);
  if (position === undefined || cosines === undefined || spacing === undefined) {
    throw missingGeometry(file, frame, { x00200032: position, x00200037: cosines, x00280030: spacing });
  }
  const [along, down] = [cosines.slice(0, 3), cosines.slice(3)];
  const [rowSpacing, columnSpacing] = spacing as [number, number];
  const skew = Math.abs(dot(along, down));
  const unit = Math.max(Math.abs(dot(along, along) - 1), Math.abs(dot(down, down) - 1));
  if (!(rowSpacing > 0 && columnSpacing > 0) || skew > COSINE_TOLERANCE || unit > 2 * COSINE_TOLERANCE) {
    throw new NavError(
      'dicom/bad-geometry',
      `"${file.name}" has an impossible geometry: orientation ${cosines.join('\\')}, pixel spacing ${spacing.join('\\')}.`,
      { detail: { file: file.name, frame } },
    );
  }
  const values = group('x00289145');
  const thickness = ['x00180088', 'x00180050'].map((tag) => numbersOf(measures, tag, 1)?.[0] ?? 0).find((mm) => mm > 0);
  return {
    position,
    along,
    down,
    columnSpacing,
    rowSpacing,
    thickness,
    slope: rescaleNumber(file, values, 'x00281053', 1),
    intercept: rescaleNumber(file, values, 'x00281052', 0),
    unit: values && codeOf(values, 'x00281054'),
  };
}

/**
 * Rescale Slope or Intercept: `absent` where the tag is absent or empty, refused where it is there and says nothing
 * usable. To go on with a made-up scale would turn every Hounsfield unit into another.
 * @throws NavError `io/corrupt`
 */
function rescaleNumber(file: DicomFile, values: DataSet | undefined, tag: string, absent: number): number {
  if (values === undefined || (codeOf(values, tag) ?? '').trim() === '') return absent;
  const value = numbersOf(values, tag, 1)?.[0];
  if (value !== undefined && !(tag === 'x00281053' && value === 0)) return value;
  const name = tag === 'x00281053' ? 'Rescale Slope' : 'Rescale Intercept';
  throw new NavError(
    'io/corrupt',
    `"${file.name}" has a ${name} ${tagName(tag)} of "${codeOf(values, tag)}", so its values are not known. Transfer it again.`,
    { detail: { file: file.name, tag: tagName(tag) } },
  );
}

const GEOMETRY_NAMES: Readonly<Record<string, string>> = {
  x00200032: 'Image Position (Patient)',
  x00200037: 'Image Orientation (Patient)',
  x00280030: 'Pixel Spacing',
};

function missingGeometry(file: DicomFile, frame: number, found: Readonly<Record<string, unknown>>): NavError {
  const absent = Object.keys(found).filter((tag) => found[tag] === undefined);
  const list = absent.map((tag) => `${GEOMETRY_NAMES[tag]} ${tagName(tag)}`).join(', ');
  return new NavError(
    'dicom/missing-geometry',
    `"${file.name}" does not say where its pixels are: ${list} absent or unreadable. ` +
      `Such an image cannot be navigated on; no value is assumed for it.${alsoColour(file.dataset)}`,
    { detail: { file: file.name, frame, absent: absent.map(tagName) } },
  );
}

function alsoColour(dataset: DataSet): string {
  const colour = colourOf(dataset);
  return colour === undefined ? '' : ` Besides, ${colour}.`;
}

/** Dot product of two directions. */
export function dot(a: readonly number[], b: readonly number[]): number {
  return (a[0] as number) * (b[0] as number) + (a[1] as number) * (b[1] as number) + (a[2] as number) * (b[2] as number);
}
