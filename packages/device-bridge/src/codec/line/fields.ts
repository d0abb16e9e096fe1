import { NavError } from '@trocar/core';

/** What a line can say of a pose; every one optional. */
export const LINE_FIELDS = [
  'tool',
  'frame',
  'time',
  'valid',
  'error',
  'x',
  'y',
  'z',
  'qx',
  'qy',
  'qz',
  'qw',
  'roll',
  'pitch',
  'yaw',
] as const;

/** One of {@link LINE_FIELDS}. */
export type LineField = (typeof LINE_FIELDS)[number];

/** What was read from one line: texts and numbers by field. */
export type LineValues = { readonly [F in LineField]?: string | number };

/** Reads one line's fields; undefined where it is a line of another kind, which is passed over without a fault. */
export type LineParser = (line: string) => LineValues | undefined;

/** Fields at fixed places between separators. */
export interface CsvLayout {
  /** What stands in each column; undefined for columns that are not read. */
  readonly csv: ReadonlyArray<LineField | undefined>;
  /** Default `,`. */
  readonly separator?: string;
}

/** Fields named in the line: `x:1.5 y:2`. */
export interface KeyValueLayout {
  /** Which field each key is; other keys are not read. Default: the fields' own names. */
  readonly keys?: Readonly<Record<string, LineField>>;
  /** Between key and value, and between pairs. Default `:` and any of space, tab, comma and semicolon. */
  readonly between?: readonly [keyAndValue: string, pairs: RegExp];
}

/** How a line is read: by a regular expression with named groups, by columns, by keys, or by one's own function. */
export type LineLayout = RegExp | CsvLayout | KeyValueLayout | LineParser;

const isField = (name: string): name is LineField => (LINE_FIELDS as readonly string[]).includes(name);

/**
 * A parser for a layout. A line that does not fit gives `'malformed'`.
 * @throws NavError `bridge/bad-option`
 */
export function lineParser(layout: LineLayout): (line: string) => LineValues | undefined | 'malformed' {
  if (typeof layout === 'function') return byFunction(layout);
  if (layout instanceof RegExp) return byPattern(layout);
  return 'csv' in layout ? byColumns(layout) : byKeys(layout);
}

/** A function of the caller's may throw at a line it did not expect: then it is one that cannot be read. */
function byFunction(parse: LineParser): (line: string) => LineValues | undefined | 'malformed' {
  return (line) => {
    try {
      // Null, as plain JavaScript may give, is no line of ours either.
      return parse(line) ?? undefined;
    } catch {
      return 'malformed';
    }
  };
}

function byPattern(pattern: RegExp): (line: string) => LineValues | 'malformed' {
  const names = [...pattern.source.matchAll(/\(\?<([^>=!]+)>/g)].map((match) => match[1] as string);
  if (names.length === 0) throw new NavError('bridge/bad-option', `The pattern ${pattern} has no named groups: which part is x?`);
  for (const name of names) requireField(name);
  // Without the flags that make a pattern remember where it was.
  const own = new RegExp(pattern.source, pattern.flags.replaceAll(/[gy]/g, ''));
  return (line) => {
    const groups = own.exec(line)?.groups;
    if (groups === undefined) return 'malformed';
    return Object.fromEntries(Object.entries(groups).filter(([, value]) => value !== undefined)) as LineValues;
  };
}

function byColumns(layout: CsvLayout): (line: string) => LineValues | 'malformed' {
  const { csv, separator = ',' } = layout;
  if (separator === '' || !csv.some((field) => field !== undefined)) {
    throw new NavError('bridge/bad-option', 'Columns need a separator, and at least one that is read.');
  }
  for (const field of csv) if (field !== undefined) requireField(field);
  return (line) => {
    const cells = line.split(separator);
    if (cells.length !== csv.length) return 'malformed';
    const values: Record<string, string> = {};
    csv.forEach((field, i) => {
      if (field !== undefined) values[field] = (cells[i] as string).trim();
    });
    return values;
  };
}

function byKeys(layout: KeyValueLayout): (line: string) => LineValues | 'malformed' {
  const { keys, between: [equals, pairs] = [':', /[\s,;]+/] as const } = layout;
  for (const field of Object.values(keys ?? {})) requireField(field);
  return (line) => {
    const values: Record<string, string> = {};
    for (const pair of line.split(pairs)) {
      if (pair === '') continue;
      const at = pair.indexOf(equals);
      if (at <= 0) return 'malformed';
      const key = pair.slice(0, at).trim();
      const own = keys === undefined ? key : Object.hasOwn(keys, key) ? keys[key] : undefined;
      const field = own !== undefined && isField(own) ? own : undefined;
      if (field === undefined) continue;
      if (field in values) return 'malformed';
      values[field] = pair.slice(at + equals.length).trim();
    }
    return values;
  };
}

function requireField(name: string): void {
  if (isField(name)) return;
  throw new NavError('bridge/bad-option', `"${name}" is no field of a pose. There are ${LINE_FIELDS.join(', ')}.`);
}
