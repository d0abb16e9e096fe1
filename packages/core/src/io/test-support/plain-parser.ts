import { inflateRawSync } from 'node:zlib';

/**
 * A small DICOM parser for tests that shares nothing with the reader's: strict, so that what it accepts is regular. Tags
 * must ascend, lengths must fit, VRs must exist; anything else makes it give up.
 */
export interface PlainElement {
  readonly tag: number;
  readonly vr: string;
  /** Where the element, and where its value begins, in the (inflated) bytes. */
  readonly at: number;
  readonly from: number;
  readonly length: number;
  readonly value: Uint8Array;
  readonly items?: readonly PlainSet[];
  /** Compressed pixels: fragments, not a value. */
  readonly fragments?: number;
}

export interface PlainSet {
  readonly little: boolean;
  readonly elements: ReadonlyMap<number, PlainElement>;
}

const VRS = new Set(
  'AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV'.split(' '),
);
const LONG = new Set('OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' '));
const UNDEFINED = 0xffffffff;

class Irregular extends Error {}

function need(ok: boolean): asserts ok {
  if (!ok) throw new Irregular();
}

/** The elements of a part 10 file; undefined where it is irregular in any way. */
export function plainParse(file: Uint8Array): (PlainSet & { readonly syntax: string }) | undefined {
  try {
    need(file.length > 144 && latin(file.subarray(128, 132)) === 'DICM');
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    need(view.getUint32(132, true) === 2 && latin(file.subarray(136, 138)) === 'UL');
    const end = 144 + view.getUint32(140, true);
    need(end <= file.length);
    const meta = new Walker(file.subarray(0, end), true, true, 132).set(end);
    const syntax = textOf(meta, 0x00020010) ?? '';
    const deflated = syntax === '1.2.840.10008.1.2.1.99';
    const body = deflated ? new Uint8Array(inflateRawSync(file.subarray(end))) : file.subarray(end);
    const walker = new Walker(body, syntax !== '1.2.840.10008.1.2.2', syntax !== '1.2.840.10008.1.2', 0);
    return { ...walker.set(body.length), syntax };
  } catch (error) {
    if (error instanceof Irregular || error instanceof RangeError || (error as { code?: string }).code?.startsWith('Z_'))
      return undefined;
    throw error;
  }
}

class Walker {
  private readonly bytes: Uint8Array;
  private readonly little: boolean;
  private readonly explicit: boolean;
  private at: number;
  private readonly view: DataView;

  constructor(bytes: Uint8Array, little: boolean, explicit: boolean, at: number) {
    this.bytes = bytes;
    this.little = little;
    this.explicit = explicit;
    this.at = at;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Elements up to `end`, or up to an item's delimiter where the length is undefined. */
  set(end: number, delimited = false): PlainSet {
    const elements = new Map<number, PlainElement>();
    let last = -1;
    while (delimited || this.at < end) {
      const element = this.element(end);
      if (element === undefined) {
        need(delimited);
        return { little: this.little, elements };
      }
      need(element.tag > last);
      last = element.tag;
      elements.set(element.tag, element);
    }
    need(this.at === end);
    return { little: this.little, elements };
  }

  private tag(): number {
    const tag = this.view.getUint16(this.at, this.little) * 65_536 + this.view.getUint16(this.at + 2, this.little);
    this.at += 4;
    return tag;
  }

  private element(end: number): PlainElement | undefined {
    const at = this.at;
    const tag = this.tag();
    if (tag === 0xfffee00d) {
      need(this.view.getUint32(this.at, this.little) === 0);
      this.at += 4;
      return undefined;
    }
    const { vr, length } = this.head();
    const from = this.at;
    const common = { tag, vr, at, from };
    if (vr === 'SQ' || (length === UNDEFINED && tag !== 0x7fe00010)) {
      const items = this.items(length, end);
      return { ...common, length: this.at - from, value: this.bytes.subarray(from, this.at), items };
    }
    if (length === UNDEFINED) {
      const fragments = this.fragments();
      return { ...common, length: this.at - from, value: this.bytes.subarray(from, this.at), fragments };
    }
    need(from + length <= end);
    this.at += length;
    return { ...common, length, value: this.bytes.subarray(from, from + length) };
  }

  private head(): { vr: string; length: number } {
    if (!this.explicit) {
      this.at += 4;
      return { vr: '', length: this.view.getUint32(this.at - 4, this.little) };
    }
    const vr = latin(this.bytes.subarray(this.at, this.at + 2));
    need(VRS.has(vr));
    const long = LONG.has(vr);
    const length = long ? this.view.getUint32(this.at + 4, this.little) : this.view.getUint16(this.at + 2, this.little);
    this.at += long ? 8 : 4;
    return { vr, length };
  }

  private items(length: number, end: number): PlainSet[] {
    const stop = length === UNDEFINED ? Number.POSITIVE_INFINITY : this.at + length;
    need(length === UNDEFINED || stop <= end);
    const items: PlainSet[] = [];
    while (this.at < stop) {
      const tag = this.tag();
      const size = this.view.getUint32(this.at, this.little);
      this.at += 4;
      if (tag === 0xfffee0dd) {
        need(length === UNDEFINED && size === 0);
        return items;
      }
      need(tag === 0xfffee000 && (size === UNDEFINED || this.at + size <= end));
      items.push(size === UNDEFINED ? this.set(end, true) : this.set(this.at + size));
    }
    need(this.at === stop);
    return items;
  }

  private fragments(): number {
    for (let count = -1; ; count += 1) {
      const tag = this.tag();
      const size = this.view.getUint32(this.at, this.little);
      this.at += 4 + size;
      need(this.at <= this.bytes.length);
      if (tag === 0xfffee0dd) {
        need(size === 0);
        return count;
      }
      need(tag === 0xfffee000);
    }
  }
}

function latin(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}

export function textOf(set: PlainSet, tag: number): string | undefined {
  const element = set.elements.get(tag);
  return element === undefined ? undefined : latin(element.value).replaceAll('\0', ' ').trim();
}

export function shortOf(set: PlainSet, tag: number): number | undefined {
  const value = set.elements.get(tag)?.value;
  if (value?.length !== 2) return undefined;
  return new DataView(value.buffer, value.byteOffset, 2).getUint16(0, set.little);
}

function decimals(set: PlainSet | undefined, tag: number, count: number): number[] | undefined {
  const parts = (set && textOf(set, tag))?.split('\\').map((p) => p.trim());
  const values = parts?.map((p) => (/^[-+]?\d*[.]?\d*([eE][-+]?\d+)?$/.test(p) && /\d/.test(p) ? Number(p) : Number.NaN));
  return values?.length === count && values.every(Number.isFinite) ? values : undefined;
}

/** The four corners of a frame, mm, by DICOM's equation alone (PS3.3, C.7.6.2.1.1): n = columns/rows first or last. */
export interface PlainFrame {
  readonly rows: number;
  readonly columns: number;
  readonly corners: readonly (readonly number[])[];
  /** Normal of the image: along × down. */
  readonly normal: readonly number[];
}

/** The frames of an image and their places; undefined where the file does not say. */
export function plainFrames(set: PlainSet): PlainFrame[] | undefined {
  const [rows, columns] = [shortOf(set, 0x00280010), shortOf(set, 0x00280011)];
  if (!rows || !columns) return undefined;
  const count = textOf(set, 0x00280008) === undefined ? 1 : Number(textOf(set, 0x00280008));
  const perFrame = set.elements.get(0x52009230)?.items;
  if (perFrame === undefined && count !== 1) return undefined;
  const shared = set.elements.get(0x52009229)?.items?.[0];
  const frames = Array.from({ length: perFrame === undefined ? 1 : count }, (_, n) => {
    const group = (tag: number): PlainSet | undefined =>
      perFrame === undefined ? set : (perFrame[n]?.elements.get(tag)?.items?.[0] ?? shared?.elements.get(tag)?.items?.[0]);
    const position = decimals(group(0x00209113), 0x00200032, 3);
    const cosines = decimals(group(0x00209116), 0x00200037, 6);
    const spacing = decimals(group(0x00289110), 0x00280030, 2);
    if (position === undefined || cosines === undefined || spacing === undefined) return undefined;
    return frameOf({ rows, columns, position, cosines, spacing });
  });
  return frames.every((f) => f !== undefined) ? (frames as PlainFrame[]) : undefined;
}

function frameOf(f: { rows: number; columns: number; position: number[]; cosines: number[]; spacing: number[] }): PlainFrame {
  const [x, y, z, u, v, w] = f.cosines as [number, number, number, number, number, number];
  const [down, across] = f.spacing as [number, number];
  const corners = [0, 1, 2, 3].map((n) => {
    const [i, j] = [n & 1 ? f.columns - 1 : 0, n & 2 ? f.rows - 1 : 0];
    return f.position.map((p, r) => p + i * across * ([x, y, z][r] as number) + j * down * ([u, v, w][r] as number));
  });
  return { rows: f.rows, columns: f.columns, corners, normal: [y * w - z * v, z * u - x * w, x * v - y * u] };
}
