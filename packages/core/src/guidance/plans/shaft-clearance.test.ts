import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frame, pointCovariance } from '../../frames/index.js';
import { Random } from '../../math/index.js';
import type { SignedField } from '../../volume/index.js';
import { emptyShaft, meanSquareAlong, type Shaft, ShaftClearance } from './shaft-clearance.js';
import { ball, shape, toSegment } from './test-support/fields.js';

const CT = frame('ct');

function shaftOf(random: Random, lengthMm: number, error: readonly number[] = [0, 0, 0]): Shaft {
  const shaft = emptyShaft();
  const way = [0, 1, 2].map(() => random.normal());
  const size = Math.hypot(...way);
  shaft.line.set([...[0, 1, 2].map(() => random.between(-60, 60)), ...way.map((v) => v / size), lengthMm]);
  shaft.error.set(error);
  return shaft;
}

const along = ({ line }: Shaft, t: number): Float64Array =>
  Float64Array.from([0, 1, 2], (k) => (line[k] as number) + t * (line[3 + k] as number));

/** Some balls, a wall with a corner in it, a thin rod: everything a shaft may pass at once. */
function scene(random: Random): SignedField<'ct'> {
  const balls = Array.from({ length: 4 }, () => ({
    centre: [0, 1, 2].map(() => random.between(-70, 70)),
    radius: random.between(0, 25),
  }));
  const wall = random.between(40, 90);
  return shape(CT, (x, y, z) =>
    Math.min(
      wall - x,
      Math.hypot(y + 40, z - 10) - 2,
      ...balls.map((b) => Math.hypot(...[x, y, z].map((v, k) => v - (b.centre[k] as number))) - b.radius),
    ),
  );
}

describe('the clearance of a shaft', () => {
  it('is the least of thousands of places along it, to its tolerance, and never more', () => {
    const out = new Float64Array(5);
    const sample = new Float64Array(3);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), fc.double({ min: 1, max: 220, noNaN: true }), (seed, length) => {
        const random = new Random(seed);
        const field = scene(random);
        const spread = random.between(0, 0.02) ** 2;
        const shaft = shaftOf(random, length, [random.uniform(), -2 * spread * random.between(0, length), spread]);
        // A trace of a covariance is never negative: neither is this parabola.
        const [a = 0, b = 0, c = 0] = shaft.error;
        shaft.error[0] = Math.max(a, c > 0 ? (b * b) / (4 * c) : 0);
        const clearance = new ShaftClearance(0.1);
        clearance.measureInto(out, field, shaft);
        let [least, leastWithError] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
        for (let n = 0; n <= 4000; n += 1) {
          const t = (n / 4000) * length;
          field.sampleInto(sample, along(shaft, t));
          least = Math.min(least, sample[0] as number);
          const square = (shaft.error[0] as number) + t * ((shaft.error[1] as number) + t * (shaft.error[2] as number));
          leastWithError = Math.min(leastWithError, (sample[0] as number) - Math.sqrt(Math.max(0, square)));
        }
        const step = length / 8000;
        const slack = 0.1 + 0.1 * Math.max(0, -least) + step;
        expect(out[1]).toBeLessThanOrEqual(least + 1e-9);
        expect(out[1]).toBeGreaterThan(least - slack);
        expect(Math.abs((out[0] as number) - least)).toBeLessThan(slack);
        expect(out[2]).toBeLessThanOrEqual(leastWithError + 1e-9);
        expect(out[2]).toBeGreaterThan(leastWithError - slack - 0.02);
        expect(out[4]).toBe(1);
      }),
    );
  });

  it('from a ball is that from its middle to the segment, in few looks', () => {
    const random = new Random(17);
    const out = new Float64Array(5);
    const clearance = new ShaftClearance(0.1);
    let looks = 0;
    for (let n = 0; n < 200; n += 1) {
      const shaft = shaftOf(random, 120);
      const centre = [0, 1, 2].map(() => random.between(-80, 80));
      const want = toSegment(centre, along(shaft, 0), along(shaft, 120)) - 5;
      clearance.measureInto(out, ball(CT, centre, 5), shaft);
      if (want > 0) {
        expect(out[1]).toBeLessThanOrEqual(want + 1e-9);
        expect(Math.abs((out[1] as number) - want)).toBeLessThan(0.1);
        expect(Math.abs((out[0] as number) - want)).toBeLessThan(0.1);
      }
      looks += clearance.evaluations / 200;
    }
    expect(looks).toBeLessThan(40);
  });

  it('along a wall, where every place is nearest, takes no look each tolerance', () => {
    const shaft = emptyShaft();
    shaft.line.set([0, 0, 5, 1, 0, 0, 150]);
    const out = new Float64Array(5);
    const clearance = new ShaftClearance(0.1);
    clearance.measureInto(
      out,
      shape(CT, (_x, _y, z) => z),
      shaft,
    );
    expect(out[0]).toBe(5);
    expect(out[1]).toBeGreaterThan(4.9);
    // 1 mm a mm alone would need one every 0.2 mm: 750.
    expect(clearance.evaluations).toBeLessThan(150);
  });

  it('says where it is, and nothing of a shaft that is nowhere or of an error that is not known', () => {
    const shaft = emptyShaft();
    shaft.line.set([0, 0, 0, 0, 0, 1, 100]);
    const out = new Float64Array(5);
    const clearance = new ShaftClearance();
    clearance.measureInto(out, ball(CT, [10, 0, 60], 3), shaft);
    expect(Math.abs((out[3] as number) - 60)).toBeLessThan(2);
    shaft.error.fill(Number.NaN);
    clearance.measureInto(out, ball(CT, [10, 0, 60], 3), shaft);
    expect([Math.round(out[0] as number), Number.isNaN(out[2] as number)]).toEqual([7, true]);
    shaft.line[1] = Number.NaN;
    clearance.measureInto(out, ball(CT, [10, 0, 60], 3), shaft);
    expect([...out]).toEqual([Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
  });
});

it('knows the mean square of an error along a shaft as the trace of its covariance at every place', () => {
  const random = new Random(31);
  for (let run = 0; run < 50; run += 1) {
    // Any covariance: the square of a matrix.
    const root = Float64Array.from({ length: 36 }, (_, i) => random.normal() * (i < 18 ? 1 : 0.01));
    const covariance = Float64Array.from({ length: 36 }, (_, n) => {
      let sum = 0;
      for (let k = 0; k < 6; k += 1) sum += (root[6 * Math.floor(n / 6) + k] as number) * (root[6 * (n % 6) + k] as number);
      return sum;
    });
    const shaft = shaftOf(random, 150);
    meanSquareAlong(shaft, covariance);
    const at = new Float64Array(9);
    for (const t of [0, 40, 150]) {
      pointCovariance(at, covariance, along(shaft, t));
      const [a = 0, b = 0, c = 0] = shaft.error;
      expect(a + t * (b + t * c)).toBeCloseTo((at[0] as number) + (at[4] as number) + (at[8] as number), 8);
    }
  }
});
