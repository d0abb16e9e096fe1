import { decodeText } from '../../io/dicom/charset.js';
import { isDateValue } from './dates.js';
import type { Attribute } from './dictionary.js';
import { elementOf, type RawElement, textBytes } from './elements.js';

/** Text whose value may hold several, apart by backslashes (PS3.5, 6.4). */
const MULTIPLE: ReadonlySet<string> = new Set('AE AS CS DA DS DT IS LO PN SH TM UC UI'.split(' '));
/** Text of any kind (PS3.5, 6.2). */
export const TEXT_VRS: ReadonlySet<string> = new Set([...MULTIPLE, 'LT', 'ST', 'UR', 'UT']);
/** Text that people write as they like. */
export const FREE_TEXT: ReadonlySet<string> = new Set('LO LT SH ST UC UT'.split(' '));
/** Values that are bytes of something else. */
export const BYTE_VRS: ReadonlySet<string> = new Set('OB OD OF OL OV OW UN'.split(' '));
/** Bytes of one binary number. */
const NUMBER_BYTES: Readonly<Record<string, number>> = { AT: 4, FD: 8, FL: 4, SL: 4, SS: 2, SV: 8, UL: 4, US: 2, UV: 8 };

/** Stands where a value was that had to go but must not be empty. */
export const DUMMY_TEXT: string = 'REMOVED';
export const DUMMY_NAME: string = 'Anonymous';

const DUMMIES: Readonly<Record<string, string>> = {
  AE: DUMMY_TEXT,
  AS: '000Y',
  CS: DUMMY_TEXT,
  DA: '20000101',
  DS: '0',
  DT: '20000101000000',
  IS: '0',
  LO: DUMMY_TEXT,
  LT: DUMMY_TEXT,
  PN: DUMMY_NAME,
  SH: DUMMY_TEXT,
  ST: DUMMY_TEXT,
  TM: '000000',
  UC: DUMMY_TEXT,
  UR: `urn:${DUMMY_TEXT}`,
  UT: DUMMY_TEXT,
};

/** The texts of an element, decoded, without padding; none of what holds no text. */
export function textsOf({ bytes }: RawElement, vr: string, charset: readonly string[]): readonly string[] {
  if (bytes === undefined || bytes.length === 0 || !TEXT_VRS.has(vr)) return [];
  const ascii = !FREE_TEXT.has(vr) && vr !== 'PN';
  const text = decodeText(bytes, ascii ? [''] : charset);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: DICOM pads with NUL.
  return (MULTIPLE.has(vr) ? text.split('\\') : [text]).map((part) => part.replace(/^ +|[ \x00]+$/g, ''));
}

/** A value of the VR that says nothing; zeros of the same length where it is made of numbers. */
export function dummyOf({ tag, bytes, openEnded, implicitInside }: RawElement, vr: string): RawElement {
  const text = DUMMIES[vr];
  if (text !== undefined) return elementOf(tag, vr, textBytes(vr, text));
  const length = BYTE_VRS.has(vr) ? 2 : Math.max(bytes?.length ?? 0, NUMBER_BYTES[vr] ?? 2);
  return { tag, vr, bytes: new Uint8Array(length), openEnded: openEnded && bytes === undefined, implicitInside };
}

/** Without a value: the element of length 0, the sequence without items. */
export function emptied({ tag, vr, items }: RawElement): RawElement {
  if (items !== undefined) return { tag, vr: vr === 'UN' ? 'SQ' : vr, items: [], openEnded: false, implicitInside: false };
  return elementOf(tag, vr, new Uint8Array(0));
}

const CODE = /^[A-Z0-9_ ./+-]{0,16}$/;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const INTEGER = /^[+-]?\d{1,12}$/;
const AGE = /^\d{3}[DWMY]$/;

/**
 * Whether a value keeps to its VR's alphabet (PS3.5, 6.2): a name in a code string or in a number does not. Lengths are not
 * judged, as real files break them and nothing can hide in that.
 */
export function isLegal(element: RawElement, { vr, most }: Pick<Attribute, 'vr' | 'most'>): boolean {
  const width = NUMBER_BYTES[vr];
  const length = element.bytes?.length ?? 0;
  // Binary numbers take any bytes: but no more of them than there are numbers.
  if (width !== undefined) return length % width === 0 && length / width <= most;
  const texts = textsOf(element, vr, ['']).map((text) => text.trim());
  const legal = (test: (text: string) => boolean): boolean => texts.every((text) => text === '' || test(text));
  if (vr === 'CS') return legal((text) => CODE.test(text));
  if (vr === 'DS') return legal((text) => DECIMAL.test(text));
  if (vr === 'IS') return legal((text) => INTEGER.test(text));
  if (vr === 'AS') return legal((text) => AGE.test(text));
  if (vr === 'DA' || vr === 'TM' || vr === 'DT') return legal((text) => isDateValue(vr, text));
  return true;
}
