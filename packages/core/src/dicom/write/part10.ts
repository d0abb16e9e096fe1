import { data } from 'dcmjs';
import { NavError } from '../../base/index.js';
import { EXPLICIT_LITTLE_ENDIAN, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, isUid } from './uid.js';
import { BYTES_VRS, decimalString, NUMBER_RULES, SINGLE_TEXT, TEXT_RULES } from './values.js';

/** An element's value: one, several, bytes as they are stored (little endian), a sequence's items; null is there and empty. */
export type ElementValue = string | number | readonly string[] | readonly number[] | ArrayBufferView | readonly Dataset[] | null;

/** An element that tells its own VR: private ones must. */
export interface TaggedElement {
  readonly vr: string;
  readonly value: ElementValue;
}

/**
 * Elements by their keyword (`PatientName`; PS3.6) or by eight hexadecimal digits (`00771001`, then as a {@link TaggedElement}).
 * Undefined is absent, null is empty.
 */
export interface Dataset {
  readonly [name: string]: ElementValue | TaggedElement | undefined;
}

type DcmjsElement = { vr: string; Value: readonly unknown[] };

/** Bytes that a value with a 16-bit length can have. */
const SHORT_LIMIT = 65534;

/**
 * A DICOM file (PS3.10, 7): preamble, File Meta Information and the elements in explicit VR little endian. SOP Class and SOP
 * Instance UID are taken from the data set; text is written as UTF-8 and says so (Specific Character Set ISO_IR 192).
 * @throws NavError `dicom/bad-value` that names the element, its place in the sequences, and what its VR allows
 */
export function encodePart10(dataset: Dataset): Uint8Array {
  const sopClass = requiredUid(dataset, 'SOPClassUID');
  const sopInstance = requiredUid(dataset, 'SOPInstanceUID');
  const file = new data.DicomDict({
    '00020001': { vr: 'OB', Value: [Uint8Array.of(0, 1).buffer] },
    '00020002': { vr: 'UI', Value: [sopClass] },
    '00020003': { vr: 'UI', Value: [sopInstance] },
    '00020010': { vr: 'UI', Value: [EXPLICIT_LITTLE_ENDIAN] },
    '00020012': { vr: 'UI', Value: [IMPLEMENTATION_CLASS_UID] },
    '00020013': { vr: 'SH', Value: [IMPLEMENTATION_VERSION_NAME] },
  });
  const signed = dataset['PixelRepresentation'] === 1;
  const { [PIXEL_DATA]: pixels, ...elements } = elementsOf({ ...dataset, SpecificCharacterSet: 'ISO_IR 192' }, '', signed);
  file.dict = elements;
  const head = new Uint8Array(file.write());
  return pixels === undefined ? head : withPixels(head, pixels);
}

/** Pixel Data, the last element of our data sets. */
const PIXEL_DATA = '7FE00010';

/** dcmjs copies every value several times over; what is large is appended as it is (PS3.5, 7.1.2). */
function withPixels(head: Uint8Array, { vr, Value: [value] }: DcmjsElement): Uint8Array {
  const pixels = new Uint8Array(value as ArrayBuffer);
  const file = new Uint8Array(head.length + 12 + pixels.length);
  file.set(head);
  file.set([0xe0, 0x7f, 0x10, 0x00, vr.charCodeAt(0), vr.charCodeAt(1)], head.length);
  new DataView(file.buffer).setUint32(head.length + 8, pixels.length, true);
  file.set(pixels, head.length + 12);
  return file;
}

function requiredUid(dataset: Dataset, keyword: string): string {
  const value = dataset[keyword];
  if (typeof value === 'string' && isUid(value)) return value;
  throw bad(keyword, `a DICOM file needs one UID here`);
}

function elementsOf(dataset: Dataset, path: string, signed: boolean): Record<string, DcmjsElement> {
  const elements: Record<string, DcmjsElement> = {};
  for (const [name, given] of Object.entries(dataset)) {
    if (given === undefined) continue;
    const { tag, vr, value } = resolve(name, given, `${path}${name}`, signed);
    if (elements[tag] !== undefined) throw bad(`${path}${name}`, `element ${tag} is given twice`);
    elements[tag] = { vr, Value: valuesOf(vr, value, `${path}${name}`, signed) };
  }
  return elements;
}

interface Resolved {
  readonly tag: string;
  readonly vr: string;
  readonly value: ElementValue;
}

/** An element's tag and VR; where the standard leaves the VR open, what the value and the pixels' sign make of it. */
function resolve(name: string, given: ElementValue | TaggedElement, path: string, signed: boolean): Resolved {
  if (isTagged(given)) {
    const tag = /^[0-9a-f]{8}$/i.test(name) ? name.toUpperCase() : tagOf(name, path);
    return { tag, vr: given.vr, value: given.value };
  }
  const tag = tagOf(name, path);
  const listed = data.DicomMetaDictionary.nameMap[name]?.vr ?? '';
  if (listed === 'xs') return { tag, vr: signed ? 'SS' : 'US', value: given };
  if (listed === 'ox') return { tag, vr: given instanceof Uint8Array ? 'OB' : 'OW', value: given };
  return { tag, vr: listed, value: given };
}

function tagOf(name: string, path: string): string {
  const entry = data.DicomMetaDictionary.nameMap[name];
  if (entry === undefined || entry.version !== 'DICOM') {
    throw bad(path, 'no attribute of the standard has this keyword; a tag in digits needs its VR beside it');
  }
  const tag = entry.tag.replace(/[(),]/g, '').toUpperCase();
  if (tag > PIXEL_DATA) throw bad(path, 'nothing is written after the pixel data');
  if (tag < '00080000') throw bad(path, 'command and file meta elements are not part of a data set');
  return tag;
}

function isTagged(given: ElementValue | TaggedElement): given is TaggedElement {
  return typeof given === 'object' && given !== null && 'vr' in given && 'value' in given;
}

function valuesOf(vr: string, value: ElementValue, path: string, signed: boolean): readonly unknown[] {
  if (vr === 'SQ') return items(value, path).map((item, n) => elementsOf(item, `${path}[${n}].`, signed));
  if (BYTES_VRS.has(vr)) return [bytesOf(value, path)];
  const list = value === null || value === '' ? [] : Array.isArray(value) ? (value as readonly (string | number)[]) : [value];
  const numbers = NUMBER_RULES[vr];
  if (numbers !== undefined) {
    const illegal = list.find((x) => typeof x !== 'number' || !numbers.legal(x));
    if (illegal !== undefined) throw bad(path, `${JSON.stringify(illegal)} is no ${vr} value`);
    return checkedLength(list, list.length * numbers.bytes, path);
  }
  return textsOf(vr, list, path);
}

function textsOf(vr: string, list: readonly unknown[], path: string): readonly string[] {
  const rule = TEXT_RULES[vr];
  if (rule === undefined) throw bad(path, `its value representation ${vr || 'unknown'} is not written by Trocar`);
  const texts = list.map((x) => textOf(vr, x, path));
  // Values of a list may be empty (PS3.5, 6.4); a lone one then is an empty element.
  const illegal = texts.findIndex((x) => x !== '' && !rule.legal(x));
  if (illegal >= 0) throw bad(path, `value ${illegal + 1} of ${texts.length} is no ${vr} (PS3.5, 6.2): ${rule.words}`);
  if (SINGLE_TEXT.has(vr) && texts.length > 1) throw bad(path, `${vr} holds one value, got ${texts.length}`);
  const long = vr === 'UC' || vr === 'UR' || vr === 'UT';
  return long ? texts : (checkedLength(texts, new TextEncoder().encode(texts.join('\\')).length, path) as readonly string[]);
}

function textOf(vr: string, x: unknown, path: string): string {
  if (typeof x === 'string') return x;
  if (typeof x === 'number' && vr === 'DS' && Number.isFinite(x)) return decimalString(x);
  if (typeof x === 'number' && vr === 'IS' && Number.isInteger(x)) return String(x);
  throw bad(path, `a ${typeof x} is no ${vr} value`);
}

function items(value: ElementValue, path: string): readonly Dataset[] {
  if (value === null) return [];
  const legal = Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null);
  if (!legal) throw bad(path, 'a sequence is a list of items');
  return value as readonly Dataset[];
}

/** The bytes in a buffer of their own, of even length (PS3.5, 7.1.1). */
function bytesOf(value: ElementValue, path: string): ArrayBuffer {
  if (value === null) return new ArrayBuffer(0);
  if (!ArrayBuffer.isView(value)) throw bad(path, 'bytes are wanted here: a typed array');
  const bytes = new Uint8Array(value.byteLength + (value.byteLength % 2));
  if (bytes.length >= 2 ** 32 - 1) throw bad(path, `${bytes.length} bytes are more than an element can hold`);
  bytes.set(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  return bytes.buffer;
}

/** dcmjs writes what is too long for a 16-bit length as unknown bytes (UN): refused instead. */
function checkedLength(values: readonly unknown[], bytes: number, path: string): readonly unknown[] {
  if (bytes > SHORT_LIMIT) throw bad(path, `${values.length} values take ${bytes} bytes, and ${SHORT_LIMIT} is the most`);
  return values;
}

function bad(path: string, what: string): NavError {
  return new NavError('dicom/bad-value', `Cannot write the DICOM element ${path}: ${what}.`, { detail: { element: path } });
}
