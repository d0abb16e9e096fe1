import { platform } from '#io/platform';
import { NavError } from '../../base/index.js';
import type { PatientIdentity, SeriesIdentity, VoxelArray } from '../../volume/index.js';
import { type FileSource, fileOf } from '../single-file.js';
import { codeOf, type DataSet, type DicomFile, numbersOf, parseDicomFile } from './dataset.js';
import { isLossy, patientOf, seriesOf } from './identity.js';
import { isProjection } from './layout.js';
import { type PictureWarning, picturePixels } from './picture-pixels.js';
import { type PictureSpacing, pictureSpacing } from './picture-spacing.js';
import { regionsOf, type UltrasoundRegion } from './regions.js';
import { framesOf, hasPixels } from './slice.js';

/**
 * An image without a place in space: an ultrasound picture or clip, a radiograph, a photograph, a screen. Rows from the top,
 * columns from the left; frames behind one another. No registration or navigation takes it.
 */
export interface Picture {
  readonly columns: number;
  readonly rows: number;
  readonly frames: number;
  /** `grey`: stored values, value = slope · stored + intercept. `rgb`: three bytes a pixel, side by side. */
  readonly kind: 'grey' | 'rgb';
  readonly pixels: VoxelArray;
  readonly rescale: { readonly slope: number; readonly intercept: number };
  /** Photometric Interpretation of the file (PS3.3, C.7.6.3.1.2); where `rgb`, the pixels have been turned into RGB. */
  readonly photometric: string;
  /** MONOCHROME1: the smallest value is shown white. Pixels are left as they are. */
  readonly inverted: boolean;
  /** What the file says of all its pixels. Ultrasound has its own, in {@link regions}. */
  readonly spacing: PictureSpacing | undefined;
  readonly regions: readonly UltrasoundRegion[];
  /** When each frame was acquired, ms after the first; undefined where the file does not say. */
  readonly frameTimesMs: Float64Array | undefined;
  /** Ultrasound's Transducer Type (0018,6031) and Transducer Data (0018,5010), as written. */
  readonly transducer: { readonly type?: string; readonly data?: string };
  readonly modality: string;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string | undefined;
  readonly patient: PatientIdentity;
  readonly series: SeriesIdentity;
  readonly warnings: readonly PictureWarning[];
}

/** How to read a picture. */
export interface ReadPictureOptions {
  /** Ends the reading early with `io/aborted`. */
  readonly signal?: AbortSignal;
}

/**
 * One DICOM image file as a picture: grey, RGB, YBR_FULL, YBR_FULL_422 and palette colour, native or compressed. Colour comes
 * out as RGB (PS3.3, C.7.6.3.1.2); grey values stay stored.
 * @throws NavError `io/…`, `dicom/not-dicom`, `dicom/truncated`, `dicom/no-pixel-data`, `dicom/unsupported-object`,
 *   `dicom/unsupported-syntax`, `assets/…`
 */
export async function readPicture(source: FileSource, options: ReadPictureOptions = {}): Promise<Picture> {
  platform.requireAssets();
  const file = await parseDicomFile(await fileOf(source));
  const { dataset } = file;
  requireImage(file);
  const frames = framesOf(dataset);
  const content = await picturePixels(file, frames, { platform, signal: options.signal, progress: () => {} });
  const regions = regionsOf(dataset);
  const spacing = pictureSpacing(dataset, isProjection(dataset));
  const frameTimesMs = frameTimesOf(file, frames);
  const facts = { ...content, frames, regions, spacing, frameTimesMs };
  const sopInstanceUid = codeOf(dataset, 'x00080018');
  return {
    ...facts,
    inverted: content.photometric === 'MONOCHROME1',
    transducer: transducerOf(dataset),
    modality: codeOf(dataset, 'x00080060') ?? 'OT',
    sopClassUid: codeOf(dataset, 'x00080016') ?? '',
    sopInstanceUid,
    patient: patientOf(dataset),
    series: seriesOf(dataset),
    warnings: [...content.warnings, ...warningsOf(file, facts)],
  };
}

function requireImage(file: DicomFile): void {
  if (hasPixels(file)) return;
  const sopClass = codeOf(file.dataset, 'x00080016') ?? 'unknown';
  throw new NavError('dicom/no-pixel-data', `"${file.name}" has no pixel data (SOP class ${sopClass}): it is no picture.`, {
    detail: { file: file.name, sopClass },
  });
}

function transducerOf(dataset: DataSet): { type?: string; data?: string } {
  const [type, data] = [codeOf(dataset, 'x00186031'), codeOf(dataset, 'x00185010')];
  return { ...(type !== undefined && { type }), ...(data !== undefined && { data }) };
}

/**
 * Frame Time (0018,1063) or Frame Time Vector (0018,1065; PS3.3, C.7.6.5.1.2), whichever Frame Increment Pointer (0028,0009)
 * names. Display rates are no acquisition times and are not taken for such.
 * @throws NavError `io/corrupt` where the vector has another number of entries than frames, or an entry below 0
 */
function frameTimesOf(file: DicomFile, frames: number): Float64Array | undefined {
  const { dataset } = file;
  if (frames === 1) return Float64Array.of(0);
  const pointer = dataset.elements['x00280009']?.length === 4 ? pointerOf(dataset) : undefined;
  const text = dataset.string('x00181065');
  if (text && pointer !== 'x00181063') {
    const steps = numbersOf(dataset, 'x00181065', frames);
    if (steps === undefined || steps.some((x) => x < 0)) {
      throw new NavError(
        'io/corrupt',
        `"${file.name}" has ${frames} frames, but its Frame Time Vector (0018,1065) does not give ${frames} times of 0 ms or more.`,
        { detail: { file: file.name, frames } },
      );
    }
    let at = 0;
    return Float64Array.from(steps, (step, n) => (at += n === 0 ? 0 : step));
  }
  const step = numbersOf(dataset, 'x00181063', 1)?.[0];
  return step !== undefined && step > 0 ? Float64Array.from({ length: frames }, (_, n) => n * step) : undefined;
}

/** An attribute tag: group, then element. */
function pointerOf(dataset: DataSet): string {
  const hex = (n: number): string => (dataset.uint16('x00280009', n) ?? 0).toString(16).padStart(4, '0');
  return `x${hex(0)}${hex(1)}`;
}

interface Facts {
  readonly columns: number;
  readonly rows: number;
  readonly frames: number;
  readonly regions: readonly UltrasoundRegion[];
  readonly spacing: PictureSpacing | undefined;
  readonly frameTimesMs: Float64Array | undefined;
}

function warningsOf(file: DicomFile, facts: Facts): PictureWarning[] {
  const warnings: PictureWarning[] = [];
  const { spacing, regions } = facts;
  if (isLossy(file)) {
    warnings.push({ code: 'lossy-compression', message: 'The image has been compressed with loss: fine detail may be altered.' });
  }
  if (spacing === undefined && !regions.some((r) => r.mmPerPixel !== undefined)) {
    warnings.push({ code: 'no-spacing', message: 'The file does not say how large a pixel is: nothing can be measured in it.' });
  }
  if (spacing !== undefined && spacing.meaning !== 'patient') {
    const message = `The spacing of its pixels is not that of the patient's anatomy (${spacing.meaning}).`;
    warnings.push({ code: 'spacing-not-in-patient', message });
  }
  const outside = regions.findIndex((r) => !(r.x0 >= 0 && r.y0 >= 0 && r.x1 < facts.columns && r.y1 < facts.rows));
  if (outside >= 0) {
    const message = `Ultrasound region ${outside + 1} reaches beyond the picture of ${facts.columns}×${facts.rows} pixels.`;
    warnings.push({ code: 'region-outside', message });
  }
  if (facts.frameTimesMs === undefined) {
    warnings.push({ code: 'no-frame-times', message: 'The file does not say when its frames were acquired.' });
  }
  if (codeOf(file.dataset, 'x00280301')?.toUpperCase() === 'YES') {
    warnings.push({ code: 'burned-in', message: 'The pixels show text that may identify the patient (Burned In Annotation).' });
  }
  return warnings;
}
