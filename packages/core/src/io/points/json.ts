import type { Space } from '../space.js';
import { readMarkups } from './markups.js';
import { notAList, type RawList, type RawPoint, spaceOf, type Unit, unitOf } from './raw.js';
import { type Dictionary, isDictionary, notAPoint, numbersIn } from './values.js';

/** Whether a text begins as JSON does that could hold points. */
export function isJson(text: string): boolean {
  return /^\ufeff?\s*[[{]/.test(text);
}

/**
 * The lists of a JSON file: `{space, unit, points: […]}`, a bare array, an object with several of either under names of its
 * own, or a markups file of 3D Slicer (`.mrk.json`). A point is `[x, y, z]` or an object with `position`, and perhaps
 * `label`, `sd`, `covariance` (nine numbers), `defined`, `visible` and `selected`.
 */
export function readJson(text: string, name: string): RawList[] {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (cause) {
    throw notAList(name, `its JSON does not parse (${cause instanceof Error ? cause.message.slice(0, 120) : 'no reason given'})`);
  }
  if (isDictionary(value) && Array.isArray(value['markups'])) return readMarkups(value, name);
  const lists = listsIn(value, name, '', undefined, undefined);
  if (lists.length === 0) throw notAList(name, 'it holds no "points" and no array of positions');
  return lists;
}

function listsIn(value: unknown, file: string, name: string, space: Space | undefined, unit: Unit | undefined): RawList[] {
  if (Array.isArray(value)) return [listOf(value, file, name, space, unit)];
  if (!isDictionary(value)) return [];
  const ownSpace = saidSpace(value, file) ?? space;
  const ownUnit = saidUnit(value, file) ?? unit;
  if (Array.isArray(value['points'])) return [listOf(value['points'], file, name, ownSpace, ownUnit)];
  if (name !== '') return [];
  return Object.entries(value).flatMap(([key, own]) =>
    (Array.isArray(own) && own.length > 0 && own.every(looksLikePoint)) || isDictionary(own)
      ? listsIn(own, file, key, ownSpace, ownUnit)
      : [],
  );
}

function looksLikePoint(value: unknown): boolean {
  return (Array.isArray(value) && value.length === 3) || (isDictionary(value) && positionOf(value) !== undefined);
}

/** `RAS mm (world)` says as much as `RAS`. */
function saidSpace(value: Dictionary, file: string): Space | undefined {
  const said = value['space'] ?? value['coordinateSystem'];
  return said === undefined ? undefined : spaceOf(/^\s*(RAS|LPS)\b/i.exec(String(said))?.[1] ?? String(said), file);
}

function saidUnit(value: Dictionary, file: string): Unit | undefined {
  const said = value['unit'] ?? value['units'];
  return said === undefined ? undefined : unitOf(String(said), file);
}

function listOf(
  values: readonly unknown[],
  file: string,
  name: string,
  space: Space | undefined,
  unit: Unit | undefined,
): RawList {
  const where = name === '' ? '' : ` of "${name}"`;
  return { name, points: values.map((value, k) => pointOf(value, file, `point ${k + 1}${where}`)), space, unit, ignored: [] };
}

function pointOf(value: unknown, file: string, where: string): RawPoint {
  const own: Dictionary = isDictionary(value) ? value : { position: value };
  const defined = flag(own, 'defined', file, where);
  const position = positionOf(own);
  if (defined && position === undefined) throw notAPoint(file, where, 'it has no "position" of three numbers');
  const xyz = defined ? numbersIn(position, 3, file, `the position of ${where}`) : new Float64Array(3).fill(Number.NaN);
  const sd = own['sd'] ?? own['sdMm'];
  if (sd !== undefined && sd !== null && !(typeof sd === 'number' && sd >= 0))
    throw notAPoint(file, where, `its sd is ${JSON.stringify(sd)}`);
  const covariance = own['covariance'];
  return {
    label: labelOf(own, file, where),
    xyz,
    ...(typeof sd === 'number' && { sd }),
    ...(covariance !== undefined &&
      covariance !== null && { covariance: numbersIn(covariance, 9, file, `the covariance of ${where}`) }),
    defined,
    visible: flag(own, 'visible', file, where),
    selected: flag(own, 'selected', file, where),
  };
}

function positionOf(value: Dictionary): unknown {
  const named = value['position'] ?? value['xyz'] ?? value['point'];
  if (named !== undefined) return named;
  return 'x' in value && 'y' in value && 'z' in value ? [value['x'], value['y'], value['z']] : undefined;
}

function labelOf(value: Dictionary, file: string, where: string): string {
  const label = value['label'] ?? value['name'] ?? value['id'] ?? '';
  if (typeof label === 'string' || typeof label === 'number') return String(label);
  throw notAPoint(file, where, `its label is ${String(JSON.stringify(label)).slice(0, 40)}`);
}

function flag(value: Dictionary, key: string, file: string, where: string): boolean {
  const said = value[key] ?? true;
  if (typeof said === 'boolean') return said;
  throw notAPoint(file, where, `"${key}" is ${String(JSON.stringify(said)).slice(0, 40)}, neither true nor false`);
}
