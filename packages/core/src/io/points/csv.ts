import type { Space } from '../space.js';
import { badRow, definedPoint, notAList, numberOf, type RawList, type RawPoint, spaceOf, type Unit, unitOf } from './raw.js';

/** What its header says of a table's columns: where they are. */
interface Columns {
  readonly label: number | undefined;
  readonly xyz: readonly [number, number, number];
  readonly sd: number | undefined;
  /** Cells of a row. */
  readonly count: number;
}

interface Row {
  readonly cells: readonly string[];
  readonly line: number;
}

const LABELS = ['label', 'name', 'id', 'point'];
const SPREADS = ['sd', 'sigma', 'std'];
const AXES: readonly (readonly [readonly [string, string, string], Space | undefined])[] = [
  [['x', 'y', 'z'], undefined],
  [['r', 'a', 's'], 'RAS'],
  [['l', 'p', 's'], 'LPS'],
];

/**
 * Points as a table: `label,x,y,z` or `label,x,y,z,sd` or `x,y,z` a line, with or without a header that names the columns
 * (`x_m` says metres, `r,a,s` says RAS); separated by commas, semicolons, tabs or blanks. Lines that begin with # or % are
 * comments, in which `space=RAS` and `unit=m` are heard.
 */
export function readCsvPoints(text: string, name: string): RawList {
  const { rows, space, unit, commented } = rowsOf(text, name);
  const [first] = rows;
  if (first === undefined) return { name: '', points: [], space, unit, ignored: [], commented };
  const header = headerOf(first, name);
  const columns = header?.columns ?? columnsWithout(first, name);
  const points = rows.slice(header === undefined ? 0 : 1).map((row) => pointOf(row, columns, name));
  return {
    name: '',
    points,
    space: space ?? header?.space,
    unit: unit ?? header?.unit,
    ignored: header?.ignored ?? [],
    commented,
  };
}

interface Rows {
  readonly rows: readonly Row[];
  readonly space: Space | undefined;
  readonly unit: Unit | undefined;
  readonly commented: readonly number[];
}

function rowsOf(text: string, name: string): Rows {
  const commented: number[] = [];
  const rows: Row[] = [];
  let space: Space | undefined;
  let unit: Unit | undefined;
  let separator: string | undefined;
  for (const [i, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const line = i === 0 ? raw.replace(/^\ufeff/, '') : raw;
    if (line.trim() === '') continue;
    const told = /^sep=(.)$/i.exec(line.trim())?.[1];
    if (/^\s*[#%]/.test(line)) {
      const said = /\b(?:space|coordinate ?system)\s*[=:]\s*([A-Za-z0-9]+)/i.exec(line)?.[1];
      const measured = /\bunits?\s*[=:]\s*([A-Za-zµμ]+)/i.exec(line)?.[1];
      if (said !== undefined) space = spaceOf(said, name);
      if (measured !== undefined) unit = unitOf(measured, name);
      // Three numbers in a row: a point that somebody took out, or one whose label begins so.
      if (/^[^"]*(?:[\s,;]+[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?){3,}/.test(line.slice(0, 200))) commented.push(i + 1);
    } else if (told !== undefined && rows.length === 0) separator = told;
    else {
      separator ??= separatorOf(line);
      rows.push({ cells: cellsOf(line, separator, name, i + 1), line: i + 1 });
    }
  }
  return { rows, space, unit, commented };
}

function separatorOf(line: string): string {
  const bare = line.replace(/"[^"]*"/g, '');
  return ['\t', ';', ','].find((c) => bare.includes(c)) ?? ' ';
}

function cellsOf(line: string, separator: string, name: string, number: number): string[] {
  const cells: string[] = [];
  let rest = separator === ' ' ? line.trim() : line;
  for (;;) {
    const quoted = /^[ ]*"([^"]*(?:""[^"]*)*)"[ ]*/.exec(rest);
    if (quoted === null && /^[ ]*"/.test(rest)) throw badRow(name, number, 'a quote is not closed');
    const bare = quoted === null ? (rest.split(separator === ' ' ? /[ \t]/ : separator, 1)[0] as string) : '';
    cells.push(quoted === null ? bare.trim() : (quoted[1] as string).replaceAll('""', '"'));
    rest = rest.slice(quoted === null ? bare.length : quoted[0].length);
    if (rest === '') return cells;
    if (separator === ' ') rest = rest.trimStart();
    else if (rest.startsWith(separator)) rest = rest.slice(1);
    else throw badRow(name, number, 'something follows a closing quote');
  }
}

/** The columns as the first row names them; undefined where it holds numbers, so that there is no header. */
function headerOf(
  row: Row,
  name: string,
): { columns: Columns; space: Space | undefined; unit: Unit | undefined; ignored: string[] } | undefined {
  if (row.cells.some((cell) => numberOf(cell) !== undefined)) return undefined;
  const parts = row.cells.map(
    (cell) => /^([^\s_[(]*)[\s_[(]*([^\])]*)[\])]?$/.exec(cell.trim().toLowerCase().slice(0, 64)) ?? ['', cell, ''],
  );
  const names = parts.map((p) => p[1] as string);
  // The earlier word counts: a table with ids and labels is called by its labels.
  const find = (wanted: readonly string[]): number | undefined => {
    const word = wanted.find((w) => names.includes(w));
    return word === undefined ? undefined : names.indexOf(word);
  };
  const axes = AXES.find(([letters]) => letters.every((letter) => names.includes(letter)));
  if (axes === undefined) {
    throw notAList(
      name,
      `its line ${row.line} holds neither numbers nor a header with x, y and z ("${row.cells.join(', ').slice(0, 60)}")`,
    );
  }
  const [letters, space] = axes;
  const twice = names.find((n, i) => letters.includes(n) && names.indexOf(n) !== i);
  if (twice !== undefined) throw badRow(name, row.line, `two columns are called "${twice}"`);
  const xyz = letters.map((letter) => names.indexOf(letter)) as [number, number, number];
  const units = new Set(xyz.map((i) => parts[i]?.[2] as string));
  if (units.size > 1) throw badRow(name, row.line, 'the three coordinates are not in one unit');
  const [unit = ''] = units;
  const label = find(LABELS);
  const sd = find(SPREADS);
  const spreadUnit = sd === undefined ? '' : (parts[sd]?.[2] as string);
  if (spreadUnit !== '' && unitOf(spreadUnit, name) !== unitOf(unit === '' ? 'mm' : unit, name)) {
    throw badRow(name, row.line, `sd is in ${spreadUnit}, and the coordinates in ${unit === '' ? 'mm' : unit}`);
  }
  const used = [label, sd, ...xyz];
  return {
    columns: { label, xyz, sd, count: row.cells.length },
    space,
    unit: unit === '' ? undefined : unitOf(unit, name),
    ignored: row.cells.filter((_, i) => !used.includes(i)),
  };
}

function columnsWithout({ cells, line }: Row, name: string): Columns {
  const count = cells.length;
  if (count === 3) return { label: undefined, xyz: [0, 1, 2], sd: undefined, count };
  if (count === 4 || count === 5) return { label: 0, xyz: [1, 2, 3], sd: count === 5 ? 4 : undefined, count };
  throw badRow(
    name,
    line,
    `it has ${count} cells, where x,y,z or label,x,y,z or label,x,y,z,sd should stand (decimals are written with a point, not a comma)`,
  );
}

function pointOf({ cells, line }: Row, columns: Columns, name: string): RawPoint {
  if (cells.length !== columns.count) {
    const comma = cells.length > columns.count ? ' (decimals are written with a point, not a comma)' : '';
    throw badRow(name, line, `it has ${cells.length} cells, where the first line has ${columns.count}${comma}`);
  }
  const number = (i: number, what: string): number => {
    const cell = cells[i] as string;
    const value = numberOf(cell);
    if (value !== undefined) return value;
    const why = /^[+-]?\d*,\d+$/.test(cell)
      ? ', with a decimal comma; write a point'
      : cell === ''
        ? '; it is empty'
        : ', which is no number';
    throw badRow(name, line, `${what} is "${cell.slice(0, 40)}"${why}`);
  };
  const xyz = columns.xyz.map((i, axis) => number(i, 'xyz'[axis] as string));
  const label = columns.label === undefined ? '' : (cells[columns.label] as string);
  if (columns.sd === undefined || cells[columns.sd] === '') return definedPoint(label, xyz);
  const sd = number(columns.sd, 'sd');
  if (!(sd >= 0)) throw badRow(name, line, `sd is ${sd}, and a standard deviation is not negative`);
  return definedPoint(label, xyz, { sd });
}
