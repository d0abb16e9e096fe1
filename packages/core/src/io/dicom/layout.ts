import { NavError } from '../../base/index.js';
import { codeOf, type DataSet, type DicomFile, itemCount } from './dataset.js';

/** How a stored value sits in its bytes (PS3.5, 8.1.1). */
export interface PixelLayout {
  readonly bitsAllocated: 8 | 16 | 32;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
}

/** Storage classes of projections (PS3.4, B.5), by what follows `1.2.840.10008.5.1.4.1.1.`: X-ray shadows have no place in 3D. */
const PROJECTIONS: ReadonlySet<string> = new Set([
  ...['1', '1.1', '1.1.1', '1.2', '1.2.1', '1.3', '1.3.1'],
  ...['12.1', '12.1.1', '12.2', '12.2.1', '12.3'],
]);
const STORAGE = '1.2.840.10008.5.1.4.1.1.';

/** Whether a file is a projection (CR, DX, mammogram, intra-oral, XA, RF): by its class, else by its modality. */
export function isProjection(dataset: DataSet): boolean {
  const sopClass = codeOf(dataset, 'x00080016') ?? '';
  if (sopClass.startsWith(STORAGE) && PROJECTIONS.has(sopClass.slice(STORAGE.length))) return true;
  return (
    ['CR', 'DX', 'MG', 'IO', 'PX', 'RF'].includes(codeOf(dataset, 'x00080060') ?? '') && !sopClass.startsWith(`${STORAGE}13.`)
  );
}

/** The refusal of a projection where a volume is wanted. */
export function projectionRefused(file: DicomFile): NavError<'dicom/unsupported-object'> {
  return new NavError(
    'dicom/unsupported-object',
    `"${file.name}" cannot become a volume: it is a projection (${codeOf(file.dataset, 'x00080060') ?? 'no modality'}), a shadow ` +
      'without a place in three dimensions. readPicture() reads it as a picture.',
    { detail: { file: file.name } },
  );
}

/**
 * The bits of a volume's pixels.
 * @throws NavError `dicom/unsupported-object` for colour, floats, bitmaps and non-linear tables;
 *   `io/corrupt` where it does not say whether pixels are signed
 */
export function layoutOf(file: DicomFile): PixelLayout {
  const { dataset } = file;
  const refuse = (what: string): NavError =>
    new NavError('dicom/unsupported-object', `"${file.name}" cannot become a volume: ${what}.`, { detail: { file: file.name } });
  const colour = colourOf(dataset);
  if (colour !== undefined) throw refuse(colour);
  return bitsOf(file, refuse);
}

/**
 * The bits of any single-sample image, and of each sample of a colour image.
 * @param refuse makes the error from half a sentence
 * @throws what `refuse` makes, or NavError `io/corrupt`
 */
export function bitsOf(file: DicomFile, refuse: (what: string) => NavError): PixelLayout {
  const { dataset } = file;
  if (dataset.elements['x7fe00010'] === undefined) throw refuse('its pixels are floating point (Parametric Map)');
  if (itemCount(dataset, 'x00283000') > 0) throw refuse('its values pass a non-linear Modality LUT');
  const bitsAllocated = dataset.uint16('x00280100') ?? 0;
  const bitsStored = dataset.uint16('x00280101') ?? bitsAllocated;
  const highBit = dataset.uint16('x00280102') ?? bitsStored - 1;
  if (bitsAllocated !== 8 && bitsAllocated !== 16 && bitsAllocated !== 32)
    throw refuse(`it stores ${bitsAllocated} bits per pixel`);
  if (bitsStored < 1 || bitsStored > bitsAllocated || highBit >= bitsAllocated || highBit < bitsStored - 1) {
    throw refuse(`Bits Allocated ${bitsAllocated}, Bits Stored ${bitsStored} and High Bit ${highBit} contradict each other`);
  }
  const signed = dataset.uint16('x00280103');
  if (signed !== 0 && signed !== 1) {
    throw new NavError(
      'io/corrupt',
      `"${file.name}" does not say whether its pixels are signed, so its values are not known: Pixel Representation ` +
        `(0028,0103) is ${signed ?? 'absent'}. Transfer it again.`,
      { detail: { file: file.name, tag: '(0028,0103)' } },
    );
  }
  return { bitsAllocated, bitsStored, highBit, signed: signed === 1 };
}

/** What makes a file no grey volume, as a sentence; undefined where it is one. */
export function colourOf(dataset: DataSet): string | undefined {
  const photometric = codeOf(dataset, 'x00280004') ?? 'MONOCHROME2';
  const samples = dataset.uint16('x00280002') ?? 1;
  if (samples !== 1) return `it is a colour image (${photometric}, ${samples} samples per pixel)`;
  if (photometric === 'MONOCHROME2') return undefined;
  if (photometric === 'MONOCHROME1') return 'its values grow darker (MONOCHROME1), which no CT or MR volume does';
  return `it is a colour image (${photometric})`;
}
