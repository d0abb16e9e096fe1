import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { axisTiles } from './tiles.js';

describe('tiles along an axis', () => {
  it('cover it, overlap as asked, lie the same from both ends, and their weights sum to 1 at every voxel', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 64 }),
        fc.integer({ min: 0, max: 300 }),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        (patch, more, overlap) => {
          const n = patch + more;
          const { starts, weights } = axisTiles(n, patch, overlap);
          const sum = new Float64Array(n);
          let least = 1;
          starts.forEach((start, t) => {
            (weights[t] as Float64Array).forEach((w, x) => {
              least = Math.min(least, w);
              sum[start + x] = (sum[start + x] as number) + w;
            });
          });
          expect(least).toBeGreaterThan(0);
          expect(Math.max(...sum.map((s) => Math.abs(s - 1)))).toBeLessThan(1e-12);
          const step = Math.max(1, Math.floor(patch * (1 - overlap)));
          starts.slice(1).forEach((start, t) => {
            expect(start - (starts[t] as number)).toBeLessThanOrEqual(step);
            expect(start).toBeGreaterThan(starts[t] as number);
          });
          starts.forEach((start, t) => {
            expect(Math.abs(start + patch + (starts[starts.length - 1 - t] as number) - n)).toBeLessThanOrEqual(1);
          });
        },
      ),
    );
  });
});
