import { Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { blurred, type CubeImage } from './cube-image.js';
import { descend, moved } from './descend.js';
import { lc2Module, WasmLc2 } from './kernels/wasm-lc2.js';
import { Lc2 } from './lc2.js';
import { movingFields } from './moving-fields.js';
import { layPatches } from './patches.js';

const random = new Random(inject('seed'));

/** Smooth noise on cubes. */
function blob(size: number, sigma: number): CubeImage {
  const values = Float32Array.from({ length: size ** 3 }, () => random.normal());
  return blurred({ size: [size, size, size], spacingMm: 1.5, origin: [-20, -15, 10], values }, sigma);
}

/** What two moving images and the gradient of one make of a patchwise ultrasound: linear in all but slowly changing. */
const t1 = blob(28, 1.5);
const t2 = blob(28, 1.5);
const us: CubeImage = { ...t1, values: t1.values.map((x, n) => 3 * x - 2 * (t2.values[n] as number) + 0.02 * random.normal()) };
const patches = layPatches(us, { radius: 2, stride: 4, most: 1000 });
const fields = movingFields([t1, t2], 0);
const identity = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
const centre = [1, 6, 31];

describe('LC2', () => {
  it('is near 1 where the ultrasound is a mixture of the moving images, and low where it is not', () => {
    const lc2 = new Lc2(patches, fields);
    expect(lc2.evaluate(identity)).toBeLessThan(0.05);
    expect(lc2.overlap).toBeGreaterThan(0.95);
    expect(lc2.evaluate(moved(identity, [5, 4, -4, 0, 0, 0], centre))).toBeGreaterThan(0.6);
  });

  it('does not change with gain and offset of either side, but for the ridge', () => {
    const before = new Lc2(patches, fields).evaluate(identity);
    const louder = layPatches({ ...us, values: us.values.map((x) => 7 * x + 100) }, { radius: 2, stride: 4, most: 1000 });
    const brighter = movingFields([{ ...t1, values: t1.values.map((x) => 300 - 50 * x) }, t2], 0);
    expect(new Lc2(louder, brighter).evaluate(identity)).toBeCloseTo(before, 4);
  });

  it('has the derivatives that differences have, about any pivot', () => {
    const lc2 = new Lc2(patches, fields);
    for (let n = 0; n < 5; n += 1) {
      const at = moved(
        identity,
        Array.from({ length: 6 }, (_, i) => random.between(-1, 1) * (i < 3 ? 1 : 0.05)),
        centre,
      );
      const pivot = [random.between(-10, 10), random.between(-10, 10), random.between(20, 40)];
      lc2.evaluate(at, pivot);
      const gradient = Float64Array.from(lc2.gradient);
      for (let i = 0; i < 6; i += 1) {
        const h = i < 3 ? 1e-5 : 1e-6;
        const step = (s: number): number =>
          lc2.evaluate(
            moved(
              at,
              Array.from({ length: 6 }, (_, k) => (k === i ? s : 0)),
              pivot,
            ),
          );
        const difference = (step(h) - step(-h)) / (2 * h);
        expect(Math.abs((gradient[i] as number) - difference)).toBeLessThan(1e-4 * (i < 3 ? 1 : 20));
      }
    }
  });

  it('leads a descent back to where the images belong, by Gauss–Newton in a few steps', () => {
    const lc2 = new Lc2(patches, fields, { chance: 0.1 });
    const options = { centre, reachMm: 18, longestMm: 2, shortestMm: 0.01, most: 30 };
    for (let n = 0; n < 5; n += 1) {
      const start = moved(
        identity,
        Array.from({ length: 6 }, (_, i) => random.between(-1, 1) * (i < 3 ? 1 : 0.05)),
        centre,
      );
      const { matrix, evaluations } = descend(lc2, start, options);
      // A mixture with 2 % noise fixes the pose to hundredths of a millimetre.
      matrix.forEach((x, k) => {
        expect(Math.abs(x - (identity[k] as number))).toBeLessThan(k < 12 ? 0.003 : 0.1);
      });
      expect(evaluations).toBeLessThan(25);
    }
  });

  it('counts patches off the moving images as chance, and says how many lie on them', () => {
    const lc2 = new Lc2(patches, fields, { chance: 0.25 });
    const far = Float64Array.from(identity);
    far[12] = 500;
    expect(lc2.evaluate(far, centre)).toBeCloseTo(0.75, 12);
    expect(lc2.overlap).toBe(0);
    expect(lc2.gradient.every((x) => x === 0)).toBe(true);
  });

  it.each([1, 2])('is the same in WebAssembly to single precision, with %d moving images', async (count) => {
    const few = movingFields([t1, t2].slice(0, count), 0);
    const module = (await lc2Module()) as WebAssembly.Module;
    const twin = new Lc2(patches, few, { chance: 0.1 });
    const kernel = new WasmLc2(patches, few, { chance: 0.1 }, module);
    for (let n = 0; n < 5; n += 1) {
      const at = moved(
        identity,
        Array.from({ length: 6 }, (_, i) => random.between(-1, 1) * (i < 3 ? 8 : 0.3)),
        centre,
      );
      const pivot = n === 0 ? undefined : [random.between(-10, 10), 0, 30];
      expect(kernel.evaluate(at, pivot)).toBeCloseTo(twin.evaluate(at, pivot), 5);
      expect(kernel.overlap).toBe(twin.overlap);
      const scale = (i: number): number => Math.sqrt(1e-9 + (twin.hessian[7 * i] as number));
      for (let i = 0; i < 6; i += 1) {
        expect(Math.abs((kernel.gradient[i] as number) - (twin.gradient[i] as number))).toBeLessThan(1e-4 * scale(i));
        for (let j = 0; j < 6; j += 1) {
          const at2 = 6 * i + j;
          const both = scale(i) * scale(j);
          expect(Math.abs((kernel.hessian[at2] as number) - (twin.hessian[at2] as number))).toBeLessThan(1e-4 * both);
          expect(Math.abs((kernel.scatter[at2] as number) - (twin.scatter[at2] as number))).toBeLessThan(1e-4 * both);
        }
      }
    }
  });
});
