import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../math/index.js';
import { ellipsoidDistance } from './ellipsoid.js';

const radius = fc.double({ min: 0.5, max: 60, noNaN: true });
const coordinate = fc.oneof(fc.double({ min: -90, max: 90, noNaN: true }), fc.constantFrom(0, -0, 1e-300, 1e-14, -1e-9, 1e-3));

describe('the distance to an ellipsoid', () => {
  it('is to a point of it, along its normal there, and to no other point is it less', () => {
    fc.assert(
      fc.property(fc.tuple(radius, radius, radius), fc.tuple(coordinate, coordinate, coordinate), fc.nat(), (e, p, seed) => {
        const foot = new Float64Array(3);
        const d = ellipsoidDistance(foot, p, e);
        const scale = Math.max(...e, ...p.map(Math.abs));
        expect(Math.abs(Math.hypot(...foot.map((x, k) => x / (e[k] as number))) - 1)).toBeLessThan(1e-9);
        expect(Math.abs(Math.abs(d) - Math.hypot(...foot.map((x, k) => x - (p[k] as number))))).toBeLessThan(1e-9 * scale);
        const level = p.reduce((sum, x, k) => sum + (x / (e[k] as number)) ** 2, 0);
        if (Math.abs(level - 1) > 1e-9) expect(Math.sign(d)).toBe(Math.sign(level - 1));
        const random = new Random(seed);
        for (let n = 0; n < 100; n += 1) {
          const u = [random.normal(), random.normal(), random.normal()];
          const length = Math.hypot(...u);
          // Half of them near the foot, where a better one would be.
          const near = n % 2 === 0 ? 1 : 1e-3;
          const q = u.map((v, k) => (foot[k] as number) / (e[k] as number) + (near * v) / length);
          const size = Math.hypot(...q);
          const away = Math.hypot(...q.map((v, k) => (v / size) * (e[k] as number) - (p[k] as number)));
          expect(away).toBeGreaterThan(Math.abs(d) - 1e-9 * scale);
        }
      }),
    );
  });

  it.each([
    [[0, 0, 0], [10, 20, 30], -10],
    [[0, 0, 0], [7, 7, 7], -7],
    [[0, 0, 40], [10, 20, 30], 10],
    [[0, 5, 0], [10, 20, 30], -Math.sqrt(100 * (1 - ((400 * 5) / 300) ** 2 / 400) + ((400 * 5) / 300 - 5) ** 2)],
    [[3, 4, 0], [20, 20, 20], -15],
  ])('from %j to radii %j is %d', (p, e, d) => {
    expect(ellipsoidDistance(new Float64Array(3), p, e)).toBeCloseTo(d, 12);
  });
});
