import { NavError } from '../../base/index.js';
import type { ZoneShape } from './placed.js';

/** What one power and time make, as a maker's table says it: whole lengths, not radii. */
export interface ApplicatorRow {
  /** Watt. */
  readonly powerW: number;
  readonly minutes: number;
  /** The zone's extent along the shaft, mm. */
  readonly lengthMm: number;
  /** Across it, along the tip frame's x, mm. */
  readonly widthMm: number;
  /** Across it, along the tip frame's y, mm. A file that leaves it out means a round zone. */
  readonly heightMm: number;
  /** From the tip back along the shaft to the zone's middle, mm; negative: ahead of the tip. */
  readonly centreMm: number;
}

/** One applicator with the zones it makes. */
export interface Applicator {
  /** What a plan refers to it by. */
  readonly id: string;
  readonly name: string;
  /** Where the rows come from: the maker's document with its edition, the tissue, whether living. Shown beside every zone. */
  readonly source: string;
  /** Whether the rows are invented, for trying the software: never for a patient. */
  readonly illustrative: boolean;
  readonly rows: readonly ApplicatorRow[];
}

/** The applicators of a site. */
export interface ApplicatorLibrary {
  readonly applicators: readonly Applicator[];
}

const FORMAT = 'trocar-applicators';
const VERSION = 1;
/** The largest that each number of a row may be: beyond it is another unit, or a slip. */
const LARGEST = { powerW: 500, minutes: 60, lengthMm: 150, widthMm: 150, heightMm: 150, centreMm: 100 } as const;
const NUMBERS = Object.keys(LARGEST) as (keyof ApplicatorRow)[];

/**
 * A library from the text of its file: JSON, meant to be edited by hand. See docs/ablation.md for its fields.
 * @throws NavError `ablation/bad-library` naming the place: what is no JSON, of another format or version, has an unknown or missing field, a
 *   number that is not in its unit, an id or a power and time twice, or a zone that grows smaller with time
 */
export function readApplicators(text: string): ApplicatorLibrary {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new NavError('ablation/bad-library', 'The applicator library is no JSON. Mend it at the place the cause names.', {
      cause,
    });
  }
  const file = fields(value, 'The applicator library', ['format', 'version', 'applicators'], []);
  if (file['format'] !== FORMAT || file['version'] !== VERSION) {
    throw bad('The applicator library', `is of format "${file['format']}" ${file['version']}, not "${FORMAT}" ${VERSION}`);
  }
  const applicators = list(file['applicators'], 'applicators').map((one, n) => applicator(one, `applicators[${n}]`));
  const ids = new Set<string>();
  for (const { id } of applicators) {
    if (ids.has(id)) throw bad('The applicator library', `has two applicators "${id}"`);
    ids.add(id);
  }
  return Object.freeze({ applicators: Object.freeze(applicators) });
}

/** A library as the text of its file: {@link readApplicators} gives the same library again. */
export function writeApplicators(library: ApplicatorLibrary): string {
  return `${JSON.stringify({ format: FORMAT, version: VERSION, applicators: library.applicators }, null, 2)}\n`;
}

/** @throws NavError `ablation/unknown-applicator` */
export function applicatorOf(library: ApplicatorLibrary, id: string): Applicator {
  const found = library.applicators.find((one) => one.id === id);
  if (found !== undefined) return found;
  throw new NavError(
    'ablation/unknown-applicator',
    `The library has no applicator "${id}". It has ${library.applicators.map((one) => `"${one.id}"`).join(', ') || 'none'}.`,
    { detail: { id } },
  );
}

/**
 * The zone of an applicator at a power and time: a row of its table, or between rows, linear in time and then in power. Between two powers both
 * must list the time. Nothing is extrapolated.
 * @throws NavError `ablation/outside-table`
 */
export function zoneShapeOf(of: Applicator, powerW: number, minutes: number): ZoneShape {
  const powers = [...new Set(of.rows.map((row) => row.powerW))].sort((a, b) => a - b);
  const below = powers.filter((p) => p <= powerW).at(-1);
  const above = powers.find((p) => p >= powerW);
  const low = below === undefined ? undefined : atPower(of, below, minutes);
  const high = above === undefined ? undefined : atPower(of, above, minutes);
  if (low === undefined || high === undefined || below === undefined || above === undefined) {
    throw new NavError(
      'ablation/outside-table',
      `${of.name}'s table does not reach to ${powerW} W for ${minutes} min: ${powers.map((p) => describe(of, p)).join('; ')}. ` +
        'Choose a setting between its rows; zones are not extrapolated.',
      { detail: { id: of.id, powerW, minutes } },
    );
  }
  const row = mixed(low, high, above === below ? 0 : (powerW - below) / (above - below));
  return { radiiMm: [row.widthMm / 2, row.heightMm / 2, row.lengthMm / 2], centreMm: row.centreMm };
}

/** The row of one power at a time between its rows. */
function atPower(of: Applicator, powerW: number, minutes: number): ApplicatorRow | undefined {
  const rows = of.rows.filter((row) => row.powerW === powerW).sort((a, b) => a.minutes - b.minutes);
  const below = rows.filter((row) => row.minutes <= minutes).at(-1);
  const above = rows.find((row) => row.minutes >= minutes);
  if (below === undefined || above === undefined) return undefined;
  return mixed(below, above, above === below ? 0 : (minutes - below.minutes) / (above.minutes - below.minutes));
}

function mixed(a: ApplicatorRow, b: ApplicatorRow, f: number): ApplicatorRow {
  return Object.fromEntries(NUMBERS.map((key) => [key, a[key] + f * (b[key] - a[key])])) as unknown as ApplicatorRow;
}

function describe(of: Applicator, powerW: number): string {
  const times = of.rows.filter((row) => row.powerW === powerW).map((row) => row.minutes);
  return `${powerW} W from ${Math.min(...times)} to ${Math.max(...times)} min`;
}

function applicator(value: unknown, at: string): Applicator {
  const given = fields(value, at, ['id', 'name', 'source', 'rows'], ['illustrative']);
  for (const key of ['id', 'name', 'source']) {
    if (typeof given[key] !== 'string' || given[key] === '') throw bad(at, `needs a text as "${key}"`);
  }
  const { illustrative = false } = given;
  if (typeof illustrative !== 'boolean') throw bad(at, 'needs true or false as "illustrative"');
  const rows = list(given['rows'], `${at}.rows`).map((one, n) => rowOf(one, `${at}.rows[${n}]`));
  if (rows.length === 0) throw bad(at, 'has no rows');
  requireGrowth(rows, at);
  return Object.freeze({
    id: given['id'] as string,
    name: given['name'] as string,
    source: given['source'] as string,
    illustrative,
    rows: Object.freeze(rows),
  });
}

function rowOf(value: unknown, at: string): ApplicatorRow {
  const given = fields(value, at, ['powerW', 'minutes', 'lengthMm', 'widthMm', 'centreMm'], ['heightMm']);
  const row = { ...given, heightMm: given['heightMm'] ?? given['widthMm'] } as Record<string, unknown>;
  for (const key of NUMBERS) {
    const v = row[key];
    const least = key === 'centreMm' ? -LARGEST.centreMm : Number.MIN_VALUE;
    if (!(typeof v === 'number' && v >= least && v <= LARGEST[key])) {
      throw bad(
        at,
        `needs a number ${key === 'centreMm' ? `between ±${LARGEST[key]}` : `above 0 and at most ${LARGEST[key]}`} as "${key}", not ${JSON.stringify(v)}`,
      );
    }
  }
  return Object.freeze(Object.fromEntries(NUMBERS.map((key) => [key, row[key]])) as unknown as ApplicatorRow);
}

/** At one power a zone does not shrink with time: a row where it does has two numbers swapped. */
function requireGrowth(rows: readonly ApplicatorRow[], at: string): void {
  for (const a of rows) {
    for (const b of rows) {
      if (a === b || a.powerW !== b.powerW || a.minutes > b.minutes) continue;
      const setting = `${a.powerW} W for ${a.minutes} min`;
      if (a.minutes === b.minutes) throw bad(at, `has two rows for ${setting}`);
      if (a.lengthMm * a.widthMm * a.heightMm > b.lengthMm * b.widthMm * b.heightMm) {
        throw bad(at, `has a larger zone for ${setting} than for ${b.minutes} min`);
      }
    }
  }
}

/** An object with all of `needed`, and nothing but these and `allowed`. */
function fields(value: unknown, at: string, needed: readonly string[], allowed: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(at, 'is no object');
  const missing = needed.find((key) => !Object.hasOwn(value, key));
  if (missing !== undefined) throw bad(at, `has no "${missing}"`);
  const unknown = Object.keys(value).find((key) => !needed.includes(key) && !allowed.includes(key));
  if (unknown !== undefined) throw bad(at, `has a field "${unknown}" that means nothing here`);
  return value as Record<string, unknown>;
}

function list(value: unknown, at: string): readonly unknown[] {
  if (!Array.isArray(value)) throw bad(at, 'is no list');
  return value;
}

function bad(at: string, what: string): NavError<'ablation/bad-library'> {
  return new NavError('ablation/bad-library', `${at} ${what}. Mend the file; docs/ablation.md has an example.`, {
    detail: { at },
  });
}
