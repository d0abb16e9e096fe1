import { frame, isNavError, point } from '@trocar/core';
import { fromRotationVector, Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { type SplineDeformation, splineDeformation } from './displacement-grid.js';

const fixed = frame('fixed');
const moving = frame('moving');

/** Control points 10 mm apart on an oblique grid, displacements up to `mm` along each axis. */
function bent(seed: number, mm: number): SplineDeformation<'moving', 'fixed'> {
  const random = new Random(seed);
  const gridFrameFromIndex = fromRotationVector(new Float64Array(16), [0.2, 0.1, -0.3]).map((x, n) => (n < 12 ? 10 * x : x));
  gridFrameFromIndex.set([-40, -30, -20], 12);
  const initial = fromRotationVector(new Float64Array(16), [-0.1, 0.3, 0.2]);
  initial.set([3, 8, -4], 12);
  const coefficients = Float32Array.from({ length: 3 * 8 * 9 * 7 }, () => random.between(-mm, mm));
  return splineDeformation(moving, fixed, { initial, gridFrameFromIndex, gridSize: [8, 9, 7], coefficients });
}

describe('a spline deformation', () => {
  it('has the derivative that differences give, everywhere', () => {
    const map = bent(inject('seed'), 3);
    const random = new Random(inject('seed') + 1);
    const j = new Float64Array(9);
    const [a, b] = [new Float64Array(3), new Float64Array(3)];
    for (let n = 0; n < 300; n += 1) {
      const p = [0, 1, 2].map(() => random.between(-90, 90));
      map.jacobian(j, p);
      for (let c = 0; c < 3; c += 1) {
        map.map(
          a,
          p.map((x, r) => x + (r === c ? 1e-4 : 0)),
        );
        map.map(
          b,
          p.map((x, r) => x - (r === c ? 1e-4 : 0)),
        );
        for (let r = 0; r < 3; r += 1) expect(j[3 * c + r]).toBeCloseTo(((a[r] as number) - (b[r] as number)) / 2e-4, 5);
      }
    }
  });

  it('is undone by its inverse to a nanometre, inside and outside its grid', () => {
    const map = bent(inject('seed') + 2, 3);
    const random = new Random(inject('seed') + 3);
    for (let n = 0; n < 300; n += 1) {
      const p = point(fixed, [random.between(-90, 90), random.between(-90, 90), random.between(-90, 90)]);
      const back = map.applyInverse(map.apply(p));
      expect(Math.hypot(...Array.from(back.xyz).map((x, r) => x - (p.xyz[r] as number)))).toBeLessThan(1e-5);
    }
  });

  it('that folds says so where it has no inverse', () => {
    const map = bent(inject('seed') + 4, 40);
    const random = new Random(inject('seed') + 5);
    let refused = 0;
    for (let n = 0; n < 200; n += 1) {
      const q = map.apply(point(fixed, [random.between(-20, 20), random.between(-20, 20), random.between(-10, 10)]));
      try {
        expect(map.apply(map.applyInverse(q)).xyz[0]).toBeCloseTo(q.xyz[0] as number, 4);
      } catch (error) {
        if (!isNavError(error, 'registration/failed')) throw error;
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(0);
  });

  it('refuses what is no grid', () => {
    const whole = { initial: fromRotationVector(new Float64Array(16), [0, 0, 0]), gridSize: [2, 2, 2] as const };
    const grid = { ...whole, gridFrameFromIndex: whole.initial, coefficients: new Float64Array(24) };
    const sheared = Float64Array.from(whole.initial, (x, n) => (n === 4 ? 0.3 : x));
    for (const [wrong, code] of [
      [{ coefficients: new Float64Array(23) }, 'registration/bad-option'],
      [{ coefficients: new Float64Array(24).fill(Number.NaN) }, 'registration/not-finite'],
      [{ gridFrameFromIndex: new Float64Array(16) }, 'registration/bad-option'],
      [{ gridFrameFromIndex: sheared }, 'registration/sheared-volume'],
      [{ initial: new Float64Array(16) }, 'registration/bad-option'],
    ] as const) {
      let caught: unknown;
      try {
        splineDeformation(moving, fixed, { ...grid, ...wrong });
      } catch (error) {
        caught = error;
      }
      expect(isNavError(caught) && caught.code).toBe(code);
    }
  });
});
