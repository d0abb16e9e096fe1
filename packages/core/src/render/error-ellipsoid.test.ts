import { describe, expect, inject, it } from 'vitest';
import { fromQuaternion, Random } from '../math/index.js';
import { ellipsoidMark, outlineOf } from './error-ellipsoid.js';
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
  it('is seen on a slice along its own axes: across along x, up along z, and not the other way round', () => {
    const mark = ellipsoidMark([10, 20, 30], [9, 0, 0, 0, 4, 0, 0, 0, 1]);
    const [axial, coronal, sagittal] = SLICE_VIEWS.map((name) => outlineOf(mark, slice(name, [10, 20, 30])));
    expect([axial?.halfWidth, axial?.halfHeight]).toEqual([expect.closeTo(30, 9), expect.closeTo(20, 9)]);
    expect([coronal?.halfWidth, coronal?.halfHeight]).toEqual([expect.closeTo(30, 9), expect.closeTo(10, 9)]);
    expect([sagittal?.halfWidth, sagittal?.halfHeight]).toEqual([expect.closeTo(20, 9), expect.closeTo(10, 9)]);
  });

  it('leans on the screen as it leans in the patient', () => {
    // Long from the patient's right-anterior to left-posterior: on an axial slice from upper left to lower right.
    const mark = ellipsoidMark([0, 0, 0], [2, 1, 0, 1, 2, 0, 0, 0, 1]);
    const { a, b, c } = outlineOf(mark, slice('axial', [0, 0, 0]));
    const value = (x: number, y: number): number => a * x * x + 2 * b * x * y + c * y * y;
    expect(value(10, 10)).toBeLessThan(value(10, -10) / 2);
  });

  it('has the outline of all its points, wherever the slice cuts, and says how far that is from its middle', () => {
    const random = new Random(inject('seed'));
    for (let n = 0; n < 100; n += 1) {
      const semiAxes = [random.between(0.5, 3), random.between(0.5, 3), random.between(0.5, 3)];
      const mark = ellipsoidMark([5, -7, 11], turned(random, semiAxes));
      const off = random.between(-2, 2);
      const plane = slice(SLICE_VIEWS[n % 3] as (typeof SLICE_VIEWS)[number], [5 + off, -7 + off, 11 + off]);
      const seen = outlineOf(mark, plane);
      let [farthest, deepest] = [0, 0];
      for (let k = 0; k < 4000; k += 1) {
        const u = [random.normal(), random.normal(), random.normal()];
        const on = onSurface(mark.axes, mark.centre, u);
        const at = plane.project(new Float64Array(3), on);
        const [x, y] = [(at[0] as number) - seen.x, (at[1] as number) - seen.y];
        farthest = Math.max(farthest, seen.a * x * x + 2 * seen.b * x * y + seen.c * y * y);
        deepest = Math.max(deepest, Math.abs((at[2] as number) - depthOf(plane, mark.centre)));
      }
      expect(farthest).toBeLessThan(1 + 1e-9);
      expect(farthest).toBeGreaterThan(0.98);
      expect(seen.away * deepest).toBeCloseTo(Math.abs(off), 1);
    }
  });

  it('is smaller in a slice by the factor that it is told', () => {
    const plane = slice('coronal', [0, 0, 0]);
    const whole = outlineOf(ellipsoidMark([0, 0, 0], [4, 1, 0, 1, 3, 1, 0, 1, 2]), plane);
    const part = outlineOf(ellipsoidMark([0, 0, 0], [4, 1, 0, 1, 3, 1, 0, 1, 2], { inSlice: 0.8 }), plane);
    expect(part.halfWidth).toBeCloseTo(0.8 * whole.halfWidth, 9);
    expect(part.c * 0.64).toBeCloseTo(whole.c, 9);
  });

  it('has right-handed axes of the given lengths, and is refused where the matrix is none of a covariance', () => {
    const { axes } = ellipsoidMark([0, 0, 0], turned(new Random(3), [3, 2, 1]));
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
      expect(() => ellipsoidMark([0, 0, 0], bad)).toThrow(expect.objectContaining({ code: 'frame/bad-covariance' }));
    }
  });

  it('is finite where there is no error at all, or only along one line', () => {
    for (const shape of [new Float64Array(9), [1, 0, 0, 0, 0, 0, 0, 0, 0], [1, 1, 0, 1, 1, 0, 0, 0, 0]]) {
      const seen = outlineOf(ellipsoidMark([0, 0, 0], shape), slice('axial', [0, 0, 0]));
      expect(Object.values(seen).every(Number.isFinite)).toBe(true);
    }
  });
});

/** The point of the surface in that direction of the unit ball. */
function onSurface(axes: Float64Array, centre: ArrayLike<number>, u: readonly number[]): number[] {
  const length = Math.hypot(...u);
  return [0, 1, 2].map(
    (i) => (centre[i] as number) + [0, 1, 2].reduce((s, a) => s + ((axes[3 * a + i] as number) * (u[a] as number)) / length, 0),
  );
}

function depthOf(plane: PlaneView, p: ArrayLike<number>): number {
  return plane.project(new Float64Array(3), p)[2] as number;
}
