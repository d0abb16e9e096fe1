import { readElement, xmlElement } from './plus-command.js';
import type { ContentReader } from './reader.js';
import { isScalarType, type ScalarType, scalarSize } from './scalar.js';
import { decodeText, encodeText } from './text.js';
import { doesNotFit, type IgtlStorage, requireLength } from './writer.js';

/** A named text of a tracked frame, as `ProbeToTrackerTransform`, `ProbeToTrackerTransformStatus`, `Timestamp`. */
export interface FrameField {
  readonly name: string;
  readonly value: string;
}

/** TRACKEDFRAME of PLUS: an image and every transform of its moment, in one message. */
export interface TrackedFrameContent {
  readonly kind: 'trackedFrame';
  /** Pixels along i, j, k. */
  readonly size: readonly [number, number, number];
  /** Numbers per pixel, interleaved. */
  readonly components: number;
  readonly scalarType: ScalarType;
  /** PLUS's number of what the image is: 0 unknown, 1 brightness, 2 … 4 radio frequency, 5 colour. */
  readonly imageType: number;
  /** PLUS's number of how the image lies, as sent; 0 unknown. */
  readonly orientation: number;
  /** The place that the sender gives the image: 16 doubles, column-major; what it leads to the message does not say. */
  readonly embedded: Float64Array;
  readonly fields: readonly FrameField[];
  /** i fastest, little-endian: PLUS sends them as its machine has them. */
  readonly pixels: Uint8Array;
}

/** A frame has some tens of fields. */
const MOST_FIELDS = 1000;
const FIELD = '<FrameField';

/** @throws NavError `igtl/bad-value`, `igtl/size-mismatch`, `igtl/wrong-size` */
export function decodeTrackedFrame(r: ContentReader): TrackedFrameContent {
  const scalarType = r.u16();
  if (!isScalarType(scalarType)) throw r.badValue('scalar type', scalarType);
  const components = r.u16();
  if (components === 0) throw r.badValue('a number of components of', components);
  const imageType = r.u16();
  const size = r.size3();
  const pixelBytes = r.u32();
  const textBytes = r.u32();
  const orientation = r.u16();
  const embedded = takeRows(r);
  const wanted = size[0] * size[1] * size[2] * components * scalarSize(scalarType);
  if (pixelBytes !== wanted) throw r.mismatch('bytes of pixels', wanted, pixelBytes);
  if (r.left !== textBytes + pixelBytes) throw r.mismatch('bytes of text and pixels', textBytes + pixelBytes, r.left);
  const at = r.skip(textBytes);
  const fields = fieldsOf(r, decodeText(r.bytes, at, at + textBytes));
  const pixels = r.take(pixelBytes);
  return { kind: 'trackedFrame', size, components, scalarType, imageType, orientation, embedded, fields, pixels };
}

/** Sixteen single-precision numbers row by row. PLUS does not turn their bytes round: they are its machine's, little-endian. */
function takeRows(r: ContentReader): Float64Array {
  const at = r.skip(64);
  return Float64Array.from({ length: 16 }, (_, n) => r.view.getFloat32(at + 4 * (4 * (n % 4) + (n >> 2)), true));
}

function fieldsOf(r: ContentReader, text: string): FrameField[] {
  const fields: FrameField[] = [];
  for (let at = text.indexOf(FIELD); at >= 0; at = text.indexOf(FIELD, at + FIELD.length)) {
    const end = text.indexOf('>', at);
    if (end < 0) throw r.badValue('a field that does not end in its text at', at);
    if (fields.length === MOST_FIELDS) throw r.badValue('more fields than', MOST_FIELDS);
    const { Name: name, Value: value } = readElement(text.slice(at, end + 1))?.attributes ?? {};
    if (name !== undefined && value !== undefined) fields.push({ name, value });
  }
  return fields;
}

/** @throws NavError `igtl/does-not-fit` */
export function encodeTrackedFrame(w: IgtlStorage, content: TrackedFrameContent): void {
  const { size, components, scalarType, pixels, embedded } = content;
  const wanted = size[0] * size[1] * size[2] * components * scalarSize(scalarType);
  if (pixels.length !== wanted) throw doesNotFit(`an image that needs ${wanted} bytes of pixels has ${pixels.length}.`);
  requireLength(embedded, 16);
  const text = encodeText(textOf(content));
  w.u16(scalarType);
  w.u16(components);
  w.u16(content.imageType);
  w.size3(size);
  w.u32(pixels.length);
  w.u32(text.length);
  w.u16(content.orientation);
  const at = w.skip(64);
  for (let n = 0; n < 16; n += 1) w.view.setFloat32(at + 4 * (4 * (n % 4) + (n >> 2)), embedded[n] as number, true);
  w.put(text);
  w.put(pixels);
}

function textOf({ size, components, scalarType, fields }: TrackedFrameContent): string {
  const about = {
    Timestamp: fields.find(({ name }) => name === 'Timestamp')?.value ?? '0',
    ImageDataValid: String(size.every((n) => n > 0)),
    NumberOfBits: String(8 * scalarSize(scalarType)),
    NumberOfScalarComponents: String(components),
    FrameSize: size.join(' '),
  };
  const inside = fields.map(({ name, value }) => `  ${xmlElement('FrameField', { Name: name, Value: value })}\n`).join('');
  return `${xmlElement('TrackedFrame', about).replace(/ \/>$/, '>')}\n${inside}</TrackedFrame>\n`;
}

/** A transform of a tracked frame. */
export interface FrameTransform {
  /** What it leads from and to, as PLUS names it: `ProbeToTracker`. */
  readonly name: string;
  /** 16 doubles, column-major, mm; NaN where the sender's text is no matrix. */
  readonly matrix: Float64Array;
  /** The sender's word: `OK`, `INVALID`, …; empty where it says none. */
  readonly status: string;
}

const SUFFIX = 'Transform';
const STATUS = 'TransformStatus';
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** The transforms among the fields of a tracked frame: PLUS writes a matrix row by row, as sixteen numbers. */
export function frameTransforms({ fields }: Pick<TrackedFrameContent, 'fields'>): FrameTransform[] {
  const words = new Map(fields.filter(({ name }) => name.endsWith(STATUS)).map(({ name, value }) => [name, value.trim()]));
  return fields
    .filter(({ name }) => name.endsWith(SUFFIX) && name.length > SUFFIX.length)
    .map(({ name, value }) => {
      const own = name.slice(0, -SUFFIX.length);
      return { name: own, matrix: matrixOf(value), status: words.get(`${own}${STATUS}`) ?? '' };
    });
}

function matrixOf(text: string): Float64Array {
  const parts = text.trim().split(/\s+/);
  const numbers = parts.map((part) => (NUMBER.test(part) ? Number(part) : Number.NaN));
  if (numbers.length !== 16) return new Float64Array(16).fill(Number.NaN);
  return Float64Array.from({ length: 16 }, (_, n) => numbers[4 * (n % 4) + (n >> 2)] as number);
}
