import dicomParser, { type Element } from 'dicom-parser';
import { NavError } from '../../base/index.js';
import type { VoxelArray } from '../../volume/index.js';
import { swapWords } from '../bytes.js';
import { DICOM_PIPELINE } from '../pipelines.js';
import type { Platform } from '../platform.js';
import { breathe } from '../source.js';
import { streamSize, withoutJp2 } from './code-stream.js';
import { rleHolds } from './rle.js';
import { type FramePixels, type PixelLayout, sliceName } from './slice.js';
import { type Encapsulated, wrapFrames } from './wrap.js';

/** Syntaxes whose pixels lie in the file as they are. */
export const NATIVE: ReadonlySet<string> = new Set([
  '1.2.840.10008.1.2',
  '1.2.840.10008.1.2.1',
  '1.2.840.10008.1.2.1.99',
  '1.2.840.10008.1.2.2',
]);
const BIG_ENDIAN = '1.2.840.10008.1.2.2';
const RLE = '1.2.840.10008.1.2.5';

/** Syntaxes that the decoder knows: RLE, JPEG (baseline, extended, lossless), JPEG-LS, JPEG 2000. */
export const ENCAPSULATED: ReadonlySet<string> = new Set([
  '1.2.840.10008.1.2.5',
  '1.2.840.10008.1.2.4.50',
  '1.2.840.10008.1.2.4.51',
  '1.2.840.10008.1.2.4.57',
  '1.2.840.10008.1.2.4.70',
  '1.2.840.10008.1.2.4.80',
  '1.2.840.10008.1.2.4.81',
  '1.2.840.10008.1.2.4.90',
  '1.2.840.10008.1.2.4.91',
]);

/** Decoded bytes in one decoder call: its heap holds the file, the image and a copy, of 4 GB at most. */
const BATCH_BYTES = 128 * 1024 * 1024;

/** What decoding reports to and listens to. */
export interface DecodeControl {
  readonly platform: Platform;
  readonly signal: AbortSignal | undefined;
  readonly progress: (fraction: number) => void;
}

/**
 * The stored values of the slices, in their order: native pixels are copied out of the files, encapsulated ones go
 * through the decoder. Bits beyond Bits Stored (overlays, junk) are removed and the sign extended.
 * @throws NavError `dicom/truncated`, `dicom/unsupported-syntax`, `io/corrupt`, `io/aborted`, `assets/…`
 */
export async function storedValues(slices: readonly FramePixels[], control: DecodeControl): Promise<VoxelArray> {
  const { rows, columns, layout } = (slices[0] as FramePixels).header;
  const frameBytes = (rows * columns * layout.bitsAllocated) / 8;
  const encapsulated: number[] = [];
  // All are looked at before memory is taken: a damaged header may claim any size.
  slices.forEach((slice, k) => {
    const { syntax } = slice.header.file;
    if (NATIVE.has(syntax)) requirePixels(slice, frameBytes);
    else if (ENCAPSULATED.has(syntax)) {
      requireStream(slice);
      encapsulated.push(k);
    } else throw unsupported(slice);
  });
  const { voxels, bytes } = allocate(layout, rows * columns * slices.length);
  for (let k = 0; k < slices.length; k += 1) {
    const slice = slices[k] as FramePixels;
    if (NATIVE.has(slice.header.file.syntax)) copyNative(bytes.subarray(k * frameBytes, (k + 1) * frameBytes), slice);
    if (k % 32 === 31) {
      control.progress((k + 1) / slices.length);
      await breathe(control.signal);
    }
  }
  if (encapsulated.length > 0) await decodeInto(bytes, frameBytes, slices, encapsulated, control);
  keepStoredBits(voxels, layout);
  return voxels;
}

function allocate(layout: PixelLayout, length: number): { voxels: VoxelArray; bytes: Uint8Array } {
  const { bitsAllocated, signed } = layout;
  try {
    const voxels = new ARRAYS[`${signed ? 'i' : 'u'}${bitsAllocated}`](length);
    return { voxels, bytes: new Uint8Array(voxels.buffer) };
  } catch (cause) {
    throw new NavError('volume/out-of-memory', `There is no memory for ${length} voxels of ${bitsAllocated} bits.`, {
      detail: { length },
      cause,
    });
  }
}

const ARRAYS = { i8: Int8Array, u8: Uint8Array, i16: Int16Array, u16: Uint16Array, i32: Int32Array, u32: Uint32Array } as const;

/**
 * Refuses pixels that are too few, and pixels that are more than the header's size: another size then fits them better, and
 * the picture would be a part or a skewed copy of the true one. What is less than a row and a column is padding.
 * @throws NavError `dicom/truncated`, `io/corrupt`
 */
export function requirePixels(slice: FramePixels, frameBytes: number): void {
  const { file, frames, rows, columns } = slice.header;
  const { dataset, name } = file;
  const element = dataset.elements['x7fe00010'];
  const length = (element?.length ?? 0) - slice.frame * frameBytes;
  const inFile = dataset.byteArray.length - (element?.dataOffset ?? 0) - slice.frame * frameBytes;
  if (element === undefined || Math.min(length, inFile) < frameBytes) {
    throw new NavError(
      'dicom/truncated',
      `${sliceName(slice)} holds ${Math.max(0, length)} bytes of pixels where its size needs ${frameBytes}. Transfer it again.`,
      { detail: { file: name, frame: slice.frame } },
    );
  }
  const excess = element.length - frames * frameBytes;
  const padding = Math.max(2, (frameBytes / rows / columns) * Math.min(rows, columns));
  if (excess < padding) return;
  throw new NavError(
    'io/corrupt',
    `"${name}" holds ${element.length} bytes of pixels, ${excess} more than ${frames} frame(s) of ${columns}×${rows} pixels take. ` +
      'Its Rows, Columns, Bits Allocated or Number of Frames are wrong. Transfer it again.',
    { detail: { file: name, bytes: element.length, expected: frames * frameBytes } },
  );
}

/**
 * Refuses a compressed frame whose own header states another size than the file's, before any memory is taken.
 * @throws NavError `dicom/truncated`, `io/corrupt`
 */
export function requireStream(slice: FramePixels): void {
  const { rows, columns, layout, file } = slice.header;
  const samples = slice.header.samples ?? 1;
  const code = codeStream(slice);
  if (file.syntax === RLE) {
    if (rleHolds(code, (samples * layout.bitsAllocated) / 8, rows * columns)) return;
    throw otherSize(slice, 'another number of bytes');
  }
  const size = streamSize(code);
  if (size === undefined) throw otherSize(slice, 'no size');
  if (size.rows !== rows || size.columns !== columns) throw otherSize(slice, `${size.columns}×${size.rows} pixels`);
  if (size.components !== samples) throw otherSize(slice, `${size.components} samples per pixel`);
}

function otherSize(slice: FramePixels, found: string): NavError {
  const { rows, columns, file } = slice.header;
  return new NavError(
    'io/corrupt',
    `The compressed pixels of ${sliceName(slice)} hold ${found}, where its header says ${columns}×${rows} pixels of ` +
      `${slice.header.samples ?? 1} sample(s). Is the file damaged? Transfer it again.`,
    { detail: { file: file.name, frame: slice.frame } },
  );
}

function copyNative(target: Uint8Array, slice: FramePixels): void {
  const { dataset, syntax } = slice.header.file;
  const element = dataset.elements['x7fe00010'] as Element;
  const from = element.dataOffset + slice.frame * target.length;
  target.set(dataset.byteArray.subarray(from, from + target.length));
  // 8-bit pixels stored as OW are swapped in pairs (PS3.5, A.3).
  if (syntax === BIG_ENDIAN) swapWords(target, element.vr === 'OB' ? 1 : Math.max(2, slice.header.layout.bitsAllocated / 8));
}

/** Decodes the slices at `which` in batches of one syntax, and lays their frames at their places. */
export async function decodeInto(
  bytes: Uint8Array,
  frameBytes: number,
  slices: readonly FramePixels[],
  which: readonly number[],
  control: DecodeControl,
): Promise<void> {
  const most = Math.max(1, Math.floor(BATCH_BYTES / frameBytes));
  for (let from = 0; from < which.length; ) {
    const { syntax } = (slices[which[from] as number] as FramePixels).header.file;
    let to = from + 1;
    while (to < which.length && to - from < most && (slices[which[to] as number] as FramePixels).header.file.syntax === syntax)
      to += 1;
    const batch = which.slice(from, to);
    const decoded = await decode(
      batch.map((k) => slices[k] as FramePixels),
      frameBytes,
      control,
    );
    batch.forEach((k, n) => {
      bytes.set(decoded.subarray(n * frameBytes, (n + 1) * frameBytes), k * frameBytes);
    });
    from = to;
    control.progress(from / which.length);
    await breathe(control.signal);
  }
}

async function decode(slices: readonly FramePixels[], frameBytes: number, control: DecodeControl): Promise<Uint8Array> {
  const first = slices[0] as FramePixels;
  const { rows, columns, layout, file } = first.header;
  const samples = first.header.samples ?? 1;
  const image: Encapsulated = { syntax: file.syntax, rows, columns, layout, samples, frames: slices.map(codeStream) };
  const name = 'frames.dcm';
  const result = await control.platform
    .run(
      {
        package: '@itk-wasm/dicom',
        pipeline: DICOM_PIPELINE,
        args: ['0', '1', '--memory-io', '--input-images', name, '--single-sorted-series'],
        files: [{ name, bytes: wrapFrames(image) }],
        imageOutput: 0,
        outputCount: 2,
      },
      control.signal,
    )
    .catch((cause: unknown) => {
      throw named(cause, slices);
    });
  const expected = frameBytes * slices.length;
  if (result.bytes.length !== expected || result.components !== samples) {
    throw new NavError(
      'io/corrupt',
      `The pixels of ${sliceName(first)} (transfer syntax ${file.syntax}) decode to ${result.bytes.length} bytes, not ${expected}.`,
      { detail: { file: file.name, size: result.size, componentType: result.componentType } },
    );
  }
  return result.bytes;
}

/** The decoder's failure, said of our files instead of the wrapper. */
function named(cause: unknown, slices: readonly FramePixels[]): unknown {
  if (!(cause instanceof NavError) || cause.code !== 'io/corrupt') return cause;
  const names = slices.map(sliceName);
  const list = names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
  return new NavError('io/corrupt', `The compressed pixels of ${list} could not be decoded. Is one of them damaged?`, {
    detail: { files: slices.map((s) => s.header.file.name) },
    cause,
  });
}

/** One frame's code stream, of however many fragments (PS3.5, A.4). @throws NavError `dicom/truncated`, `io/corrupt` */
export function codeStream(slice: FramePixels): Uint8Array {
  return withoutJp2(encapsulated(slice));
}

function encapsulated(slice: FramePixels): Uint8Array {
  const { dataset, name } = slice.header.file;
  const element = dataset.elements['x7fe00010'];
  const fragments = element?.fragments;
  if (element === undefined || fragments === undefined || fragments.length === 0) {
    throw new NavError('dicom/truncated', `${sliceName(slice)} says its pixels are compressed but holds none.`, {
      detail: { file: name, frame: slice.frame },
    });
  }
  const { frames } = slice.header;
  try {
    if (fragments.length === frames) return dicomParser.readEncapsulatedPixelDataFromFragments(dataset, element, slice.frame, 1);
    if (frames === 1) return dicomParser.readEncapsulatedPixelDataFromFragments(dataset, element, 0, fragments.length);
    const table =
      element.basicOffsetTable?.length === frames ? undefined : dicomParser.createJPEGBasicOffsetTable(dataset, element);
    return dicomParser.readEncapsulatedImageFrame(dataset, element, slice.frame, table);
  } catch (cause) {
    throw new NavError(
      'io/corrupt',
      `The compressed pixels of ${sliceName(slice)} cannot be told apart from its other frames'.`,
      {
        detail: { file: name, frame: slice.frame },
        cause,
      },
    );
  }
}

/** Keeps Bits Stored below High Bit and extends the sign, in place; a second time changes nothing. */
export function keepStoredBits(voxels: VoxelArray, layout: PixelLayout): void {
  const { bitsAllocated, bitsStored, highBit, signed } = layout;
  if (bitsStored === bitsAllocated || areKept(voxels, layout)) return;
  const left = 31 - highBit;
  const right = 32 - bitsStored;
  if (signed) for (let n = 0; n < voxels.length; n += 1) voxels[n] = ((voxels[n] as number) << left) >> right;
  else for (let n = 0; n < voxels.length; n += 1) voxels[n] = ((voxels[n] as number) << left) >>> right;
}

/**
 * Whether nothing lies beyond Bits Stored, as in nearly all series: looked at in words of several pixels, which takes a
 * fraction of the time of going through the pixels.
 */
function areKept(voxels: VoxelArray, { bitsAllocated, bitsStored, highBit, signed }: PixelLayout): boolean {
  if (highBit !== bitsStored - 1 || voxels.byteLength % 4 !== 0 || voxels.byteOffset % 4 !== 0) return false;
  const words = new Int32Array(voxels.buffer, voxels.byteOffset, voxels.byteLength / 4);
  let found = 0;
  // Signed: each bit from the sign on must be as the one above it.
  if (signed) for (let n = 0; n < words.length; n += 1) found |= (words[n] as number) ^ ((words[n] as number) >>> 1);
  else for (let n = 0; n < words.length; n += 1) found |= words[n] as number;
  const [from, to] = signed ? [bitsStored - 1, bitsAllocated - 1] : [bitsStored, bitsAllocated];
  for (let bit = 0; bit < 32; bit += 1) {
    const inPixel = bit % bitsAllocated;
    if (inPixel >= from && inPixel < to && ((found >>> bit) & 1) !== 0) return false;
  }
  return true;
}

export function unsupported(slice: FramePixels): NavError {
  const { syntax, name } = slice.header.file;
  return new NavError(
    'dicom/unsupported-syntax',
    `${sliceName(slice)} is stored in transfer syntax ${syntax || '(none)'}, which cannot be decoded here. ` +
      'Ask the archive for an uncompressed or losslessly compressed copy.',
    { detail: { file: name, syntax } },
  );
}
