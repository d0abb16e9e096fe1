import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../math/index.js';
import { LowerHull, SPREAD } from './lower-hull.js';

describe('LowerHull', () => {
  it('equals a slow hull over the same points, also once the oldest have gone', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 20, max: 150 }), (seed, n) => {
        const random = new Random(seed);
        const hull = new LowerHull(64);
        const points: [number, number][] = [];
        let count = 0;
        for (let i = 0; i < n; i += 1) {
          count += 1 + random.below(3);
          const arrival = count * 10 + random.between(0, 30);
          points.push([count, arrival]);
          hull.push(Float64Array.of(count, arrival));
        }
        expect(hull.size).toBeGreaterThanOrEqual(Math.min(n, 64));
        expect(hull.size).toBeLessThanOrEqual(80);
        const [from, at, slope] = [...hull.line] as [number, number, number];
        expect(at + slope * (count - from)).toBeCloseTo(slowHull(points.slice(-hull.size), count), 6);
      }),
    );
  });

  it('measures how the points lie above its line', () => {
    const hull = new LowerHull(64);
    for (let i = 0; i < 60; i += 1) hull.push(Float64Array.of(i, 10 * i + (i >= 45 ? 7 : i % 2 === 0 ? 0 : 3)));
    hull.measure();
    expect([...hull.spread].map((v) => Math.round(v * 1e6) / 1e6)).toEqual([0, 3, 7, 7]);
    for (let i = 60; i < 75; i += 1) hull.push(Float64Array.of(i, 10 * i + 5));
    hull.measure();
    expect(hull.spread[SPREAD.recentLeast]).toBe(5);
  });
});

/** The lower hull's edge over the middle, by trying every pair: O(n³). */
function slowHull(points: readonly [number, number][], at: number): number {
  const middle = (points[points.length >> 1] as [number, number])[0];
  for (const a of points) {
    for (const b of points) {
      if (!(a[0] < middle && b[0] >= middle)) continue;
      const slope = (b[1] - a[1]) / (b[0] - a[0]);
      if (points.every((p) => p[1] >= a[1] + slope * (p[0] - a[0]) - 1e-9)) return a[1] + slope * (at - a[0]);
    }
  }
  throw new Error('no supporting line');
}
