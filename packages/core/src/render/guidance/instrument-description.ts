import { NavError } from '../../base/index.js';
import { type FanShape, requireFan } from './fan.js';

/** A mark on an instrument's shaft. */
export interface DepthMark {
  /** From the tip along the shaft, mm. */
  readonly mm: number;
  /** Drawn broader, with its label. */
  readonly bold: boolean;
  /** What stands beside it; empty: nothing. */
  readonly label: string;
}

/** What an instrument looks like, in its own frame: the tip at the origin, the shaft along a unit vector. */
export interface InstrumentDescription {
  readonly name: string;
  readonly kind: 'needle' | 'stylus' | 'probe';
  /** From the tip to the end of the handle, mm. */
  readonly lengthMm: number;
  /** Of the shaft, mm. */
  readonly radiusMm: number;
  /** From the tip towards the handle. */
  readonly shaft: readonly [number, number, number];
  readonly marks: readonly DepthMark[];
  /** What a probe sees, in the plane of its image; its frame is the instrument's, x and y of the image along x and −shaft. */
  readonly fan: FanShape | undefined;
}

/** Longer than this is another unit, or a slip, mm. */
const LONGEST_MM = 1000;
/** More marks than this cannot be told apart. */
const MOST_MARKS = 100;

/**
 * An instrument from a small JSON document:
 * ```json
 * { "name": "RFA needle", "kind": "needle", "lengthMm": 150, "radiusMm": 0.8,
 *   "depthMarks": { "everyMm": 10, "boldEvery": 5 } }
 * ```
 * `depthMarks` may also be a list, `[{ "mm": 35, "bold": true, "label": "35" }]`; `shaft` defaults to [0, 0, 1]; a `probe` may
 * have a `fan` ({@link FanShape}).
 * @param json the text, or what was parsed from it
 * @throws NavError `pose/bad-option` naming the field that is wrong, also for a field that is not known: a misspelt one would
 * otherwise be left out in silence
 */
export function instrumentFromJson(json: unknown): InstrumentDescription {
  const o = objectOf(typeof json === 'string' ? parsed(json) : json, 'The description');
  const known = ['name', 'kind', 'lengthMm', 'radiusMm', 'shaft', 'depthMarks', 'fan'];
  for (const key of Object.keys(o))
    if (!known.includes(key)) refuse(`has a field "${key}" that is not one of ${known.join(', ')}`);
  const { name, kind } = o;
  if (typeof name !== 'string' || name === '') refuse('needs a "name"');
  if (kind !== 'needle' && kind !== 'stylus' && kind !== 'probe') refuse('needs a "kind": needle, stylus or probe');
  const lengthMm = millimetres(o, 'lengthMm');
  const radiusMm = millimetres(o, 'radiusMm');
  if (radiusMm * 2 > lengthMm) refuse(`has a "radiusMm" of ${radiusMm}, thicker than its "lengthMm" of ${lengthMm}`);
  if (o['fan'] !== undefined && kind !== 'probe') refuse(`is a ${String(kind)}, and only a probe has a "fan"`);
  return {
    name: name as string,
    kind: kind as InstrumentDescription['kind'],
    lengthMm,
    radiusMm,
    shaft: shaftOf(o['shaft']),
    marks: marksOf(o['depthMarks'], lengthMm),
    fan: o['fan'] === undefined ? undefined : fanOf(objectOf(o['fan'], 'The "fan"')),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new NavError('pose/bad-option', 'The description of the instrument is no JSON. Mend the text.', { cause });
  }
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new NavError('pose/bad-option', `${what} of an instrument must be a JSON object.`);
}

function refuse(what: string): never {
  throw new NavError('pose/bad-option', `The description of the instrument ${what}.`);
}

function millimetres(o: Record<string, unknown>, key: string, most = LONGEST_MM): number {
  const value = o[key];
  if (typeof value === 'number' && value > 0 && value <= most) return value;
  return refuse(`needs "${key}" in mm, above 0 and at most ${most}, got ${JSON.stringify(value)}`);
}

function shaftOf(value: unknown): [number, number, number] {
  if (value === undefined) return [0, 0, 1];
  const v = value as number[];
  const length = Array.isArray(value) && v.length === 3 && v.every(Number.isFinite) ? Math.hypot(...v) : 0;
  if (!(length > 1e-6)) refuse(`needs a "shaft" of three numbers that is a direction, got ${JSON.stringify(value)}`);
  return [0, 1, 2].map((k) => (v[k] as number) / length) as [number, number, number];
}

function marksOf(value: unknown, lengthMm: number): DepthMark[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) {
    if (value.length > MOST_MARKS) refuse(`has ${value.length} depth marks, more than ${MOST_MARKS}`);
    return value.map((item) => {
      const mark = objectOf(item, 'A depth mark');
      const mm = millimetres(mark, 'mm', lengthMm);
      const { label = '' } = mark;
      if (typeof label !== 'string' || label.length > 8) refuse(`has a mark at ${mm} mm whose "label" is no short text`);
      return { mm, bold: mark['bold'] === true, label: label as string };
    });
  }
  const every = objectOf(value, 'The "depthMarks"');
  const everyMm = millimetres(every, 'everyMm', lengthMm);
  const count = Math.floor(lengthMm / everyMm);
  if (count > MOST_MARKS) refuse(`has ${count} depth marks, more than ${MOST_MARKS}`);
  const boldEvery = every['boldEvery'] ?? 5;
  if (!(Number.isInteger(boldEvery) && (boldEvery as number) > 0)) refuse('needs a whole "boldEvery" above 0');
  return Array.from({ length: count }, (_, n) => {
    const bold = (n + 1) % (boldEvery as number) === 0;
    const mm = (n + 1) * everyMm;
    return { mm, bold, label: bold ? String(Math.round(mm * 10) / 10) : '' };
  });
}

function fanOf(o: Record<string, unknown>): FanShape {
  if (o['kind'] !== 'sector' && o['kind'] !== 'linear') refuse('has a "fan" whose "kind" is neither sector nor linear');
  const corner = o['kind'] === 'sector' ? o['apexMm'] : o['cornerMm'];
  if (!Array.isArray(corner) || corner.length !== 2) refuse('has a "fan" without "apexMm" or "cornerMm", two numbers');
  return requireFan(o as unknown as FanShape);
}
