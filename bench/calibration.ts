import { frame } from '@trocar/core';
import { fromQuaternion, fromRotationVector, multiply4, Random, transformPoint } from '@trocar/core/math';
import { type CalibrationPose, calibratePivot, calibrateSpin, type PivotOptions, type PoseList } from '@trocar/registration';
import { type Row, report, row } from './_report.js';

/**
 * Pivot and spin calibrations, by simulation with known truth: the predicted variance of the tip (or of the axis) beside the
 * true one, how often the 95 % bound holds, and what 20 % gross errors cost. The noise is unknown to the calibration unless
 * a row says otherwise. `--runs N` of each row (default 600), `--seed N`, `--only TEXT` for rows whose name holds it.
 */

const text = (name: string): string | undefined =>
  process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined;
const RUNS = Number(text('--runs')) || 600;
const SEED = Number(text('--seed')) || 1;
const ONLY = text('--only') ?? '';
const DEGREE = Math.PI / 180;

const tracker = frame('tracker');
const stylus = frame('stylus');
const tip = frame('tip');

interface Scene {
  readonly count: number;
  readonly coneDeg: number;
  readonly positionSdMm?: number;
  readonly rotationSdDeg?: number;
  /** What of the noise is left one pose later. */
  readonly decay?: number;
  /** Poses of one smooth movement from one orientation to the next; 1: all independent. */
  readonly posesPerMove?: number;
  /** Of these, poses for which the tool then rests. */
  readonly rest?: number;
  readonly outlierShare?: number;
  /** Turning about the shaft to either side. */
  readonly spinDeg?: number;
  /** The tracker is this much worse along its z. */
  readonly depth?: number;
}

type Three = [number, number, number];
const three = (value: (i: number) => number): Three => [value(0), value(1), value(2)];

function unit(random: Random): Three {
  const v = three(() => random.normal());
  const size = Math.hypot(...v);
  return three((i) => (v[i] as number) / size);
}

const cross = (a: Three, b: Three): Three => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

/** Orientations of a shaft: tilts within the cone, times turns about it. */
function orientations(random: Random, scene: Scene, shaft: Three): Float64Array[] {
  const main = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [0, 0, 0]);
  const side = cross(shaft, Math.abs(shaft[0]) < 0.6 ? [1, 0, 0] : [0, 1, 0]);
  const size = Math.hypot(...side);
  const a = three((i) => (side[i] as number) / size);
  const b = cross(shaft, a);
  const spin = (scene.spinDeg ?? 180) * DEGREE;
  const goal = (): Three => {
    const angle = Math.acos(1 - random.uniform() * (1 - Math.cos(scene.coneDeg * DEGREE)));
    const around = random.between(0, 2 * Math.PI);
    return [angle * Math.cos(around), angle * Math.sin(around), random.between(-spin, spin)];
  };
  const moves = scene.posesPerMove ?? 1;
  let [from, to] = [goal(), goal()];
  return Array.from({ length: scene.count }, (_, k) => {
    if (k % moves === 0) [from, to] = [to, goal()];
    const phase = Math.min(1, (k % moves) / Math.max(1, moves - (scene.rest ?? 0)));
    const f = moves === 1 ? 1 : 0.5 - 0.5 * Math.cos(Math.PI * phase);
    const g = three((i) => (from[i] as number) + f * ((to[i] as number) - (from[i] as number)));
    const tilt = fromRotationVector(
      new Float64Array(16),
      three((i) => g[0] * (a[i] as number) + g[1] * (b[i] as number)),
    );
    const turned = fromRotationVector(
      new Float64Array(16),
      three((i) => g[2] * (shaft[i] as number)),
    );
    return multiply4(turned, multiply4(tilt, main, tilt), turned);
  });
}

interface Recording {
  readonly list: PoseList<'tracker', 'stylus'>;
  readonly spoilt: readonly boolean[];
  readonly tip: Float64Array;
  readonly shaft: Three;
}

function record(random: Random, scene: Scene): Recording {
  const shaft = unit(random);
  const tipMm = Float64Array.from(shaft, (x) => 160 * x);
  const pivot = [random.between(-200, 200), random.between(-200, 200), random.between(-1800, -800)] as const;
  const decay = scene.decay ?? 0;
  const state = Float64Array.from({ length: 6 }, () => random.normal());
  const spoilt: boolean[] = [];
  const poses = orientations(random, scene, shaft).map((rotation, k): CalibrationPose => {
    for (let i = 0; i < 6; i += 1) state[i] = decay * (state[i] as number) + Math.sqrt(1 - decay * decay) * random.normal();
    const away = transformPoint(new Float64Array(3), rotation, tipMm);
    const gross = random.uniform() < (scene.outlierShare ?? 0);
    const error = three(
      (i) => (scene.rotationSdDeg ?? 0) * DEGREE * (state[3 + i] as number) + (gross ? random.between(-0.3, 0.3) : 0),
    );
    const matrix = multiply4(new Float64Array(16), rotation, fromRotationVector(new Float64Array(16), error));
    for (let i = 0; i < 3; i += 1) {
      const sd = (scene.positionSdMm ?? 0) * (i === 2 ? (scene.depth ?? 1) : 1);
      matrix[12 + i] =
        (pivot[i] as number) - (away[i] as number) + sd * (state[i] as number) + (gross ? random.between(-30, 30) : 0);
    }
    spoilt.push(gross);
    return { matrix, timeMs: (k * 1000) / 60 };
  });
  return { list: { to: tracker, from: stylus, poses }, spoilt, tip: tipMm, shaft };
}

const off = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...three((i) => (a[i] as number) - (b[i] as number)));
const trace = (c: ArrayLike<number>): number => (c[0] as number) + (c[4] as number) + (c[8] as number);

/** Coverage and variance ratio of many calibrations. */
function judged(
  name: string,
  figures: readonly { error: number; bound: number; variance: number }[],
  ratioAim: string | undefined,
): Row[] {
  const covered = (100 * figures.filter((f) => f.error <= f.bound).length) / figures.length;
  const ratio = figures.reduce((s, f) => s + f.variance, 0) / figures.reduce((s, f) => s + f.error ** 2, 0);
  const within = {
    text: '93 to 97 %, give or take chance',
    met: Math.abs(covered - 95) <= 2 + 200 * Math.sqrt(0.0475 / figures.length),
  };
  const near =
    ratioAim === undefined ? undefined : { text: ratioAim, met: Math.abs(ratio - 1) <= 0.05 + 3 * Math.sqrt(1 / figures.length) };
  return [
    { ...row(`${name}: 95 % bound holds`, '%', [covered], within), runs: figures.length },
    { ...row(`${name}: predicted / true variance`, '×', [ratio], near), runs: figures.length },
  ];
}

function pivotRows(name: string, scene: Scene, options: PivotOptions = {}, exact = true): Row[] {
  if (!name.includes(ONLY)) return [];
  const random = new Random(SEED);
  const figures = Array.from({ length: RUNS }, () => {
    const { list, tip: truth } = record(random, scene);
    const result = calibratePivot(list, tip, { maxRmsMm: 10, ...options });
    return { error: off(result.tipMm, truth), bound: result.tip95Mm, variance: trace(result.tipCovariance) };
  });
  return judged(`pivot, ${name}`, figures, exact ? 'within 5 %, give or take chance' : undefined);
}

function spinRows(name: string, scene: Scene): Row[] {
  if (!name.includes(ONLY)) return [];
  const random = new Random(SEED);
  const figures = Array.from({ length: RUNS }, () => {
    const { list, shaft } = record(random, { ...scene, coneDeg: 0 });
    const result = calibrateSpin(list);
    const error = Math.min(
      off(result.axis, shaft),
      off(
        result.axis,
        three((i) => -(shaft[i] as number)),
      ),
    );
    return { error, bound: result.axis95Deg * DEGREE, variance: trace(result.covariance) };
  });
  return judged(`spin, ${name}`, figures, 'within 5 %, give or take chance');
}

/** Rms tip error with gross errors, over that of the good poses by themselves. */
function outlierRow(): Row[] {
  if (!'gross errors'.includes(ONLY)) return [];
  const random = new Random(SEED);
  let [spoiltSquares, cleanSquares] = [0, 0];
  for (let run = 0; run < RUNS; run += 1) {
    const scene = {
      count: 60 + random.below(300),
      coneDeg: random.between(15, 60),
      positionSdMm: 0.2,
      rotationSdDeg: random.between(0, 0.2),
    };
    const { list, spoilt, tip: truth } = record(random, { ...scene, outlierShare: 0.2 });
    const clean = { ...list, poses: list.poses.filter((_, k) => spoilt[k] === false) };
    spoiltSquares += off(calibratePivot(list, tip).tipMm, truth) ** 2;
    cleanSquares += off(calibratePivot(clean, tip).tipMm, truth) ** 2;
  }
  const cost = Math.sqrt(spoiltSquares / cleanSquares);
  return [
    {
      ...row('pivot, 20 % gross errors: tip error over that of the good poses', '×', [cost], {
        text: 'at most 1.1',
        met: cost <= 1.1,
      }),
      runs: RUNS,
    },
  ];
}

const usual = { count: 200, coneDeg: 35, positionSdMm: 0.25 };
const hand = { ...usual, count: 600, posesPerMove: 45, rest: 15 };
report([
  ...pivotRows('12 poses', { ...usual, count: 12, coneDeg: 60 }),
  ...pivotRows('30 poses', { ...usual, count: 30 }),
  ...pivotRows('200 poses', usual),
  ...pivotRows('200 poses, plain least squares', usual, { robust: 'none' }),
  ...pivotRows('200 poses, rotation 0.2°', { ...usual, rotationSdDeg: 0.2 }),
  ...pivotRows('500 poses, rotation 0.3°, cone 25°', { ...usual, count: 500, coneDeg: 25, rotationSdDeg: 0.3 }),
  ...pivotRows(
    '500 poses, rotation 0.3°, cone 25°, noise known',
    { ...usual, count: 500, coneDeg: 25, rotationSdDeg: 0.3 },
    {
      noise: { positionSdMm: 0.25, rotationSdRad: 0.3 * DEGREE },
    },
  ),
  ...pivotRows('200 poses, three times worse in depth', { ...usual, spinDeg: 20, depth: 3 }),
  ...pivotRows('a hand at 60 Hz, 10 s', hand),
  ...pivotRows('a hand at 60 Hz, 10 s, noise lasting 5 poses', { ...hand, decay: 0.8, rotationSdDeg: 0.05 }, {}, false),
  ...pivotRows('a hand at 60 Hz, 20 s, noise lasting 20 poses', { ...hand, count: 1200, decay: 0.95 }, {}, false),
  ...pivotRows('200 poses, 20 % gross errors', { ...usual, outlierShare: 0.2 }),
  ...outlierRow(),
  ...spinRows('200 poses, rotation 0.2°', { ...usual, rotationSdDeg: 0.2 }),
  ...spinRows('200 poses, 40° to each side', { ...usual, spinDeg: 40, rotationSdDeg: 0.2 }),
  ...spinRows('20 poses', { ...usual, count: 20, rotationSdDeg: 0.2 }),
]);
