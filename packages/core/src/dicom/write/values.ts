import { NavError } from '../../base/index.js';
import { isUid } from './uid.js';

/**
 * What each value representation allows (PS3.5, 6.2), checked before a byte is written. dcmjs only notes a string that is too
 * long in its log, and writes it.
 */

/** Characters that a Decimal String may have. */
const DS_LENGTH = 16;
const DECIMAL = /^ *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? *$/;

/**
 * The number as a Decimal String (PS3.5, 6.2): of all decimals of at most 16 characters the one nearest to it. Numbers of
 * magnitude 1e-9 to 1e9 keep at least ten significant digits; a patient coordinate of four digits is off by 5e-11 mm at most.
 * @throws NavError `dicom/bad-value` for NaN and infinities
 */
export function decimalString(x: number): string {
  if (!Number.isFinite(x)) throw new NavError('dicom/bad-value', `DICOM's decimal strings hold finite numbers only, not ${x}.`);
  if (x === 0) return '0';
  let best = '';
  let miss = Number.POSITIVE_INFINITY;
  for (const text of candidates(x)) {
    const error = Math.abs(Number(text) - x);
    if (text.length <= DS_LENGTH && error < miss) [best, miss] = [text, error];
  }
  return best;
}

/** Shortest first: of two that are equally near, the shorter is taken. */
function* candidates(x: number): Generator<string> {
  yield String(x);
  for (let digits = 0; digits < DS_LENGTH; digits += 1) {
    if (Math.abs(x) < 1e15) yield x.toFixed(digits);
    yield x.toExponential(digits);
  }
}

const CONTROL = /[\p{Cc}\\]/u;
const CONTROL_BUT_LINES = /(?![\t\n\f\r])\p{Cc}/u;

const line = (limit: number) => (text: string) => text.length <= limit && !CONTROL.test(text);
const text = (limit: number) => (value: string) => value.length <= limit && !CONTROL_BUT_LINES.test(value);

/** A person's name: up to three groups by `=`, each of at most 64 characters and five components by `^`. */
function isPersonName(name: string): boolean {
  const groups = name.split('=');
  return groups.length <= 3 && groups.every((group) => line(64)(group) && group.split('^').length <= 5);
}

function isDate(value: string): boolean {
  const parts = /^(\d{4})(\d\d)(\d\d)$/.exec(value);
  if (parts === null) return false;
  const [year, month, day] = parts.slice(1).map(Number) as [number, number, number];
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

const isTime = (value: string): boolean =>
  /^([01]\d|2[0-3])([0-5]\d([0-5]\d|60)?)?$/.test(value.split('.')[0] ?? '') && /^\d{2,6}$|^\d{6}\.\d{1,6}$/.test(value);

function isDateTime(value: string): boolean {
  const parts = /^(\d{8})(\d{2,6}(?:\.\d{1,6})?)?([+-]\d{4})?$/.exec(value);
  return parts !== null && isDate(parts[1] as string) && (parts[2] === undefined || isTime(parts[2]));
}

/** What one value of a text VR may be, and the same in words: an error never repeats the value, which may name a patient. */
export interface TextRule {
  readonly legal: (value: string) => boolean;
  readonly words: string;
}

export const TEXT_RULES: Readonly<Record<string, TextRule>> = {
  AE: { legal: line(16), words: 'at most 16 characters, no backslash' },
  AS: { legal: (value) => /^\d{3}[DWMY]$/.test(value), words: 'three digits and D, W, M or Y' },
  CS: { legal: (value) => /^[A-Z0-9 _]{1,16}$/.test(value), words: 'at most 16 of A–Z, 0–9, space and underscore' },
  DA: { legal: isDate, words: 'a date as YYYYMMDD' },
  DS: {
    legal: (value) => value.length <= DS_LENGTH && DECIMAL.test(value),
    words: 'a decimal number of at most 16 characters',
  },
  DT: {
    legal: (value) => value.length <= 26 && isDateTime(value),
    words: 'YYYYMMDDHHMMSS, a fraction of up to six digits, and an offset such as +0530',
  },
  IS: {
    legal: (value) => /^[+-]?\d{1,11}$/.test(value) && Math.abs(Number(value)) < 2 ** 31,
    words: 'a whole number of 32 bits',
  },
  LO: { legal: line(64), words: 'at most 64 characters, no backslash and no line break' },
  LT: { legal: text(10240), words: 'at most 10240 characters' },
  PN: { legal: isPersonName, words: 'at most 64 characters a group, five components by "^", three groups by "="' },
  SH: { legal: line(16), words: 'at most 16 characters, no backslash and no line break' },
  ST: { legal: text(1024), words: 'at most 1024 characters' },
  TM: { legal: isTime, words: 'HHMMSS with a fraction of up to six digits' },
  UC: { legal: line(2 ** 31), words: 'no backslash and no line break' },
  UI: { legal: isUid, words: 'at most 64 characters, numbers joined by dots' },
  UR: { legal: (value) => !/^ |[\\\s]/.test(value), words: 'an address without spaces' },
  UT: { legal: text(2 ** 31), words: 'no control characters' },
};

/** Text VRs of one value, where a backslash is a character like any other. */
export const SINGLE_TEXT: ReadonlySet<string> = new Set(['LT', 'ST', 'UT', 'UR']);

interface NumberRule {
  readonly bytes: number;
  readonly legal: (x: number) => boolean;
}
const whole = (from: number, to: number) => (x: number) => Number.isInteger(x) && x >= from && x <= to;

/** Binary numbers: their width and range. */
export const NUMBER_RULES: Readonly<Record<string, NumberRule>> = {
  AT: { bytes: 4, legal: whole(0, 2 ** 32 - 1) },
  FD: { bytes: 8, legal: Number.isFinite },
  FL: { bytes: 4, legal: (x) => Number.isFinite(Math.fround(x)) },
  SL: { bytes: 4, legal: whole(-(2 ** 31), 2 ** 31 - 1) },
  SS: { bytes: 2, legal: whole(-(2 ** 15), 2 ** 15 - 1) },
  UL: { bytes: 4, legal: whole(0, 2 ** 32 - 1) },
  US: { bytes: 2, legal: whole(0, 2 ** 16 - 1) },
};

/** VRs whose value is a stream of bytes. */
export const BYTES_VRS: ReadonlySet<string> = new Set(['OB', 'OD', 'OF', 'OW', 'UN']);
