import type { ControlGrid, SplineDeformation } from '../deformable/displacement-grid.js';
import { deformation, type ElastixDeformation } from './deformation.js';
import { affineParameterMap } from './elastix-transform.js';
import type { ParameterMap } from './parameters.js';

/**
 * A deformation of our own in ITK's and elastix's terms, to be written by `writeTransformFile` and read by them and by 3D
 * Slicer: a B-spline, applied first, with zeros around it so that it is the same map everywhere, then the linear part.
 */
export function asElastix<To extends string, From extends string>(
  spline: SplineDeformation<To, From>,
): ElastixDeformation<To, From> {
  return deformation(spline.to, spline.from, [bsplineMapOf(spline.grid), affineParameterMap(spline.linear)]);
}

function bsplineMapOf(grid: ControlGrid): ParameterMap {
  const { gridFrameFromIndex: m, gridSize, coefficients } = grid.padded();
  const count = gridSize[0] * gridSize[1] * gridSize[2];
  const spacing = [0, 1, 2].map((c) => Math.hypot(m[4 * c] as number, m[4 * c + 1] as number, m[4 * c + 2] as number));
  // ITK keeps all displacements along x, then all along y, then along z.
  const parameters = new Array<string>(3 * count);
  for (let r = 0; r < 3; r += 1) {
    for (let n = 0; n < count; n += 1) parameters[r * count + n] = String(coefficients[3 * n + r]);
  }
  return {
    Transform: ['BSplineTransform'],
    BSplineTransformSplineOrder: ['3'],
    NumberOfParameters: [String(3 * count)],
    TransformParameters: parameters,
    GridSize: gridSize.map(String),
    GridIndex: ['0', '0', '0'],
    GridOrigin: [12, 13, 14].map((n) => String(m[n])),
    GridSpacing: spacing.map(String),
    GridDirection: [0, 1, 2].flatMap((c) => [0, 1, 2].map((r) => String((m[4 * c + r] as number) / (spacing[c] as number)))),
  };
}
