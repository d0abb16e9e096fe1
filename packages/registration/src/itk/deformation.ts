import type { Frame } from '@trocar/core';
import { identity4, multiply4, transformPoint } from '@trocar/core/math';
import { type Deformation, deformationOf, type JacobianMap, type PointMap, product9 } from '../deformable/deformation.js';
import { bsplineMaps } from './bspline.js';
import { isLinear, linearMatrix } from './elastix-transform.js';
import type { ParameterMap } from './parameters.js';

/** A deformation in elastix's terms, to be read from and written to files that elastix, ITK and 3D Slicer share. */
export interface ElastixDeformation<To extends string, From extends string> extends Deformation<To, From> {
  /** The same map as elastix transform parameters, in order of application. */
  readonly parameterMaps: readonly ParameterMap[];
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
): ElastixDeformation<To, From> {
  const steps = parameterMaps.map(stepOf);
  const linear = identity4();
  for (const { matrix } of steps) if (matrix !== undefined) multiply4(linear, matrix, linear);
  const map: PointMap = (out, p) => {
    out[0] = p[0] as number;
    out[1] = p[1] as number;
    out[2] = p[2] as number;
    for (const step of steps) step.map(out, out);
    return out;
  };
  const at = new Float64Array(3);
  const [one, before] = [new Float64Array(9), new Float64Array(9)];
  const jacobian: JacobianMap = (out, p) => {
    at.set([p[0] as number, p[1] as number, p[2] as number]);
    out.fill(0);
    for (let d = 0; d < 9; d += 4) out[d] = 1;
    for (const step of steps) {
      before.set(out);
      product9(out, step.jacobian(one, at), before);
      step.map(at, at);
    }
    return out;
  };
  return { ...deformationOf(to, from, { map, jacobian, linear, provenance: { method: 'elastix-transform' } }), parameterMaps };
}

interface Step {
  readonly map: PointMap;
  readonly jacobian: JacobianMap;
  /** Where the step is linear. */
  readonly matrix?: Float64Array;
}

function stepOf(parameters: ParameterMap): Step {
  if (!isLinear(parameters)) {
    // Says that it is not supported.
    if (parameters['Transform']?.[0]?.endsWith('BSplineTransform') !== true) linearMatrix(parameters);
    return bsplineMaps(parameters);
  }
  const matrix = linearMatrix(parameters);
  return {
    matrix,
    map: (out, p) => transformPoint(out, matrix, p),
    jacobian(out) {
      for (let c = 0; c < 3; c += 1) for (let r = 0; r < 3; r += 1) out[3 * c + r] = matrix[4 * c + r] as number;
      return out;
    },
  };
}
