import { frame, isNavError } from '@trocar/core';
import { multiply4, Random, symmetricEigen } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { direction, observed, type PivotScene, pivotRecording, posed, stylus, tracker, turn } from '../testing/poses.js';
import { calibratePivot } from './pivot.js';
import type { CalibrationPose, PoseList } from './poses.js';
import { calibrateSpin } from './spin.js';

/** What established tools do wrong in these calibrations, and that ours does not. The peers' rules are re-stated here, small. */

const DEGREE = Math.PI / 180;
const seed = inject('seed');
const tip = frame('tip');
const scene: PivotScene = { count: 200, coneRad: 30 * DEGREE, positionSdMm: 0.25 };

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...Array.from(a, (x, i) => x - (b[i] as number)));

describe('IGSIO, PLUS and SlicerIGT pivot', () => {
  it('judge x, y and z of one pose separately; here a pose that is wrong in x alone is left out as a whole', () => {
    const { list, tip: truth } = pivotRecording(new Random(seed), scene);
    const wrong = (k: number): boolean => k % 7 === 3;
    const poses = list.poses.map(
      (p, k): CalibrationPose => (wrong(k) ? { ...p, matrix: Float64Array.from(p.matrix, (x, i) => (i === 12 ? x + 4 : x)) } : p),
    );
    const result = calibratePivot({ ...list, poses }, tip);
    expect(result.inliers.some(wrong)).toBe(false);
    expect(distance(result.tipMm, truth)).toBeLessThan(1.5 * result.tip95Mm);
  });

  it('show the mean distance as the error; here the error of the tip is another figure, which knows count and cone', () => {
    const of = (change: Partial<PivotScene>): { tip95Mm: number; meanMm: number } =>
      calibratePivot(pivotRecording(new Random(seed), { ...scene, ...change }).list, tip);
    const [usual, many, narrow] = [of({}), of({ count: 1800 }), of({ coneRad: 12 * DEGREE })];
    for (const other of [many, narrow]) expect(Math.abs(other.meanMm / usual.meanMm - 1)).toBeLessThan(0.15);
    expect(usual.tip95Mm / many.tip95Mm).toBeGreaterThan(2.3);
    expect(narrow.tip95Mm / usual.tip95Mm).toBeGreaterThan(1.8);
  });

  it('accept the identity; here it is refused', () => {
    const poses = Array.from({ length: 100 }, () => ({ matrix: posed(turn([0, 0, 1], 0), [0, 0, 0]) }));
    let refused: unknown;
    try {
      calibratePivot({ to: tracker, from: stylus, poses }, tip, { robust: 'none' });
    } catch (error) {
      refused = error;
    }
    expect(isNavError(refused, 'calibration/identity-poses')).toBe(true);
  });
});

describe('scikit-surgery pivot', () => {
  it('tries ten random samples; here 40 % gross errors are survived every time', () => {
    const random = new Random(seed);
    // Ten triples at 40 % are all spoilt with probability (1 − 0.6³)¹⁰ = 9 %: three failures in 30, if they are well spread at all.
    for (let trial = 0; trial < 30; trial += 1) {
      const { list, tip: truth } = pivotRecording(random, { ...scene, outlierShare: 0.4 });
      const result = calibratePivot(list, tip);
      expect(distance(result.tipMm, truth)).toBeLessThan(3 * result.tip95Mm);
    }
  });

  it('gives figures that cannot be compared between methods; here each has one definition', () => {
    const { list } = pivotRecording(new Random(seed), scene);
    const [plain, robust] = [calibratePivot(list, tip, { robust: 'none' }), calibratePivot(list, tip)];
    expect(plain.rmsMm / robust.rmsMm).toBeCloseTo(1, 1);
    for (const { rmsMm, residualsMm, inliers, usable } of [plain, robust]) {
      const used = residualsMm.filter((_, n) => inliers.includes(usable[n] as number));
      expect(rmsMm).toBeCloseTo(Math.sqrt(used.reduce((sum, r) => sum + r * r, 0) / used.length), 12);
    }
  });
});

/** The smallest eigenvector of Σ (R_rel − I)ᵀ(R_rel − I) over consecutive poses. */
function consecutiveAxis(list: PoseList<'tracker', 'stylus'>): number[] {
  const sum = new Float64Array(9);
  for (let k = 1; k < list.poses.length; k += 1) {
    const [a, b] = [list.poses[k - 1]?.matrix, list.poses[k]?.matrix] as [Float64Array, Float64Array];
    // |(R_aᵀR_b − I) v|² = 2 vᵀ(I − sym(R_aᵀR_b)) v
    for (let i = 0; i < 3; i += 1) {
      for (let j = 0; j < 3; j += 1) {
        let relative = 0;
        for (let r = 0; r < 3; r += 1)
          relative += (a[4 * i + r] as number) * (b[4 * j + r] as number) + (a[4 * j + r] as number) * (b[4 * i + r] as number);
        sum[3 * i + j] = (sum[3 * i + j] as number) + (i === j ? 2 : 0) - relative;
      }
    }
  }
  const { vectors } = symmetricEigen(sum, 3);
  return [2, 5, 8].map((i) => vectors[i] as number);
}

describe('IGSIO spin', () => {
  it('uses consecutive poses; here all pairs count, and a slow spin at 60 Hz is no trouble', () => {
    const random = new Random(seed);
    const errors: [number, number][] = [];
    for (let trial = 0; trial < 20; trial += 1) {
      const axis = direction(random);
      const main = turn(direction(random), 1);
      const poses = Array.from({ length: 600 }, (_, k) => {
        const truth = multiply4(new Float64Array(16), main, turn(axis, (k / 600) * 2 * Math.PI));
        return {
          matrix: observed(
            truth,
            [0, 0, 0],
            [0, 1, 2].map(() => 0.3 * DEGREE * random.normal()),
          ),
        };
      });
      const list = { to: tracker, from: stylus, poses };
      const sine = (v: ArrayLike<number>): number =>
        Math.sqrt(Math.max(0, 1 - [0, 1, 2].reduce((s, i) => s + (v[i] as number) * axis[i as 0], 0) ** 2));
      const result = calibrateSpin(list);
      errors.push([sine(result.axis), sine(consecutiveAxis(list))]);
      expect(Math.asin(sine(result.axis)) / DEGREE).toBeLessThan(3 * result.axis95Deg);
    }
    const rms = (which: 0 | 1): number => Math.sqrt(errors.reduce((s, e) => s + e[which] ** 2, 0) / errors.length);
    expect(rms(1)).toBeGreaterThan(10 * rms(0));
  });
});
