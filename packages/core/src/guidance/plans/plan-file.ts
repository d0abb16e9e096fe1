import { NavError } from '../../base/index.js';
import { frame, point } from '../../frames/index.js';
import type { PatientIdentity } from '../../volume/index.js';
import { type Needle, needle } from './needle.js';
import { type Midsagittal, type PlanSet, planSet, SIDES, type Side, type TrajectoryInit } from './plan-set.js';

const FORMAT = 'trocar-plan';
const VERSION = 1;

type Json = Record<string, unknown>;

/** A field of a document: its name, whether it may be absent, and what it must be. */
type Kind = 'text' | 'number' | 'object' | 'list';
type Fields = Readonly<Record<string, Kind | `${Kind}?`>>;

const PLAN: Fields = {
  format: 'text',
  version: 'number',
  frame: 'text',
  patient: 'object',
  side: 'text',
  frameOfReferenceUid: 'text',
  seriesUid: 'text',
  midsagittal: 'object?',
  trajectories: 'list',
};
const PATIENT: Fields = { id: 'text', name: 'text?', birthDate: 'text?', sex: 'text?' };
const MIDSAGITTAL: Fields = { point: 'list', towardsLeft: 'list' };
const TRAJECTORY: Fields = { name: 'text', entry: 'list', target: 'list', maxTre95Mm: 'number?', needle: 'object?' };
const NEEDLE: Fields = {
  name: 'text',
  lengthMm: 'number',
  gauge: 'number?',
  outerDiameterMm: 'number?',
  tipOffsetMm: 'number',
  guideOffsetMm: 'number',
};

/**
 * A plan as a JSON text, `trocar-plan` version 1: lengths in mm, points in the plan's frame. {@link planFromJson} gives back the same
 * numbers bit for bit.
 */
export function planToJson<F extends string>(plan: PlanSet<F>): string {
  const document = {
    format: FORMAT,
    version: VERSION,
    frame: plan.frame.name,
    patient: plan.patient,
    side: plan.side,
    frameOfReferenceUid: plan.frameOfReferenceUid,
    seriesUid: plan.seriesUid,
    midsagittal: plan.midsagittal,
    trajectories: plan.trajectories.map((one) => ({
      name: one.name,
      entry: Array.from(one.plan.entry.xyz),
      target: Array.from(one.plan.target.xyz),
      maxTre95Mm: one.plan.maxTre95Mm,
      needle: one.needle && needleDocument(one.needle),
    })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** A diameter that a gauge gives is not written: two sources for one number could disagree. */
function needleDocument({ gauge, outerDiameterMm, ...rest }: Needle): Json {
  return { ...rest, ...(gauge === undefined ? { outerDiameterMm } : { gauge }) };
}

/**
 * The plan in a JSON text, checked like a new one.
 * @throws NavError `guidance/bad-plan-file` for a text that is no plan, another version, a field that is missing, unknown or of another
 * kind, by name; and whatever {@link planSet} and {@link needle} refuse
 */
export function planFromJson(text: string): PlanSet<string> {
  const root = parsed(text);
  // Format and version first: of another version no field can be judged.
  if (root['format'] !== FORMAT) throw bad(`This is no plan: "format" is not "${FORMAT}".`);
  if (root['version'] !== VERSION) {
    throw bad(`The plan is of version ${String(root['version'])}, but only version ${VERSION} can be read.`);
  }
  requireFields(root, PLAN, 'the plan');
  requireFields(root['patient'] as Json, PATIENT, 'patient');
  if (!SIDES.includes(root['side'] as Side)) throw bad(`"side" is "${String(root['side'])}", not one of ${SIDES.join(', ')}.`);
  const planFrame = frame(root['frame'] as string);
  return planSet({
    frame: planFrame,
    patient: root['patient'] as PatientIdentity,
    side: root['side'] as Side,
    frameOfReferenceUid: root['frameOfReferenceUid'] as string,
    seriesUid: root['seriesUid'] as string,
    ...(root['midsagittal'] !== undefined && { midsagittal: midsagittalFrom(root['midsagittal'] as Json) }),
    trajectories: (root['trajectories'] as unknown[]).map((one, n) => {
      const where = `trajectories[${n}]`;
      const fields = requireFields(one, TRAJECTORY, where);
      return {
        name: fields['name'] as string,
        entry: point(planFrame, three(fields['entry'], `${where}.entry`)),
        target: point(planFrame, three(fields['target'], `${where}.target`)),
        ...(fields['maxTre95Mm'] !== undefined && { maxTre95Mm: fields['maxTre95Mm'] as number }),
        ...(fields['needle'] !== undefined && { needle: needleFrom(fields['needle'], `${where}.needle`) }),
      } satisfies TrajectoryInit<string>;
    }),
  });
}

function parsed(text: string): Json {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch (cause) {
    throw new NavError('guidance/bad-plan-file', 'The plan is no JSON: it is cut off or damaged.', { cause });
  }
  throw bad('The plan is no JSON object.');
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Every field there is known, every field needed is there, and each is of its kind. */
function requireFields(value: unknown, fields: Fields, where: string): Json {
  if (!isObject(value)) throw bad(`${where} is no object.`);
  for (const name of Object.keys(value)) {
    if (!Object.hasOwn(fields, name)) throw bad(`${where} has a field "${name}" that version ${VERSION} does not know.`);
  }
  for (const [name, kind] of Object.entries(fields)) {
    const given = value[name];
    if (given === undefined && kind.endsWith('?')) continue;
    if (given === undefined) throw bad(`${where} has no field "${name}".`);
    if (!isKind(given, kind.replace('?', '') as Kind)) throw bad(`"${name}" of ${where} is no ${kind.replace('?', '')}.`);
  }
  return value;
}

function isKind(value: unknown, kind: Kind): boolean {
  if (kind === 'text') return typeof value === 'string';
  if (kind === 'number') return typeof value === 'number';
  return kind === 'list' ? Array.isArray(value) : isObject(value);
}

function midsagittalFrom(value: Json): Midsagittal {
  const fields = requireFields(value, MIDSAGITTAL, 'midsagittal');
  return {
    point: three(fields['point'], 'midsagittal.point'),
    towardsLeft: three(fields['towardsLeft'], 'midsagittal.towardsLeft'),
  };
}

function three(value: unknown, where: string): [number, number, number] {
  const list = value as unknown[];
  if (list.length !== 3 || !list.every((v) => typeof v === 'number')) throw bad(`${where} is not three numbers.`);
  return list as [number, number, number];
}

function needleFrom(value: unknown, where: string): Needle {
  const f = requireFields(value, NEEDLE, where);
  return needle({
    name: f['name'] as string,
    lengthMm: f['lengthMm'] as number,
    ...(f['gauge'] !== undefined && { gauge: f['gauge'] as number }),
    ...(f['outerDiameterMm'] !== undefined && { outerDiameterMm: f['outerDiameterMm'] as number }),
    tipOffsetMm: f['tipOffsetMm'] as number,
    guideOffsetMm: f['guideOffsetMm'] as number,
  });
}

function bad(message: string): NavError<'guidance/bad-plan-file'> {
  return new NavError('guidance/bad-plan-file', message);
}
