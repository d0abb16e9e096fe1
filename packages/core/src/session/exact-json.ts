import { NavError } from '../base/index.js';

/** What JSON can hold. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** What an exact text can hold: JSON, every double, and typed arrays of numbers, which come back as plain arrays. */
export type ExactValue =
  | null
  | boolean
  | number
  | string
  | Float64Array
  | readonly ExactValue[]
  | { readonly [key: string]: ExactValue | undefined };

/** The key of the object that stands for a double that JSON has no number for. */
const DOUBLE = '$double';
const NAMED: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
  '-0': -0,
};
const DEEPEST = 64;

/**
 * A value as JSON from which every double comes back bit for bit: NaN, both infinities and −0 become
 * `{"$double":"NaN"}` and so on. All NaNs are one. Keys whose value is undefined are left out.
 * @throws NavError `session/bad-value` for a function, a symbol, a big integer, a class's object, a text with half a
 *   surrogate pair, a key "$double", or a value that holds itself
 */
export function toExactJson(value: ExactValue | undefined, depth = 0): JsonValue {
  if (depth > DEEPEST) throw bad(`it is nested deeper than ${DEEPEST}`);
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) ? value : { [DOUBLE]: nameOf(value) };
  if (typeof value === 'string') {
    if (/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/.test(value)) throw bad('a text is no Unicode');
    return value;
  }
  if (Array.isArray(value) || value instanceof Float64Array) return Array.from(value, (v) => toExactJson(v, depth + 1));
  if (typeof value !== 'object' || !isPlain(value)) throw bad(`it holds a ${typeof value} that is no data`);
  const out: Record<string, JsonValue> = {};
  for (const [key, v] of Object.entries(value)) {
    if (key === DOUBLE || key === '__proto__') throw bad(`"${key}" cannot be a key`);
    if (v !== undefined) out[toExactJson(key) as string] = toExactJson(v, depth + 1);
  }
  return out;
}

/** The value again from {@link toExactJson}. @throws NavError `session/bad-value` for a double of no known name */
export function fromExactJson(value: JsonValue): ExactValue {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(fromExactJson);
  const object = value as Readonly<Record<string, JsonValue>>;
  if (Object.hasOwn(object, DOUBLE)) {
    const name = object[DOUBLE];
    if (Object.keys(object).length !== 1 || typeof name !== 'string' || !Object.hasOwn(NAMED, name)) {
      throw bad(`${JSON.stringify(object)} is no double`);
    }
    return NAMED[name] as number;
  }
  return Object.fromEntries(Object.entries(object).map(([key, v]) => [key, fromExactJson(v)]));
}

/**
 * The one text of a JSON value: no spaces, keys in order of their UTF-16 code units, numbers as ECMAScript writes them
 * (RFC 8785, JSON Canonicalization Scheme). It is on one line.
 */
export function canonicalText(value: JsonValue): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  const object = value as Readonly<Record<string, JsonValue>>;
  const keys = Object.keys(object).sort((a, b) => (a < b ? -1 : 1));
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalText(object[key] as JsonValue)}`).join(',')}}`;
}

function nameOf(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function bad(why: string): NavError {
  return new NavError('session/bad-value', `This cannot be kept in a session: ${why}. Hand in plain data.`);
}
