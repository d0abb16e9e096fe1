import { Random } from '@trocar/core/math';
import { describe, expect, it } from 'vitest';
import { blurred, type CubeImage } from '../../intensity/ultrasound/cube-image.js';
import { mindDescriptors } from '../../intensity/ultrasound/mind.js';
import { movingFields } from '../../intensity/ultrasound/moving-fields.js';
import { compare, comparison } from './compare.js';
import { CosinePreconditioner } from './cosine-preconditioner.js';
import { disagreement, expectedErrorAt } from './error-map.js';
import { localVolume } from './finish.js';
import { level } from './level.js';
import { regressionComparer } from './regression.js';
import { refinedCoefficients, SplineLattice } from './spline-lattice.js';
import { addStiffness } from './stiffness.js';

const random = new Random(Number(process.env['TROCAR_SEED'] === 'random' ? Date.now() % 1e6 : (process.env['TROCAR_SEED'] ?? 1)));
const drawn = (n: number): Float32Array => Float32Array.from({ length: n }, () => random.normal());
const dot = (a: Float32Array, b: Float32Array): number => a.reduce((s, x, n) => s + x * (b[n] as number), 0);

function image(side: number): CubeImage {
  return blurred({ size: [side, side, side], spacingMm: 1, origin: [0, 0, 0], values: drawn(side ** 3) }, 1.5);
}

describe('SplineLattice', () => {
  const nodes = [6, 7, 8] as const;
  const places = [9, 13, 17] as const;
  const lattice = new SplineLattice(nodes, places, 1, 1 / 4);

  it('gathers by the transpose of what it evaluates', () => {
    const c = drawn(3 * 6 * 7 * 8);
    const v = drawn(3 * 9 * 13 * 17);
    const [u, g] = [new Float32Array(v.length), new Float32Array(c.length)];
    lattice.evaluate(c, u);
    lattice.gather(v, g);
    expect(dot(u, v)).toBeCloseTo(dot(c, g), 2);
  });

  it('says the same on a lattice twice as fine', () => {
    const c = drawn(3 * 6 * 7 * 8);
    const fine = [9, 11, 13] as const;
    const [a, b] = [new Float32Array(3 * 9 * 13 * 17), new Float32Array(3 * 9 * 13 * 17)];
    lattice.evaluate(c, a);
    new SplineLattice(fine, places, 1, 1 / 2).evaluate(refinedCoefficients(c, nodes, fine), b);
    expect(Math.max(...a.map((x, n) => Math.abs(x - (b[n] as number))))).toBeLessThan(1e-5);
  });
});

describe('addStiffness', () => {
  const size = [5, 6, 7] as const;
  const force = (c: Float32Array, k: { stretch: number; bulk: number; bend: number }): Float32Array => {
    const out = new Float32Array(c.length);
    addStiffness(out, c, size, 2, k);
    return out;
  };
  const all = { stretch: 0.7, bulk: 1.3, bend: 2 };

  it('is symmetric and never pays', () => {
    const [a, b] = [drawn(3 * 5 * 6 * 7), drawn(3 * 5 * 6 * 7)];
    expect(dot(a, force(b, all))).toBeCloseTo(dot(b, force(a, all)), 3);
    expect(dot(a, force(a, all))).toBeGreaterThan(0);
  });

  it('lets everything move together, and does not bend what is affine', () => {
    const affine = new Float32Array(3 * 5 * 6 * 7);
    for (let n = 0; n < 210; n += 1) affine.set([n % 5, 0.5 * (Math.floor(n / 5) % 6) - (n % 5), Math.floor(n / 30)], 3 * n);
    expect(Math.max(...force(new Float32Array(630).fill(3), all).map(Math.abs))).toBeLessThan(1e-5);
    expect(Math.max(...force(affine, { stretch: 0, bulk: 0, bend: 2 }).map(Math.abs))).toBeLessThan(1e-4);
  });
});

describe('CosinePreconditioner', () => {
  const size = [5, 6, 7] as const;

  it('undoes stretching but for a shift of everything, which nothing resists', () => {
    const c = drawn(3 * 5 * 6 * 7);
    for (let r = 0; r < 3; r += 1) {
      const mean = c.reduce((s, x, n) => (n % 3 === r ? s + x : s), 0) / 210;
      for (let n = r; n < c.length; n += 3) c[n] = (c[n] as number) - mean;
    }
    const stiffness = { stretch: 0.7, bulk: 0, bend: 0 };
    const [force, back] = [new Float32Array(c.length), new Float32Array(c.length)];
    addStiffness(force, c, size, 2, stiffness);
    // So little curvature that a shift, which rounding leaves a millionth of, stays small.
    new CosinePreconditioner(size, 2, stiffness, 1e-3).apply(force, back);
    const worst = Math.max(...c.map((x, n) => Math.abs(x - (back[n] as number))));
    expect(worst).toBeLessThan(0.05);
  });

  it('is symmetric and never reverses', () => {
    const of = new CosinePreconditioner(size, 2, { stretch: 0.7, bulk: 1.3, bend: 2 }, 0.1);
    const [a, b] = [drawn(630), drawn(630)];
    const applied = (v: Float32Array): Float32Array => {
      const out = new Float32Array(v.length);
      of.apply(v, out);
      return out;
    };
    expect(dot(a, applied(b))).toBeCloseTo(dot(b, applied(a)), 3);
    expect(dot(a, applied(a))).toBeGreaterThan(0);
  });
});

describe('the error to expect', () => {
  const side = 20;
  const cubes = side ** 3;
  const weights = Float32Array.from({ length: cubes }, (_, n) => (n % side < 15 ? 1 : 0));
  const on = level(
    { size: [side, side, side], spacingMm: 2, origin: [10, 0, 0] },
    { origin: [0, 0, 0] },
    weights,
    () => undefined,
  );
  const at = (apartMm: number, p: readonly number[]): number =>
    expectedErrorAt(disagreement(on, new Float32Array(3 * cubes), new Float32Array(3 * cubes).fill(apartMm / Math.sqrt(3))), p);

  it('grows with how far two halves are apart, is never nothing, and unknown where nothing is shown', () => {
    const inside = [20, 20, 20];
    expect(at(0, inside)).toBeGreaterThan(0.1);
    expect(at(2, inside)).toBeGreaterThan(at(1, inside));
    expect(at(20, inside) / at(10, inside)).toBeCloseTo(2, 1);
    expect(at(1, [10 + 2 * 18, 20, 20])).toBeNaN();
    expect(at(1, [0, 20, 20])).toBeNaN();
  });
});

describe('comparisons', () => {
  const side = 20;
  const placesOf = (shift: readonly number[]): Float32Array =>
    Float32Array.from({ length: 3 * side ** 3 }, (_, n) => {
      const cube = Math.floor(n / 3);
      return (Math.floor(cube / side ** (n % 3)) % side) + (shift[n % 3] as number);
    });

  it('of descriptors: the slope is the derivative of half the difference', () => {
    const f = mindDescriptors(image(side), 1, 2);
    const m = mindDescriptors(image(side), 1, 2);
    const [at, plus, minus] = [0, 1, 2].map(() => comparison(side ** 3)) as [
      ReturnType<typeof comparison>,
      ReturnType<typeof comparison>,
      ReturnType<typeof comparison>,
    ];
    for (let axis = 0; axis < 3; axis += 1) {
      const e = [0, 1, 2].map((r) => (r === axis ? 0.01 : 0));
      const centre = [0.3, 0.4, 0.45];
      compare(at, f, [m], placesOf(centre));
      compare(plus, f, [m], placesOf(centre.map((x, r) => x + (e[r] as number))));
      compare(minus, f, [m], placesOf(centre.map((x, r) => x - (e[r] as number))));
      let [worst, largest] = [0, 0];
      at.difference.forEach((d, n) => {
        if (Number.isNaN(d)) return;
        const numeric = ((plus.difference[n] as number) - (minus.difference[n] as number)) / 0.04;
        worst = Math.max(worst, Math.abs(numeric - (at.slope[3 * n + axis] as number)));
        largest = Math.max(largest, Math.abs(numeric));
      });
      expect(worst).toBeLessThan(2e-3 * largest + 1e-4);
    }
  });

  it('by mixtures: what is a mixture is explained, what is not is left', () => {
    const moving = image(side);
    const fields = movingFields([moving], 0);
    const mixed = {
      ...moving,
      values: moving.values.map((_, n) => 3 - 2 * (fields.values[2 * n] as number) + (fields.values[2 * n + 1] as number)),
    };
    const seen = (fixed: CubeImage): number => {
      const out = comparison(side ** 3);
      regressionComparer(fixed, fields)(out, placesOf([0, 0, 0]));
      const known = out.difference.filter((x) => !Number.isNaN(x));
      return known.reduce((a, b) => a + b, 0) / known.length;
    };
    expect(seen(mixed)).toBeLessThan(0.01);
    // Noise without extent: hundreds of independent cubes to a window, explained by two fields.
    expect(seen({ ...moving, values: drawn(side ** 3) })).toBeGreaterThan(0.9);
  });
});

describe('localVolume', () => {
  it('is one where nothing moves, and finds a fold', () => {
    const gridFrameFromIndex = Float64Array.of(4, 0, 0, 0, 0, 4, 0, 0, 0, 0, 4, 0, 0, 0, 0, 1);
    const coefficients = new Float32Array(3 * 7 ** 3);
    const grid = { gridFrameFromIndex, gridSize: [7, 7, 7] as const, coefficients };
    expect(localVolume(grid)).toEqual({ least: 1, greatest: 1, largestMm: 0 });
    coefficients[3 * (3 + 7 * (3 + 7 * 3))] = 30;
    expect(localVolume(grid).least).toBeLessThan(0);
  });
});
