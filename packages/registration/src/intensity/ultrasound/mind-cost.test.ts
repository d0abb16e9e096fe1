import { Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { blurred, type CubeImage } from './cube-image.js';
import { descend, moved } from './descend.js';
import { mindDescriptors } from './mind.js';
import { MindCost, mindData, someOf } from './mind-cost.js';
import { layPatches } from './patches.js';

const random = new Random(inject('seed'));

/** Smooth noise on cubes. */
function blob(size: number, sigma: number): CubeImage {
  const values = Float32Array.from({ length: size ** 3 }, () => random.normal());
  return blurred({ size: [size, size, size], spacingMm: 1.5, origin: [-20, -15, 10], values }, sigma);
}

const mr = blob(28, 1.5);
/** The same structure with dark for bright and another scale, and a little noise of its own. */
const us: CubeImage = { ...mr, values: mr.values.map((x) => 40 - 9 * x + 0.2 * random.normal()) };
const data = mindData(us, layPatches(us, { radius: 2, stride: 4, most: 1000 }), mindDescriptors(us, 1, 2), [
  mindDescriptors(mr, 1, 2),
]);
const identity = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
const centre = [1, 6, 31];
const xi = (mm: number, rad: number): number[] => Array.from({ length: 6 }, (_, i) => random.between(-1, 1) * (i < 3 ? mm : rad));

describe('MIND as a cost', () => {
  it('is low where both sides show the same, whatever their contrast, and near 1 where they do not', () => {
    const cost = new MindCost(data);
    const here = cost.evaluate(identity);
    expect(here).toBeLessThan(0.5);
    expect(cost.overlap).toBeGreaterThan(0.7);
    const away = Array.from({ length: 8 }, () => cost.evaluate(moved(identity, [6, -5, 5, ...xi(0, 0.3).slice(3)], centre)));
    expect(away.reduce((a, b) => a + b, 0) / away.length).toBeGreaterThan(0.75);
    expect(Math.min(...away)).toBeGreaterThan(here + 0.2);
  });

  it('has the derivatives that differences have, about any pivot', () => {
    const cost = new MindCost(data);
    let compared = 0;
    for (let n = 0; n < 8; n += 1) {
      const at = moved(identity, xi(1, 0.05), centre);
      const pivot = [random.between(-10, 10), random.between(-10, 10), random.between(20, 40)];
      cost.evaluate(at, pivot);
      const gradient = Float64Array.from(cost.gradient);
      for (let i = 0; i < 6; i += 1) {
        const h = i < 3 ? 1e-6 : 1e-7;
        const step = (s: number): number =>
          cost.evaluate(
            moved(
              at,
              Array.from({ length: 6 }, (_, k) => (k === i ? s : 0)),
              pivot,
            ),
          );
        // One place in thousands that leaves the image between the two would show as a jump.
        const [before, after] = [step(-h), step(h)];
        if (Math.abs(after - before) > 1e-5) continue;
        compared += 1;
        expect(Math.abs((gradient[i] as number) - (after - before) / (2 * h))).toBeLessThan(2e-4 * (i < 3 ? 1 : 20));
      }
    }
    expect(compared).toBeGreaterThan(30);
  });

  it('leads a descent back to where the images belong', () => {
    const cost = new MindCost(data);
    const options = { centre, reachMm: 18, longestMm: 2, shortestMm: 0.01, most: 40 };
    for (let n = 0; n < 4; n += 1) {
      const { matrix } = descend(cost, moved(identity, xi(0.8, 0.04), centre), options);
      matrix.forEach((x, k) => {
        expect(Math.abs(x - (identity[k] as number))).toBeLessThan(k < 12 ? 0.01 : 0.25);
      });
    }
  });

  it('of some patches is what these patches cost: the two halves make up the whole', () => {
    const whole = new MindCost(data);
    const at = moved(identity, xi(1, 0.03), centre);
    const cost = whole.evaluate(at);
    const weights = [0, 1].map((bit) => {
      const some = someOf(data, (p) => (p & 1) === bit);
      return { weight: some.patches.weights.reduce((a, b) => a + b, 0), cost: new MindCost(some).evaluate(at) };
    }) as [{ weight: number; cost: number }, { weight: number; cost: number }];
    const [a, b] = weights;
    expect((a.weight * a.cost + b.weight * b.cost) / (a.weight + b.weight)).toBeCloseTo(cost, 12);
  });
});
