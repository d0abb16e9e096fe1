import { apply, frame, isNavError, type NavErrorCode, point } from '@trocar/core';
import { multiply4, Random, transformPoint } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { registerAffine, registerPoints, registerSimilarity } from '../index.js';
import { headLayout, localised, moved, pointsIn, randomPose } from '../testing/layouts.js';
import { fitModel } from './model-fit.js';
import { affine, similarity } from './models.js';
import { noiseModel } from './noise.js';

const ct = frame('ct');
const us = frame('us');

function refused(code: NavErrorCode, doing: () => unknown): void {
  expect(doing).toThrowError(expect.toSatisfy((e) => isNavError(e, code)));
}

/** A rigid motion after a linear map about the origin, column-major. */
function distorted(random: Random, linear: readonly number[]): Float64Array {
  const first = Float64Array.from([...linear.slice(0, 3), 0, ...linear.slice(3, 6), 0, ...linear.slice(6, 9), 0, 0, 0, 0, 1]);
  return multiply4(new Float64Array(16), randomPose(random), first);
}

const uniform = (s: number): number[] => [s, 0, 0, 0, s, 0, 0, 0, s];
const sheared = [1.03, 0.01, -0.02, 0.015, 0.97, 0.01, 0, 0.02, 1.01];

const methods = [
  ['similarity', registerSimilarity, uniform(1.03), similarity],
  ['affine', registerAffine, sheared, affine],
] as const;

describe.each(methods)('%s', (name, register, linear, model) => {
  it('recovers an exact map, and moves with either side', () => {
    for (let seed = 0; seed < 30; seed += 1) {
      const random = new Random(seed);
      const from = headLayout(random, 5 + random.below(6));
      const truth = distorted(random, linear);
      const result = register(ct, us, pointsIn(ct, moved(truth, from)), pointsIn(us, from));
      for (let i = 0; i < 16; i += 1) expect(result.map.matrix[i]).toBeCloseTo(truth[i] as number, 8);
      expect(result.freMm).toBeLessThan(1e-8);
      expect(result.outcome).toBe('ok');
    }
  });

  it.each([
    ['isotropic', false],
    ['anisotropic on both sides, maximum likelihood', true],
  ])('%s: predicts the error at a target within 3 per cent of simulation', (_, anisotropic) => {
    const random = new Random(5);
    const from = headLayout(random, 7);
    const truth = distorted(random, linear);
    const to = moved(truth, from);
    const [sdTo, sdFrom] = anisotropic
      ? [
          [0.2, 0.3, 1],
          [0.5, 0.1, 0.1],
        ]
      : [
          [0.4, 0.4, 0.4],
          [0, 0, 0],
        ];
    const diagonal = (sd: readonly number[]): number[] =>
      [0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => (i === j ? (sd[i] as number) ** 2 : 0)));
    const options = anisotropic
      ? { covariances: { to: Array(7).fill(diagonal(sdTo as number[])), from: Array(7).fill(diagonal(sdFrom as number[])) } }
      : { fleMm: 0.4 * Math.sqrt(3) };
    const target = [30, -20, 10];
    const seen = transformPoint(new Float64Array(3), truth, target);
    const predicted = register(ct, us, pointsIn(ct, to), pointsIn(us, from), options).expectedTre(point(ct, seen));
    const runs = anisotropic ? 4000 : 10_000;
    const noise = noiseModel(7, options);
    const flat = (p: readonly ArrayLike<number>[]): Float64Array => Float64Array.from(p.flatMap((q) => Array.from(q)));
    let squares = 0;
    let covered = 0;
    for (let run = 0; run < runs; run += 1) {
      const pairs = {
        to: flat(localised(random, to, sdTo as number[])),
        from: flat(localised(random, from, sdFrom as number[])),
        noise,
      };
      const shown = transformPoint(new Float64Array(3), fitModel(pairs, noise.weights, model).matrix, target);
      const error = Math.hypot(...seen.map((x, i) => x - (shown[i] as number)));
      squares += error * error;
      if (error <= predicted.p95Mm) covered += 1;
    }
    expect(Math.abs(predicted.rmsMm / Math.sqrt(squares / runs) - 1)).toBeLessThan(0.03);
    expect(covered / runs).toBeGreaterThan(0.93);
    expect(covered / runs).toBeLessThan(0.97);
  });

  it('the bound covers where the noise level is estimated, too', () => {
    const random = new Random(9);
    const runs = Math.min(20_000, 1500 * inject('effort'));
    let covered = 0;
    for (let run = 0; run < runs; run += 1) {
      const from = headLayout(random, 6);
      const truth = distorted(random, linear);
      const result = register(ct, us, pointsIn(ct, localised(random, moved(truth, from), [0.4, 0.4, 0.4])), pointsIn(us, from));
      const target = [0, 0, 0].map(() => random.between(-60, 60));
      const seen = point(ct, transformPoint(new Float64Array(3), truth, target));
      const shown = apply(result.map, point(us, target)).xyz;
      const error = Math.hypot(...[0, 1, 2].map((i) => (seen.xyz[i] as number) - (shown[i] as number)));
      if (error <= result.expectedTre(seen).p95Mm) covered += 1;
    }
    expect(covered / runs).toBeGreaterThan(0.93);
    expect(covered / runs).toBeLessThan(0.97);
  });

  it('finds the one wrong point, and its scale has the spread it claims', () => {
    const random = new Random(3);
    const from = headLayout(random, 9);
    const truth = distorted(random, linear);
    const scales: number[] = [];
    let claimed = 0;
    for (let run = 0; run < 400; run += 1) {
      const to = localised(random, moved(truth, from), [0.3, 0.3, 0.3]);
      const result = register(ct, us, pointsIn(ct, to), pointsIn(us, from), { fleMm: 0.3 * Math.sqrt(3) });
      scales.push(result.scale);
      claimed += result.scaleSd ** 2 / 400;
      if (run > 0) continue;
      (to[4] as Float64Array)[1] = ((to[4] as Float64Array)[1] as number) + 6;
      const wrong = register(ct, us, pointsIn(ct, to), pointsIn(us, from));
      expect(wrong.findings.find((f) => f.code === 'outlier')?.index).toBe(4);
    }
    const mean = scales.reduce((a, b) => a + b, 0) / scales.length;
    const variance = scales.reduce((a, b) => a + (b - mean) ** 2, 0) / (scales.length - 1);
    expect(mean).toBeCloseTo(name === 'similarity' ? 1.03 : Math.cbrt(determinant(sheared)), 3);
    expect(Math.abs(variance / claimed - 1)).toBeLessThan(0.25);
  });

  it('refuses what is no such map', () => {
    const random = new Random(1);
    const from = headLayout(random, 8);
    const by = (s: number[]): ReturnType<typeof pointsIn<'ct'>> => pointsIn(ct, moved(distorted(random, s), from));
    refused('registration/scale', () => register(ct, us, by(uniform(1.2)), pointsIn(us, from)));
    refused('registration/scale', () => register(ct, us, by(uniform(0.85)), pointsIn(us, from)));
    expect(register(ct, us, by(uniform(1.2)), pointsIn(us, from), { scaleLimits: [0.5, 2] }).scale).toBeCloseTo(1.2, 9);
    refused('registration/units', () => register(ct, us, by(uniform(0.001)), pointsIn(us, from)));
    refused('registration/mirrored', () => register(ct, us, by([-1, 0, 0, 0, 1, 0, 0, 0, 1]), pointsIn(us, from)));
    refused('registration/bad-option', () => register(ct, us, by(uniform(1)), pointsIn(us, from), { scaleLimits: [2, 1] }));
    refused('registration/too-few-points', () => register(ct, us, by(uniform(1)).slice(0, 2), pointsIn(us, from.slice(0, 2))));
    refused('registration/count-mismatch', () => register(ct, us, by(uniform(1)).slice(0, 6), pointsIn(us, from)));
    const swapped = [1, 0, 2, 3, 4, 5, 6, 7].map((k) => from[k] as Float64Array);
    refused('registration/swapped', () => register(ct, us, by(uniform(1.01)), pointsIn(us, swapped)));
  });
});

function determinant(l: readonly number[]): number {
  const [a, b, c, d, e, f, g, h, i] = l as [number, number, number, number, number, number, number, number, number];
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

describe('which to choose', () => {
  it('points in a plane fix a similarity but no affine map', () => {
    const random = new Random(2);
    const flat = headLayout(random, 7).map((p) => Float64Array.of(p[0] as number, p[1] as number, 0));
    const to = localised(random, moved(distorted(random, uniform(1.02)), flat), [0.1, 0.1, 0.1]);
    expect(registerSimilarity(ct, us, pointsIn(ct, to), pointsIn(us, flat)).scale).toBeCloseTo(1.02, 2);
    refused('registration/coplanar', () => registerAffine(ct, us, pointsIn(ct, to), pointsIn(us, flat)));
  });

  it('four points have an affine map and no way to tell its error', () => {
    const random = new Random(4);
    const from = headLayout(random, 4);
    const to = localised(random, moved(randomPose(random), from), [0.1, 0.1, 0.1]);
    const untold = registerAffine(ct, us, pointsIn(ct, to), pointsIn(us, from)).expectedTre(point(ct, [0, 0, 0]));
    expect(untold.p95Mm).toBeNaN();
    const told = registerAffine(ct, us, pointsIn(ct, to), pointsIn(us, from), { fleMm: 0.17 }).expectedTre(point(ct, [0, 0, 0]));
    expect(told.p95Mm).toBeGreaterThan(0.1);
  });

  it('where there is no scale, a rigid motion has the smaller error', () => {
    const random = new Random(6);
    const from = headLayout(random, 6);
    const to = moved(randomPose(random), from);
    const at = point(ct, transformPoint(new Float64Array(3), randomPose(random), [0, 0, 0]));
    const options = { fleMm: 0.5 };
    const rigid = registerPoints(ct, us, pointsIn(ct, to), pointsIn(us, from), options).expectedTre(at).rmsMm;
    const scaled = registerSimilarity(ct, us, pointsIn(ct, to), pointsIn(us, from), options).expectedTre(at).rmsMm;
    const any = registerAffine(ct, us, pointsIn(ct, to), pointsIn(us, from), options).expectedTre(at).rmsMm;
    expect(rigid).toBeLessThan(scaled);
    expect(scaled).toBeLessThan(any);
  });
});
