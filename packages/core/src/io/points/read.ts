import { NavError } from '../../base/index.js';
import { looksLikeMesh, polygonsOf } from '../mesh/read.js';
import { type FileSource, fileOf } from '../single-file.js';
import type { VolumeFile } from '../source.js';
import { flipXY, type ReadWarning, type Space, type SpaceSource, settledSpace, spaceInComment } from '../space.js';
import { readCsvPoints } from './csv.js';
import { isJson, readJson } from './json.js';
import { isFcsv, readFcsv } from './markups.js';
import { definedPoint, notAList, type RawList, UNITS, type Unit } from './raw.js';
import { isTag, readTag } from './tag.js';

/** A point of a list, in LPS mm. */
export interface ListedPoint {
  /** As in the file; its number, from 1, where it has none. */
  readonly label: string;
  /** Three numbers; NaN where the point is not defined. */
  readonly xyz: Float64Array;
  /** Standard deviation of its localisation along each axis, mm, where the file says it. The rms length is √3 of it. */
  readonly sdMm?: number;
  /** Covariance of its localisation, 3×3 row-major, mm², LPS, where the file says it. */
  readonly covariance?: Float64Array;
  /** Whether the point was placed: 3D Slicer keeps those that were not, or were skipped. */
  readonly defined: boolean;
  readonly visible: boolean;
  readonly selected: boolean;
}

/** How to read points. */
export interface ReadPointsOptions {
  /** The patient axes of the file's coordinates. Default: what the file says, else LPS. */
  readonly space?: Space;
  /** Which list to take where the file holds several: its name, or its number from 1. */
  readonly list?: string | number;
}

/** A list of points that was read, and what happened on the way. */
export interface ReadPoints {
  readonly points: readonly ListedPoint[];
  readonly format: 'CSV' | 'JSON' | 'Slicer markups' | 'Slicer fcsv' | 'MNI tag' | 'mesh vertices';
  /** Whether the file gives every point a label of its own. */
  readonly labelled: boolean;
  /** The axes the file was in. The points are in LPS, whichever they were. */
  readonly fileSpace: Space;
  /** Who said so. */
  readonly spaceFrom: SpaceSource;
  /** The unit the file was in. The points are in mm, whichever it was. */
  readonly fileUnit: Unit;
  /** Names of all lists in the file; one where it can hold only one. */
  readonly lists: readonly string[];
  readonly warnings: readonly ReadWarning[];
}

/**
 * Points from CSV, JSON, 3D Slicer's `.fcsv` and `.mrk.json`, an MNI `.tag` file, or the vertices of a mesh or of a point
 * cloud in PLY; recognised by content. In LPS and mm, whatever the file was in; what was converted is in `warnings`.
 * @throws NavError `points/not-a-point-list`, `points/bad-row` (names the line), `points/empty`, `points/space-unknown`,
 * `points/unit-unknown`, `points/several-lists`, `mesh/damaged`, `io/not-found`
 */
export async function readPoints(source: FileSource, options: ReadPointsOptions = {}): Promise<ReadPoints> {
  const file = await fileOf(source);
  const { format, lists } = parsed(file);
  const list = chosen(lists, options.list, file.name);
  return finished(list, format, lists, file.name, options);
}

/**
 * Both lists of a file that holds two, such as an MNI `.tag` file of two volumes: point k of one belongs to point k of the
 * other.
 * @throws NavError as readPoints, and `points/several-lists` where there are not two lists of one length
 */
export async function readPointPairs(
  source: FileSource,
  options: Omit<ReadPointsOptions, 'list'> = {},
): Promise<{ readonly first: ReadPoints; readonly second: ReadPoints }> {
  const file = await fileOf(source);
  const { format, lists } = parsed(file);
  const [a, b] = lists;
  if (lists.length !== 2 || a === undefined || b === undefined || a.points.length !== b.points.length) {
    const lengths = lists.map((l) => l.points.length).join(' and ');
    throw new NavError(
      'points/several-lists',
      `"${file.name}" holds ${lists.length} list(s) of ${lengths} points, where two of one length are needed.`,
      { detail: { file: file.name, lists: lists.map((l) => l.name) } },
    );
  }
  return { first: finished(a, format, lists, file.name, options), second: finished(b, format, lists, file.name, options) };
}

function parsed(file: VolumeFile): { format: ReadPoints['format']; lists: readonly RawList[] } {
  const { bytes, name } = file;
  if (bytes.length === 0)
    throw new NavError('points/empty', `"${name}" is empty. Transfer it again.`, { detail: { file: name } });
  const tabular = /\.(csv|tsv|txt|json|fcsv|tag|xyz|asc)$/i.test(name);
  if (!tabular && looksLikeMesh(file)) return { format: 'mesh vertices', lists: [verticesOf(file)] };
  const text = textOf(file);
  if (isTag(text)) return { format: 'MNI tag', lists: readTag(text, name) };
  if (isFcsv(text) || /\.fcsv$/i.test(name)) return { format: 'Slicer fcsv', lists: [readFcsv(text, name)] };
  if (isJson(text)) {
    const lists = readJson(text, name);
    return { format: /"markups"\s*:/.test(text) ? 'Slicer markups' : 'JSON', lists };
  }
  return { format: 'CSV', lists: [readCsvPoints(text, name)] };
}

function verticesOf(file: VolumeFile): RawList {
  const { positions, comments } = polygonsOf(file);
  const points = Array.from({ length: positions.length / 3 }, (_, k) => definedPoint('', positions.subarray(3 * k, 3 * k + 3)));
  return { name: '', points, space: spaceInComment(comments), unit: undefined, ignored: [] };
}

/** Longer than this no engine makes a string of it. */
const LONGEST_TEXT = 500_000_000;

/** UTF-8, or UTF-16 where its mark says so. */
function textOf({ bytes, name }: VolumeFile): string {
  const [a, b] = bytes;
  const coding = a === 0xff && b === 0xfe ? 'utf-16le' : a === 0xfe && b === 0xff ? 'utf-16be' : 'utf-8';
  const text = bytes.length > LONGEST_TEXT ? '\0' : new TextDecoder(coding).decode(bytes);
  if (text.includes('\0')) throw notAList(name, 'it holds bytes that no text has');
  return text;
}

function chosen(lists: readonly RawList[], wanted: string | number | undefined, name: string): RawList {
  const names = lists.map((l) => l.name);
  const found =
    wanted === undefined
      ? lists.length === 1
        ? lists[0]
        : undefined
      : (lists.find((l) => l.name === String(wanted)) ?? lists[Number(wanted) - 1]);
  if (found !== undefined) return found;
  throw new NavError(
    'points/several-lists',
    wanted === undefined
      ? `"${name}" holds ${lists.length} lists of points (${names.map((n) => `"${n}"`).join(', ')}). Say which one (option list).`
      : `"${name}" holds no list "${wanted}"; its lists are ${names.map((n) => `"${n}"`).join(', ')}.`,
    { detail: { file: name, lists: names } },
  );
}

function finished(
  list: RawList,
  format: ReadPoints['format'],
  all: readonly RawList[],
  name: string,
  options: ReadPointsOptions,
): ReadPoints {
  if (list.points.length === 0) throw new NavError('points/empty', `"${name}" holds no points.`, { detail: { file: name } });
  if (format === 'Slicer fcsv' && list.space === undefined && options.space === undefined) {
    throw new NavError(
      'points/space-unknown',
      `"${name}" does not say "CoordinateSystem = …": older programs meant RAS, newer ones LPS. Say which it is (option space).`,
      { detail: { file: name } },
    );
  }
  const axes = settledSpace(name, list.space, options.space);
  const unit = list.unit ?? 'mm';
  const points = list.points.map((raw, k): ListedPoint => {
    const xyz = raw.xyz.map((x) => x * UNITS[unit]);
    const covariance = raw.covariance?.map((x) => x * UNITS[unit] ** 2);
    if (axes.space === 'RAS') {
      flipXY(xyz);
      // z changed no sign and x and y did: what mixes the two groups turns its sign.
      if (covariance !== undefined) for (const i of [2, 5, 6, 7]) covariance[i] = 0 - (covariance[i] as number);
    }
    return {
      label: raw.label === '' ? String(k + 1) : raw.label,
      xyz,
      ...(raw.sd !== undefined && { sdMm: raw.sd * UNITS[unit] }),
      ...(covariance !== undefined && { covariance }),
      defined: raw.defined,
      visible: raw.visible,
      selected: raw.selected,
    };
  });
  return {
    points,
    format,
    labelled: list.points.every((p) => p.label !== ''),
    fileSpace: axes.space,
    spaceFrom: axes.from,
    fileUnit: unit,
    lists: all.map((l) => l.name),
    warnings: [...axes.warnings, ...listWarnings(name, list, unit)],
  };
}

function listWarnings(name: string, list: RawList, unit: Unit): ReadWarning[] {
  const warnings: ReadWarning[] = [];
  if (unit !== 'mm') warnings.push({ code: 'unit-converted', message: `"${name}" is in ${unit}; its coordinates were made mm.` });
  const undefinedPoints = list.points.filter((p) => !p.defined);
  if (undefinedPoints.length > 0) {
    warnings.push({
      code: 'undefined-points',
      message: `"${name}": ${undefinedPoints.length} points were never placed (${undefinedPoints
        .map((p) => `"${p.label}"`)
        .slice(0, 5)
        .join(', ')}).`,
    });
  }
  if (list.ignored.length > 0) {
    warnings.push({
      code: 'ignored-columns',
      message: `"${name}": the columns ${list.ignored.map((c) => `"${c}"`).join(', ')} were not read.`,
    });
  }
  const { commented = [] } = list;
  if (commented.length > 0) {
    warnings.push({
      code: 'commented-points',
      message: `"${name}": lines that begin with # or % are comments and were not read, but look like points: ${commented.slice(0, 5).join(', ')}.`,
    });
  }
  return warnings;
}
