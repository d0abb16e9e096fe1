import type { VolumeFile } from '../source.js';

/**
 * A DICOM writer for tests: small, independent of everything the reader uses, and able to write what is wrong.
 * Explicit little endian unless told otherwise.
 */

export type Vr = 'UI' | 'CS' | 'LO' | 'PN' | 'DS' | 'IS' | 'DA' | 'US' | 'SQ' | 'OW' | 'OB';
/** Tags as `ggggeeee`. A sequence's value is its items. */
export type Tags = { [tag: string]: readonly [Vr, Value] | undefined };
type Value = string | number | Uint8Array | readonly Tags[] | Fragments;

/** Encapsulated pixel data: one code stream a frame. */
export class Fragments {
  readonly frames: readonly Uint8Array[];
  constructor(frames: readonly Uint8Array[]) {
    this.frames = frames;
  }
}

export const EXPLICIT_LE = '1.2.840.10008.1.2.1';
export const IMPLICIT_LE = '1.2.840.10008.1.2';
export const EXPLICIT_BE = '1.2.840.10008.1.2.2';
export const RLE = '1.2.840.10008.1.2.5';
const CT_CLASS = '1.2.840.10008.5.1.4.1.1.2';

interface Encoding {
  readonly little: boolean;
  readonly explicit: boolean;
}

/** A part 10 file: preamble, meta information, then the elements in order of their tags. */
export function dicomFile(tags: Tags, syntax: string = EXPLICIT_LE): Uint8Array {
  const sopClass = tags['00080016']?.[1];
  const meta = encodeAll(
    {
      '00020001': ['OB', Uint8Array.of(0, 1)],
      '00020002': ['UI', typeof sopClass === 'string' ? sopClass : CT_CLASS],
      '00020003': ['UI', '1.2.3'],
      '00020010': ['UI', syntax],
    },
    { little: true, explicit: true },
  );
  const length = encodeAll({ '00020000': ['OB', le32(meta.length)] }, { little: true, explicit: true });
  // Group length is UL: the same bytes as OB but with the short header.
  const groupLength = Uint8Array.of(2, 0, 0, 0, 0x55, 0x4c, 4, 0, ...length.subarray(12));
  const body = encodeAll(tags, { little: syntax !== EXPLICIT_BE, explicit: syntax !== IMPLICIT_LE });
  return concat([new Uint8Array(128), ascii('DICM'), groupLength, meta, body]);
}

function encodeAll(tags: Tags, encoding: Encoding): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const tag of Object.keys(tags).sort()) {
    const entry = tags[tag];
    if (entry !== undefined) parts.push(encode(tag, entry[0], entry[1], encoding));
  }
  return concat(parts);
}

function encode(tag: string, vr: Vr, value: Value, encoding: Encoding): Uint8Array {
  if (value instanceof Fragments) return encapsulated(value.frames);
  const bytes = padded(valueBytes(value, encoding), vr === 'UI' || vr === 'OB' || vr === 'OW' ? 0 : 0x20);
  const head = [word(Number.parseInt(tag.slice(0, 4), 16), 2, encoding), word(Number.parseInt(tag.slice(4), 16), 2, encoding)];
  if (!encoding.explicit) return concat([...head, word(bytes.length, 4, encoding), bytes]);
  const long = vr === 'SQ' || vr === 'OW' || vr === 'OB';
  const size = long ? concat([Uint8Array.of(0, 0), word(bytes.length, 4, encoding)]) : word(bytes.length, 2, encoding);
  return concat([...head, ascii(vr), size, bytes]);
}

/** Pixel Data of undefined length: an empty offset table, then an item a frame (PS3.5, A.4). */
function encapsulated(frames: readonly Uint8Array[]): Uint8Array {
  const item = (length: number): Uint8Array => concat([Uint8Array.of(0xfe, 0xff, 0x00, 0xe0), le32(length)]);
  return concat([
    Uint8Array.of(0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x42, 0, 0, 0xff, 0xff, 0xff, 0xff),
    item(0),
    ...frames.flatMap((frame) => [item(padded(frame, 0).length), padded(frame, 0)]),
    Uint8Array.of(0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0),
  ]);
}

/** 16-bit values by DICOM's RLE (PS3.5, G): high bytes, then low bytes, each as literal runs of at most 128. */
export function rleFrame(values: ArrayLike<number>): Uint8Array {
  const plane = (shift: number): Uint8Array => {
    const parts: Uint8Array[] = [];
    for (let from = 0; from < values.length; from += 128) {
      const run = Array.from(
        { length: Math.min(128, values.length - from) },
        (_, n) => ((values[from + n] as number) >> shift) & 0xff,
      );
      parts.push(Uint8Array.from([run.length - 1, ...run]));
    }
    return padded(concat(parts), 0x80);
  };
  const [high, low] = [plane(8), plane(0)];
  const header = new Uint8Array(64);
  const view = new DataView(header.buffer);
  [2, 64, 64 + high.length].forEach((x, n) => {
    view.setUint32(4 * n, x, true);
  });
  return concat([header, high, low]);
}

function valueBytes(value: Exclude<Value, Fragments>, encoding: Encoding): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return ascii(value);
  if (typeof value === 'number') return word(value, 2, encoding);
  return concat(
    value.map((item) => {
      const body = encodeAll(item, encoding);
      return concat([word(0xfffe, 2, encoding), word(0xe000, 2, encoding), word(body.length, 4, encoding), body]);
    }),
  );
}

function word(value: number, width: 2 | 4, { little }: Encoding): Uint8Array {
  const bytes = new Uint8Array(width);
  const view = new DataView(bytes.buffer);
  if (width === 2) view.setUint16(0, value, little);
  else view.setUint32(0, value, little);
  return bytes;
}

function le32(value: number): Uint8Array {
  return word(value, 4, { little: true, explicit: true });
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

function padded(bytes: Uint8Array, pad: number): Uint8Array {
  return bytes.length % 2 === 0 ? bytes : concat([bytes, Uint8Array.of(pad)]);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => Array.from(part)));
}

/** What a synthetic slice is made of; every field has an ordinary value. */
export interface SliceSpec {
  readonly position?: readonly number[];
  readonly orientation?: readonly number[];
  /** Row spacing, column spacing, as in the tag. */
  readonly pixelSpacing?: readonly number[];
  readonly rows?: number;
  readonly columns?: number;
  readonly slope?: number;
  readonly intercept?: number;
  /** 16-bit values, row by row; default `value(i, j) = i + 10 j + offset`. */
  readonly pixels?: ArrayLike<number>;
  readonly offset?: number;
  readonly syntax?: string;
  /** Compresses the pixels by RLE. */
  readonly rle?: boolean;
  /** Added to, or replacing, the others; undefined removes. */
  readonly tags?: Tags;
}

export const COLUMNS = 8;
export const ROWS = 6;

/** One CT slice, 8 columns × 6 rows, 0.5 mm between columns, 0.7 mm between rows. */
export function dicomSlice(spec: SliceSpec = {}): Uint8Array {
  const { rows = ROWS, columns = COLUMNS, offset = 0, rle = false } = spec;
  const syntax = rle ? RLE : (spec.syntax ?? EXPLICIT_LE);
  const values =
    spec.pixels ?? Array.from({ length: rows * columns }, (_, n) => (n % columns) + 10 * Math.floor(n / columns) + offset);
  const pixels = new Uint8Array(2 * rows * columns);
  const view = new DataView(pixels.buffer);
  for (let n = 0; n < rows * columns; n += 1) view.setUint16(2 * n, (values[n] as number) & 0xffff, syntax !== EXPLICIT_BE);
  return dicomFile(
    {
      '00080016': ['UI', CT_CLASS],
      '00080018': ['UI', '1.2.3'],
      '00080060': ['CS', 'CT'],
      '0008103E': ['LO', 'Synthetic'],
      '00100010': ['PN', 'Doe^Jane'],
      '00100020': ['LO', 'ID-1'],
      '00180050': ['DS', '2'],
      '00185100': ['CS', 'HFS'],
      '0020000D': ['UI', '1.2.3.1'],
      '0020000E': ['UI', '1.2.3.2'],
      '00200032': ['DS', (spec.position ?? [0, 0, 0]).join('\\')],
      '00200037': ['DS', (spec.orientation ?? [1, 0, 0, 0, 1, 0]).join('\\')],
      '00200052': ['UI', '1.2.3.3'],
      '00280002': ['US', 1],
      '00280004': ['CS', 'MONOCHROME2'],
      '00280010': ['US', rows],
      '00280011': ['US', columns],
      '00280030': ['DS', (spec.pixelSpacing ?? [0.7, 0.5]).join('\\')],
      '00280100': ['US', 16],
      '00280101': ['US', 16],
      '00280102': ['US', 15],
      '00280103': ['US', 1],
      '00281052': ['DS', String(spec.intercept ?? -1024)],
      '00281053': ['DS', String(spec.slope ?? 1)],
      '7FE00010': rle ? ['OB', new Fragments([rleFrame(values)])] : ['OW', pixels],
      ...spec.tags,
    },
    syntax,
  );
}

/** A series of `count` slices: slice k at start + k · step, values i + 10 j + 100 k. */
export function dicomSeries(
  count: number,
  {
    start = [0, 0, 0],
    step = [0, 0, 2],
    each,
  }: { start?: readonly number[]; step?: readonly number[]; each?: (k: number) => SliceSpec } = {},
): VolumeFile[] {
  return Array.from({ length: count }, (_, k) => ({
    name: `s${String(k).padStart(3, '0')}.dcm`,
    bytes: dicomSlice({ position: start.map((x, r) => x + k * (step[r] as number)), offset: 100 * k, ...each?.(k) }),
  }));
}
