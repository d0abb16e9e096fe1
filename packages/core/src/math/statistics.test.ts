import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { isNavError } from '../base/index.js';
import {
  chiSquareCdf,
  chiSquareQuantile,
  chiSquareTail,
  fisherTail,
  gammaP,
  gammaQ,
  logGamma,
  Random,
  radiusQuantile,
  regularisedBeta,
  twoSidedZ,
} from './index.js';

/** Relative agreement. The expected numbers in this file are SciPy 1.17's. */
function agrees(actual: number, expected: number, relative: number): void {
  expect(Math.abs(actual / expected - 1), `${actual} against ${expected}`).toBeLessThan(relative);
}

const diagonal = (a: number, b: number, c: number): number[] => [a, 0, 0, 0, b, 0, 0, 0, c];

/** R · diag · Rᵀ for a random rotation, row-major. */
function turned(random: Random, eigenvalues: readonly number[]): Float64Array {
  const [x, y, z, w] = random.rotation(new Float64Array(4)) as unknown as [number, number, number, number];
  const r = [
    [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
    [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
    [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
  ] as [number, number, number][];
  return Float64Array.from({ length: 9 }, (_, n) => {
    const a = r[Math.floor(n / 3)] as [number, number, number];
    const b = r[n % 3] as [number, number, number];
    return eigenvalues.reduce((sum, l, k) => sum + l * (a[k] as number) * (b[k] as number), 0);
  });
}

describe('special functions', () => {
  it('log-gamma', () => {
    agrees(logGamma(0.5), 0.5723649429247001, 1e-14);
    agrees(logGamma(3.7), 1.428072326665388, 1e-14);
    agrees(logGamma(150.25), 601.2615040324997, 1e-14);
    for (let n = 1, factorial = 1; n < 20; n += 1, factorial *= n)
      expect(Math.exp(logGamma(n + 1)) / factorial).toBeCloseTo(1, 12);
  });

  it('incomplete gamma, both tails', () => {
    agrees(gammaQ(0.5, 0.1), 0.6547208460185768, 1e-13);
    agrees(gammaQ(0.5, 30), 9.485737571073857e-15, 1e-12);
    agrees(gammaQ(9, 4), 0.9786365655120158, 1e-13);
    agrees(gammaQ(9, 40), 8.569271064141678e-10, 1e-12);
    agrees(gammaQ(150, 160), 0.2043738117656775, 1e-12);
    expect(gammaP(9, 4) + gammaQ(9, 4)).toBeCloseTo(1, 14);
    expect([gammaP(2, 0), gammaQ(2, 0), gammaP(2, Infinity), gammaQ(2, Infinity)]).toEqual([0, 1, 1, 0]);
    expect([gammaP(2, Number.NaN), gammaQ(2, Number.NaN)]).toEqual([Number.NaN, Number.NaN]);
  });

  it('incomplete beta and Fisher’s F', () => {
    agrees(regularisedBeta(0.3, 0.5, 1.5), 0.6607459491435457, 1e-13);
    agrees(regularisedBeta(0.9, 12, 0.5), 0.11552285426683222, 1e-12);
    agrees(regularisedBeta(0.5, 40, 60), 0.9780623532064924, 1e-12);
    agrees(fisherTail(5, 3, 9), 0.026061182544858428, 1e-12);
    agrees(fisherTail(5, 3, 1e12), chiSquareTail(15, 3), 1e-12);
  });
});

describe('chi-square', () => {
  it.each([
    [0.95, 1, 3.841458820694124],
    [0.95, 3, 7.814727903251179],
    [0.05, 6, 1.6353828943279067],
    [0.999, 24, 51.17859777737739],
    [1e-6, 12, 0.6260629572946309],
    [0.5, 200.5, 199.83372884624566],
  ])('quantile %f with %f degrees of freedom', (p, n, expected) => {
    agrees(chiSquareQuantile(p, n), expected, 1e-9);
  });

  it('quantile and distribution are inverse', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-9, max: 0.999999, noNaN: true }),
        fc.double({ min: 0.3, max: 300, noNaN: true }),
        (p, n) => {
          const x = chiSquareQuantile(p, n);
          agrees(chiSquareCdf(x, n), p, 1e-7);
          expect(chiSquareCdf(x, n) + chiSquareTail(x, n)).toBeCloseTo(1, 12);
        },
      ),
    );
  });

  it('a p-value becomes a normal deviation, also where it is tiny', () => {
    agrees(twoSidedZ(0.05), 1.959963984540054, 1e-9);
    agrees(twoSidedZ(5e-21), 9.409184726579424, 1e-9);
    expect([twoSidedZ(0), twoSidedZ(1), twoSidedZ(Number.NaN)]).toEqual([Infinity, 0, Number.NaN]);
  });
});

describe('radiusQuantile', () => {
  it.each([
    [0.95, 3, 5.27540372478111],
    [0.95, 6, 3.777722592947798],
    [0.5, 12, 1.583009063683738],
    [0.99, 24, 3.7622004761159924],
    [0.95, Infinity, 2.7954834829151074],
  ])('isotropic, p %f, ν %f: √(3 F(3, ν)) or χ₃', (p, nu, expected) => {
    agrees(radiusQuantile(diagonal(4, 4, 4), p, nu), 2 * expected, 1e-7);
  });

  it.each([
    [0.95, 3, 3.1824463052837078],
    [0.95, 6, 2.4469118511449786],
    [0.5, 12, 0.6954828655117926],
    [0.99, 24, 2.796939504774456],
    [0.95, Infinity, 1.959963984540054],
  ])('rank 1, p %f, ν %f: Student’s t or the normal', (p, nu, expected) => {
    agrees(radiusQuantile(diagonal(0, 9, 0), p, nu), 3 * expected, 1e-6);
  });

  it.each([
    [3, 4.370833901195778],
    [6, 3.207258283888193],
    [12, 2.7875773835545417],
    [Infinity, 2.447746830680816],
  ])('rank 2, ν %f: √(2 F(2, ν))', (nu, expected) => {
    agrees(radiusQuantile(diagonal(1, 0, 1), 0.95, nu), expected, 1e-6);
  });

  it('unequal axes: a direct double integral over the normal density', () => {
    agrees(radiusQuantile(diagonal(0.5, 1, 0.01), 0.95), 2.153681981401088, 1e-6);
    agrees(radiusQuantile(diagonal(0.02, 0.05, 1), 0.95), 1.978223321773639, 1e-6);
  });

  it('no spread is radius 0, an unknown one is unknown', () => {
    expect(radiusQuantile(new Float64Array(9), 0.95, 6)).toBe(0);
    expect(radiusQuantile(diagonal(1, Number.NaN, 1), 0.95)).toBeNaN();
    for (const [p, nu] of [
      [0, 3],
      [1, 3],
      [Number.NaN, 3],
      [0.95, 0],
      [0.95, Number.NaN],
    ] as const) {
      expect(() => radiusQuantile(diagonal(1, 1, 1), p, nu)).toThrowError(
        expect.toSatisfy((e) => isNavError(e, 'math/out-of-range')),
      );
    }
  });

  it('turns with the covariance, scales with it, and grows with p and with every axis', () => {
    const axis = fc.double({ min: 0, max: 100, noNaN: true });
    fc.assert(
      fc.property(fc.integer(), axis, axis, axis, fc.constantFrom(3, 6, 9, 24, Infinity), (seed, a, b, c, nu) => {
        const random = new Random(seed);
        const straight = radiusQuantile(diagonal(a, b, c), 0.95, nu);
        const scale = 1e-6 * Math.sqrt(a + b + c) + 1e-9;
        expect(Math.abs(radiusQuantile(turned(random, [c, a, b]), 0.95, nu) - straight)).toBeLessThan(10 * scale);
        expect(Math.abs(radiusQuantile(diagonal(4 * a, 4 * b, 4 * c), 0.95, nu) - 2 * straight)).toBeLessThan(scale);
        expect(radiusQuantile(diagonal(a, b, c), 0.97, nu)).toBeGreaterThanOrEqual(straight);
        expect(radiusQuantile(diagonal(a, b, c + 1), 0.95, nu)).toBeGreaterThan(straight - scale);
      }),
      { numRuns: 60 * inject('effort') },
    );
  });

  it('covers what it says in a simulation, with the scale known and with it estimated', () => {
    const random = new Random(20);
    for (const eigenvalues of [
      [1, 1, 1],
      [1, 0.3, 0.05],
      [1, 0.02, 0],
    ]) {
      const covariance = turned(random, eigenvalues);
      for (const nu of [3, 9, Infinity]) {
        const radius = radiusQuantile(covariance, 0.95, nu);
        const runs = 40_000;
        let inside = 0;
        for (let n = 0; n < runs; n += 1) {
          let squared = 0;
          for (const l of eigenvalues) squared += l * random.normal() ** 2;
          let variance = 1;
          if (nu !== Infinity) {
            variance = 0;
            for (let k = 0; k < nu; k += 1) variance += random.normal() ** 2 / nu;
          }
          if (squared <= radius * radius * variance) inside += 1;
        }
        // Four standard deviations of a binomial count.
        expect(Math.abs(inside / runs - 0.95)).toBeLessThan(4 * Math.sqrt((0.95 * 0.05) / runs));
      }
    }
  });
});
