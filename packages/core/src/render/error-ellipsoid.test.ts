import { describe, expect, inject, it } from 'vitest';
import { fromQuaternion, Random } from '../math/index.js';
import { crossSection, ellipsoidMark } from './error-ellipsoid.js';
import { PlaneView, patientAxes, SLICE_VIEWS } from './planes.js';

/** A slice of 0.1 mm pixels through a point. */
function slice(name: (typeof SLICE_VIEWS)[number], through: ArrayLike<number>): PlaneView {
  const plane = new PlaneView();
  plane.axes = patientAxes(name);
  plane.mmPerPx = 0.1;
  plane.width = 400;
  plane.height = 300;
  plane.passThrough(through);
  return plane;
}

/** R diag(s²) Rᵀ for a random turn. */
function turned(random: Random, semiAxes: readonly number[]): Float64Array {
  const r = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [0, 0, 0]);
  return Float64Array.from({ length: 9 }, (_, n) =>
    semiAxes.reduce((sum, s, a) => sum + (r[4 * a + Math.floor(n / 3)] as number) * s * s * (r[4 * a + (n % 3)] as number), 0),
  );
}

describe('an error ellipsoid', () => {
  it('is cut by a slice along its own axes: across along x, up along z, and not the other way round', () => {
    const mark = ellipsoidMark([10, 20, 30], [9, 0, 0, 0, 4, 0, 0, 0, 1], '');
    const [axial, coronal, sagittal] = SLICE_VIEWS.map((name) => crossSection(mark, slice(name, [10, 20, 30])));
    expect([axial?.halfWidth, axial?.halfHeight]).toEqual([expect.closeTo(30, 9), expect.closeTo(20, 9)]);
    expect([coronal?.halfWidth, coronal?.halfHeight]).toEqual([expect.closeTo(30, 9), expect.closeTo(10, 9)]);
    expect([sagittal?.halfWidth, sagittal?.halfHeight]).toEqual([expect.closeTo(20, 9), expect.closeTo(10, 9)]);
  });

  it('leans on the screen as it leans in the patient', () => {
    // Long from the patient's right-anterior to left-posterior: on an axial slice from upper left to lower right.
    const mark = ellipsoidMark([0, 0, 0], [2, 1, 0, 1, 2, 0, 0, 0, 1], '');
    const cut = crossSection(mark, slice('axial', [0, 0, 0])) ?? expect.unreachable();
    const value = (x: number, y: number): number => cut.a * x * x + 2 * cut.b * x * y + cut.c * y * y;
    expect(value(10, 10)).toBeLessThan(value(10, -10) / 2);
  });

  it('gives the outline point for point, for any ellipsoid and any slice through it, and none beside it', () => {
    const random = new Random(inject('seed'));
    let missed = 0;
    for (let n = 0; n < 200; n += 1) {
      const semiAxes = [random.between(0.5, 3), random.between(0.5, 3), random.between(0.5, 3)];
      const mark = ellipsoidMark([5, -7, 11], turned(random, semiAxes), '');
      const name = SLICE_VIEWS[n % 3] as (typeof SLICE_VIEWS)[number];
      const plane = slice(
        name,
        [5, -7, 11].map((v) => v + random.between(-2, 2)),
      );
      const cut = crossSection(mark, plane);
      if (cut === undefined) {
        missed += 1;
        continue;
      }
      for (let angle = 0; angle < 6.28; angle += 0.7) {
        const [u, v] = [Math.cos(angle), Math.sin(angle)];
        const reach = 1 / Math.sqrt(cut.a * u * u + 2 * cut.b * u * v + cut.c * v * v);
        const on = plane.unproject(new Float64Array(3), cut.x + reach * u, cut.y + reach * v);
        const d = Array.from(on, (x, k) => x - (mark.centre[k] as number));
        const q = d.reduce((s, x, i) => s + d.reduce((t, y, j) => t + x * (mark.inverse[3 * i + j] as number) * y, 0), 0);
        expect(q).toBeCloseTo(1, 9);
        expect(Math.abs(reach * u)).toBeLessThanOrEqual(cut.halfWidth * (1 + 1e-9));
        expect(Math.abs(reach * v)).toBeLessThanOrEqual(cut.halfHeight * (1 + 1e-9));
      }
    }
    expect(missed).toBeGreaterThan(0);
    expect(missed).toBeLessThan(150);
  });

  it('has right-handed axes of the given lengths, and is refused where the matrix is none of a covariance', () => {
    const { axes } = ellipsoidMark([0, 0, 0], turned(new Random(3), [3, 2, 1]), '');
    const column = (a: number): number[] => Array.from(axes.slice(3 * a, 3 * a + 3));
    expect([0, 1, 2].map((a) => Math.hypot(...column(a)))).toEqual([3, 2, 1].map((v) => expect.closeTo(v, 9)));
    const [x, y, z] = [column(0), column(1), column(2)] as [number[], number[], number[]];
    const cross = [0, 1, 2].map((k) => {
      const [i, j] = [(k + 1) % 3, (k + 2) % 3];
      return (x[i] as number) * (y[j] as number) - (x[j] as number) * (y[i] as number);
    });
    expect(cross.reduce((sum, v, k) => sum + v * (z[k] as number), 0)).toBeCloseTo(6, 9);
    for (const bad of [
      [Number.NaN, 0, 0, 0, 1, 0, 0, 0, 1],
      [1, 0, 0, 0, -1, 0, 0, 0, 1],
    ]) {
      expect(() => ellipsoidMark([0, 0, 0], bad, '')).toThrow(expect.objectContaining({ code: 'frame/bad-covariance' }));
    }
    expect(ellipsoidMark([0, 0, 0], new Float64Array(9), '').inverse.every(Number.isFinite)).toBe(true);
  });
});
