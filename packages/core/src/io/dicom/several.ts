import { NavError } from '../../base/index.js';
import type { VolumeWarning } from '../../volume/index.js';
import { codeOf, type DataSet, tagName } from './dataset.js';
import { placeName, type Slice } from './slice.js';

/** One of the volumes that a series holds, to choose by the option `pick`. */
export interface VolumeChoice {
  /** What the option `pick` takes, for example `Echo Time=4.6`. */
  readonly key: string;
  readonly slices: number;
}

/** An attribute that may tell volumes of one place apart. */
interface Separator {
  readonly name: string;
  readonly tag: string;
  readonly kind: 'number' | 'text' | 'double' | 'float' | 'long' | 'time';
  /** Each slice may have a time of its own: then its order at its place counts. */
  readonly ordered?: boolean;
}

/**
 * In the order in which they are asked: what says outright which volume a slice is of, before what differs as a consequence.
 * Names and tags of PS3.6. Images of several frames hold them in their functional groups.
 */
const SEPARATORS: readonly Separator[] = [
  { name: 'Temporal Position Identifier', tag: 'x00200100', kind: 'number' },
  { name: 'Temporal Position Index', tag: 'x00209128', kind: 'long' },
  { name: 'Temporal Position Time Offset', tag: 'x0020930d', kind: 'double' },
  { name: 'Nominal Percentage of Cardiac Phase', tag: 'x00209241', kind: 'float' },
  { name: 'Nominal Cardiac Trigger Delay Time', tag: 'x00209153', kind: 'double' },
  { name: 'Diffusion b-value', tag: 'x00189087', kind: 'double' },
  { name: 'b-value (private)', tag: 'x0019100c', kind: 'number' },
  { name: 'Echo Number', tag: 'x00180086', kind: 'number' },
  { name: 'Echo Time', tag: 'x00180081', kind: 'number' },
  { name: 'Effective Echo Time', tag: 'x00189082', kind: 'double' },
  { name: 'Inversion Time', tag: 'x00180082', kind: 'number' },
  { name: 'Flip Angle', tag: 'x00181314', kind: 'number' },
  { name: 'Phase Number', tag: 'x00540030', kind: 'number' },
  { name: 'Trigger Time', tag: 'x00181060', kind: 'number', ordered: true },
  { name: 'Frame Reference Time', tag: 'x00541300', kind: 'number', ordered: true },
  { name: 'Acquisition Number', tag: 'x00200012', kind: 'number' },
  { name: 'Stack ID', tag: 'x00209056', kind: 'text' },
  { name: 'KVP', tag: 'x00180060', kind: 'number' },
  { name: 'Convolution Kernel', tag: 'x00181210', kind: 'text' },
  { name: 'Image Type', tag: 'x00080008', kind: 'text' },
  { name: 'Frame Type', tag: 'x00089007', kind: 'text' },
  { name: 'Series Time', tag: 'x00080031', kind: 'time' },
  { name: 'Acquisition DateTime', tag: 'x0008002a', kind: 'time', ordered: true },
  { name: 'Frame Acquisition DateTime', tag: 'x00189074', kind: 'time', ordered: true },
  { name: 'Acquisition Time', tag: 'x00080032', kind: 'time', ordered: true },
  { name: 'Content Time', tag: 'x00080033', kind: 'time', ordered: true },
];

/** The day that a time of day belongs to: without it a series over midnight would be put in the wrong order. */
const DATES: Readonly<Record<string, string>> = { x00080031: 'x00080021', x00080032: 'x00080022', x00080033: 'x00080023' };

/** A volume of a series that has fewer slices than this share of the places is none. */
const LEAST_COVERAGE = 0.5;

/** Slices of each place along the normal, in order. */
type Places = ReadonlyArray<readonly Slice[]>;

/** What tells volumes apart: a key for each slice. */
interface Separation {
  readonly names: string;
  readonly tags: readonly string[];
  readonly keys: ReadonlyMap<Slice, string>;
}

/**
 * The slices of the volume that `pick` names, with a warning; all slices where none is named.
 * @throws NavError `dicom/several-volumes` where no slice answers to `pick`, `dicom/missing-slice` where the volume lacks a
 *   place between its ends that another one of the series has
 */
export function pickSlices(
  slices: readonly Slice[],
  places: Places,
  pick: string | undefined,
  gaps: 'refuse' | 'interpolate',
): { slices: readonly Slice[]; warnings: readonly VolumeWarning[] } {
  if (pick === undefined) return { slices, warnings: [] };
  const wanted = keyOf(pick.split(';').map((part) => part.trim()));
  for (const separation of [...separationsOf(places), ...singles(places)]) {
    const kept = slices.filter((s) => separation.keys.get(s) === wanted);
    if (kept.length === 0) continue;
    if (gaps === 'refuse') requireUnbroken(places, kept, wanted);
    const message = `The series holds several volumes of one place: this is the one of ${wanted}.`;
    return {
      slices: kept,
      warnings: [{ code: 'one-of-several', message, detail: { pick: wanted, slices: kept.length, of: slices.length } }],
    };
  }
  const choices = separationsOf(places)[0];
  throw new NavError(
    'dicom/several-volumes',
    `No slice of the series has "${pick}".${choices === undefined ? ' It holds one volume: leave pick out.' : ` There are: ${listOf(choices)}.`}`,
    { detail: { pick, choices: choices === undefined ? [] : choicesOf(choices) } },
  );
}

/** Two slices with one between them missing look like any two: only the other volumes show the gap. */
function requireUnbroken(places: Places, kept: readonly Slice[], wanted: string): void {
  const mine = new Set(kept);
  const held = places.map((place) => place.some((s) => mine.has(s)));
  const gap = held.findIndex((here, n) => !here && n > held.indexOf(true) && n < held.lastIndexOf(true));
  if (gap < 0) return;
  const { position } = (places[gap] as readonly Slice[])[0] as Slice;
  throw new NavError(
    'dicom/missing-slice',
    `The volume of ${wanted} has no slice at ${placeName(position)}, where another volume of its series has one.`,
    { detail: { pick: wanted, missingAt: position } },
  );
}

/**
 * The refusal of a series that holds several volumes of one place, with what separates them and the choices; undefined
 * where no attribute separates them.
 */
export function severalVolumes(places: Places): NavError<'dicom/several-volumes'> | undefined {
  const [separation] = separationsOf(places);
  if (separation === undefined) return undefined;
  const choices = choicesOf(separation);
  const tags = separation.tags.map(tagName).join(' and ');
  return new NavError(
    'dicom/several-volumes',
    `The series holds ${choices.length} volumes of one place (time points, phases, echoes or the like), told apart by ` +
      `${separation.names} ${tags}: ${listOf(separation)}. Choose one with the option pick, or --pick "${choices[0]?.key}".`,
    { detail: { separatedBy: separation.names, tags: separation.tags.map(tagName), choices } },
  );
}

function choicesOf({ keys }: Separation): VolumeChoice[] {
  const counts = new Map<string, number>();
  for (const key of keys.values()) counts.set(key, (counts.get(key) ?? 0) + 1);
  return [...counts].map(([key, slices]) => ({ key, slices })).sort((a, b) => byNumbers(a.key, b.key));
}

function listOf(separation: Separation): string {
  const choices = choicesOf(separation);
  const shown = choices.slice(0, 8).map((c) => `${c.key} (${c.slices} slices)`);
  return shown.join(', ') + (choices.length > 8 ? `, … ${choices.length - 8} more` : '');
}

function byNumbers(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

function keyOf(parts: readonly string[]): string {
  return [...parts].join('; ');
}

/** Everything that separates the volumes: one attribute, else one by its order at each place, else two together. */
function separationsOf(places: Places): Separation[] {
  const single = singles(places);
  const separating = single.filter((s) => separates(places, s));
  const ordered = SEPARATORS.filter((s) => s.ordered)
    .map((s) => orderAtPlace(places, s))
    .filter((s) => s !== undefined && separates(places, s)) as Separation[];
  const found = [...separating, ...ordered];
  return found.length > 0 ? found : pairs(single).filter((s) => separates(places, s));
}

function singles(places: Places): Separation[] {
  return SEPARATORS.flatMap((separator) => {
    const keys = new Map<Slice, string>();
    for (const slice of places.flat()) {
      const value = attributeOf(slice, separator);
      if (value === undefined) return [];
      keys.set(slice, `${separator.name}=${value}`);
    }
    return [{ names: separator.name, tags: [separator.tag], keys }];
  });
}

function orderAtPlace(places: Places, separator: Separator): Separation | undefined {
  const keys = new Map<Slice, string>();
  for (const place of places) {
    const times = place.map((slice) => ({ slice, at: Number(attributeOf(slice, separator, true) ?? Number.NaN) }));
    if (times.some((t) => Number.isNaN(t.at)) || new Set(times.map((t) => t.at)).size < times.length) return undefined;
    times
      .sort((a, b) => a.at - b.at)
      .forEach(({ slice }, n) => {
        keys.set(slice, `${separator.name} order=${n + 1}`);
      });
  }
  return { names: `the order of ${separator.name}`, tags: [separator.tag], keys };
}

function pairs(single: readonly Separation[]): Separation[] {
  const varying = single.filter((s) => new Set(s.keys.values()).size > 1);
  return varying.flatMap((a, n) =>
    varying.slice(n + 1).map((b) => ({
      names: `${a.names} and ${b.names}`,
      tags: [...a.tags, ...b.tags],
      keys: new Map([...a.keys].map(([slice, key]) => [slice, keyOf([key, b.keys.get(slice) as string])])),
    })),
  );
}

/** Whether each value has at most one slice at each place, no more values than slices share a place, and most places. */
function separates(places: Places, { keys }: Separation): boolean {
  const counts = new Map<string, number>();
  for (const place of places) {
    const here = new Set(place.map((slice) => keys.get(slice) as string));
    if (here.size < place.length) return false;
    for (const key of here) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const most = Math.max(...places.map((place) => place.length));
  return most > 1 && counts.size === most && [...counts.values()].every((n) => n >= LEAST_COVERAGE * places.length);
}

function attributeOf(slice: Slice, { tag, kind }: Separator, asNumber = false): string | undefined {
  const holder = slice.groups.map((dataset, n) => holderOf(dataset, tag, n + 1 < slice.groups.length ? 2 : 0)).find((d) => d);
  if (holder === undefined) return undefined;
  const bytes = holder.elements[tag]?.length;
  if (kind === 'double') return bytes === 8 ? String(Number(holder.double(tag)?.toPrecision(9))) : undefined;
  if (kind === 'float') return bytes === 4 ? String(Number(holder.float(tag)?.toPrecision(6))) : undefined;
  if (kind === 'long') return bytes === 4 ? String(holder.uint32(tag)) : undefined;
  const text = codeOf(holder, tag)?.trim();
  if (text === undefined || text === '') return undefined;
  if (kind === 'text') return text;
  if (kind === 'number') return Number.isFinite(Number(text)) ? String(Number(text)) : undefined;
  const date = codeOf(holder, DATES[tag] ?? '')?.trim();
  return asNumber ? secondsOf(text, date) : text;
}

/** A TM or DT value (PS3.5, 6.2) as seconds; with its date where it has one. */
function secondsOf(text: string, date: string | undefined): string | undefined {
  const whole = /^(\d{8})?(\d{2})(\d{2})?(\d{2})?(\.\d+)?/.exec(text.length >= 14 ? text : `${date ?? ''}${text}`);
  if (whole === null) return undefined;
  const [, day, h, m, s, fraction] = whole;
  const days =
    day === undefined ? 0 : Date.UTC(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6))) / 864e5;
  return String(days * 86_400 + Number(h) * 3600 + Number(m ?? 0) * 60 + Number(s ?? 0) + Number(fraction ?? 0));
}

/** The data set that holds a tag: this one, or the first item of a sequence in it, so deep. */
function holderOf(dataset: DataSet, tag: string, depth: number): DataSet | undefined {
  if (dataset.elements[tag] !== undefined) return dataset;
  if (depth === 0) return undefined;
  for (const element of Object.values(dataset.elements)) {
    const item = element.items?.[0]?.dataSet;
    const found = item && holderOf(item, tag, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
