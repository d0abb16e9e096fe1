import { frame, isNavError } from '@trocar/core';
import { invertRigid, Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { type PivotRecording, type PivotScene, pivotRecording, posed, stylus, tracker, turn } from '../testing/poses.js';
import { calibratePivot, type PivotCalibration, type PivotOptions } from './pivot.js';
import type { CalibrationPose, PoseList } from './poses.js';

const tip = frame('tip');
const DEGREE = Math.PI / 180;
const seed = inject('seed');

type Result = PivotCalibration<'tracker', 'stylus', 'tip'>;
type List = PoseList<'tracker', 'stylus'>;

const usual: PivotScene = { count: 200, coneRad: 35 * DEGREE, positionSdMm: 0.2, rotationSdRad: 0.1 * DEGREE };

const recorded = (scene: Partial<PivotScene> = {}, shift = 0): PivotRecording =>
  pivotRecording(new Random(seed + shift), { ...usual, ...scene });

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...Array.from(a, (x, i) => x - (b[i] as number)));

const changed = (list: List, change: (pose: CalibrationPose, k: number) => CalibrationPose): List => ({
  ...list,
  poses: list.poses.map(change),
});

const still = (n: number, matrix: ArrayLike<number>): List => ({
  to: tracker,
  from: stylus,
  poses: Array.from({ length: n }, () => ({ matrix })),
});

function refusal(list: List, options: PivotOptions = {}): string {
  try {
    const result = calibratePivot(list, tip, options);
    return `not refused: ${result.outcome} ${result.findings.map((f) => f.code).join()}`;
  } catch (error) {
    if (isNavError(error)) return error.code;
    throw error;
  }
}

describe('a pivot calibration', () => {
  it.each(['none', 'huber'] as const)('finds tip and pivot of perfect poses (%s)', (robust) => {
    const { list, tip: truth, pivot } = recorded({ positionSdMm: 0, rotationSdRad: 0 });
    const result = calibratePivot(list, tip, { robust });
    expect(distance(result.tipMm, truth)).toBeLessThan(1e-6);
    expect(distance(result.pivotMm, pivot)).toBeLessThan(1e-6);
    expect(result.outcome).toBe('ok');
    expect(result.inliers).toHaveLength(200);
    expect(result.tip95Mm).toBeLessThan(1e-6);
  });

  it('says how well poses agree and how well the tip is known, and does not mix the two', () => {
    const { list, tip: truth } = recorded();
    const result = calibratePivot(list, tip);
    expect(result.outcome).toBe('ok');
    // √(3 σp² + 2 σr² 160²)
    const expected = Math.sqrt(3 * 0.2 ** 2 + 2 * (160 * 0.1 * DEGREE) ** 2);
    expect(result.rmsMm).toBeGreaterThan(0.85 * expected);
    expect(result.rmsMm).toBeLessThan(1.15 * expected);
    expect(result.meanMm).toBeLessThan(result.rmsMm);
    expect(result.maxMm).toBeGreaterThan(result.rmsMm);
    expect(result.tip95Mm).toBeLessThan(result.rmsMm / 2);
    expect(distance(result.tipMm, truth)).toBeLessThan(2 * result.tip95Mm);
    expect(result.noise.positionSdMm).toBeCloseTo(0.2, 1);
    expect(result.noise.rotationSdRad / DEGREE).toBeCloseTo(0.1, 1);
    expect(result.spread.coneRad / DEGREE).toBeCloseTo(35, -1);
  });

  it('gives the tip as a transform whose axes are the marker’s, with the tip’s covariance and no more', () => {
    const result = calibratePivot(recorded().list, tip, { inputs: 'sweep 1' });
    const { stylusFromTip } = result;
    expect(stylusFromTip.to.name).toBe('stylus');
    expect(stylusFromTip.from.name).toBe('tip');
    expect(Array.from(stylusFromTip.matrix).slice(12, 15)).toEqual(Array.from(result.tipMm));
    expect(Array.from(stylusFromTip.matrix).slice(0, 12)).toEqual([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
    expect(stylusFromTip.covariance?.[0]).toBe(result.tipCovariance[0]);
    expect(stylusFromTip.covariance?.[35]).toBe(0);
    expect(stylusFromTip.degreesOfFreedom).toBeLessThan(600);
    expect(stylusFromTip.provenance).toEqual({ method: 'pivot', inputs: 'sweep 1' });
  });

  it('does not depend on the order of the poses, nor on frames chosen for tracker and tool', () => {
    const { list } = recorded();
    const before = calibratePivot(list, tip, { robust: 'none' });
    const reversed = calibratePivot({ ...list, poses: list.poses.toReversed() }, tip, { robust: 'none' });
    expect(distance(before.tipMm, reversed.tipMm)).toBeLessThan(1e-7);
    // The tracker's frame turned by a quarter about z and moved: the tip stays, the pivot moves along.
    const moved = changed(list, (pose) => ({
      ...pose,
      matrix: after(posed(turn([0, 0, 1], Math.PI / 2), [10, 20, 30]), pose.matrix),
    }));
    const result = calibratePivot(moved, tip, { robust: 'none' });
    expect(distance(result.tipMm, before.tipMm)).toBeLessThan(1e-7);
    const [x, y, z] = before.pivotMm as unknown as [number, number, number];
    expect(distance(result.pivotMm, [10 - y, 20 + x, 30 + z])).toBeLessThan(1e-6);
  });

  it('knows tool-from-tracker from tracker-from-tool: the two exchange tip and pivot', () => {
    const { list, tip: truth, pivot } = recorded();
    const inverse = changed(list, (pose) => ({ ...pose, matrix: invertRigid(new Float64Array(16), pose.matrix) }));
    const result = calibratePivot(inverse, tip);
    expect(distance(result.pivotMm, truth)).toBeLessThan(0.5);
    expect(distance(result.tipMm, pivot)).toBeLessThan(3);
    expect(result.outcome).toBe('failed');
    expect(result.findings.map((f) => f.code)).toContain('far-tip');
  });
});

/** a · b. */
function after(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  const out = new Float64Array(16);
  for (let c = 0; c < 4; c += 1) {
    for (let r = 0; r < 4; r += 1) {
      for (let k = 0; k < 4; k += 1)
        out[4 * c + r] = (out[4 * c + r] as number) + (a[4 * k + r] as number) * (b[4 * c + k] as number);
    }
  }
  return out;
}

describe('poses that are wrong', () => {
  it('are found and left out, each as a whole', () => {
    const { list, spoilt, tip: truth } = recorded({ outlierShare: 0.2 });
    const result = calibratePivot(list, tip);
    expect(result.outcome).toBe('ok');
    const kept = new Set(result.inliers);
    const missed = spoilt.filter((bad, k) => bad && kept.has(k)).length;
    const lost = spoilt.filter((bad, k) => !bad && !kept.has(k)).length;
    expect(missed).toBeLessThanOrEqual(1);
    expect(lost).toBeLessThanOrEqual(2);
    expect(distance(result.tipMm, truth)).toBeLessThan(2 * result.tip95Mm);
    const plain = calibratePivot(list, tip, { robust: 'none' });
    expect(plain.outcome).toBe('failed');
    expect(plain.findings.map((f) => f.code)).toContain('poor-fit');
    expect(distance(plain.tipMm, truth)).toBeGreaterThan(3 * distance(result.tipMm, truth));
  });

  it('cost no more than a tenth of the accuracy that the good poses have by themselves, at 20 % gross errors', () => {
    let spoiltSquares = 0;
    let cleanSquares = 0;
    const random = new Random(seed);
    for (let trial = 0; trial < 40 * inject('effort'); trial += 1) {
      const {
        list,
        spoilt,
        tip: truth,
      } = pivotRecording(random, { ...usual, count: 120, coneRad: random.between(20, 50) * DEGREE, outlierShare: 0.2 });
      const clean = { ...list, poses: list.poses.filter((_, k) => spoilt[k] === false) };
      spoiltSquares += distance(calibratePivot(list, tip).tipMm, truth) ** 2;
      cleanSquares += distance(calibratePivot(clean, tip).tipMm, truth) ** 2;
    }
    expect(Math.sqrt(spoiltSquares / cleanSquares)).toBeLessThan(1.1);
  });

  it('are said to be too many where no more than half agree', () => {
    const { list } = recorded({ outlierShare: 0.75, outlierMm: 200 });
    const result = calibratePivot(list, tip);
    expect(result.outcome).toBe('failed');
  });

  it('that the device does not vouch for are not used', () => {
    const { list, tip: truth } = recorded();
    const shaky = changed(list, (pose, k) => {
      if (k % 3 !== 0) return pose;
      return {
        ...pose,
        status: k % 2 === 0 ? 'missing' : 'stale',
        matrix: k % 2 === 0 ? new Float64Array(16).fill(Number.NaN) : turn([1, 0, 0], 1),
      };
    });
    const result = calibratePivot(shaky, tip);
    expect(result.counts.hidden).toBe(67);
    expect(result.usable).not.toContain(3);
    expect(result.outcome).toBe('ok');
    expect(distance(result.tipMm, truth)).toBeLessThan(2 * result.tip95Mm);
  });

  it('that are copies of the one before are one measurement', () => {
    const { list } = recorded({ count: 100 });
    const doubled = { ...list, poses: list.poses.flatMap((pose) => [pose, pose]) };
    const [one, two] = [calibratePivot(list, tip), calibratePivot(doubled, tip)];
    expect(two.counts.repeated).toBe(100);
    expect(two.tip95Mm).toBeCloseTo(one.tip95Mm, 10);
  });
});

describe('a recording that cannot hold the answer is refused by name', () => {
  it.each<[string, () => List, string]>([
    ['nothing', () => still(0, turn([0, 0, 1], 0)), 'calibration/too-few-poses'],
    ['five poses', () => recorded({ count: 5 }).list, 'calibration/too-few-poses'],
    ['the identity throughout', () => still(200, turn([0, 0, 1], 0)), 'calibration/identity-poses'],
    ['one pose throughout', () => still(200, recorded().list.poses[0]?.matrix as Float64Array), 'calibration/motionless'],
    ['a tool held still, with noise', () => recorded({ coneRad: 0, spinRad: 0 }).list, 'calibration/motionless'],
    ['a cone of 5°', () => recorded({ coneRad: 5 * DEGREE }).list, 'calibration/narrow'],
    ['a cone of 5° without turning', () => recorded({ coneRad: 5 * DEGREE, spinRad: 0 }).list, 'calibration/narrow'],
    ['a cone of 5° with gross errors', () => recorded({ coneRad: 5 * DEGREE, outlierShare: 0.2 }).list, 'calibration/narrow'],
    ['turning about the shaft alone', () => recorded({ coneRad: 0 }).list, 'calibration/narrow'],
    ['swinging in one plane', planar, 'calibration/narrow'],
    [
      'positions without orientations',
      () => changed(recorded().list, (p) => ({ ...p, matrix: posed(turn([1, 2, 3], 0.3), Array.from(p.matrix).slice(12, 15)) })),
      'calibration/narrow',
    ],
    ['a marker never seen', () => changed(recorded().list, (p) => ({ ...p, status: 'missing' })), 'calibration/hidden'],
    [
      'a marker mostly hidden',
      () => changed(recorded().list, (p, k) => ({ ...p, status: k % 5 === 0 ? 'ok' : 'missing' })),
      'calibration/hidden',
    ],
    ['a protocol that does not tell', () => changed(recorded().list, (p) => ({ ...p, status: 'unknown' })), 'calibration/hidden'],
    ['metres', () => scaled(1e-3), 'calibration/units'],
    ['micrometres', () => scaled(1e3), 'calibration/units'],
    [
      'a scale of 1 %',
      () => changed(recorded().list, (p) => ({ ...p, matrix: Float64Array.from(p.matrix, (x, i) => (i < 12 ? 1.01 * x : x)) })),
      'calibration/not-rigid',
    ],
    [
      'a mirror',
      () => changed(recorded().list, (p) => ({ ...p, matrix: Float64Array.from(p.matrix, (x, i) => (i < 4 ? -x : x)) })),
      'calibration/not-rigid',
    ],
    [
      'matrices row by row',
      () => changed(recorded().list, (p) => ({ ...p, matrix: transposed(p.matrix) })),
      'calibration/not-rigid',
    ],
    [
      'not a number',
      () => changed(recorded().list, (p, k) => (k === 7 ? { ...p, matrix: new Float64Array(16).fill(Number.NaN) } : p)),
      'calibration/not-finite',
    ],
    ['another tool', () => changed(recorded().list, (p) => ({ ...p, from: frame('probe') })), 'frame/mismatch'],
  ])('%s', (_, list, code) => {
    expect(refusal(list())).toBe(code);
    expect(refusal(list(), { robust: 'none' })).toBe(code);
  });

  it('and an option that is none', () => {
    expect(refusal(recorded().list, { maxRmsMm: -1 })).toBe('calibration/bad-option');
    expect(refusal(recorded().list, { noise: { positionSdMm: 0.1, rotationSdRad: Number.NaN } })).toBe('calibration/bad-option');
  });

  it('but not where the caller vouches for a protocol that does not tell', () => {
    const untold = changed(recorded().list, (p) => ({ ...p, status: 'unknown' }));
    expect(calibratePivot(untold, tip, { acceptUnknown: true }).outcome).toBe('ok');
  });
});

const transposed = (m: ArrayLike<number>): Float64Array =>
  Float64Array.from({ length: 16 }, (_, i) => m[4 * (i % 4) + Math.floor(i / 4)] as number);

const scaled = (by: number): List =>
  changed(recorded().list, (p) => ({ ...p, matrix: Float64Array.from(p.matrix, (x, i) => (i >= 12 && i < 15 ? by * x : x)) }));

/** Forwards and backwards by 40°, 1° of noise to the side. */
function planar(): List {
  const random = new Random(seed);
  const poses = Array.from({ length: 200 }, (_, k) => {
    const wobble = turn([0, 1, 0], 0.5 * DEGREE * random.normal());
    const rotation = after(turn([1, 0, 0], 40 * DEGREE * Math.sin(k / 10)), wobble);
    const at = after(rotation, posed(turn([1, 0, 0], 0), [0, 0, 150]));
    return { matrix: posed(rotation, [100 - (at[12] as number), 50 - (at[13] as number), -900 - (at[14] as number)]) };
  });
  return { to: tracker, from: stylus, poses };
}

describe('a result that its own checks do not trust', () => {
  const codes = (list: List, options: PivotOptions = {}): string[] => {
    const result: Result = calibratePivot(list, tip, options);
    expect(result.outcome).toBe(result.findings.length === 0 ? 'ok' : 'failed');
    return result.findings.map((f) => f.code);
  };

  it('says that the tip slid', () => {
    const smooth = { count: 600, posesPerMove: 30 };
    for (let trial = 0; trial < 5; trial += 1) {
      expect(codes(recorded({ ...smooth, slideMm: 1 }, trial).list)).toContain('tip-moved');
      expect(codes(recorded(smooth, trial).list)).not.toContain('tip-moved');
    }
  });

  it('says that the tip stood elsewhere for a part of the time, and when', () => {
    const { list } = recorded({ count: 300 });
    const hopped = changed(list, (p, k) =>
      k < 240 ? p : { ...p, matrix: Float64Array.from(p.matrix, (x, i) => (i === 12 ? x + 6 : x)) },
    );
    const result = calibratePivot(hopped, tip);
    const finding = result.findings.find((f) => f.code === 'tip-moved');
    expect(finding?.index).toBe(240);
    expect(finding?.message).toContain('6.0 mm');
  });

  it('says that rotations are the wrong way round', () => {
    const wrong = changed(recorded().list, (p) => ({
      ...p,
      matrix: posed(invertRigid(new Float64Array(16), posed(p.matrix, [0, 0, 0])), Array.from(p.matrix).slice(12, 15)),
    }));
    expect(codes(wrong)).toContain('poor-fit');
  });

  it('says that misfits are larger than the stated noise allows', () => {
    const noise = { positionSdMm: 0.2, rotationSdRad: 0.1 * DEGREE };
    expect(codes(recorded().list, { noise })).toEqual([]);
    expect(codes(recorded().list, { noise: { ...noise, positionSdMm: 0.05, rotationSdRad: 0 } })).toContain('poor-fit');
  });

  it('says that the tip is less well known than the limit', () => {
    expect(codes(recorded({ count: 8, positionSdMm: 0.6 }).list, { maxTip95Mm: 0.2 })).toContain('uncertain');
  });
});
