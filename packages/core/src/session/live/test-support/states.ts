import { hasPose, STATUSES, type Status } from '../../../frames/index.js';
import { fromQuaternion, type Random } from '../../../math/index.js';
import { ByteReader, ByteWriter } from '../bytes.js';
import { readPose, readRotation, writePose, writeRotation } from '../quantised.js';
import type { LiveAlarm, LiveState, LiveTool, LiveView, Triple } from '../state.js';

/** States for tests, and what is to arrive of them: computed by rounding, not by the codec that is tested, but for rotations. */

const pick = <T>(random: Random, from: readonly T[]): T => from[random.below(from.length)] as T;
const triple = (random: Random): Triple => [random.between(-200, 200), random.between(-200, 200), random.between(-200, 200)];

export function liveStateOf(random: Random, status?: Status): LiveState {
  return {
    pseudonym: `case ${random.below(1000)}`,
    guidance: {
      state: pick(random, ['noPose', 'notLive', 'approach', 'onTarget', 'pastTarget'] as const),
      blocked: random.uniform() < 0.3,
    },
    images: [{ name: 'ct', studyUid: '1.2.3', seriesUid: '1.2.3.4', frameOfReferenceUid: '1.2.3.5', hash: 'a7'.repeat(32) }],
    plan: random.uniform() < 0.8 ? { image: 'ct', entry: triple(random), target: triple(random) } : undefined,
    tools: ['needle', 'probe', 'stylus'].map((name) => toolOf(name, random, status ?? pick(random, STATUSES))),
    readings: ['angle', 'depth', 'distance', 'dose', 'lateral', 'temperature'].map((name) => ({
      name,
      unit: pick(random, ['mm', 'deg', 'degC', 'min', 'ratio'] as const),
      value: random.uniform() < 0.2 ? Number.NaN : random.between(-150, 150),
      bound95: random.uniform() < 0.2 ? Number.NaN : random.between(0, 9),
    })),
    alarms: Array.from({ length: random.below(3) }, (_, n) => alarmOf(n, random)),
    views: ['axial', 'coronal'].map((name) => viewOf(name, random)),
    camera: { image: 'ct', position: triple(random), target: triple(random), up: [0, 0, 1], openingDeg: 30 },
    pointer: random.uniform() < 0.3 ? { image: 'ct', at: triple(random) } : undefined,
    annotations: [],
    verdicts: [],
  };
}

function toolOf(name: string, random: Random, status: Status): LiveTool {
  const known = random.uniform() < 0.8;
  return {
    name,
    frame: 'ct',
    status,
    ageMs: random.uniform() < 0.1 ? Number.NaN : random.between(0, 50),
    matrix: hasPose(status)
      ? fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), triple(random))
      : undefined,
    error95Mm: hasPose(status) && known ? random.between(0, 4) : Number.NaN,
  };
}

function alarmOf(n: number, random: Random): LiveAlarm {
  return {
    rule: `rule-${n}`,
    subject: pick(random, ['', 'needle']),
    priority: pick(random, ['high', 'medium', 'low'] as const),
    phase: pick(random, ['active', 'acknowledged', 'latched'] as const),
    message: 'The reference moved: register again. \u0985\u09aa',
    raisedAtMs: random.below(1e6),
    passedAtMs: random.uniform() < 0.5 ? undefined : random.below(1e6),
    acknowledgedAtMs: random.uniform() < 0.5 ? undefined : random.below(1e6),
    values: random.uniform() < 0.3 ? {} : { movedMm: random.between(0, 9), limitMm: Number.NaN },
  };
}

function viewOf(name: string, random: Random): LiveView {
  const m = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [0, 0, 0]);
  const axis = (k: number): Triple => [m[k] as number, m[k + 1] as number, m[k + 2] as number];
  return {
    name,
    image: 'ct',
    right: axis(0),
    up: axis(4),
    centre: triple(random),
    mmPerPx: 0.5,
    window: { width: 400, level: 40 },
    layers: ['plan'],
  };
}

/** The state a little later: something of it is another. */
export function randomChange(state: LiveState, random: Random): LiveState {
  const fresh = liveStateOf(random);
  const parts = ['tools', 'readings', 'pointer', 'guidance', 'alarms', 'views', 'plan', 'pseudonym'] as const;
  const part = pick(random, parts);
  if (part === 'tools') {
    const gone = random.uniform() < 0.1;
    return { ...state, tools: gone ? fresh.tools.slice(1) : fresh.tools };
  }
  return { ...state, [part]: fresh[part] };
}

const round = (value: number): number => Math.round(value / 0.01) / 100 + 0;
const roundTriple = (at: Triple): Triple => [round(at[0]), round(at[1]), round(at[2])];
const up = (bound: number, sending: number): number => Math.ceil((bound + sending) / 0.01 - 1e-9) / 100;
const HALF_DIAGONAL = (Math.sqrt(3) * 0.01) / 2;

/** What is to arrive of a state. */
export function sentForm(state: LiveState): LiveState {
  const byName = <T extends { readonly name: string }>(list: readonly T[]): T[] =>
    [...list].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    ...state,
    plan: state.plan && { ...state.plan, entry: roundTriple(state.plan.entry), target: roundTriple(state.plan.target) },
    tools: byName(state.tools).map((one) => ({
      ...one,
      ageMs: Math.ceil(one.ageMs),
      matrix: one.matrix && poseAfter(one.matrix),
      error95Mm: one.matrix === undefined ? Number.NaN : up(one.error95Mm, HALF_DIAGONAL),
    })),
    readings: byName(state.readings).map((one) => ({
      ...one,
      value: round(one.value),
      bound95: Number.isNaN(one.value) ? Number.NaN : up(one.bound95, 0.005),
    })),
    alarms: [...state.alarms].sort(inOrder),
    views: byName(state.views).map((one) => ({ ...one, ...axesAfter(one), centre: roundTriple(one.centre) })),
    camera: state.camera && {
      ...state.camera,
      position: roundTriple(state.camera.position),
      target: roundTriple(state.camera.target),
    },
    pointer: state.pointer && { ...state.pointer, at: roundTriple(state.pointer.at) },
  };
}

const URGENCY = ['high', 'medium', 'low'];
const inOrder = (a: LiveAlarm, b: LiveAlarm): number =>
  URGENCY.indexOf(a.priority) - URGENCY.indexOf(b.priority) ||
  Number(a.acknowledgedAtMs !== undefined) - Number(b.acknowledgedAtMs !== undefined) ||
  a.raisedAtMs - b.raisedAtMs;

function poseAfter(matrix: ArrayLike<number>): Float64Array {
  const to = new ByteWriter();
  writePose(to, matrix, '');
  return readPose(new ByteReader(to.take()));
}

function axesAfter({ right, up: top }: LiveView): Pick<LiveView, 'right' | 'up'> {
  const [a, b, c] = right;
  const [d, e, f] = top;
  const to = new ByteWriter();
  writeRotation(to, [a, b, c, 0, d, e, f, 0, b * f - c * e, c * d - a * f, a * e - b * d, 0, 0, 0, 0, 1], '');
  const m = fromQuaternion(new Float64Array(16), readRotation(new ByteReader(to.take())), [0, 0, 0]);
  return { right: [m[0], m[1], m[2]] as unknown as Triple, up: [m[4], m[5], m[6]] as unknown as Triple };
}
