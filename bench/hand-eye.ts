import { existsSync, readdirSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { apply, point, transform } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { type CalibrationPose, calibrateHandEye, estimateTimeOffset, pairInTime } from '@trocar/registration';
import { navigateCis } from '../packages/registration/src/testing/cis-chain.js';
import { eye, hand, handEyeRecording } from '../packages/registration/src/testing/hand-eye.js';
import {
  closures,
  daniilidis,
  kronecker,
  motionMisfit,
  motionsOf,
  type PosePairs,
  parkMartin,
  stacked,
  tsaiLenz,
} from '../packages/registration/src/testing/hand-eye-oracles.js';
import {
  cisFolder,
  readCalbody,
  readCalreadings,
  readCtFiducials,
  readOutput2,
  readProbeFrames,
} from '../packages/registration/src/testing/node/cis.js';
import { readRobotArm, robotArmFolder } from '../packages/registration/src/testing/node/robot-arm.js';
import { median, type Row, report, row } from './_report.js';

/**
 * Hand-eye calibration: by simulation beside closed forms, with and without 20 % gross outliers, and what it says of its own error; on
 * held-out poses of a real robot arm; and navigation with a corrected field tracker on the CIS course's sets. `--runs N`, `--splits N`.
 */

const argument = (name: string, usual: number): number => Number(process.argv[process.argv.indexOf(name) + 1]) || usual;
const RUNS = argument('--runs', 400);
const SPLITS = argument('--splits', 15);

const NOISE = { handSd: [0.1, 0.0005], targetSd: [0.3, 0.002] } as const;
const KNOWN = { hand: { positionSdMm: 0.1, rotationSdRad: 0.0005 }, other: { positionSdMm: 0.3, rotationSdRad: 0.002 } };
/** Where errors are looked at, in the eye's frame: as far as targets are. */
const FAR = point(eye, [100, -200, 700]);

const placed = (x: ArrayLike<number>): ArrayLike<number> => apply(transform(hand, eye, x), FAR).xyz;
const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...[0, 1, 2].map((i) => (a[i] as number) - (b[i] as number)));

const closedForms = {
  'Park–Martin': (p: PosePairs) => parkMartin(motionsOf(p, 1)),
  Daniilidis: (p: PosePairs) => daniilidis(motionsOf(p, 1)),
  'Tsai–Lenz': (p: PosePairs) => tsaiLenz(motionsOf(p, 1)),
  Shah: (p: PosePairs) => kronecker(p, motionsOf(p, 1)),
};

function simulated(): Row[] {
  const errors = new Map<string, number[]>();
  const note = (name: string, error: number): void => {
    errors.set(name, [...(errors.get(name) ?? []), error]);
  };
  let milliseconds: number[] = [];
  for (let k = 0; k < RUNS / 4; k += 1) {
    for (const [outlierShare, tag] of [
      [0, 'clean'],
      [0.2, '20 % outliers'],
    ] as const) {
      const r = handEyeRecording(new Random(k + 1), { count: 24, ...NOISE, outlierShare });
      const truth = placed(r.x);
      const from = performance.now();
      const { edge } = calibrateHandEye(hand, eye, r.baseFromHand, r.eyeFromTarget, { holdOut: 0 });
      milliseconds = [...milliseconds, performance.now() - from];
      note(`${tag}: calibrateHandEye`, apart(placed(edge.matrix), truth));
      const pairs = stacked(r.baseFromHand.poses, r.eyeFromTarget.poses);
      for (const [name, method] of Object.entries(closedForms)) {
        const x = method(pairs);
        note(`${tag}: ${name}`, x ? apart(placed(x), truth) : Number.POSITIVE_INFINITY);
      }
    }
  }
  const rows = [...errors].map(([name, values]) => row(`hand-eye, 24 poses, error at 735 mm, ${name}`, 'mm', values));
  return [...rows, row('hand-eye, 24 poses, one calibration', 'ms', milliseconds)];
}

function honest(): Row[] {
  return [['estimated', {}] as const, ['known', { noise: KNOWN }] as const].flatMap(([name, options]) => {
    let [seen, said, inside] = [0, 0, 0];
    for (let k = 0; k < RUNS; k += 1) {
      const r = handEyeRecording(new Random(90_000 + k), { count: 30, ...NOISE });
      const { edge, expectedTre } = calibrateHandEye(hand, eye, r.baseFromHand, r.eyeFromTarget, { holdOut: 0, ...options });
      const tre = expectedTre(apply(edge, FAR));
      const error = apart(placed(edge.matrix), placed(r.x));
      seen += error * error;
      said += tre.rmsMm ** 2;
      if (error <= tre.p95Mm) inside += 1;
    }
    const ratio = Math.sqrt(said / seen);
    const share = (100 * inside) / RUNS;
    return [
      row(`hand-eye, noise ${name}: predicted over simulated error, ${RUNS} runs`, '', [ratio], {
        text: 'within 10 %',
        met: Math.abs(ratio - 1) < 0.1,
      }),
      row(`hand-eye, noise ${name}: within its 95 % bound, ${RUNS} runs`, '%', [share], {
        text: '93 to 97',
        met: share >= 93 && share <= 97,
      }),
    ];
  });
}

/** How far the target wanders in the base for an X, rms about its mean, mm. */
function wander(pairs: PosePairs, x: ArrayLike<number>): number {
  const c = closures(pairs, x);
  let sum = 0;
  for (let axis = 12; axis < 15; axis += 1) {
    const values = Array.from({ length: pairs.count }, (_, i) => c[16 * i + axis] as number);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    sum += values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
  }
  return Math.sqrt(sum);
}

interface Score {
  readonly deg: number[];
  readonly mm: number[];
  readonly wander: number[];
}

function robot(): Row[] {
  const { baseFromHand, eyeFromTarget } = readRobotArm();
  const lag = estimateTimeOffset(baseFromHand, eyeFromTarget);
  const { first, second } = pairInTime(baseFromHand, eyeFromTarget, { offsetMs: lag.offsetMs });
  const pick = (which: readonly number[]): [CalibrationPose[], CalibrationPose[]] => [
    which.map((i) => first.poses[i] as CalibrationPose),
    which.map((i) => second.poses[i] as CalibrationPose),
  ];
  const scores: Record<string, Score> = {};
  for (let split = 0; split < SPLITS; split += 1) {
    const random = new Random(split + 1);
    // Stretches of two seconds: neighbours share their errors.
    const held = Array.from({ length: Math.ceil(first.poses.length / 60) }, () => random.uniform() < 0.4);
    const all = first.poses.map((_, i) => i);
    const train = all.filter((i) => !held[Math.floor(i / 60)]).filter((_, k) => k % 4 === 0);
    const test = stacked(...pick(all.filter((i) => held[Math.floor(i / 60)] === true)));
    const [a, b] = pick(train);
    const judge = (name: string, x: ArrayLike<number>): void => {
      const { deg, mm } = motionMisfit(test, x, new Random(1000 + split), 600);
      scores[name] ??= { deg: [], mm: [], wander: [] };
      scores[name].deg.push(deg);
      scores[name].mm.push(mm);
      scores[name].wander.push(wander(test, x));
    };
    const ours = calibrateHandEye(hand, eye, { ...first, poses: a }, { ...second, poses: b }, { holdOut: 0 });
    judge('calibrateHandEye', ours.edge.matrix);
    for (const [name, method] of Object.entries(closedForms)) judge(name, method(stacked(a, b)) as Float64Array);
  }
  const whole = calibrateHandEye(hand, eye, first, second);
  const name = 'robot arm, held-out motions, A X = X B rms';
  const ratios = (other: string, of: keyof Score): number =>
    median((scores['calibrateHandEye'] as Score)[of].map((v, k) => v / ((scores[other] as Score)[of][k] as number)));
  return [
    row('robot arm: lag of the camera', 'ms', [lag.offsetMs]),
    ...Object.entries(scores).flatMap(([method, s]) => [
      row(`${name}: ${method}, rotation`, '°', s.deg),
      row(`${name}: ${method}, eye's position`, 'mm', s.mm),
      row(`robot arm, held-out poses, target's wander rms: ${method}`, 'mm', s.wander),
    ]),
    ...Object.keys(closedForms).map((other) => {
      const [deg, mm, far] = [ratios(other, 'deg'), ratios(other, 'mm'), ratios(other, 'wander')];
      return row(`robot arm: ours over ${other}, median of rotation × eye's position × target's wander`, '', [deg * mm * far], {
        text: 'at most 1',
        met: deg * mm * far <= 1,
      });
    }),
    row('robot arm, 5-fold held-out poses, all poses: rotation rms', '°', [whole.holdOut?.rmsDeg ?? Number.NaN]),
    row('robot arm, 5-fold held-out poses, all poses: target rms', 'mm', [whole.holdOut?.rmsMm ?? Number.NaN]),
  ];
}

function fields(): Row[] {
  const sets = readdirSync(cisFolder)
    .filter((f) => /^pa2-.*-output2\.txt$/.test(f))
    .map((f) => f.replace('-output2.txt', ''));
  return sets.flatMap((set) => {
    const from = performance.now();
    const answer = navigateCis({
      calbody: readCalbody(set),
      calreadings: readCalreadings(set),
      empivot: readProbeFrames(set, 'empivot'),
      emFiducials: readProbeFrames(set, 'em-fiducialss'),
      ctFiducials: readCtFiducials(set),
      emNav: readProbeFrames(set, 'EM-nav'),
    });
    const took = performance.now() - from;
    const published = readOutput2(set);
    const worst = Math.max(...answer.tips.map((t, k) => apart(t.xyz, published[k] as Float64Array)));
    return [
      row(`${set}: tip in the image, largest distance from the published one`, 'mm', [worst], {
        text: 'at most 0.2',
        met: worst <= 0.2,
      }),
      row(`${set}: readings before correction, rms`, 'mm', [answer.correction.beforeRmsMm]),
      row(`${set}: readings left out, after correction, rms`, 'mm', [answer.correction.crossValidatedMm]),
      row(`${set}: the whole chain`, 'ms', [took]),
    ];
  });
}

if (!existsSync(robotArmFolder)) console.log('No robot arm: TROCAR_DATA/tracking/hand-eye is not there.');
if (!existsSync(cisFolder)) console.log('No CIS sets: TROCAR_DATA/tracking/cis is not there.');
report([...simulated(), ...honest(), ...(existsSync(robotArmFolder) ? robot() : []), ...(existsSync(cisFolder) ? fields() : [])]);
