import { NavError } from '../../base/index.js';
import type { VoxelArray } from '../../volume/index.js';
import { isPairSwapped } from './big-endian.js';
import { codeOf, type DicomFile, numbersOf } from './dataset.js';
import { bitsOf, type PixelLayout } from './layout.js';
import { applyPalette, paletteOf } from './palette.js';
import {
  codeStream,
  type DecodeControl,
  decodeInto,
  NATIVE,
  requirePixels,
  requireStream,
  storedValues,
  unsupported,
} from './pixels.js';
import { decodeRle8 } from './rle.js';
import type { FramePixels } from './slice.js';

/** Something true of a picture that its user must know. */
export interface PictureWarning {
  readonly code:
    | 'lossy-compression'
    | 'no-spacing'
    | 'spacing-not-in-patient'
    | 'region-outside'
    | 'no-frame-times'
    | 'burned-in'
    | 'palette-8-bit';
  readonly message: string;
}

/** A picture's pixels as they leave here. */
export interface PicturePixels {
  readonly columns: number;
  readonly rows: number;
  readonly kind: 'grey' | 'rgb';
  readonly pixels: VoxelArray;
  readonly rescale: { readonly slope: number; readonly intercept: number };
  readonly photometric: string;
  readonly warnings: readonly PictureWarning[];
}

const RLE = '1.2.840.10008.1.2.5';

/**
 * All frames' pixels: grey as stored, colour as RGB.
 * @throws NavError `dicom/unsupported-object`, `dicom/unsupported-syntax`, `dicom/truncated`, `io/corrupt`
 */
export async function picturePixels(file: DicomFile, frames: number, control: DecodeControl): Promise<PicturePixels> {
  const { dataset } = file;
  const refuse = (what: string): NavError =>
    new NavError('dicom/unsupported-object', `"${file.name}" cannot become a picture: ${what}.`, { detail: { file: file.name } });
  const rows = dataset.uint16('x00280010') ?? 0;
  const columns = dataset.uint16('x00280011') ?? 0;
  if (rows === 0 || columns === 0) {
    throw new NavError('io/corrupt', `"${file.name}" has pixel data but no Rows or Columns.`, { detail: { file: file.name } });
  }
  const samples = dataset.uint16('x00280002') ?? 1;
  const photometric = codeOf(dataset, 'x00280004') ?? (samples === 1 ? 'MONOCHROME2' : 'absent');
  const layout = bitsOf(file, refuse);
  requireKnown(photometric, samples, layout, refuse);
  const header = { file, rows, columns, frames, layout, samples: samples as 1 | 3 };
  const made = { columns, rows, photometric };
  if (samples === 3) {
    const pixels = await colourPixels(header, photometric, control);
    return { ...made, kind: 'rgb', pixels, rescale: { slope: 1, intercept: 0 }, warnings: [] };
  }
  const stored = await storedValues(list(header), control);
  if (photometric !== 'PALETTE COLOR') return { ...made, kind: 'grey', pixels: stored, rescale: rescaleOf(file), warnings: [] };
  const palette = paletteOf(file, layout.signed);
  const told: PictureWarning[] = palette.assumed8
    ? [{ code: 'palette-8-bit', message: 'The palette is declared with 16 bits but fills 8: it is taken for 8 bits.' }]
    : [];
  return { ...made, kind: 'rgb', pixels: applyPalette(stored, palette), rescale: { slope: 1, intercept: 0 }, warnings: told };
}

type PictureHeader = FramePixels['header'];

/** Frames one by one. A header may claim any number: what the pixels can hold at most is looked at first. */
function list(header: PictureHeader): FramePixels[] {
  const { dataset } = header.file;
  const element = dataset.elements['x7fe00010'];
  // The thinnest frame is one byte.
  const most = element?.fragments?.length ?? element?.length ?? 0;
  if (header.frames > most) {
    throw new NavError(
      'dicom/truncated',
      `"${header.file.name}" says it has ${header.frames} frames, but its pixels are fewer.`,
      {
        detail: { file: header.file.name, frames: header.frames },
      },
    );
  }
  return Array.from({ length: header.frames }, (_, frame) => ({ header, frame }));
}

const GREY = new Set(['MONOCHROME1', 'MONOCHROME2', 'PALETTE COLOR']);
const COLOUR = new Set(['RGB', 'YBR_FULL', 'YBR_FULL_422', 'YBR_RCT', 'YBR_ICT']);

function requireKnown(photometric: string, samples: number, layout: PixelLayout, refuse: (what: string) => NavError): void {
  if (samples !== 1 && samples !== 3) throw refuse(`it has ${samples} samples per pixel`);
  if (!(samples === 1 ? GREY : COLOUR).has(photometric)) {
    throw refuse(`its Photometric Interpretation is ${photometric} with ${samples} sample(s) per pixel`);
  }
  if (samples === 3 && (layout.bitsAllocated !== 8 || layout.bitsStored !== 8 || layout.signed)) {
    throw refuse(`its colours have ${layout.bitsStored} bits in ${layout.bitsAllocated}, where 8 in 8 unsigned are read`);
  }
}

/** Rescale of a grey picture; 1 and 0 where the file has none. @throws NavError `io/corrupt` */
function rescaleOf(file: DicomFile): { slope: number; intercept: number } {
  const number = (tag: string, absent: number): number => {
    if ((codeOf(file.dataset, tag) ?? '').trim() === '') return absent;
    const value = numbersOf(file.dataset, tag, 1)?.[0];
    if (value !== undefined && !(tag === 'x00281053' && value === 0)) return value;
    throw new NavError(
      'io/corrupt',
      `"${file.name}" has a rescale of "${codeOf(file.dataset, tag)}": its values are not known.`,
      {
        detail: { file: file.name },
      },
    );
  };
  return { slope: number('x00281053', 1), intercept: number('x00281052', 0) };
}

async function colourPixels(header: PictureHeader, photometric: string, control: DecodeControl): Promise<Uint8Array> {
  const { file, rows, columns } = header;
  const size = rows * columns;
  const frames = list(header);
  const { syntax } = file;
  if (NATIVE.has(syntax)) return nativeColour(frames, photometric);
  if (syntax === RLE) {
    for (const frame of frames) requireStream(frame);
    const out = new Uint8Array(3 * size * frames.length);
    frames.forEach((frame, n) => {
      out.set(decodeRle8(codeStream(frame), 3, size) as Uint8Array, 3 * size * n);
    });
    return photometric === 'RGB' ? out : ybrToRgb(out);
  }
  if (!syntax.startsWith('1.2.840.10008.1.2.4.')) throw unsupported(frames[0] as FramePixels);
  for (const frame of frames) requireStream(frame);
  const out = new Uint8Array(3 * size * frames.length);
  await decodeInto(
    out,
    3 * size,
    frames,
    frames.map((_, n) => n),
    control,
  );
  // JPEG 2000 undoes its own colour transform (ISO 15444-1, G); JPEG and JPEG-LS hand out what they hold.
  const transformed = /[.]9[0-3]$/.test(syntax) ? photometric === 'YBR_FULL' : photometric.startsWith('YBR');
  return transformed ? ybrToRgb(out) : out;
}

function nativeColour(frames: readonly FramePixels[], photometric: string): Uint8Array {
  const { file, rows, columns } = (frames[0] as FramePixels).header;
  const { dataset, name } = file;
  const size = rows * columns;
  const half = photometric === 'YBR_FULL_422';
  const planar = dataset.uint16('x00280006') ?? 0;
  if (photometric === 'YBR_RCT' || photometric === 'YBR_ICT' || (half && (columns % 2 === 1 || planar !== 0)) || planar > 1) {
    throw new NavError(
      'dicom/unsupported-object',
      `"${name}" cannot become a picture: ${photometric} with ${columns} columns and Planar Configuration ${planar} is no native layout.`,
      { detail: { file: name } },
    );
  }
  const frameBytes = (half ? 2 : 3) * size;
  for (const frame of frames) requirePixels(frame, frameBytes);
  const start = dataset.elements['x7fe00010']?.dataOffset as number;
  const out = new Uint8Array(3 * size * frames.length);
  const swapped = isPairSwapped(file, 'x7fe00010');
  for (let n = 0; n < frames.length; n += 1) {
    const from = start + n * frameBytes;
    const bytes = swapped
      ? evenSwapped(dataset.byteArray, from, frameBytes)
      : dataset.byteArray.subarray(from, from + frameBytes);
    const target = out.subarray(3 * size * n, 3 * size * (n + 1));
    if (half) spread422(target, bytes);
    else if (planar === 1) interleave(target, bytes, size);
    else target.set(bytes);
  }
  return photometric === 'RGB' ? out : ybrToRgb(out);
}

/** 8-bit samples stored as big-endian words (PS3.5, A.3): each pair of the element's bytes the other way round. */
function evenSwapped(all: Uint8Array, from: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, n) => all[(from + n) ^ 1] as number);
}

/** Two Y share one Cb and one Cr (PS3.3, C.7.6.3.1.2): Y1 Y2 Cb Cr. */
function spread422(target: Uint8Array, bytes: Uint8Array): void {
  for (let from = 0, to = 0; from + 4 <= bytes.length; from += 4, to += 6) {
    const [y1, y2, cb, cr] = [bytes[from], bytes[from + 1], bytes[from + 2], bytes[from + 3]] as [number, number, number, number];
    target.set([y1, cb, cr, y2, cb, cr], to);
  }
}

function interleave(target: Uint8Array, bytes: Uint8Array, size: number): void {
  for (let n = 0; n < size; n += 1) {
    target[3 * n] = bytes[n] as number;
    target[3 * n + 1] = bytes[size + n] as number;
    target[3 * n + 2] = bytes[2 * size + n] as number;
  }
}

/** YBR_FULL to RGB, in place: the inverse of PS3.3, C.7.6.3.1.2 (ITU-R BT.601 on the full range), rounded and clamped. */
export function ybrToRgb(pixels: Uint8Array): Uint8Array {
  const clamp = (x: number): number => Math.max(0, Math.min(255, Math.round(x)));
  for (let n = 0; n + 2 < pixels.length; n += 3) {
    const y = pixels[n] as number;
    const cb = (pixels[n + 1] as number) - 128;
    const cr = (pixels[n + 2] as number) - 128;
    pixels[n] = clamp(y + 1.402 * cr);
    pixels[n + 1] = clamp(y - 0.344136 * cb - 0.714136 * cr);
    pixels[n + 2] = clamp(y + 1.772 * cb);
  }
  return pixels;
}
