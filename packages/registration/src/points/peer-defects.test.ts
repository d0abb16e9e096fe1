import { frame, isNavError, point } from '@trocar/core';
import { Random, symmetricEigen, transformPoint } from '@trocar/core/math';
import { describe, expect, it } from 'vitest';
import { matchPoints, registerPoints } from '../index.js';
import { headLayout, localised, moved, pointsIn, randomPose } from '../testing/layouts.js';
import { fitRigid } from './rigid-fit.js';

/** Defects of other programs, each with a test that ours does not share it and would be noticed if it did. */

const image = frame('image');
const tracker = frame('tracker');

describe('scikit-surgerycore: the principal axes are taken from the ROWS of a matrix of column eigenvectors', () => {
  const places = [
    [10, 5, 5],
    [90, 65, -20],
    [50, 62, 40],
    [120, 95, 25],
    [-30, -20, 18],
  ].map((p) => Float64Array.from(p));
  const target = [90, -40, 50];
  const FLE = 1;

  /** Fitzpatrick 1998, eq. 46, with the principal axes taken as columns or, as there, as rows. */
  function closedForm(columns: boolean): number {
    const n = places.length;
    const mean = [0, 1, 2].map((i) => places.reduce((s, p) => s + (p[i] as number), 0) / n);
    const centred = places.map((p) => p.map((x, i) => x - (mean[i] as number)));
    const scatter = Array.from({ length: 9 }, (_, m) =>
      centred.reduce((s, p) => s + (p[Math.floor(m / 3)] as number) * (p[m % 3] as number), 0),
    );
    const { vectors } = symmetricEigen(scatter, 3);
    const along = (p: ArrayLike<number>, k: number): number =>
      [0, 1, 2].reduce((s, i) => s + (p[i] as number) * (vectors[columns ? 3 * i + k : 3 * k + i] as number), 0);
    const away = (p: ArrayLike<number>, k: number): number =>
      [0, 1, 2].reduce((s, i) => s + (p[i] as number) ** 2, 0) - along(p, k) ** 2;
    const r = target.map((x, i) => x - (mean[i] as number));
    const ratios = [0, 1, 2].reduce((s, k) => s + away(r, k) / (centred.reduce((t, p) => t + away(p, k), 0) / n), 0);
    return FLE * Math.sqrt((1 / n) * (1 + ratios / 3));
  }

  it('ours is what Monte Carlo finds; rows would be noticed', () => {
    const random = new Random(17);
    const runs = 20_000;
    const flat = (p: readonly ArrayLike<number>[]): Float64Array => Float64Array.from(p.flatMap((q) => Array.from(q)));
    const from = flat(places);
    let squares = 0;
    for (let run = 0; run < runs; run += 1) {
      const to = flat(localised(random, places, [FLE / Math.sqrt(3), FLE / Math.sqrt(3), FLE / Math.sqrt(3)]));
      const shown = transformPoint(new Float64Array(3), fitRigid(to, from, new Float64Array(5).fill(1)).matrix, target);
      squares += target.reduce((s, x, i) => s + (x - (shown[i] as number)) ** 2, 0);
    }
    const simulated = Math.sqrt(squares / runs);
    const ours = registerPoints(image, tracker, pointsIn(image, places), pointsIn(tracker, places), { fleMm: FLE }).expectedTre(
      point(image, target),
    ).rmsMm;
    console.log(`TRE ours ${ours.toFixed(3)}, simulated ${simulated.toFixed(3)}, by rows ${closedForm(false).toFixed(3)}`);
    expect(Math.abs(ours / simulated - 1)).toBeLessThan(0.015);
    expect(ours).toBeCloseTo(closedForm(true), 3);
    expect(Math.abs(closedForm(false) / simulated - 1)).toBeGreaterThan(0.03);
  });
});

describe('SlicerIGT’s fiducial registration wizard', () => {
  it('judges collinearity by an absolute limit: ours is the same in any unit of length', () => {
    const line = [0, 30, 70, 120].map((x) => Float64Array.of(x, 0.05 * x, (x % 7) * 0.02));
    const triangle = [
      [0, 0, 0],
      [50, 0, 0],
      [0, 40, 0],
      [20, 20, 30],
    ].map((p) => Float64Array.from(p));
    const random = new Random(1);
    for (const size of [1e-3, 1, 1e3]) {
      const scaled = (p: readonly Float64Array[]): Float64Array[] => p.map((q) => q.map((x) => x * size));
      const register = (p: readonly Float64Array[]): unknown =>
        registerPoints(
          image,
          tracker,
          pointsIn(image, moved(randomPose(random, 100 * size), scaled(p))),
          pointsIn(tracker, scaled(p)),
        );
      expect(() => register(line)).toThrowError(expect.toSatisfy((e) => isNavError(e, 'registration/collinear')));
      expect(register(triangle)).toBeDefined();
    }
  });

  it('matches points within a tenth of the largest distance: ours by the localisation error', () => {
    // A layout 150 mm wide, and another that differs by 8 mm at two points: within 15 mm, and yet not the same object.
    const random = new Random(2);
    const places = [
      [0, 0, 0],
      [150, 0, 0],
      [40, 90, 0],
      [110, 50, 60],
      [20, 30, 80],
    ].map((p) => Float64Array.from(p));
    const other = places.map((p, k) => p.map((x, i) => (k >= 3 && i === 0 ? x + 8 : x)));
    const to = localised(random, moved(randomPose(random), places), [0.3, 0.3, 0.3]);
    const right = matchPoints(image, tracker, pointsIn(image, to), pointsIn(tracker, places), { fleMm: 0.52 });
    expect(right.outcome).toBe('ok');
    const wrong = matchPoints(image, tracker, pointsIn(image, to), pointsIn(tracker, other), { fleMm: 0.52 });
    expect(wrong.outcome).not.toBe('ok');
    expect(wrong.pairs.length).toBeLessThan(5);
  });

  it('shows one RMS: ours has a residual and its usual size for each pair, and does not call a small RMS accurate', () => {
    const random = new Random(3);
    const far = [
      [0, 0, 0],
      [30, 0, 0],
      [0, 30, 0],
      [30, 30, 5],
    ].map((p) => Float64Array.from(p));
    const to = localised(random, moved(randomPose(random), far), [0.3, 0.3, 0.3]);
    const result = registerPoints(image, tracker, pointsIn(image, to), pointsIn(tracker, far), { fleMm: 0.52 });
    const distant = point(image, transformPoint(new Float64Array(3), result.edge.matrix, [15, 15, 250]));
    expect(result.freMm).toBeLessThan(0.6);
    expect(result.expectedTre(distant).p95Mm).toBeGreaterThan(4 * result.freMm);
    for (const r of result.residuals) {
      expect(r.expectedMm).toBeGreaterThan(0);
      expect(r.zScore).toBeGreaterThanOrEqual(0);
    }
  });

  it('would take a small RMS for health although a point is wrong: ours names the point', () => {
    const random = new Random(4);
    const places = headLayout(random, 10);
    const to = localised(random, moved(randomPose(random), places), [0.2, 0.2, 0.2]);
    to[6] = (to[6] as Float64Array).map((x, i) => x + (i === 0 ? 3 : 0));
    const result = registerPoints(image, tracker, pointsIn(image, to), pointsIn(tracker, places));
    expect(result.freMm).toBeLessThan(1.2);
    expect(result.findings.find((f) => f.code === 'outlier')?.index).toBe(6);
  });
});
