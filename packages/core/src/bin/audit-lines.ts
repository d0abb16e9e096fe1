import { isNavError } from '../base/index.js';
import { type AuditEntry, type ExactValue, fromExactJson, type JsonValue } from '../session/index.js';

/** Control characters, and those that turn the direction of what follows: with these a name could rewrite a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** A text for a terminal: on one line, and without what could move the cursor. */
export function printable(text: string): string {
  return text.replace(CONTROLS, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Longer lists of numbers, matrices, are for programs. */
const LONGEST_LIST = 4;
const LONGEST_LINE = 160;

/**
 * A log for people: number, wall clock (UTC), action, actor and what it was about, in columns.
 * @param full with the whole payload as JSON, instead of its fields in short
 */
export function entryLines(entries: readonly AuditEntry[], full: boolean): string[] {
  const cells = entries.map((e) => [
    String(e.sequence),
    e.utc === '' ? '(no wall clock)' : printable(e.utc.replace('T', ' ')),
    printable(e.action),
    printable(e.actor),
    full ? printable(JSON.stringify(e.payload)) : shortened(printable(fieldsOf(payloadOf(e.payload)))),
  ]);
  const width = (c: number): number => Math.max(0, ...cells.map((row) => (row[c] as string).length));
  const widths = [0, 1, 2, 3].map(width);
  return cells.map((row) =>
    row
      .map((cell, c) => (c === 0 ? cell.padStart(widths[c] as number) : c < 4 ? cell.padEnd(widths[c] as number) : cell))
      .join('  ')
      .trimEnd(),
  );
}

const shortened = (text: string): string => (text.length > LONGEST_LINE ? `${text.slice(0, LONGEST_LINE - 1)}…` : text);

/** A payload with its doubles; as it stands where another program wrote what this library does not. */
function payloadOf(payload: JsonValue): ExactValue {
  try {
    return fromExactJson(payload);
  } catch (error) {
    if (isNavError(error, 'session/bad-value')) return payload;
    throw error;
  }
}

/** What an entry holds, in short: `name value, name value`, lists and objects behind what is one word. */
function fieldsOf(value: ExactValue | undefined): string {
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : rounded(value);
  if (value === null || value === undefined) return '–';
  if (typeof value !== 'object') return String(value);
  if (isList(value)) return listOf(Array.from(value as ArrayLike<ExactValue>));
  const fields = Object.entries(value).sort(([, a], [, b]) => rank(a) - rank(b));
  return fields.map(([key, v]) => `${key} ${rank(v) === 1 ? `{${fieldsOf(v)}}` : fieldsOf(v)}`).join(', ');
}

const isList = (value: ExactValue | undefined): boolean => Array.isArray(value) || value instanceof Float64Array;
/** 0 for one word, 1 for an object, 2 for a list. */
const rank = (value: ExactValue | undefined): number => (isList(value) ? 2 : Number(typeof value === 'object' && value !== null));

const rounded = (value: number): string => (Number.isFinite(value) ? String(Number(value.toPrecision(6))) : '–');

function listOf(list: readonly ExactValue[]): string {
  if (list.length > LONGEST_LIST || list.some((v) => rank(v) > 0)) return `[${list.length} values]`;
  return `[${list.map(fieldsOf).join(' ')}]`;
}
