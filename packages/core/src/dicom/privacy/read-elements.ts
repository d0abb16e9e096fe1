import { isNavError, NavError } from '../../base/index.js';
import { inflateRaw } from '../../io/compression.js';
import { isDicom } from '../../io/dicom/dataset.js';
import { attributeOf } from './dictionary.js';
import {
  type Encoding,
  EXPLICIT_LITTLE,
  groupOf,
  IMPLICIT_LITTLE,
  LONG_VRS,
  type RawElement,
  type RawFile,
  type RawItem,
  tagText,
  VRS,
} from './elements.js';

const UNDEFINED = 0xffff_ffff;
const ITEM = 0xfffe_e000;
const ITEM_END = 0xfffe_e00d;
const SEQUENCE_END = 0xfffe_e0dd;
const PIXEL_DATA = 0x7fe0_0010;
/** Sequences in sequences: far more than any object of the standard has, few enough for the stack. */
const DEEPEST = 60;

const IMPLICIT = '1.2.840.10008.1.2';
const DEFLATED = '1.2.840.10008.1.2.1.99';
const BIG_ENDIAN = '1.2.840.10008.1.2.2';

/**
 * A DICOM file taken apart to its elements, without judging them: values that break their VR's rules pass.
 * @param what how messages call the file; never its name, which may be a patient's
 * @throws NavError `dicom/not-dicom`, `dicom/truncated`, `io/corrupt`
 */
export async function readElements(bytes: Uint8Array, what: string): Promise<RawFile> {
  if (!isDicom(bytes)) {
    throw new NavError('dicom/not-dicom', `${what} is not a DICOM file: the mark "DICM" at byte 128 is absent.`);
  }
  const head = new Reader(bytes, 132, what);
  const meta: RawElement[] = [];
  while (head.left >= 8 && head.peekGroup() === 2 && head.at !== endOfMeta(meta)) meta.push(head.element(EXPLICIT_LITTLE, 0));
  const syntax = latin1(meta.find(({ tag }) => tag === 0x0002_0010)?.bytes ?? new Uint8Array(0));
  const deflated = syntax === DEFLATED;
  const encoding = syntax === IMPLICIT ? IMPLICIT_LITTLE : { little: syntax !== BIG_ENDIAN, explicit: true };
  const body = deflated ? await inflated(bytes.subarray(head.at), what) : bytes;
  const { elements, trailingBytes } = topLevel(new Reader(body, deflated ? 0 : head.at, what), encoding);
  return { syntax, encoding, deflated, meta, elements, trailingBytes };
}

/** Where the meta information says that it ends: 12 bytes of Group Length (0002,0000) behind the mark, and as many as that says. */
function endOfMeta([first]: readonly RawElement[]): number | undefined {
  const bytes = first?.tag === 0x0002_0000 ? first.bytes : undefined;
  if (bytes?.length !== 4) return undefined;
  return 144 + new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}

async function inflated(bytes: Uint8Array, what: string): Promise<Uint8Array> {
  try {
    return await inflateRaw(bytes);
  } catch (cause) {
    throw new NavError('io/corrupt', `${what} is deflated, and what it holds cannot be inflated.`, { cause });
  }
}

/** The elements of the data set. Behind the pixels, what does not continue it belongs to no element. */
function topLevel(reader: Reader, encoding: Encoding): { elements: RawElement[]; trailingBytes: number } {
  const elements: RawElement[] = [];
  let last = 0;
  while (reader.left > 0) {
    const from = reader.at;
    if (reader.onlyZerosLeft()) return { elements, trailingBytes: reader.left };
    try {
      const element = reader.element(encoding, 0);
      if (element.tag <= last) {
        if (last < PIXEL_DATA) throw reader.corrupt(`element ${tagText(element.tag)} does not stand in the order of the tags`);
        return { elements, trailingBytes: reader.length - from };
      }
      last = element.tag;
      elements.push(element);
    } catch (error) {
      if (last < PIXEL_DATA || !isNavError(error)) throw error;
      return { elements, trailingBytes: reader.length - from };
    }
  }
  return { elements, trailingBytes: 0 };
}

/** Text of ASCII, without its padding. */
export function latin1(bytes: Uint8Array): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: DICOM pads with NUL.
  return new TextDecoder('latin1').decode(bytes).replace(/[ \x00]+$/, '');
}

class Reader {
  at: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;

  constructor(bytes: Uint8Array, at: number, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
    this.#what = what;
  }

  get length(): number {
    return this.#bytes.length;
  }

  get left(): number {
    return this.#bytes.length - this.at;
  }

  peekGroup(): number {
    return this.#view.getUint16(this.at, true);
  }

  onlyZerosLeft(): boolean {
    if (this.left >= 8 && this.#view.getUint32(this.at) !== 0) return false;
    return this.#bytes.subarray(this.at).every((byte) => byte === 0);
  }

  /** The element here. @param depth how many sequences it lies in */
  element(encoding: Encoding, depth: number, end: number = this.length): RawElement {
    const tag = this.#tag(encoding, end);
    if (groupOf(tag) === 0xfffe) throw this.corrupt(`${tagText(tag)} stands where an element should`);
    const { vr, length } = this.#head(tag, encoding, end);
    const common = { tag, vr, openEnded: length === UNDEFINED };
    if (length === UNDEFINED && tag === PIXEL_DATA && vr !== 'SQ') {
      return { ...common, implicitInside: false, fragments: this.#fragments(encoding, end) };
    }
    // Undefined lengths of other VRs than SQ and UN do not exist; a private sequence in implicit VR is of unknown VR.
    if (length === UNDEFINED && vr !== 'SQ' && vr !== 'UN') throw this.corrupt(`${tagText(tag)} of VR ${vr} has no length`);
    if (vr === 'SQ' || length === UNDEFINED) {
      const implicitInside = vr === 'UN' && encoding.explicit;
      const inside = implicitInside ? IMPLICIT_LITTLE : encoding;
      return { ...common, implicitInside, items: this.#items(length, inside, depth + 1, end) };
    }
    const bytes = this.#take(length, end, tag);
    return vr === 'UN'
      ? (this.#hiddenSequence(tag, bytes, encoding, depth) ?? { ...common, implicitInside: false, bytes })
      : { ...common, implicitInside: false, bytes };
  }

  /** A sequence of the standard behind the VR UN, its length given: read as one where its bytes are one. */
  #hiddenSequence(tag: number, bytes: Uint8Array, encoding: Encoding, depth: number): RawElement | undefined {
    if (!encoding.explicit || attributeOf(tag)?.vr !== 'SQ') return undefined;
    try {
      const items = new Reader(bytes, 0, this.#what).#items(bytes.length, IMPLICIT_LITTLE, depth + 1, bytes.length);
      return { tag, vr: 'UN', items, openEnded: false, implicitInside: true };
    } catch {
      return undefined;
    }
  }

  #head(tag: number, { little, explicit }: Encoding, end: number): { vr: string; length: number } {
    if (!explicit) {
      this.#need(4, end, tag);
      const length = this.#view.getUint32(this.at, little);
      this.at += 4;
      const known = attributeOf(tag)?.vr ?? 'UN';
      return { vr: length === UNDEFINED && known !== 'SQ' && tag !== PIXEL_DATA ? 'UN' : known, length };
    }
    this.#need(4, end, tag);
    const vr = String.fromCharCode(this.#bytes[this.at] as number, this.#bytes[this.at + 1] as number);
    if (!VRS.has(vr)) throw this.corrupt(`${tagText(tag)} has no VR of the standard`);
    if (!LONG_VRS.has(vr)) {
      const length = this.#view.getUint16(this.at + 2, little);
      this.at += 4;
      return { vr, length };
    }
    this.#need(8, end, tag);
    const length = this.#view.getUint32(this.at + 4, little);
    this.at += 8;
    return { vr, length };
  }

  #items(length: number, encoding: Encoding, depth: number, outerEnd: number): RawItem[] {
    if (depth > DEEPEST) throw this.corrupt(`its sequences lie more than ${DEEPEST} deep in each other`);
    const end = length === UNDEFINED ? outerEnd : this.at + length;
    if (end > outerEnd) throw this.truncated('a sequence goes past the end');
    const items: RawItem[] = [];
    for (;;) {
      if (length !== UNDEFINED && this.at === end) return items;
      const tag = this.#tag(encoding, end);
      this.#need(4, end, tag);
      const size = this.#view.getUint32(this.at, encoding.little);
      this.at += 4;
      if (tag === SEQUENCE_END && length === UNDEFINED) return items;
      if (tag !== ITEM) throw this.corrupt(`${tagText(tag)} stands where an item should`);
      items.push(this.#item(size, encoding, depth, end));
    }
  }

  #item(size: number, encoding: Encoding, depth: number, outerEnd: number): RawItem {
    const open = size === UNDEFINED;
    const end = open ? outerEnd : this.at + size;
    if (end > outerEnd) throw this.truncated('an item goes past the end');
    const elements: RawElement[] = [];
    for (;;) {
      if (!open && this.at === end) return { elements, openEnded: false };
      if (open) {
        const from = this.at;
        if (this.#tag(encoding, end) === ITEM_END) {
          this.#need(4, end, ITEM_END);
          this.at += 4;
          return { elements, openEnded: true };
        }
        this.at = from;
      }
      elements.push(this.element(encoding, depth, end));
    }
  }

  #fragments(encoding: Encoding, end: number): Uint8Array[] {
    const fragments: Uint8Array[] = [];
    for (;;) {
      const tag = this.#tag(encoding, end);
      this.#need(4, end, tag);
      const size = this.#view.getUint32(this.at, encoding.little);
      this.at += 4;
      if (tag === SEQUENCE_END) return fragments;
      if (tag !== ITEM) throw this.corrupt(`${tagText(tag)} stands where a fragment of the pixels should`);
      fragments.push(this.#take(size, end, PIXEL_DATA));
    }
  }

  #tag({ little }: Encoding, end: number): number {
    this.#need(4, end, undefined);
    const tag = ((this.#view.getUint16(this.at, little) << 16) | this.#view.getUint16(this.at + 2, little)) >>> 0;
    this.at += 4;
    return tag;
  }

  #take(length: number, end: number, tag: number): Uint8Array {
    this.#need(length, end, tag);
    const bytes = this.#bytes.subarray(this.at, this.at + length);
    this.at += length;
    return bytes;
  }

  #need(count: number, end: number, tag: number | undefined): void {
    if (this.at + count <= end) return;
    throw this.truncated(tag === undefined ? 'it ends within an element' : `element ${tagText(tag)} goes past the end`);
  }

  truncated(why: string): NavError {
    return new NavError('dicom/truncated', `${this.#what} is cut short: ${why}. Transfer it again.`);
  }

  corrupt(why: string): NavError {
    return new NavError('io/corrupt', `${this.#what} is not readable DICOM: ${why}.`);
  }
}
