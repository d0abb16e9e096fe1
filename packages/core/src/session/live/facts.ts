import { hasPose, STATUSES } from '../../frames/index.js';
import type { AlarmValues } from '../../guidance/index.js';
import { fromQuaternion } from '../../math/index.js';
import { ByteReader, ByteWriter, badValue, malformed } from './bytes.js';
import { readHundredths, readPoint, readRotation, writeHundredths, writePoint, writeRotation } from './quantised.js';
import {
  type LiveAlarm,
  type LiveAnnotation,
  type LiveCamera,
  type LiveGuidance,
  type LiveImage,
  type LivePlan,
  type LiveReading,
  type LiveState,
  type LiveTool,
  type LiveVerdict,
  type LiveView,
  PROPOSAL_KINDS,
} from './state.js';

/**
 * Facts: what of a state is sent reliably and in order. Each is an entry with a key, its kind and its name, so that a change names only
 * what changed. What moves with every frame (poses, readings, pointer) is in motion.ts.
 */

/** A version of the messages: 2 has the figures of alarms, 1 has their words alone. */
export type LiveVersion = 1 | 2;

/** An entry's key is its kind as one character, and its name. Kinds are part of the protocol. */
const KIND = {
  session: '\x01',
  guidance: '\x02',
  image: '\x03',
  plan: '\x04',
  tool: '\x05',
  reading: '\x06',
  alarm: '\x07',
  view: '\x08',
  camera: '\x09',
  annotation: '\x0a',
  verdict: '\x0b',
} as const;

/** Longest texts, UTF-8 bytes: names and UIDs; a sentence. DICOM's UIDs have at most 64. */
export const LONGEST_NAME = 64;
export const LONGEST_SENTENCE = 280;
/** Points of one annotation. */
export const MOST_POINTS = 64;
/** Figures of one alarm. */
const MOST_FIGURES = 16;
/** Entries of a state, and layers of a view. */
const MOST_ENTRIES = 512;
const MOST_LAYERS = 32;
const SEPARATOR = '|';

const STATES = ['noPose', 'notLive', 'approach', 'onTarget', 'pastTarget'] as const;
const PRIORITIES = ['high', 'medium', 'low'] as const;
const PHASES = ['active', 'acknowledged', 'latched'] as const;
const UNITS = ['mm', 'deg', 'degC', 'min', 'ratio'] as const;
const HASH_BYTES = 32;

/** Entries by key, in the order of the keys' UTF-16 code units. */
export type FactEntries = ReadonlyMap<string, Uint8Array>;

/** The entries of a state. @throws NavError `live/bad-value` for what cannot be sent, and two things of one name */
export function entriesOf(state: LiveState): FactEntries {
  const entries: Array<readonly [string, Uint8Array]> = [];
  const put = (kind: string, name: string, write: (to: ByteWriter) => void): void => {
    const to = new ByteWriter();
    write(to);
    entries.push([kind + name, to.take()]);
  };
  put(KIND.session, '', (to) => to.text(state.pseudonym, LONGEST_NAME, 'the pseudonym'));
  put(KIND.guidance, '', (to) => writeGuidance(to, state.guidance));
  for (const one of state.images) put(KIND.image, one.name, (to) => writeImage(to, one));
  if (state.plan !== undefined) put(KIND.plan, '', (to) => writePlan(to, state.plan as LivePlan));
  for (const one of state.tools) put(KIND.tool, one.name, (to) => writeTool(to, one));
  for (const one of state.readings) put(KIND.reading, one.name, (to) => to.u8(placeOf(UNITS, one.unit)));
  for (const one of state.alarms) put(KIND.alarm, one.rule + SEPARATOR + one.subject, (to) => writeAlarm(to, one));
  for (const one of state.views) put(KIND.view, one.name, (to) => writeView(to, one));
  if (state.camera !== undefined) put(KIND.camera, '', (to) => writeCamera(to, state.camera as LiveCamera));
  for (const one of state.annotations) put(KIND.annotation, one.id, (to) => writeAnnotation(to, one));
  for (const one of state.verdicts) put(KIND.verdict, one.id, (to) => writeVerdict(to, one));
  return inOrder(entries);
}

function inOrder(entries: Array<readonly [string, Uint8Array]>): FactEntries {
  const sorted = new Map([...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  if (sorted.size !== entries.length) throw badValue('two things of one kind have one name');
  if (sorted.size > MOST_ENTRIES) throw badValue(`it has ${sorted.size} entries where ${MOST_ENTRIES} are the most`);
  return sorted;
}

/** What is not the same in two sets of entries: a new value, or undefined for what is gone. */
export function changesBetween(before: FactEntries, after: FactEntries): Map<string, Uint8Array | undefined> {
  const changes = new Map<string, Uint8Array | undefined>();
  for (const [key, value] of after) {
    const old = before.get(key);
    if (old === undefined || !sameBytes(old, value)) changes.set(key, value);
  }
  for (const key of before.keys()) if (!after.has(key)) changes.set(key, undefined);
  return changes;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** The entries after a change, in order. */
export function entriesAfter(before: FactEntries, changes: ReadonlyMap<string, Uint8Array | undefined>): FactEntries {
  const after = new Map(before);
  for (const [key, value] of changes) {
    if (value === undefined) after.delete(key);
    else after.set(key, value);
  }
  return inOrder([...after]);
}

/** Whether a change is of what the operator looks at alone: it may wait for the next one a little. */
export function isOfViewsOnly(changes: ReadonlyMap<string, unknown>): boolean {
  return [...changes.keys()].every((key) => key.startsWith(KIND.view) || key.startsWith(KIND.camera));
}

/** Entries as bytes: the one text of a state's facts; and changes, in which what is gone has no value. */
export function writeEntries(to: ByteWriter, entries: ReadonlyMap<string, Uint8Array | undefined>): void {
  to.whole(entries.size);
  for (const [key, value] of entries) {
    to.u8(key.charCodeAt(0));
    to.text(key.slice(1), 2 * LONGEST_NAME + 1, 'a name');
    to.whole(value === undefined ? 0 : value.length + 1);
    if (value !== undefined) to.bytes(value);
  }
}

/** @throws NavError `live/malformed` */
export function readEntries(from: ByteReader): Map<string, Uint8Array | undefined> {
  const entries = new Map<string, Uint8Array | undefined>();
  const count = from.whole(2 * MOST_ENTRIES);
  for (let n = 0; n < count; n += 1) {
    const key = String.fromCharCode(from.u8()) + from.text(2 * LONGEST_NAME + 1);
    const length = from.whole();
    if (entries.has(key)) throw malformed('one entry twice');
    entries.set(key, length === 0 ? undefined : from.bytes(length - 1).slice());
  }
  return entries;
}

/** The state without what moves. Tools and readings are in the order in which motion.ts has them. */
export type StillState = Omit<LiveState, 'tools' | 'readings' | 'pointer'> & {
  readonly tools: ReadonlyArray<Pick<LiveTool, 'name' | 'frame' | 'status'>>;
  readonly readings: ReadonlyArray<Pick<LiveReading, 'name' | 'unit'>>;
};

/**
 * What the entries say.
 * @param version of the messages that they came in: alarms of version 1 have no figures
 * @throws NavError `live/malformed`, also for kinds that this version does not know
 */
export function stillStateOf(entries: FactEntries, version: LiveVersion): StillState {
  const each = <T>(kind: string, read: (from: ByteReader, name: string) => T): T[] =>
    [...entries].flatMap(([key, value]) => (key.startsWith(kind) ? [whole(value, (from) => read(from, key.slice(1)))] : []));
  const known: readonly string[] = Object.values(KIND);
  for (const key of entries.keys()) if (!known.includes(key.charAt(0))) throw malformed(`a fact of kind ${key.charCodeAt(0)}`);
  const [pseudonym] = each(KIND.session, (from) => from.text(LONGEST_NAME));
  const [guidance] = each(KIND.guidance, readGuidance);
  if (pseudonym === undefined || guidance === undefined) throw malformed('no session or no guidance in it');
  return {
    pseudonym,
    guidance,
    images: each(KIND.image, readImage),
    plan: each(KIND.plan, readPlan)[0],
    tools: each(KIND.tool, (from, name) => ({ name, frame: from.text(LONGEST_NAME), status: wordAt(STATUSES, from.u8()) })),
    readings: each(KIND.reading, (from, name) => ({ name, unit: wordAt(UNITS, from.u8()) })),
    alarms: each(KIND.alarm, (from) => readAlarm(from, version)).sort(byUrgency),
    views: each(KIND.view, readView),
    camera: each(KIND.camera, readCamera)[0],
    annotations: each(KIND.annotation, readAnnotation),
    verdicts: each(KIND.verdict, readVerdict),
  };
}

function whole<T>(value: Uint8Array, read: (from: ByteReader) => T): T {
  const from = new ByteReader(value);
  const result = read(from);
  from.end();
  return result;
}

/** As {@link compareAlarms} of guidance: the most urgent first, then what nobody has answered, then the oldest. */
function byUrgency(a: LiveAlarm, b: LiveAlarm): number {
  return (
    PRIORITIES.indexOf(a.priority) - PRIORITIES.indexOf(b.priority) ||
    Number(a.acknowledgedAtMs !== undefined) - Number(b.acknowledgedAtMs !== undefined) ||
    a.raisedAtMs - b.raisedAtMs
  );
}

function placeOf<T extends string>(words: readonly T[], word: T): number {
  const place = words.indexOf(word);
  if (place < 0) throw badValue(`"${word}" is none of ${words.join(', ')}`);
  return place;
}

function wordAt<T extends string>(words: readonly T[], place: number): T {
  const word = words[place];
  if (word === undefined) throw malformed(`word ${place} where there are ${words.length}`);
  return word;
}

function flag(from: ByteReader): boolean {
  const value = from.u8();
  if (value > 1) throw malformed(`a flag of ${value}`);
  return value === 1;
}

function writeGuidance(to: ByteWriter, { state, blocked }: LiveGuidance): void {
  to.u8(placeOf(STATES, state));
  to.u8(Number(blocked));
}

function readGuidance(from: ByteReader): LiveGuidance {
  return { state: wordAt(STATES, from.u8()), blocked: flag(from) };
}

function writeImage(to: ByteWriter, one: LiveImage): void {
  for (const uid of [one.studyUid, one.seriesUid, one.frameOfReferenceUid]) to.text(uid, LONGEST_NAME, 'a UID');
  if (!/^[0-9a-f]{64}$/.test(one.hash)) throw badValue(`the hash of the image "${one.name}" is no SHA-256`);
  for (let k = 0; k < HASH_BYTES; k += 1) to.u8(Number.parseInt(one.hash.slice(2 * k, 2 * k + 2), 16));
}

function readImage(from: ByteReader, name: string): LiveImage {
  const [studyUid, seriesUid, frameOfReferenceUid] = [0, 1, 2].map(() => from.text(LONGEST_NAME)) as [string, string, string];
  const hash = Array.from(from.bytes(HASH_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return { name, studyUid, seriesUid, frameOfReferenceUid, hash };
}

function writePlan(to: ByteWriter, plan: LivePlan): void {
  to.text(plan.image, LONGEST_NAME, 'an image');
  writePoint(to, plan.entry, 'the entry');
  writePoint(to, plan.target, 'the target');
}

function readPlan(from: ByteReader): LivePlan {
  return { image: from.text(LONGEST_NAME), entry: readPoint(from), target: readPoint(from) };
}

function writeTool(to: ByteWriter, tool: LiveTool): void {
  if (hasPose(tool.status) !== (tool.matrix !== undefined)) {
    const has = tool.matrix === undefined ? 'no pose' : 'a pose';
    throw badValue(`the tool "${tool.name}" has ${has} and is ${tool.status}`);
  }
  to.text(tool.frame, LONGEST_NAME, 'a frame');
  to.u8(placeOf(STATUSES, tool.status));
}

function writeAlarm(to: ByteWriter, one: LiveAlarm): void {
  to.text(one.rule, LONGEST_NAME, 'a rule');
  to.text(one.subject, LONGEST_NAME, 'the subject of an alarm');
  to.u8(placeOf(PRIORITIES, one.priority));
  to.u8(placeOf(PHASES, one.phase));
  to.text(one.message, LONGEST_SENTENCE, 'an alarm');
  to.f64(one.raisedAtMs);
  to.f64(one.passedAtMs ?? Number.NaN);
  to.f64(one.acknowledgedAtMs ?? Number.NaN);
  writeFigures(to, one);
}

/** By name, in order: the same figures have the same bytes. */
function writeFigures(to: ByteWriter, { rule, values }: LiveAlarm): void {
  const names = Object.keys(values).sort();
  if (names.length > MOST_FIGURES)
    throw badValue(`the alarm "${rule}" has ${names.length} figures where ${MOST_FIGURES} are the most`);
  to.whole(names.length);
  for (const name of names) {
    to.text(name, LONGEST_NAME, 'the name of a figure');
    to.f64(values[name] as number);
  }
}

function readFigures(from: ByteReader): AlarmValues {
  const figures = Array.from({ length: from.whole(MOST_FIGURES) }, () => [from.text(LONGEST_NAME), from.f64()] as const);
  if (new Set(figures.map(([name]) => name)).size !== figures.length) throw malformed('one figure of an alarm twice');
  return Object.fromEntries(figures);
}

function readAlarm(from: ByteReader, version: LiveVersion): LiveAlarm {
  const orUndefined = (value: number): number | undefined => (Number.isNaN(value) ? undefined : value);
  return {
    rule: from.text(LONGEST_NAME),
    subject: from.text(LONGEST_NAME),
    priority: wordAt(PRIORITIES, from.u8()),
    phase: wordAt(PHASES, from.u8()),
    message: from.text(LONGEST_SENTENCE),
    raisedAtMs: from.f64(),
    passedAtMs: orUndefined(from.f64()),
    acknowledgedAtMs: orUndefined(from.f64()),
    values: version === 1 ? {} : readFigures(from),
  };
}

/** The axes of a view as a rotation: right, up, and towards who looks. */
function axesOf({ right, up }: Pick<LiveView, 'right' | 'up'>): Float64Array {
  const [a, b, c] = right;
  const [d, e, f] = up;
  return Float64Array.of(a, b, c, 0, d, e, f, 0, b * f - c * e, c * d - a * f, a * e - b * d, 0, 0, 0, 0, 1);
}

function writeView(to: ByteWriter, view: LiveView): void {
  to.text(view.image, LONGEST_NAME, 'an image');
  writeRotation(to, axesOf(view), `the view "${view.name}"`);
  writePoint(to, view.centre, 'the centre of a view');
  const { window } = view;
  if (!(view.mmPerPx > 0 && view.mmPerPx < 1e6)) throw badValue(`the view "${view.name}" has ${view.mmPerPx} mm per pixel`);
  if (window !== undefined && !(window.width > 0 && Number.isFinite(window.width + window.level))) {
    throw badValue(`the window of the view "${view.name}" has no width`);
  }
  to.f32(view.mmPerPx);
  to.f32(window?.width ?? Number.NaN);
  to.f32(window?.level ?? Number.NaN);
  writeLayers(to, view.layers);
}

function writeLayers(to: ByteWriter, layers: readonly string[]): void {
  if (layers.length > MOST_LAYERS) throw badValue(`a view has ${layers.length} layers where ${MOST_LAYERS} are the most`);
  to.whole(layers.length);
  for (const layer of layers) to.text(layer, LONGEST_NAME, 'a layer');
}

function readView(from: ByteReader, name: string): LiveView {
  const image = from.text(LONGEST_NAME);
  const m = fromQuaternion(new Float64Array(16), readRotation(from), [0, 0, 0]);
  const centre = readPoint(from);
  const [mmPerPx, width, level] = [from.f32(), from.f32(), from.f32()];
  const layers = Array.from({ length: from.whole(MOST_LAYERS) }, () => from.text(LONGEST_NAME));
  if (!(mmPerPx > 0 && Number.isFinite(mmPerPx))) throw malformed('a view without a scale');
  const window = Number.isNaN(width) ? {} : { window: { width, level } };
  const axis = (k: number): [number, number, number] => [m[k] as number, m[k + 1] as number, m[k + 2] as number];
  return { name, image, right: axis(0), up: axis(4), centre, mmPerPx, ...window, layers };
}

function writeCamera(to: ByteWriter, camera: LiveCamera): void {
  to.text(camera.image, LONGEST_NAME, 'an image');
  writePoint(to, camera.position, 'the camera');
  writePoint(to, camera.target, 'what the camera looks at');
  if (!camera.up.every(Number.isFinite)) throw badValue('the camera has no upright');
  for (const part of camera.up) to.f32(part);
  writeHundredths(to, camera.openingDeg, 'the opening of the camera');
}

function readCamera(from: ByteReader): LiveCamera {
  const [image, position, target] = [from.text(LONGEST_NAME), readPoint(from), readPoint(from)];
  return { image, position, target, up: [from.f32(), from.f32(), from.f32()], openingDeg: readHundredths(from) };
}

/** The part that a proposal and an annotation share. */
export type Drawn = Pick<LiveAnnotation, 'kind' | 'frameOfReferenceUid' | 'points' | 'text'>;

export function writeDrawn(to: ByteWriter, one: Drawn): void {
  to.u8(placeOf(PROPOSAL_KINDS, one.kind));
  to.text(one.frameOfReferenceUid, LONGEST_NAME, 'a frame of reference');
  if (one.points.length > MOST_POINTS) throw badValue(`${one.points.length} points where ${MOST_POINTS} are the most`);
  to.whole(one.points.length);
  for (const at of one.points) writePoint(to, at, 'a point');
  to.text(one.text, LONGEST_SENTENCE, 'an annotation');
}

export function readDrawn(from: ByteReader): Drawn {
  const kind = wordAt(PROPOSAL_KINDS, from.u8());
  const frameOfReferenceUid = from.text(LONGEST_NAME);
  const points = Array.from({ length: from.whole(MOST_POINTS) }, () => readPoint(from));
  return { kind, frameOfReferenceUid, points, text: from.text(LONGEST_SENTENCE) };
}

function writeAnnotation(to: ByteWriter, one: LiveAnnotation): void {
  to.text(one.by, LONGEST_NAME, 'who proposed something');
  writeDrawn(to, one);
}

function readAnnotation(from: ByteReader, id: string): LiveAnnotation {
  const by = from.text(LONGEST_NAME);
  return { id, by, ...readDrawn(from) };
}

function writeVerdict(to: ByteWriter, one: LiveVerdict): void {
  to.u8(Number(one.accepted));
  to.text(one.reason, LONGEST_SENTENCE, 'why a proposal was refused');
}

function readVerdict(from: ByteReader, id: string): LiveVerdict {
  return { id, accepted: flag(from), reason: from.text(LONGEST_SENTENCE) };
}
