import { NavError } from '@trocar/core';
import { identity4, invert4, transformPoint } from '@trocar/core/math';
import type { ParameterMap } from './parameters.js';

/** A map of points, mm to mm: p into `out`, which may be `p`. */
export type PointMap = (out: Float64Array, p: ArrayLike<number>) => Float64Array;

/**
 * The map of an elastix BSplineTransform: x + Σ c β³(index(x) − k), cubic B-splines on a regular grid of displacements;
 * the identity outside the grid's valid region, as in ITK. (Rueckert 1999, IEEE TMI 18:712.)
 * @throws NavError `transform/unsupported`, `transform/corrupt`
 */
export function bsplineMap(map: ParameterMap): PointMap {
  const order = numbers(map, 'BSplineTransformSplineOrder', 1)[0];
  if (order !== 3) throw new NavError('transform/unsupported', `Only cubic B-splines can be evaluated, not order ${order}.`);
  if (map['UseCyclicTransform']?.[0] === 'true')
    throw new NavError('transform/unsupported', 'A cyclic B-spline cannot be evaluated.');
  const size = numbers(map, 'GridSize', 3);
  const first = map['GridIndex'] === undefined ? [0, 0, 0] : numbers(map, 'GridIndex', 3);
  const count = size.reduce((a, b) => a * b, 1);
  const coefficients = Float64Array.from(numbers(map, 'TransformParameters', 3 * count));
  const indexFromPoint = gridIndexFromPoint(map);
  const [ni = 0, nj = 0] = size;
  const at = new Float64Array(3);
  const weights = [new Float64Array(4), new Float64Array(4), new Float64Array(4)] as const;
  const start = [0, 0, 0];
  return (out, p) => {
    transformPoint(at, indexFromPoint, p);
    let inside = true;
    for (let a = 0; a < 3; a += 1) {
      const x = (at[a] as number) - (first[a] as number);
      // The four control points around x must exist; the last valid place belongs to the last full cell.
      inside &&= x >= 1 && x <= (size[a] as number) - 2;
      const cell = Math.min(Math.floor(x), (size[a] as number) - 3);
      start[a] = cell - 1;
      cubicWeights(weights[a as 0 | 1 | 2], x - cell);
    }
    const [x, y, z] = [p[0] as number, p[1] as number, p[2] as number];
    let [dx, dy, dz] = [0, 0, 0];
    for (let c = 0; inside && c < 4; c += 1) {
      for (let b = 0; b < 4; b += 1) {
        const row = (start[0] as number) + ni * ((start[1] as number) + b + nj * ((start[2] as number) + c));
        const w = (weights[2][c] as number) * (weights[1][b] as number);
        for (let a = 0; a < 4; a += 1) {
          const full = w * (weights[0][a] as number);
          dx += full * (coefficients[row + a] as number);
          dy += full * (coefficients[count + row + a] as number);
          dz += full * (coefficients[2 * count + row + a] as number);
        }
      }
    }
    out[0] = x + dx;
    out[1] = y + dy;
    out[2] = z + dz;
    return out;
  };
}

/** The four cubic B-splines that are not zero at a fraction t of a cell, 0 ≤ t ≤ 1. */
function cubicWeights(out: Float64Array, t: number): void {
  const u = 1 - t;
  out[0] = (u * u * u) / 6;
  out[1] = (4 - 6 * t * t + 3 * t * t * t) / 6;
  out[2] = (4 - 6 * u * u + 3 * u * u * u) / 6;
  out[3] = (t * t * t) / 6;
}

function gridIndexFromPoint(map: ParameterMap): Float64Array {
  const spacing = numbers(map, 'GridSpacing', 3);
  const origin = numbers(map, 'GridOrigin', 3);
  // elastix writes the direction column by column.
  const direction = map['GridDirection'] === undefined ? [1, 0, 0, 0, 1, 0, 0, 0, 1] : numbers(map, 'GridDirection', 9);
  const m = identity4();
  for (let c = 0; c < 3; c += 1) {
    for (let r = 0; r < 3; r += 1) m[4 * c + r] = (direction[3 * c + r] as number) * (spacing[c] as number);
    m[12 + c] = origin[c] as number;
  }
  const inverse = identity4();
  if (!invert4(inverse, m)) throw new NavError('transform/corrupt', 'The B-spline grid has no volume.');
  return inverse;
}

/**
 * A parameter's numbers.
 * @throws NavError `transform/corrupt` where it is absent, of another length, or not finite
 */
export function numbers(map: ParameterMap, name: string, count: number): number[] {
  const values = (map[name] ?? []).map(Number);
  if (values.length !== count || !values.every((x) => Number.isFinite(x))) {
    throw new NavError(
      'transform/corrupt',
      `The transform's ${name} should be ${count} numbers but is ${values.length} values.`,
      {
        detail: { name, count, given: values.length },
      },
    );
  }
  return values;
}
