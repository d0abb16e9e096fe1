/** A data set as it lies in a file: elements in the order of the file, values as their bytes. Nothing is interpreted. */

/** One element. Its value is in exactly one of `bytes`, `items` and `fragments`. */
export interface RawElement {
  /** Group in the upper 16 bits, element in the lower. */
  readonly tag: number;
  /** As written; from the dictionary in implicit VR, `UN` where that does not know the tag. */
  readonly vr: string;
  /** The value in the file's byte order, padding and all. */
  readonly bytes?: Uint8Array;
  readonly items?: readonly RawItem[];
  /** Encapsulated pixel data (PS3.5, A.4): the offset table, then the code stream's fragments. */
  readonly fragments?: readonly Uint8Array[];
  /** The length was undefined (FFFFFFFF), and is written so again. */
  readonly openEnded: boolean;
  /** A sequence inside an element of unknown VR: implicit little endian whatever the file is (PS3.5, 6.2.2). */
  readonly implicitInside: boolean;
}

/** One item of a sequence. */
export interface RawItem {
  readonly elements: readonly RawElement[];
  readonly openEnded: boolean;
}

/** How the elements of a data set are written. */
export interface Encoding {
  readonly little: boolean;
  readonly explicit: boolean;
}

/** A file taken apart. */
export interface RawFile {
  readonly syntax: string;
  readonly encoding: Encoding;
  readonly deflated: boolean;
  /** Group 0002. */
  readonly meta: readonly RawElement[];
  readonly elements: readonly RawElement[];
  /** Bytes behind the last element that belong to none; they are never written again. */
  readonly trailingBytes: number;
}

export const IMPLICIT_LITTLE: Encoding = { little: true, explicit: false };
export const EXPLICIT_LITTLE: Encoding = { little: true, explicit: true };

/** Value representations whose length takes four bytes (PS3.5, 7.1.2). */
export const LONG_VRS: ReadonlySet<string> = new Set('OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' '));

/** Value representations of the standard (PS3.5, 6.2). */
export const VRS: ReadonlySet<string> = new Set(
  'AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV'.split(' '),
);

/** `(0010,0020)`. */
export function tagText(tag: number): string {
  const hex = tag.toString(16).toUpperCase().padStart(8, '0');
  return `(${hex.slice(0, 4)},${hex.slice(4)})`;
}

/** The upper half of a tag. */
export function groupOf(tag: number): number {
  return tag >>> 16;
}

/** Whether a tag is a vendor's: of an odd group (PS3.5, 7.8). */
export function isPrivate(tag: number): boolean {
  return (groupOf(tag) & 1) === 1;
}

/** An element with a short value of its own. */
export function elementOf(tag: number, vr: string, bytes: Uint8Array): RawElement {
  return { tag, vr, bytes, openEnded: false, implicitInside: false };
}

const ascii = new TextEncoder();

/** Text as a value: padded to even length with what the VR pads with (PS3.5, 6.2). Characters beyond ASCII become UTF-8. */
export function textBytes(vr: string, text: string): Uint8Array {
  const bytes = ascii.encode(text);
  if (bytes.length % 2 === 0) return bytes;
  const padded = new Uint8Array(bytes.length + 1).fill(vr === 'UI' ? 0 : 0x20);
  padded.set(bytes);
  return padded;
}
