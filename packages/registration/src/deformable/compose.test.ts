import { frame, isNavError, point } from '@trocar/core';
import { fromRotationVector, Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { composeDeformations, inverseDeformation } from './compose.js';
import { type SplineDeformation, splineDeformation } from './displacement-grid.js';

const [a, b, c] = [frame('a'), frame('b'), frame('c')];
const random = new Random(inject('seed'));

function bent<T extends string, F extends string>(
  to: ReturnType<typeof frame<T>>,
  from: ReturnType<typeof frame<F>>,
  mm: number,
): SplineDeformation<T, F> {
  const gridFrameFromIndex = Float64Array.of(10, 0, 0, 0, 0, 12, 0, 0, 0, 0, 9, 0, -40, -40, -30, 1);
  const initial = fromRotationVector(new Float64Array(16), [0.2, -0.1, 0.3]);
  initial.set([4, -6, 2], 12);
  const coefficients = Float64Array.from({ length: 3 * 8 * 8 * 8 }, () => random.between(-mm, mm));
  return splineDeformation(to, from, { initial, gridFrameFromIndex, gridSize: [8, 8, 8], coefficients });
}

const place = (): number[] => [random.between(-60, 60), random.between(-60, 60), random.between(-60, 60)];
const apart = (p: ArrayLike<number>, q: ArrayLike<number>): number =>
  Math.hypot(...[0, 1, 2].map((r) => (p[r] as number) - (q[r] as number)));

describe('composeDeformations', () => {
  const [outer, inner] = [bent(a, b, 3), bent(b, c, 3)];
  const both = composeDeformations(outer, inner);

  it('is one after the other, and has the derivative that differences give', () => {
    const [j, y, z] = [new Float64Array(9), new Float64Array(3), new Float64Array(3)];
    for (let n = 0; n < 200; n += 1) {
      const p = place();
      expect(apart(both.apply(point(c, p)).xyz, outer.apply(inner.apply(point(c, p))).xyz)).toBe(0);
      both.jacobian(j, p);
      for (let k = 0; k < 3; k += 1) {
        both.map(
          y,
          p.map((x, r) => (r === k ? x + 1e-4 : x)),
        );
        both.map(
          z,
          p.map((x, r) => (r === k ? x - 1e-4 : x)),
        );
        for (let r = 0; r < 3; r += 1) expect(j[3 * k + r]).toBeCloseTo(((y[r] as number) - (z[r] as number)) / 2e-4, 5);
      }
    }
  });

  it('is undone by its inverse, which is the inverses the other way round', () => {
    const back = inverseDeformation(both);
    const other = composeDeformations(inverseDeformation(inner), inverseDeformation(outer));
    for (let n = 0; n < 100; n += 1) {
      const p = point(c, place());
      const q = both.apply(p);
      expect(apart(back.apply(q).xyz, p.xyz)).toBeLessThan(1e-5);
      expect(apart(other.apply(q).xyz, p.xyz)).toBeLessThan(1e-5);
    }
  });

  it('refuses maps that do not meet', () => {
    let caught: unknown;
    try {
      composeDeformations(inner as never, outer as never);
    } catch (error) {
      caught = error;
    }
    expect(isNavError(caught) && caught.code).toBe('frame/mismatch');
  });
});

describe('inverseDeformation', () => {
  it('has the inverse derivative', () => {
    const forward = bent(a, b, 3);
    const back = inverseDeformation(forward);
    const [j, k, q] = [new Float64Array(9), new Float64Array(9), new Float64Array(3)];
    for (let n = 0; n < 100; n += 1) {
      const p = place();
      forward.jacobian(j, p);
      back.jacobian(k, forward.map(q, p));
      for (let r = 0; r < 3; r += 1) {
        for (let s = 0; s < 3; s += 1) {
          const sum = [0, 1, 2].reduce((t, m) => t + (j[3 * m + r] as number) * (k[3 * s + m] as number), 0);
          expect(sum).toBeCloseTo(r === s ? 1 : 0, 5);
        }
      }
    }
  });

  it('says where there is none, and gives no number there', () => {
    const folding = bent(a, b, 45);
    const back = inverseDeformation(folding);
    let refused = 0;
    for (let n = 0; n < 100; n += 1) {
      const q = folding.apply(point(b, [random.between(-20, 20), random.between(-20, 20), random.between(-20, 20)]));
      const bare = back.map(new Float64Array(3), q.xyz);
      if (!Number.isNaN(bare[0] as number)) continue;
      refused += 1;
      expect(() => back.apply(q)).toThrow(/folds there/);
    }
    expect(refused).toBeGreaterThan(0);
  });
});
