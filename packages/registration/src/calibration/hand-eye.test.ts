import { apply, isNavError, type NavErrorCode, point, transform } from '@trocar/core';
import { Random, rotationAngleBetween } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { base, eye, hand, handEyeRecording, invertedPose, target } from '../testing/hand-eye.js';
import { calibrateEyeToHand, calibrateHandEye, calibrateRobotWorld } from './hand-eye.js';
import type { CalibrationPose } from './poses.js';

const seed = inject('seed');

const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot((a[12] as number) - (b[12] as number), (a[13] as number) - (b[13] as number), (a[14] as number) - (b[14] as number));

function codeOf(run: () => unknown): NavErrorCode | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (isNavError(error)) return error.code;
    throw error;
  }
}

const noise = { handSd: [0.1, 0.0005], targetSd: [0.3, 0.002] } as const;

describe('hand-eye calibration', () => {
  it.each([4, 5, 8, 30])('of %i perfect pairs gives the truth to rounding', (count) => {
    const r = handEyeRecording(new Random(seed + count), { count });
    const result = calibrateHandEye(hand, eye, r.baseFromHand, r.eyeFromTarget);
    expect(rotationAngleBetween(result.edge.matrix, r.x)).toBeLessThan(1e-9);
    expect(apart(result.edge.matrix, r.x)).toBeLessThan(1e-6);
    expect(apart(result.otherEdge.matrix, r.y)).toBeLessThan(1e-6);
    expect(result.outcome).toBe('ok');
  });

  it('gives the same as robot-world, and eye-to-hand, of the same scene', () => {
    const r = handEyeRecording(new Random(seed), { count: 25, ...noise });
    const one = calibrateHandEye(hand, eye, r.baseFromHand, r.eyeFromTarget);
    const other = calibrateRobotWorld(hand, eye, r.baseFromHand, r.targetFromEye);
    expect(apart(one.edge.matrix, other.edge.matrix)).toBeLessThan(2);
    const turned = { to: hand, from: base, poses: r.baseFromHand.poses.map(invertedPose) };
    const third = calibrateEyeToHand(hand, eye, turned, r.eyeFromTarget);
    expect(apart(one.edge.matrix, third.edge.matrix)).toBeLessThan(2);
  });

  it('leaves out 20 % gross outliers, and no other pose', () => {
    for (let k = 0; k < 3; k += 1) {
      const r = handEyeRecording(new Random(seed + k), { count: 40, ...noise, outlierShare: 0.2 });
      const result = calibrateHandEye(hand, eye, r.baseFromHand, r.eyeFromTarget);
      const wrong = result.residuals.filter((pose) => pose.used === r.spoilt[pose.index]);
      expect(wrong.length).toBeLessThanOrEqual(1);
      expect(apart(result.edge.matrix, r.x)).toBeLessThan(1.5);
      expect(result.outcome).toBe('ok');
      for (const pose of result.residuals) if (r.spoilt[pose.index]) expect(pose.normalised).toBeGreaterThan(2);
    }
  });

  it('tells a lever of 2 mm in the result of a flipped sign: residual, inverse and matrix order are what they say', () => {
    const r = handEyeRecording(new Random(seed), { count: 20, ...noise });
    const { edge, otherEdge } = calibrateHandEye(hand, eye, r.baseFromHand, r.eyeFromTarget);
    const a = r.baseFromHand.poses[3]?.matrix as Float64Array;
    const b = r.eyeFromTarget.poses[3]?.matrix as Float64Array;
    const there = apply(transform(base, hand, a), apply(edge, apply(transform(eye, target, b), point(target, [10, 20, 30]))));
    const direct = apply(otherEdge, point(target, [10, 20, 30]));
    expect(Math.hypot(...[0, 1, 2].map((i) => (there.xyz[i] as number) - (direct.xyz[i] as number)))).toBeLessThan(3);
  });
});

describe('what a hand-eye calibration refuses', () => {
  const r = handEyeRecording(new Random(seed), { count: 20, ...noise });
  const hands = r.baseFromHand.poses;
  const targets = r.eyeFromTarget.poses;
  const scaled = (pose: CalibrationPose, s: number): CalibrationPose => ({
    ...pose,
    matrix: Array.from(pose.matrix, (v, i) => (i >= 12 && i < 15 ? v * s : v)),
  });
  const run = (a: readonly CalibrationPose[], b: readonly CalibrationPose[]): unknown =>
    calibrateHandEye(hand, eye, { to: base, from: hand, poses: a }, { to: eye, from: target, poses: b });
  const still = (pose: CalibrationPose | undefined): CalibrationPose[] => hands.map(() => pose as CalibrationPose);
  const one = handEyeRecording(new Random(seed + 1), { count: 20, ...noise, axis: [0, 0, 1] });
  const small = handEyeRecording(new Random(seed + 1), { count: 20, ...noise, turnRad: 0.05 });
  /** M A M with M = diag(1, 1, −1). */
  const mirrored = (pose: CalibrationPose): CalibrationPose => ({
    ...pose,
    matrix: Array.from(pose.matrix, (v, i) => ([2, 6, 8, 9, 14].includes(i) ? -v : v)),
  });
  const identity = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);

  it.each<[string, readonly CalibrationPose[], readonly CalibrationPose[], NavErrorCode]>([
    ['three poses', hands.slice(0, 3), targets.slice(0, 3), 'calibration/too-few-poses'],
    ['lists of unequal length', hands, targets.slice(1), 'calibration/unpaired'],
    ['lists shifted by one', hands.slice(1), targets.slice(0, -1), 'calibration/unpaired'],
    ["the target's poses turned round", hands, targets.map(invertedPose), 'calibration/inverted'],
    ["the hand's poses turned round", hands.map(invertedPose), targets, 'calibration/inverted'],
    ['one list left-handed', hands.map(mirrored), targets, 'calibration/mirrored'],
    ['the hand in metres', hands.map((p) => scaled(p, 1e-3)), targets, 'calibration/units'],
    ['the target in metres', hands, targets.map((p) => scaled(p, 1e-3)), 'calibration/units'],
    ['the target in inches', hands, targets.map((p) => scaled(p, 1 / 25.4)), 'calibration/units'],
    ['the target in centimetres', hands, targets.map((p) => scaled(p, 0.1)), 'calibration/units'],
    ['both in metres', hands.map((p) => scaled(p, 1e-3)), targets.map((p) => scaled(p, 1e-3)), 'calibration/units'],
    ['an unconnected target', hands, still({ matrix: identity }), 'calibration/identity-poses'],
    ['a target that does not move', hands, still(targets[0]), 'calibration/motionless'],
    ['a hidden target', hands, targets.map((p) => ({ ...p, status: 'missing' as const })), 'calibration/hidden'],
    ['turns about one axis', one.baseFromHand.poses, one.eyeFromTarget.poses, 'calibration/parallel-axes'],
    ['turns of 3°', small.baseFromHand.poses, small.eyeFromTarget.poses, 'calibration/narrow'],
    ['a NaN', hands, targets.map((p, i) => (i === 7 ? scaled(p, Number.NaN) : p)), 'calibration/not-finite'],
    [
      'a scaled matrix',
      hands,
      targets.map((p, i) => (i === 7 ? { matrix: Array.from(p.matrix, (v) => v * 1.01) } : p)),
      'calibration/not-rigid',
    ],
    [
      'lists of two recordings',
      hands,
      handEyeRecording(new Random(seed + 9), { count: 20 }).eyeFromTarget.poses,
      'calibration/failed',
    ],
  ])('%s', (_, a, b, code) => {
    expect(codeOf(() => run(a, b))).toBe(code);
  });

  it('nothing of lists that are both turned round: they are a calibration too, of Y for X, and only their frames can tell', () => {
    const result = calibrateHandEye(
      hand,
      eye,
      { to: base, from: hand, poses: hands.map(invertedPose) },
      { to: eye, from: target, poses: targets.map(invertedPose) },
    );
    expect(apart(result.edge.matrix, r.y)).toBeLessThan(3);
    expect(apart(result.otherEdge.matrix, r.x)).toBeLessThan(3);
  });

  it('noise in degrees, and folds that are none', () => {
    const wrong = { hand: { positionSdMm: 0.1, rotationSdRad: 0.5 }, other: { positionSdMm: 0.1, rotationSdRad: 0.001 } };
    expect(codeOf(() => calibrateHandEye(hand, eye, r.baseFromHand, r.eyeFromTarget, { noise: wrong }))).toBe(
      'calibration/bad-option',
    );
    expect(codeOf(() => calibrateHandEye(hand, eye, r.baseFromHand, r.eyeFromTarget, { holdOut: 1 }))).toBe(
      'calibration/bad-option',
    );
  });

  it('lists of other frames, at compile time and at run time', () => {
    // @ts-expect-error eye-from-target is wanted, not target-from-eye.
    expect(codeOf(() => calibrateHandEye(hand, eye, r.baseFromHand, r.targetFromEye))).toBe('frame/mismatch');
    // @ts-expect-error the hand's poses come first.
    expect(codeOf(() => calibrateHandEye(hand, eye, r.eyeFromTarget, r.baseFromHand))).toBe('frame/mismatch');
  });
});
