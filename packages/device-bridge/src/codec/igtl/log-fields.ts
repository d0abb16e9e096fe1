import { finiteOrNull } from '../decoded.js';
import type { IgtlContent } from './content.js';
import { crc64 } from './crc64.js';
import type { ImageContent } from './image.js';
import { imageGeometry } from './image-geometry.js';
import { utcMsOf } from './time.js';

type Fields = Record<string, unknown>;

const SCALARS: Readonly<Record<number, string>> = {
  2: 'int8',
  3: 'uint8',
  4: 'int16',
  5: 'uint16',
  6: 'int32',
  7: 'uint32',
  10: 'float32',
  11: 'float64',
};

/**
 * The fields of a content, ready for JSON. Names say what a number is: matrices become four rows (`matrix[row][column]`),
 * an image's axes `stepIMm`, `stepJMm`, `stepKMm`, its place `centreMm` and `firstVoxelMm`, in the axes that `coordinates`
 * names.
 * @param inlineBytes longest byte array that is printed whole
 */
export function fieldsOf(content: IgtlContent, inlineBytes: number): Fields {
  switch (content.kind) {
    case 'image':
      return imageFields(content, inlineBytes);
    case 'ndarray': {
      const values = content.values;
      const name = values.constructor.name.replace(/Array$/, '').toLowerCase();
      return {
        kind: content.kind,
        complex: content.complex,
        size: content.size,
        scalar: name,
        ...numberFields('values', values, inlineBytes),
      };
    }
    case 'bind':
      return {
        kind: content.kind,
        messages: content.messages.map((child) => ({
          type: child.type,
          deviceName: child.device,
          ...fieldsOf(child.content, inlineBytes),
        })),
      };
    default:
      return plainFields(content, inlineBytes);
  }
}

function imageFields(image: ImageContent, inlineBytes: number): Fields {
  const { axes, scalarType } = image;
  // imageGeometry speaks LPS: back to the axes that the message is in, so that all of a line is in one system.
  const lps = imageGeometry(image);
  const sign = image.coordinates === 'RAS' ? -1 : 1;
  return {
    kind: image.kind,
    version: image.version,
    components: image.components,
    scalarType,
    scalar: SCALARS[scalarType] ?? null,
    pixelsLittleEndian: image.pixelsLittleEndian,
    coordinates: image.coordinates,
    size: image.size,
    stepIMm: plain(axes.subarray(0, 3), 0),
    stepJMm: plain(axes.subarray(3, 6), 0),
    stepKMm: plain(axes.subarray(6, 9), 0),
    centreMm: plain(image.centre, 0),
    firstVoxelMm: [sign * (lps[12] as number) + 0, sign * (lps[13] as number) + 0, lps[14] as number].map(finiteOrNull),
    blockStart: image.blockStart,
    blockSize: image.blockSize,
    ...byteFields('pixels', image.pixels, inlineBytes),
  };
}

/** Every field of an object as JSON takes it; bytes get names that say so. */
function plainFields(object: object, inlineBytes: number): Fields {
  const out: Fields = {};
  for (const [key, value] of Object.entries(object)) {
    if (value instanceof Uint8Array) Object.assign(out, byteFields(key, value, inlineBytes));
    else if (LONG_LISTS.has(key) && ArrayBuffer.isView(value))
      Object.assign(out, numberFields(key, value as Float64Array, inlineBytes));
    else if (isTimestamp(value)) out[key] = timeText(utcMsOf(value));
    else out[key] = key === 'matrix' ? rows(value as Float64Array) : plain(value, inlineBytes);
  }
  return out;
}

/** Lists of POLYDATA that grow with the surface. */
const LONG_LISTS: ReadonlySet<string> = new Set(['points', 'vertices', 'lines', 'polygons', 'triangleStrips', 'values']);

/** A list of numbers whole, or, where it is long, null and how many there are. */
function numberFields(name: string, numbers: ArrayBufferView & ArrayLike<number>, most: number): Fields {
  return numbers.length <= most ? { [name]: plain(numbers, 0) } : { [name]: null, [`${name}Count`]: numbers.length };
}

function plain(value: unknown, inlineBytes: number): unknown {
  if (typeof value === 'number') return finiteOrNull(value);
  if (typeof value === 'bigint') return value.toString();
  if (value === undefined) return null;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((entry) => plain(entry, inlineBytes));
  if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array, (entry) => plain(entry, inlineBytes));
  return plainFields(value, inlineBytes);
}

const rows = (m: Float64Array): (number | null)[][] =>
  [0, 1, 2, 3].map((row) => [0, 4, 8, 12].map((column) => finiteOrNull(m[column + row] as number)));

const isTimestamp = (value: unknown): value is { seconds: number; fraction: number } =>
  typeof value === 'object' && value !== null && 'seconds' in value && 'fraction' in value;

const timeText = (utcMs: number): string | null => (Number.isNaN(utcMs) ? null : new Date(utcMs).toISOString());

function byteFields(name: string, bytes: Uint8Array, inlineBytes: number): Fields {
  return {
    [`${name}ByteCount`]: bytes.length,
    [`${name}Crc64`]: crcText(bytes),
    [`${name}Base64`]: bytes.length <= inlineBytes ? base64(bytes) : null,
  };
}

function crcText(bytes: Uint8Array): string {
  const cells = new Int32Array(2);
  crc64(cells, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
  return Array.from(new Uint32Array(cells.buffer), (word) => word.toString(16).padStart(8, '0')).join('');
}

/** Base64 without Node: a piece at a time, each of whole groups of three bytes. */
function base64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3072) text += btoa(String.fromCharCode(...bytes.subarray(i, i + 3072)));
  return text;
}
