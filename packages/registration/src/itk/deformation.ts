import { type Frame, NavError, type Point, point, requireSameFrame } from '@trocar/core';
import { identity4, invert4, transformPoint } from '@trocar/core/math';
import { bsplineMap, type PointMap } from './bspline.js';
import { isLinear, linearMatrix } from './elastix-transform.js';
import type { ParameterMap } from './parameters.js';

/** A non-linear map from one frame to another, mm, as image registration finds it. */
export interface Deformation<To extends string, From extends string> {
  readonly to: Frame<To>;
  readonly from: Frame<From>;
  /** The same map as elastix transform parameters, in order of application. */
  readonly parameterMaps: readonly ParameterMap[];
  /** Where a point of `from` lies in `to`. @throws NavError `frame/mismatch` */
  apply(p: Point<From>): Point<To>;
  /** `apply` on bare coordinates, with no allocation: p into `out`, which may be `p`. */
  readonly map: PointMap;
  /**
   * The point of `from` that `apply` carries to `p`, by fixed-point iteration to 1e-6 mm.
   * @throws NavError `frame/mismatch`, `registration/failed` where the map folds there and has no inverse
   */
  applyInverse(p: Point<To>): Point<From>;
}

/**
 * The map that elastix transform parameters describe.
 * @param to the moving image's frame: elastix maps fixed points to moving points
 * @param from the fixed image's frame
 * @param parameterMaps in order of application
 * @throws NavError `transform/unsupported`, `transform/corrupt`
 */
export function deformation<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  parameterMaps: readonly ParameterMap[],
): Deformation<To, From> {
  const { map, inverseOfLinear } = mapsOf(parameterMaps);
  return {
    to,
    from,
    parameterMaps,
    map,
    apply(p) {
      requireSameFrame(from, p.frame, 'Deforming a point');
      return point(to, map(new Float64Array(3), p.xyz));
    },
    applyInverse(p) {
      requireSameFrame(to, p.frame, 'Deforming a point back');
      return point(from, inverted(map, inverseOfLinear, p.xyz));
    },
  };
}

function mapsOf(parameterMaps: readonly ParameterMap[]): { readonly map: PointMap; readonly inverseOfLinear: Float64Array } {
  const linear = identity4();
  const steps = parameterMaps.map((parameters): PointMap => {
    if (!isLinear(parameters)) {
      if (parameters['Transform']?.[0]?.endsWith('BSplineTransform') !== true) linearMatrix(parameters);
      return bsplineMap(parameters);
    }
    const matrix = linearMatrix(parameters);
    const before = linear.slice();
    for (let c = 0; c < 4; c += 1) {
      for (let r = 0; r < 3; r += 1) {
        let sum = c === 3 ? (matrix[12 + r] as number) : 0;
        for (let k = 0; k < 3; k += 1) sum += (matrix[4 * k + r] as number) * (before[4 * c + k] as number);
        linear[4 * c + r] = sum;
      }
    }
    return (out, p) => transformPoint(out, matrix, p);
  });
  const inverseOfLinear = identity4();
  if (!invert4(inverseOfLinear, linear)) throw new NavError('transform/corrupt', 'The linear part of the transform is singular.');
  const map: PointMap = (out, p) => {
    out[0] = p[0] as number;
    out[1] = p[1] as number;
    out[2] = p[2] as number;
    for (const step of steps) step(out, out);
    return out;
  };
  return { map, inverseOfLinear };
}

/** x ← x + L⁻¹ (p − T(x)), which contracts where the displacement changes by less than itself over a distance. */
function inverted(map: PointMap, inverseOfLinear: ArrayLike<number>, p: ArrayLike<number>): Float64Array {
  const x = transformPoint(new Float64Array(3), inverseOfLinear, p);
  const y = new Float64Array(3);
  for (let iteration = 0; iteration < 200; iteration += 1) {
    map(y, x);
    const miss = [0, 1, 2].map((i) => (p[i] as number) - (y[i] as number));
    if (Math.hypot(...miss) < 1e-6) return x;
    for (let i = 0; i < 3; i += 1) {
      for (let k = 0; k < 3; k += 1) x[i] = (x[i] as number) + (inverseOfLinear[4 * k + i] as number) * (miss[k] as number);
    }
  }
  throw new NavError(
    'registration/failed',
    `The deformation cannot be inverted at [${Array.from(p).map((v) => v.toFixed(1))}]: it folds there. Use a wider grid.`,
  );
}
