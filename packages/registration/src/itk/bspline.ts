import { NavError } from '@trocar/core';
import type { JacobianMap, PointMap } from '../deformable/deformation.js';
import { ControlGrid } from '../deformable/displacement-grid.js';
import type { ParameterMap } from './parameters.js';

/**
 * The map of an elastix BSplineTransform and its derivative: x + Σ c β³(index(x) − k), cubic B-splines on a regular grid of
 * displacements; the identity outside the grid's valid region, as in ITK. (Rueckert 1999, IEEE TMI 18:712.)
 * @throws NavError `transform/unsupported`, `transform/corrupt`
 */
export function bsplineMaps(parameters: ParameterMap): { readonly map: PointMap; readonly jacobian: JacobianMap } {
  const grid = gridOf(parameters);
  const u = new Float64Array(3);
  return {
    map(out, p) {
      const [x, y, z] = [p[0] as number, p[1] as number, p[2] as number];
      if (grid.covers(x, y, z)) grid.displacement(u, x, y, z);
      else u.fill(0);
      out[0] = x + (u[0] as number);
      out[1] = y + (u[1] as number);
      out[2] = z + (u[2] as number);
      return out;
    },
    jacobian(out, p) {
      const [x, y, z] = [p[0] as number, p[1] as number, p[2] as number];
      if (grid.covers(x, y, z)) grid.gradient(out, x, y, z);
      else out.fill(0);
      for (let d = 0; d < 9; d += 4) out[d] = (out[d] as number) + 1;
      return out;
    },
  };
}

function gridOf(map: ParameterMap): ControlGrid {
  const order = numbers(map, 'BSplineTransformSplineOrder', 1)[0];
  if (order !== 3) throw new NavError('transform/unsupported', `Only cubic B-splines can be evaluated, not order ${order}.`);
  if (map['UseCyclicTransform']?.[0] === 'true')
    throw new NavError('transform/unsupported', 'A cyclic B-spline cannot be evaluated.');
  const gridSize = numbers(map, 'GridSize', 3) as [number, number, number];
  const first = map['GridIndex'] === undefined ? [0, 0, 0] : numbers(map, 'GridIndex', 3);
  const count = gridSize.reduce((a, b) => a * b, 1);
  // elastix keeps all displacements along x, then all along y, then along z.
  const along = numbers(map, 'TransformParameters', 3 * count);
  const coefficients = Float64Array.from(along, (_, n) => along[(n % 3) * count + Math.floor(n / 3)] as number);
  try {
    return new ControlGrid({ gridFrameFromIndex: gridFrameFromIndex(map, first), gridSize, coefficients });
  } catch (cause) {
    throw new NavError('transform/corrupt', `The B-spline's grid is none: ${(cause as Error).message}`, { cause });
  }
}

/** Where the grid's first control point, of index `first`, and its axes lie. */
function gridFrameFromIndex(map: ParameterMap, first: readonly number[]): Float64Array {
  const spacing = numbers(map, 'GridSpacing', 3);
  const origin = numbers(map, 'GridOrigin', 3);
  // elastix writes the direction column by column.
  const direction = map['GridDirection'] === undefined ? [1, 0, 0, 0, 1, 0, 0, 0, 1] : numbers(map, 'GridDirection', 9);
  const m = new Float64Array(16);
  m.set(origin, 12);
  m[15] = 1;
  for (let c = 0; c < 3; c += 1) {
    for (let r = 0; r < 3; r += 1) {
      const step = (direction[3 * c + r] as number) * (spacing[c] as number);
      m[4 * c + r] = step;
      m[12 + r] = (m[12 + r] as number) + step * (first[c] as number);
    }
  }
  return m;
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
