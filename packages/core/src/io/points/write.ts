import { platform } from '#io/platform';
import { NavError } from '../../base/index.js';

/** A point to be written: LPS mm. */
export interface WrittenPoint {
  readonly label: string;
  readonly xyz: ArrayLike<number>;
  /** Standard deviation along each axis, mm. `.fcsv` and `.mrk.json` cannot hold it. */
  readonly sdMm?: number;
  /** Default true. A table cannot hold a point without a place. */
  readonly defined?: boolean;
}

/**
 * Points as a file's text, in the format that the name's ending says: `.csv` (a header, then `label,x,y,z,sd`), `.json`,
 * `.fcsv` or `.mrk.json` (3D Slicer). Always LPS mm, which the latter three say; every number is the shortest text that reads
 * as the same double.
 * @throws NavError `io/unsupported-format` for another ending; `points/bad-row` for a point without a place in a table
 */
export function encodePoints(points: readonly WrittenPoint[], name: string): string {
  if (/\.mrk\.json$/i.test(name)) return markups(points);
  if (/\.json$/i.test(name)) return json(points);
  if (/\.fcsv$/i.test(name)) return fcsv(points);
  if (/\.csv$/i.test(name)) return csv(points);
  throw new NavError('io/unsupported-format', `Points cannot be written as "${name}": use .csv, .json, .fcsv or .mrk.json.`);
}

/** {@link encodePoints} into a file (Node). @throws NavError as encodePoints, and `io/not-writable` */
export async function writePoints(points: readonly WrittenPoint[], path: string): Promise<void> {
  await platform.writePath(path, new TextEncoder().encode(encodePoints(points, path)));
}

function csv(points: readonly WrittenPoint[]): string {
  const spread = points.some((p) => p.sdMm !== undefined);
  const rows = points.map((p, k) => {
    if (p.defined === false)
      throw new NavError('points/bad-row', `Point ${k + 1}, "${p.label}", has no place; a table cannot say so.`);
    const cells = [cell(p.label, /[",\r\n;\t]|^[\s#%]|\s$|^$/), ...Array.from(p.xyz, String)];
    return [...cells, ...(spread ? [p.sdMm === undefined ? '' : String(p.sdMm)] : [])].join(',');
  });
  return `# space=LPS unit=mm\n${['label,x,y,z', ...(spread ? ['sd'] : [])].join(',')}\n${rows.map((row) => `${row}\n`).join('')}`;
}

/** Line ends would end the row: none of the tables can hold them. */
function cell(text: string, quoted: RegExp): string {
  const plain = text.replace(/[\r\n]+/g, ' ');
  return quoted.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

function json(points: readonly WrittenPoint[]): string {
  const list = points.map(({ label, xyz, sdMm, defined = true }) =>
    defined ? { label, position: Array.from(xyz), ...(sdMm !== undefined && { sd: sdMm }) } : { label, defined },
  );
  return `${JSON.stringify({ space: 'LPS', unit: 'mm', points: list }, null, 2)}\n`;
}

function fcsv(points: readonly WrittenPoint[]): string {
  const rows = points.map(({ label, xyz, defined = true }, k) => {
    const place = defined ? Array.from(xyz, String).join(',') : '0,0,0';
    return `${k + 1},${place},0,0,0,1,1,1,0,${cell(label, /[",\r\n]/)},,,${defined ? 2 : 0},0\n`;
  });
  const columns = '# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n';
  return `# Markups fiducial file version = 5.0\n# CoordinateSystem = LPS\n${columns}${rows.join('')}`;
}

function markups(points: readonly WrittenPoint[]): string {
  const controlPoints = points.map(({ label, xyz, defined = true }, k) => ({
    id: String(k + 1),
    label,
    ...(defined && { position: Array.from(xyz) }),
    orientation: [-1, 0, 0, 0, -1, 0, 0, 0, 1],
    selected: true,
    locked: false,
    visibility: true,
    positionStatus: defined ? 'defined' : 'undefined',
  }));
  const markup = { type: 'Fiducial', coordinateSystem: 'LPS', coordinateUnits: 'mm', controlPoints };
  const schema =
    'https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/markups-schema-v1.0.3.json#';
  return `${JSON.stringify({ '@schema': schema, markups: [markup] }, null, 2)}\n`;
}
