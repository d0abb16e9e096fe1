import { point } from '@trocar/core';
import { describe, expect, inject, it } from 'vitest';
import { deformedPair } from '../testing/deformations.js';
import { ct, mr, through } from '../testing/phantoms.js';
import { type DeformationShape, linearStart, shapeOf } from './deformation-checks.js';
import { affineParameterMap } from './elastix-transform.js';
import { type DeformationEvidence, deformationFindings } from './findings.js';
import { deformation, type ParameterMap, registerImages } from './index.js';

/** Whole registrations, on machines that may be busy. */
const PATIENCE_MS = 240_000;

/** A registration takes some ten seconds of processor time: an ordinary run does every second one. */
const ordinary = <T>(cases: readonly T[]): readonly T[] => (inject('effort') > 1 ? cases : cases.filter((_, n) => n % 2 === 0));

describe('a B-spline registration against truth', { timeout: PATIENCE_MS }, () => {
  it.each(
    ordinary([
      { body: 'head', seed: 1 },
      { body: 'abdomen', seed: 1 },
    ] as const),
  )('$body that is only moved: right to 0.3 mm, whatever became of the B-spline', async ({ body, seed }) => {
    const pair = deformedPair(body, 'none', seed);
    const found = await registerImages(pair.fixed, pair.moving, { kind: 'bspline' });
    const { mean } = pair.errorsOf((p) => found.deformation.apply(point(ct, p)).xyz);
    const linear = pair.errorsOf((p) => through(found.linearMovingFromFixed, p)).mean;
    const codes = found.findings.map((f) => f.code);
    console.log(`${body}, moved: linear ${linear.toFixed(2)}, B-spline ${mean.toFixed(2)} mm mean; ${found.outcome} (${codes})`);
    expect(mean).toBeLessThan(0.3);
    expect(linear).toBeLessThan(0.3);
    expect(found.deformed).toBe(found.outcome === 'ok');
  });

  it.each(
    ordinary([
      { body: 'head', family: 'bumps', seed: 3, shown: true },
      { body: 'head', family: 'bend', seed: 3, shown: true },
      // Small displacements in organs without texture: images do not show them, and that is what must be said.
      { body: 'abdomen', family: 'bumps', seed: 2, shown: false },
      { body: 'abdomen', family: 'bend', seed: 3, shown: true },
    ] as const),
  )('$body with $family, seed $seed: beats affine and its own start, or is flagged', async ({ body, family, seed, shown }) => {
    const pair = deformedPair(body, family, seed);
    const affine = await registerImages(pair.fixed, pair.moving, { kind: 'affine' });
    const found = await registerImages(pair.fixed, pair.moving, { kind: 'bspline' });
    const means = [
      pair.errorsOf((p) => through(found.linearMovingFromFixed, p)).mean,
      pair.errorsOf((p) => through(affine.movingFromFixed, p)).mean,
      pair.errorsOf((p) => found.deformation.apply(point(ct, p)).xyz).mean,
    ] as const;
    console.log(
      `${body}, ${family} ${seed}: rigid, affine, B-spline ${means.map((m) => m.toFixed(2))} mm mean; ${found.outcome}`,
    );
    if (shown) expect(means[2]).toBeLessThan(Math.min(means[0], means[1]));
    else expect(means[2]).toBeCloseTo(means[0], 6);
    expect(found.deformed).toBe(shown);
    expect(found.outcome).toBe(shown ? 'ok' : 'failed');
    expect(found.shape.leastVolumeRatio).toBeGreaterThan(0.5);
    expect(found.linear.mutualInformation).toBeLessThan(found.after.mutualInformation);
  });
});

/** A B-spline of 8 × 8 × 8 control points, 20 mm apart, over 0 … 100 mm, all coefficients 0 but for one along x. */
function spline(mm: number): ParameterMap {
  const coefficients = Array.from({ length: 3 * 512 }, () => '0');
  coefficients[3 + 8 * (3 + 8 * 3)] = String(mm);
  return {
    Transform: ['BSplineTransform'],
    BSplineTransformSplineOrder: ['3'],
    TransformParameters: coefficients,
    GridSize: ['8', '8', '8'],
    GridSpacing: ['20', '20', '20'],
    GridOrigin: ['-20', '-20', '-20'],
  };
}

describe('what a deformation is judged by', () => {
  const image = {
    values: new Float32Array(0),
    size: [101, 101, 101] as const,
    frameFromIndex: Float64Array.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]),
  };
  /** Twice as large, and moved: none of it is the deformation's. */
  const scaled = affineParameterMap([2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, -50, -50, -50, 1]);
  const shapeWith = (...maps: ParameterMap[]): DeformationShape => shapeOf(image, maps, deformation(mr, ct, maps).map);

  it('counts only what goes beyond the linear start', () => {
    const none = shapeWith(scaled);
    expect(none.leastVolumeRatio).toBeCloseTo(1, 9);
    expect(none.greatestVolumeRatio).toBeCloseTo(1, 9);
    expect([none.foldedShare, none.largestMm]).toEqual([0, 0]);
    expect(Array.from(linearStart([spline(1), scaled]))).toEqual([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  });

  it('sees a displacement’s size, squeezing and swelling, on both sides alike', () => {
    const shape = shapeWith(spline(9));
    // A control point's peak is (2/3)³ of its coefficient; the lattice misses it by up to a quarter of a grid step along each axis.
    expect(shape.largestMm).toBeGreaterThan(0.7 * 9 * (2 / 3) ** 3);
    expect(shape.largestMm).toBeLessThanOrEqual(9 * (2 / 3) ** 3);
    // The steepest slope of a cubic B-spline is 2/3 of its height a grid step: 9 · 2/3 · (2/3)² / 20 mm.
    expect(shape.greatestVolumeRatio).toBeLessThanOrEqual(1 + (9 * (2 / 3) ** 3) / 20);
    expect(shape.greatestVolumeRatio - 1).toBeGreaterThan(0.06);
    expect(1 - shape.leastVolumeRatio).toBeGreaterThan(0.06);
    expect(shape.foldedShare).toBe(0);
  });

  it('finds folds', () => {
    // From here on the slope passes −1: 20 / (2/3)³ = 67.5 mm.
    expect(shapeWith(spline(150)).foldedShare).toBeGreaterThan(0);
    expect(shapeWith(spline(50)).foldedShare).toBe(0);
  });

  const fine: DeformationEvidence = {
    linear: { mutualInformation: 1, overlap: 1 },
    shape: { leastVolumeRatio: 0.8, greatestVolumeRatio: 1.2, foldedShare: 0, largestMm: 12 },
    plausibleMm: 30,
  };
  const codes = (mutualInformation: number, evidence: Partial<DeformationEvidence>): string[] =>
    deformationFindings({ mutualInformation, overlap: 1 }, { ...fine, ...evidence }).map((f) => f.code);

  it.each([
    ['nothing', 1.1, {}, []],
    ['too little gained', 1.04, {}, ['no-better-than-linear']],
    ['no agreement at all', Number.NaN, {}, ['no-better-than-linear']],
    ['folds', 1.1, { shape: { ...fine.shape, leastVolumeRatio: -0.1, foldedShare: 0.02 } }, ['folds', 'implausible']],
    ['squeezing', 1.1, { shape: { ...fine.shape, leastVolumeRatio: 0.2 } }, ['implausible']],
    ['swelling', 1.1, { shape: { ...fine.shape, greatestVolumeRatio: 3.5 } }, ['implausible']],
    ['far', 1.1, { plausibleMm: 10 }, ['implausible']],
    ['not finite', 1.1, { shape: { ...fine.shape, largestMm: Number.NaN } }, ['implausible']],
  ] as const)('findings: %s', (_, mutualInformation, evidence, expected) => {
    expect(codes(mutualInformation, evidence)).toEqual(expected);
  });
});
