import { frame, isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { describe, expect, it } from 'vitest';
import { registerPoints } from '../index.js';
import { localised, moved, pointsIn, randomPose } from '../testing/layouts.js';
import { estimatePose } from './estimate.js';
import { noiseModel } from './noise.js';
import { leaveOneOut, leftOutOf } from './residuals.js';

const ct = frame('ct');
const tracker = frame('tracker');
const SD = 0.3;

function scene(n: number): { readonly to: Float64Array[]; readonly from: Float64Array[] } {
  const random = new Random(n);
  const from = Array.from({ length: n }, () => Float64Array.from([80, 90, 70], (w) => random.between(-w, w)));
  return { from, to: localised(random, moved(randomPose(random), from), [SD, SD, SD]) };
}

describe('many pairs', () => {
  it.each([{}, { fleMm: SD * Math.sqrt(3) }])('what leaving one out would show is told from the fit of all (%j)', (known) => {
    const { to, from } = scene(150);
    const pairs = { to: flat(to), from: flat(from), noise: noiseModel(150, known) };
    pairs.to[9] = (pairs.to[9] as number) + 4;
    const weights = pairs.noise.weights.map((w, k) => (k === 5 ? 0 : w));
    const estimate = estimatePose(pairs, weights);
    for (let k = 0; k < 150; k += 1) {
      const exact = leaveOneOut(pairs, weights, k, 0);
      const near = leftOutOf(pairs, weights, estimate, k, 0);
      expect(Math.abs(near.leaveOneOutMm - exact.leaveOneOutMm)).toBeLessThan(1e-3);
      expect(near.leaveOneOutExpectedMm / exact.leaveOneOutExpectedMm).toBeCloseTo(1, 3);
      expect(Math.abs(near.zScore - exact.zScore)).toBeLessThan(0.02);
    }
  });

  it('do not cost the square of their number, and an outlier among them is named', () => {
    const { to, from } = scene(2000);
    to[7] = (to[7] as Float64Array).map((x) => x + 5);
    const started = performance.now();
    const result = registerPoints(ct, tracker, pointsIn(ct, to), pointsIn(tracker, from));
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(result.findings).toMatchObject([{ code: 'outlier', index: 7 }]);
  });

  it('beyond ten thousand are refused at once', () => {
    const { from } = scene(10_001);
    let code = '';
    try {
      registerPoints(ct, tracker, pointsIn(ct, from), pointsIn(tracker, from));
    } catch (error) {
      code = isNavError(error) ? error.code : String(error);
    }
    expect(code).toBe('registration/too-large');
  });
});

function flat(places: readonly ArrayLike<number>[]): Float64Array {
  return Float64Array.from(places.flatMap((p) => Array.from(p)));
}
