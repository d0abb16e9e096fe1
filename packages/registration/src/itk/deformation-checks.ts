import { determinant3, identity4, transformPoint } from '@trocar/core/math';
import { spacingOf } from '@trocar/core/volume';
import type { PointMap } from '../deformable/deformation.js';
import { numbers } from './bspline.js';
import { chainedMatrix, isLinear } from './elastix-transform.js';
import type { Picture } from './image.js';
import type { ParameterMap } from './parameters.js';

/** What a deformation does over the fixed image beyond its linear start. */
export interface DeformationShape {
  /**
   * Least and greatest local volume, as a multiple of the linear start's: det J(deformation) / det J(linear start).
   * Zero or less is a fold. Tissue hardly changes its volume.
   */
  readonly leastVolumeRatio: number;
  readonly greatestVolumeRatio: number;
  /** Share of the places looked at where the map folds, 0 … 1. */
  readonly foldedShare: number;
  /** Greatest distance between where the deformation and its linear start put a point, mm in the moving frame. */
  readonly largestMm: number;
}

/** The maps in front of the first one that is not linear, as one matrix; the identity where there is none. */
export function linearStart(maps: readonly ParameterMap[]): Float64Array {
  const first = maps.findIndex((map) => !isLinear(map));
  return chainedMatrix(first < 0 ? maps : maps.slice(0, first));
}

/** Places along each axis at most. */
const MOST_PLACES = 40;

/** Half the step of the central differences, mm: far below any grid, far above rounding. */
const STEP_MM = 0.01;

/**
 * Looks at a deformation on a lattice over the fixed image, two places to a control point of the finest grid along each
 * axis (40 at most), and so finds folds that are no narrower. Jacobians by central differences.
 * @param maps the parameters `map` was made of
 */
export function shapeOf(fixed: Picture, maps: readonly ParameterMap[], map: PointMap): DeformationShape {
  const linear = linearStart(maps);
  const lattice = latticeOver(fixed, finestGridMm(maps));
  const linearVolume = determinant3(linear);
  const jacobian = identity4();
  const [p, q, a, b] = [0, 1, 2, 3].map(() => new Float64Array(3)) as [Float64Array, Float64Array, Float64Array, Float64Array];
  let [least, greatest, folded, largest, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  for (const place of lattice) {
    transformPoint(p, fixed.frameFromIndex, place);
    for (let c = 0; c < 3; c += 1) {
      q.set(p);
      q[c] = (p[c] as number) + STEP_MM;
      map(a, q);
      q[c] = (p[c] as number) - STEP_MM;
      map(b, q);
      for (let r = 0; r < 3; r += 1) jacobian[4 * c + r] = ((a[r] as number) - (b[r] as number)) / (2 * STEP_MM);
    }
    const ratio = determinant3(jacobian) / linearVolume;
    map(a, p);
    transformPoint(b, linear, p);
    least = Math.min(least, ratio);
    greatest = Math.max(greatest, ratio);
    largest = Math.max(largest, Math.hypot(...[0, 1, 2].map((i) => (a[i] as number) - (b[i] as number))));
    if (!(ratio > 0)) folded += 1;
    count += 1;
  }
  return { leastVolumeRatio: least, greatestVolumeRatio: greatest, foldedShare: folded / count, largestMm: largest };
}

function finestGridMm(maps: readonly ParameterMap[]): number {
  const grids = maps.filter((map) => !isLinear(map)).flatMap((map) => numbers(map, 'GridSpacing', 3));
  return Math.min(...grids);
}

/** Voxel indices in the middles of equal cells of half a grid spacing or more. */
function* latticeOver(picture: Picture, gridMm: number): Generator<readonly [number, number, number]> {
  const spacing = spacingOf(picture);
  const counts = picture.size.map((n, a) =>
    Math.max(1, Math.min(MOST_PLACES, Math.ceil((2 * (n - 1) * (spacing[a] as number)) / gridMm))),
  );
  const at = (axis: 0 | 1 | 2, n: number): number => ((n + 0.5) * (picture.size[axis] - 1)) / (counts[axis] as number);
  for (let k = 0; k < (counts[2] as number); k += 1) {
    for (let j = 0; j < (counts[1] as number); j += 1) {
      for (let i = 0; i < (counts[0] as number); i += 1) yield [at(0, i), at(1, j), at(2, k)];
    }
  }
}
