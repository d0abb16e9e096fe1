import dicomParser, { type DataSet, type Element } from 'dicom-parser';
import { isNavError, NavError } from '../../base/index.js';
import { inflateRaw } from '../compression.js';
import type { VolumeFile } from '../source.js';
import { decodeText } from './charset.js';
import { repeatedTag } from './repeated.js';

/** A parsed DICOM file, with its bytes (inflated where the file was deflated). */
export interface DicomFile {
  readonly name: string;
  readonly syntax: string;
  readonly dataset: DataSet;
}

/** Deflated explicit VR little endian (PS3.5, A.5). */
const DEFLATED = '1.2.840.10008.1.2.1.99';
/** Value representations whose length takes four bytes (PS3.5, 7.1.2). */
const LONG_VRS: ReadonlySet<string> = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);

/** Whether the bytes carry DICOM's mark: 128 bytes of preamble, then `DICM` (PS3.10, 7.1). */
export function isDicom(bytes: Uint8Array): boolean {
  return bytes.length >= 132 && bytes[128] === 0x44 && bytes[129] === 0x49 && bytes[130] === 0x43 && bytes[131] === 0x4d;
}

/**
 * A DICOM file's elements.
 * @throws NavError `dicom/not-dicom`, `dicom/truncated`, `io/corrupt`
 */
export async function parseDicomFile(file: VolumeFile): Promise<DicomFile> {
  if (!isDicom(file.bytes)) {
    throw new NavError('dicom/not-dicom', `"${file.name}" is not a DICOM file: the mark "DICM" at byte 128 is absent.`, {
      detail: { file: file.name },
    });
  }
  try {
    const dataset = withoutPadding(await parse(file.bytes));
    const cut = cutElement(dataset);
    if (cut !== undefined) throw truncated(file.name, cut);
    const twice = repeatedTag(dataset);
    if (twice !== undefined) throw repeated(file.name, twice);
    return { name: file.name, syntax: dataset.string('x00020010') ?? '', dataset };
  } catch (cause) {
    throw isNavError(cause) ? cause : unreadable(file.name, cause);
  }
}

const NOTHING = 'x00000000';

/**
 * Drops what the parser takes for elements (0000,0000) where a writer has filled a file up with zeros behind its last element. Zeros
 * with anything behind them stay, and are refused as elements that stand twice.
 */
function withoutPadding(dataset: DataSet): DataSet {
  const { [NOTHING]: nothing, ...others } = dataset.elements;
  if (nothing === undefined) return dataset;
  const end = Math.max(...Object.values(others).map((e) => e.dataOffset + e.length));
  if (nothing.dataOffset < end || dataset.byteArray.subarray(end).some((byte: number) => byte !== 0)) return dataset;
  delete dataset.elements[NOTHING];
  // Behind the last zeros the parser looked for an item, without which nothing is missing.
  dataset.warnings = dataset.warnings.filter((w) => !w.includes('peeking to determine VR'));
  return dataset;
}

async function parse(bytes: Uint8Array): Promise<DataSet> {
  const deflatedFrom = endOfMeta(bytes);
  // dicom-parser looks one element past the meta information, where deflated bytes may look like anything.
  if (deflatedFrom === undefined || !isDeflated(bytes.subarray(0, deflatedFrom))) return dicomParser.parseDicom(bytes);
  const tail = await inflateRaw(bytes.subarray(deflatedFrom));
  const whole = new Uint8Array(deflatedFrom + tail.length);
  whole.set(bytes.subarray(0, deflatedFrom));
  whole.set(tail, deflatedFrom);
  return dicomParser.parseDicom(whole, { inflater: (() => whole) as unknown as () => void });
}

/** Where the meta information ends, by its group length, which must be its first element (PS3.10, 7.1). */
function endOfMeta(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 144 || view.getUint32(132, true) !== 0x0000_0002) return undefined;
  const end = 144 + view.getUint32(140, true);
  if (end > bytes.length) throw new RangeError('meta information past end of file');
  return end;
}

/** Whether the meta information, which is explicit VR little endian in every file, names the deflated syntax. */
function isDeflated(meta: Uint8Array): boolean {
  const view = new DataView(meta.buffer, meta.byteOffset, meta.byteLength);
  for (let at = 132; at + 12 <= meta.length; ) {
    const long = LONG_VRS.has(String.fromCharCode(meta[at + 4] as number, meta[at + 5] as number));
    const from = at + (long ? 12 : 8);
    const to = from + (long ? view.getUint32(at + 8, true) : view.getUint16(at + 6, true));
    if (view.getUint32(at, true) === 0x0010_0002) {
      return new TextDecoder('latin1').decode(meta.subarray(from, to)).replace(/\0+$/, '').trim() === DEFLATED;
    }
    at = to;
  }
  return false;
}

/**
 * The series a file says it belongs to, where its pixels are cut off or damaged but its first elements are not.
 * Undefined where not even those can be read.
 */
export function seriesOfDamaged(bytes: Uint8Array): string | undefined {
  try {
    return dicomParser.parseDicom(bytes, { untilTag: 'x0020000e' }).string('x0020000e');
  } catch {
    return undefined;
  }
}

/** The first element that claims more bytes than the file has, or the parser's own note that it met the end early. */
function cutElement(dataset: DataSet): string | undefined {
  const end = dataset.byteArray.length;
  for (const element of Object.values(dataset.elements)) {
    if (element.dataOffset + element.length > end) return `element ${tagName(element.tag)} goes past the end of the file`;
  }
  return dataset.warnings.find((w) => w.startsWith('eof encountered'));
}

function repeated(name: string, tag: string): NavError {
  return new NavError('io/corrupt', `"${name}" has ${tagName(tag)} twice, and nothing says which is meant. Transfer it again.`, {
    detail: { file: name, tag: tagName(tag) },
  });
}

function truncated(name: string, what: string): NavError {
  return new NavError('dicom/truncated', `"${name}" is cut short: ${what}. Transfer it again.`, { detail: { file: name } });
}

/** dicom-parser throws strings, objects with `exception`, and errors: each becomes one of ours. */
function unreadable(name: string, cause: unknown): NavError {
  const text =
    typeof cause === 'string'
      ? cause
      : cause instanceof Error
        ? cause.message
        : String((cause as { exception?: unknown } | undefined)?.exception ?? cause);
  if (/past end|eof|end of (buffer|stream)|buffer overrun|outside the bounds/i.test(text))
    return truncated(name, 'the parser met its end early');
  return new NavError('io/corrupt', `"${name}" is not readable DICOM: ${text}.`, { detail: { file: name }, cause });
}

/** `(0020,0032)` from dicom-parser's `x00200032`. */
export function tagName(tag: string): string {
  return `(${tag.slice(1, 5)},${tag.slice(5, 9)})`;
}

/** A trimmed string value of a text element, decoded by the file's Specific Character Set; undefined where empty. */
export function textOf(dataset: DataSet, tag: string, charset: readonly string[]): string | undefined {
  const element = dataset.elements[tag];
  if (element === undefined || element.length === 0) return undefined;
  const bytes = dataset.byteArray.subarray(element.dataOffset, element.dataOffset + element.length);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: DICOM pads with NUL.
  const text = decodeText(bytes, charset).replace(/^[ \x00]+|[ \x00]+$/g, '');
  return text === '' ? undefined : text;
}

/** The defined terms of a file's Specific Character Set. */
export function charsetOf(dataset: DataSet): readonly string[] {
  return (dataset.string('x00080005') ?? '').split('\\').map((term) => term.trim());
}

/** A code or UID: ASCII, trimmed, undefined where empty. */
export function codeOf(dataset: DataSet, tag: string, index?: number): string | undefined {
  const value = dataset.string(tag, index);
  return value === undefined || value === '' ? undefined : value;
}

/** A decimal string (PS3.5, 6.2), read leniently as to its length; `Number` alone would also take 0x10 for sixteen. */
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** All numbers of a DS or IS element; undefined where it is absent, empty or has a value that is no number. */
export function numbersOf(dataset: DataSet | undefined, tag: string, count: number): number[] | undefined {
  const text = dataset?.string(tag);
  if (text === undefined || text === '') return undefined;
  const parts = text.split('\\').map((part) => part.trim());
  const values = parts.map((part) => (DECIMAL.test(part) ? Number(part) : Number.NaN));
  return values.length === count && values.every((x) => Number.isFinite(x)) ? values : undefined;
}

/** The first item of a sequence, where there is one. */
export function itemOf(dataset: DataSet | undefined, tag: string, index = 0): DataSet | undefined {
  return dataset?.elements[tag]?.items?.[index]?.dataSet;
}

/** A sequence's length. */
export function itemCount(dataset: DataSet, tag: string): number {
  return dataset.elements[tag]?.items?.length ?? 0;
}

export type { DataSet, Element };
