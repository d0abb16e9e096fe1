import { compose, frame, invert, isNavError, type NavErrorCode, point, type Transform, transform } from '@trocar/core';
import { chiSquareCdf, fromRotationVector, Random, radiusQuantile, symmetricEigen } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { expectedTreOf, registerPoints, treEllipse, treEllipsoid, treMap } from '../index.js';
import { headLayout, localised, moved, pointsIn, randomPose } from '../testing/layouts.js';
import { QuantileTable } from './quantile-table.js';

const ct = frame('ct');
const tracker = frame('tracker');

function refused(code: NavErrorCode, doing: () => unknown): void {
  expect(doing).toThrowError(expect.toSatisfy((e) => isNavError(e, code)));
}

function edgeOf(seed: number, options: { fleMm?: number } = {}): Transform<'ct', 'tracker'> {
  const random = new Random(seed);
  const places = headLayout(random, 5);
  const to = localised(random, moved(randomPose(random, 80), places), [0.4, 0.4, 0.4]);
  return registerPoints(ct, tracker, pointsIn(ct, to), pointsIn(tracker, places), options).edge;
}

const axial = (size: number, mm: number): Float64Array =>
  Float64Array.of(mm, 0, 0, 0, 0, mm, 0, 0, 0, 0, mm, 0, (-size * mm) / 2, (-size * mm) / 2, (-size * mm) / 2, 1);

describe('the quick quantile', () => {
  it.each([Infinity, 30, 9, 6, 3])('is within 0.5 per cent of (0.1 at 95) radiusQuantile for any covariance, ν = %d', (nu) => {
    const random = new Random(3);
    for (const probability of [0.5, 0.95, 0.99]) {
      const fixed = new QuantileTable(probability, nu, false);
      const varying = new QuantileTable(probability, nu, true);
      for (let run = 0; run < 300 * inject('effort'); run += 1) {
        const middle = random.uniform() ** (1 + (run % 3));
        const end = middle * random.uniform() ** (1 + (run % 2));
        const exact = radiusQuantile([1, 0, 0, 0, middle, 0, 0, 0, end], probability, nu);
        expect(Math.abs(fixed.at(middle, end, nu) / exact - 1)).toBeLessThan(probability < 0.9 ? 5e-3 : 1e-3);
        const more = nu * (1 + 20 * random.uniform() ** 3);
        const other = radiusQuantile([1, 0, 0, 0, middle, 0, 0, 0, end], probability, more);
        // 3 degrees of freedom at 99 % bend most over 1/ν.
        expect(Math.abs(varying.at(middle, end, more) / other - 1)).toBeLessThan(nu <= 3 && probability > 0.95 ? 1e-2 : 5e-3);
      }
    }
  });
});

describe('treMap', () => {
  it.each([
    ['known level', { fleMm: 0.7 }, {}],
    ['estimated level', {}, {}],
    ['estimated level and a measured target', {}, { targetFleMm: 0.6 }],
  ])('equals expectedTreOf at voxel centres, %s', (_, given, options) => {
    const edge = edgeOf(4, given);
    const turned = fromRotationVector(axial(12, 15), [0.3, -0.2, 0.5]);
    turned.set([-70, -80, -90], 12);
    for (let i = 0; i < 12; i += 1) if (i % 4 < 3) turned[i] = (turned[i] as number) * 15;
    const map = treMap(edge, { frame: ct, size: [12, 11, 10], frameFromIndex: turned }, options);
    expect(map).toHaveLength(1320);
    for (let n = 0; n < 1320; n += 7) {
      const [i, j, k] = [n % 12, Math.floor(n / 12) % 11, Math.floor(n / 132)];
      const p = [0, 1, 2].map(
        (r) =>
          (turned[r] as number) * i + (turned[4 + r] as number) * j + (turned[8 + r] as number) * k + (turned[12 + r] as number),
      );
      const exact = expectedTreOf(edge, point(ct, p), options).p95Mm;
      expect(Math.abs((map[n] as number) / exact - 1)).toBeLessThan(5e-3);
    }
  });

  it('a 64³ map takes a fraction of a second', () => {
    const edge = edgeOf(2);
    const grid = { frame: ct, size: [64, 64, 64] as const, frameFromIndex: axial(64, 4) };
    treMap(edge, { ...grid, size: [8, 8, 8] });
    // Processor time: the clock also counts what other processes do.
    const times = [0, 1, 2].map(() => {
      const begun = process.cpuUsage();
      treMap(edge, grid);
      const { user, system } = process.cpuUsage(begun);
      return (user + system) / 1000;
    });
    console.log(`treMap 64³: ${Math.min(...times).toFixed(0)} ms`);
    expect(Math.min(...times)).toBeLessThan(1000);
  });

  it('refuses another frame and absurd sizes; without a covariance it promises nothing', () => {
    const edge = edgeOf(3);
    const grid = { frame: ct, size: [2, 2, 2] as const, frameFromIndex: axial(2, 10) };
    const other = { ...grid, frame: frame('mr') } as unknown as typeof grid;
    refused('frame/mismatch', () => treMap(edge, other));
    refused('registration/too-large', () => treMap(edge, { ...grid, size: [4096, 4096, 4096] }));
    refused('registration/bad-option', () => treMap(edge, { ...grid, size: [1.5, 2, 2] }));
    expect(treMap(transform(ct, tracker, edge.matrix), grid).every(Number.isNaN)).toBe(true);
    expect(treMap(transform(ct, tracker, edge.matrix, { covariance: 'exact' }), grid).every((x) => x === 0)).toBe(true);
  });
});

describe('regions', () => {
  const target = point(ct, [20, -30, 40]);
  const normals = [
    [0, 0, 1],
    [1, 2, -0.5],
  ];

  /** Errors with the covariance that the edge claims at the target, the level missed as an estimate misses it. */
  function errors(edge: Transform<'ct', 'tracker'>, count: number): Float64Array[] {
    const { covariance } = expectedTreOf(edge, target);
    const { values, vectors } = symmetricEigen(covariance, 3);
    const random = new Random(5);
    const nu = edge.degreesOfFreedom;
    return Array.from({ length: count }, () => {
      const z = [0, 1, 2].map((k) => Math.sqrt(values[k] as number) * random.normal());
      let squares = 0;
      for (let i = 0; i < (nu ?? 0); i += 1) squares += random.normal() ** 2;
      const level = nu === undefined ? 1 : Math.sqrt(nu / squares);
      return Float64Array.from([0, 1, 2], (i) => level * z.reduce((s, x, k) => s + x * (vectors[3 * i + k] as number), 0));
    });
  }

  it.each([
    ['known', { fleMm: 0.7 }],
    ['estimated', {}],
  ])('the ellipsoid and the marginal ellipse hold 95 per cent of errors, %s level', (_, options) => {
    const edge = edgeOf(7, options);
    const sample = errors(edge, 20_000);
    const body = treEllipsoid(edge, target);
    const inside = sample.filter((e) => {
      const parts = [0, 1, 2].map(
        (k) =>
          [0, 1, 2].reduce((s, i) => s + (e[i] as number) * (body.axes[3 * k + i] as number), 0) / (body.radiiMm[k] as number),
      );
      return Math.hypot(...parts) <= 1;
    });
    expect(Math.abs(inside.length / sample.length - 0.95)).toBeLessThan(0.006);
    for (const normal of normals) {
      const share = (kind: 'marginal' | 'shadow' | 'section'): number => {
        const { long, short, radiiMm } = treEllipse(edge, target, normal, kind);
        const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
          [0, 1, 2].reduce((s, i) => s + (a[i] as number) * (b[i] as number), 0);
        expect(Math.abs(dot(long, short))).toBeLessThan(1e-12);
        expect(Math.abs(dot(long, normal))).toBeLessThan(1e-12);
        return (
          sample.filter((e) => Math.hypot(dot(e, long) / radiiMm[0], dot(e, short) / radiiMm[1]) <= 1).length / sample.length
        );
      };
      expect(Math.abs(share('marginal') - 0.95)).toBeLessThan(0.006);
      expect(share('shadow')).toBeGreaterThan(0.96);
      expect(share('section')).toBeLessThan(share('shadow'));
    }
  });

  it('the shadow is the ellipsoid’s outline, and holds 98 % of a known Gaussian', () => {
    const edge = edgeOf(7, { fleMm: 0.7 });
    const { shape } = treEllipsoid(edge, target);
    const { long, radiiMm } = treEllipse(edge, target, [0, 0, 1], 'shadow');
    // The reach of an ellipsoid along a direction d is √(dᵀ S d).
    const reach = Math.sqrt(
      [0, 1, 2].reduce(
        (s, i) => s + [0, 1, 2].reduce((t, j) => t + (long[i] as number) * (shape[3 * i + j] as number) * (long[j] as number), 0),
        0,
      ),
    );
    expect(radiiMm[0]).toBeCloseTo(reach, 10);
    expect(chiSquareCdf(7.814728, 2)).toBeCloseTo(0.98, 3);
  });

  it('the section’s rim lies on the ellipsoid', () => {
    const edge = edgeOf(9);
    const { axes, radiiMm } = treEllipsoid(edge, target);
    for (const normal of normals) {
      const cut = treEllipse(edge, target, normal, 'section');
      for (let a = 0; a < 6; a += 1) {
        const e = [0, 1, 2].map(
          (i) => Math.cos(a) * cut.radiiMm[0] * (cut.long[i] as number) + Math.sin(a) * cut.radiiMm[1] * (cut.short[i] as number),
        );
        const parts = [0, 1, 2].map(
          (k) => e.reduce((s, x, i) => s + x * (axes[3 * k + i] as number), 0) / (radiiMm[k] as number),
        );
        expect(Math.hypot(...parts)).toBeCloseTo(1, 9);
      }
    }
  });

  it('turns with its frame, and grows by the target’s own error', () => {
    const edge = edgeOf(11);
    const room = transform(frame('room'), ct, randomPose(new Random(1)), { covariance: 'exact' });
    const here = treEllipsoid(edge, target);
    const there = treEllipsoid(
      compose(room, edge),
      point(
        frame('room'),
        [0, 1, 2].map((i) =>
          [0, 1, 2].reduce(
            (s, j) => s + (room.matrix[4 * j + i] as number) * (target.xyz[j] as number),
            room.matrix[12 + i] as number,
          ),
        ),
      ),
    );
    for (let k = 0; k < 3; k += 1) expect(there.radiiMm[k]).toBeCloseTo(here.radiiMm[k] as number, 7);
    expect(treEllipsoid(edge, target, { targetFleMm: 1 }).radiiMm[2]).toBeGreaterThan(here.radiiMm[2] as number);
    const [a, b, c] = [0, 1, 2].map((k) => here.axes.subarray(3 * k, 3 * k + 3)) as [Float64Array, Float64Array, Float64Array];
    expect((a[1] as number) * (b[2] as number) - (a[2] as number) * (b[1] as number)).toBeCloseTo(c[0] as number, 10);
  });

  it('refuses what has no region', () => {
    const edge = edgeOf(12);
    refused('frame/mismatch', () => treEllipsoid(invert(edge) as unknown as typeof edge, target));
    refused('frame/bad-covariance', () => treEllipsoid(transform(ct, tracker, edge.matrix), target));
    refused('registration/bad-option', () => treEllipse(edge, target, [0, 0, 0]));
  });
});

describe('live use', () => {
  it('the expected error at a target takes well under a millisecond', () => {
    const edge = edgeOf(1);
    const p = point(ct, [10, 20, 30]);
    for (let i = 0; i < 500; i += 1) expectedTreOf(edge, p);
    const begun = performance.now();
    for (let i = 0; i < 2000; i += 1) expectedTreOf(edge, p);
    const each = (performance.now() - begun) / 2000;
    console.log(`expectedTreOf: ${(1000 * each).toFixed(1)} µs`);
    expect(each).toBeLessThan(1);
  });
});
