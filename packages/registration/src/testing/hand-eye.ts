import { type Frame, frame } from '@trocar/core';
import { fromQuaternion, fromRotationVector, invertRigid, multiply4, type Random } from '@trocar/core/math';
import type { CalibrationPose, PoseList } from '../calibration/poses.js';
import { direction, posed } from './poses.js';

/** Simulated hand-eye recordings with known truth, for this package's own tests. */

export const base: Frame<'base'> = frame('base');
export const hand: Frame<'hand'> = frame('hand');
export const eye: Frame<'eye'> = frame('eye');
export const target: Frame<'target'> = frame('target');

/** How a recording is made. Everything left out is perfect, or as usual. */
export interface HandEyeScene {
  readonly count: number;
  /** Orientations of the hand lie within this of a main one, rad. Default 0.8. */
  readonly turnRad?: number;
  /** Standard deviations per axis: position (mm) and rotation (rad) of the hand's poses at the hand, of the target's at the target. */
  readonly handSd?: readonly [number, number];
  readonly targetSd?: readonly [number, number];
  /** Share of pairs of which one pose is grossly wrong: up to `outlierMm` and 0.5 rad. */
  readonly outlierShare?: number;
  readonly outlierMm?: number;
  /** The turns of the hand, rotation vectors in rad, instead of random ones. */
  readonly turns?: readonly (readonly number[])[];
  /** Only turn about this axis of the hand. */
  readonly axis?: readonly number[];
}

/** A recording and what is true of it. */
export interface HandEyeRecording {
  readonly baseFromHand: PoseList<'base', 'hand'>;
  readonly eyeFromTarget: PoseList<'eye', 'target'>;
  readonly targetFromEye: PoseList<'target', 'eye'>;
  /** hand-from-eye and base-from-target. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly spoilt: readonly boolean[];
}

/** Any rotation, a translation of up to `reach` mm. */
function anyPose(random: Random, reach: number): Float64Array {
  const d = direction(random);
  const size = random.between(0.3, 1) * reach;
  const q = random.rotation(new Float64Array(4));
  return fromQuaternion(
    new Float64Array(16),
    q,
    d.map((c) => c * size),
  );
}

/** The pose with noise at its tool's own origin, on its own axes. */
export function noisy(random: Random, m: ArrayLike<number>, [mm, rad]: readonly [number, number]): Float64Array {
  const small = posed(
    fromRotationVector(
      new Float64Array(16),
      [0, 0, 0].map(() => rad * random.normal()),
    ),
    [0, 0, 0].map(() => mm * random.normal()),
  );
  return multiply4(new Float64Array(16), m, small);
}

function grossly(random: Random, m: Float64Array, mm: number): Float64Array {
  const [axis, where] = [direction(random), direction(random)];
  const size = random.between(0.3, 1);
  const turn = fromRotationVector(
    new Float64Array(16),
    axis.map((c) => 0.5 * size * c),
  );
  return multiply4(
    new Float64Array(16),
    m,
    posed(
      turn,
      where.map((c) => mm * size * c),
    ),
  );
}

/** A recording of a hand that carries an eye which sees a resting target. */
export function handEyeRecording(random: Random, scene: HandEyeScene): HandEyeRecording {
  const x = anyPose(random, 120);
  const y = anyPose(random, 900);
  const main = anyPose(random, 500);
  const turnRad = scene.turnRad ?? 0.8;
  const hands: CalibrationPose[] = [];
  const targets: CalibrationPose[] = [];
  const spoilt: boolean[] = [];
  for (let k = 0; k < scene.count; k += 1) {
    const axis = scene.axis ?? direction(random);
    const angle = turnRad * (scene.axis ? random.between(-1, 1) : Math.cbrt(random.uniform()));
    const vector = scene.turns?.[k] ?? [0, 1, 2].map((i) => angle * (axis[i] as number));
    const turn = fromRotationVector(new Float64Array(16), vector);
    const truth = multiply4(
      new Float64Array(16),
      main,
      posed(
        turn,
        [0, 0, 0].map(() => random.between(-200, 200)),
      ),
    );
    const seen = multiply4(new Float64Array(16), truth, x);
    multiply4(seen, invertRigid(seen, seen), y);
    let a = noisy(random, truth, scene.handSd ?? [0, 0]);
    let b = noisy(random, seen, scene.targetSd ?? [0, 0]);
    const gross = random.uniform() < (scene.outlierShare ?? 0);
    spoilt.push(gross);
    if (gross && random.uniform() < 0.5) a = grossly(random, a, scene.outlierMm ?? 50);
    else if (gross) b = grossly(random, b, scene.outlierMm ?? 50);
    hands.push({ matrix: a });
    targets.push({ matrix: b });
  }
  return {
    baseFromHand: { to: base, from: hand, poses: hands },
    eyeFromTarget: { to: eye, from: target, poses: targets },
    targetFromEye: { to: target, from: eye, poses: targets.map((p) => invertedPose(p)) },
    x,
    y,
    spoilt,
  };
}

/** A pose the other way round. */
export function invertedPose(pose: CalibrationPose): CalibrationPose {
  return { ...pose, matrix: invertRigid(new Float64Array(16), pose.matrix) };
}
