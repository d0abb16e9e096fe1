import type { Space } from '../space.js';
import { badRow, definedPoint, notAList, numberOf, type RawList, type RawPoint, spaceOf, type Unit, unitOf } from './raw.js';
import { type Dictionary, isDictionary, notAPoint, numbersIn } from './values.js';

/**
 * The lists of a markups file of 3D Slicer (`.mrk.json`), whatever kind of markup they belong to. Control points that were
 * not placed yet, or skipped, stay in the list without a place.
 */
export function readMarkups(file: Dictionary, name: string): RawList[] {
  return (file['markups'] as readonly unknown[]).map((markup, k) => {
    if (!isDictionary(markup) || !Array.isArray(markup['controlPoints']))
      throw notAList(name, `its markup ${k + 1} has no "controlPoints"`);
    const [space, unit] = [markup['coordinateSystem'], markup['coordinateUnits']];
    const title = markup['name'] ?? markup['type'] ?? 'list';
    return {
      name: `${title}${k > 0 || (file['markups'] as unknown[]).length > 1 ? ` ${k + 1}` : ''}`,
      points: markup['controlPoints'].map((point: unknown, i) => controlPoint(point, name, `control point ${i + 1}`)),
      space: space === undefined ? undefined : spaceOf(String(space), name),
      // A unit may be a term of UCUM: its code comes first.
      unit: unit === undefined ? undefined : unitOf(String(Array.isArray(unit) ? unit[0] : unit), name),
      ignored: [],
    };
  });
}

function controlPoint(value: unknown, file: string, where: string): RawPoint {
  if (!isDictionary(value)) throw notAPoint(file, where, 'it is no object');
  const status = value['positionStatus'] ?? 'defined';
  if (!['defined', 'undefined', 'missing', 'preview'].includes(String(status))) {
    throw notAPoint(file, where, `its positionStatus is ${JSON.stringify(status)}`);
  }
  const defined = status === 'defined';
  return {
    label: String(value['label'] ?? ''),
    xyz: defined ? numbersIn(value['position'], 3, file, `the position of ${where}`) : new Float64Array(3).fill(Number.NaN),
    defined,
    visible: value['visibility'] !== false,
    selected: value['selected'] !== false,
  };
}

/** Whether a text begins as 3D Slicer's fiducial files do. */
export function isFcsv(text: string): boolean {
  return /^\ufeff?#\s*(Markups fiducial file|Fiducial List file)/i.test(text);
}

/** Columns where the file does not list them. */
const COLUMNS = 'id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID';

/** What stands behind the listed columns since Slicer 4.11: 2 is a point that was placed. */
const PLACED = '2';

/** A fiducial file of 3D Slicer (`.fcsv`), of any version: its header says the axes and the columns. */
export function readFcsv(text: string, name: string): RawList {
  let space: Space | undefined;
  let columns = COLUMNS.split(',');
  const points: RawPoint[] = [];
  for (const [i, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const line = raw.trim();
    if (line === '') continue;
    if (!line.startsWith('#')) points.push(fiducial(line, columns, name, i + 1));
    const said = /^#\s*CoordinateSystem\s*=\s*(\S+)/i.exec(line)?.[1];
    const listed = /^#\s*columns\s*=\s*(.+)$/i.exec(line)?.[1];
    if (said !== undefined) space = spaceOf(said, name);
    if (listed !== undefined) columns = listed.split(',').map((c) => c.trim());
  }
  const unit: Unit = 'mm';
  return { name: '', points, space, unit, ignored: [] };
}

function fiducial(line: string, columns: readonly string[], name: string, number: number): RawPoint {
  const cells = fcsvCells(line, name, number);
  const cell = (key: string): string => cells[columns.indexOf(key)] ?? '';
  const xyz = ['x', 'y', 'z'].map((key) => {
    const value = numberOf(cell(key).trim());
    if (value === undefined) throw badRow(name, number, `${key} is "${cell(key).slice(0, 40)}", which is no number`);
    return value;
  });
  const status = columns.includes('positionStatus') ? cell('positionStatus') : (cells[columns.length] ?? '');
  const placed = status.trim() === '' || status.trim() === PLACED;
  return {
    ...definedPoint(cell('label'), placed ? xyz : [Number.NaN, Number.NaN, Number.NaN]),
    defined: placed,
    visible: cell('vis').trim() !== '0',
    selected: cell('sel').trim() !== '0',
  };
}

/** A label with a comma is quoted; quotes in it are doubled. */
function fcsvCells(line: string, name: string, number: number): string[] {
  const cells: string[] = [];
  for (let rest = line; ; ) {
    const quoted = /^"([^"]*(?:""[^"]*)*)"(?=,|$)/.exec(rest);
    const bare = quoted === null ? (rest.split(',', 1)[0] as string) : '';
    if (quoted === null && bare.startsWith('"')) throw badRow(name, number, 'a quote is not closed');
    cells.push(quoted === null ? bare : (quoted[1] as string).replaceAll('""', '"'));
    rest = rest.slice(quoted === null ? bare.length : quoted[0].length);
    if (rest === '') return cells;
    rest = rest.slice(1);
  }
}
