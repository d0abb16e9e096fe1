import { NavError } from '../../base/index.js';
import type { VolumeWarning, VoxelArray } from '../../volume/index.js';
import { dot, type Slice, sliceName } from './slice.js';

/** Distance of a grid plane from a slice at which the slice itself is taken, mm. */
const SAME_PLANE_MM = 0.01;
/** More planes than this for each slice are no gaps any more but an invention. */
const MOST_PLANES_PER_SLICE = 8;

/** An even stack laid through uneven slices. */
export interface FilledStack {
  readonly step: readonly number[];
  /** For every plane: the slice below it, and the weight of the slice above that one (0: the slice itself). */
  readonly planes: ReadonlyArray<{ readonly below: number; readonly weight: number }>;
  readonly warning: VolumeWarning;
}

/**
 * An even grid through sorted slices with gaps: its step is the smallest distance between two of them.
 * @param normal unit vector of the slices
 * @throws NavError `dicom/missing-slice` where most of the planes would have to be invented
 */
export function fillStack(slices: readonly Slice[], normal: readonly number[]): FilledStack {
  const first = slices[0] as Slice;
  const last = slices[slices.length - 1] as Slice;
  const depths = slices.map((s) => dot(normal, s.position) - dot(normal, first.position));
  const gaps = depths.slice(1).map((d, n) => d - (depths[n] as number));
  const depth = depths[depths.length - 1] as number;
  const count = Math.round(depth / Math.min(...gaps)) + 1;
  if (count > MOST_PLANES_PER_SLICE * slices.length) {
    throw new NavError(
      'dicom/missing-slice',
      `The gaps between ${sliceName(first)} and ${sliceName(last)} would take ${count} planes from ${slices.length} slices: too many to interpolate.`,
      { detail: { planes: count, slices: slices.length } },
    );
  }
  const planes = Array.from({ length: count }, (_, k) => planeAt((k * depth) / (count - 1), depths));
  const filled = planes.filter((p) => p.weight !== 0).length;
  const largest = Math.max(...gaps);
  return {
    step: [0, 1, 2].map((r) => ((last.position[r] as number) - (first.position[r] as number)) / (count - 1)),
    planes,
    warning: {
      code: 'gaps-filled',
      message:
        `${filled} of ${count} planes are no slices of the scanner but interpolated between two of them, across gaps of up to ` +
        `${largest.toFixed(3)} mm. What lies in a gap is not seen.`,
      detail: { planes: count, filled, largestGapMm: largest },
    },
  };
}

function planeAt(at: number, depths: readonly number[]): { below: number; weight: number } {
  let above = depths.findIndex((d) => d >= at - SAME_PLANE_MM);
  if (above < 0) above = depths.length - 1;
  const d = depths[above] as number;
  if (above === 0 || d - at <= SAME_PLANE_MM) return { below: above, weight: 0 };
  const under = depths[above - 1] as number;
  return { below: above - 1, weight: (at - under) / (d - under) };
}

/** The voxels of the even stack: linear between neighbouring slices, rounded for integers. */
export function fillVoxels(voxels: VoxelArray, perSlice: number, stack: FilledStack): VoxelArray {
  const whole = !(voxels instanceof Float32Array || voxels instanceof Float64Array);
  const Out = voxels.constructor as new (length: number) => VoxelArray;
  const out = new Out(perSlice * stack.planes.length);
  stack.planes.forEach(({ below, weight }, k) => {
    const from = below * perSlice;
    const to = k * perSlice;
    if (weight === 0) {
      out.set(voxels.subarray(from, from + perSlice) as never, to);
      return;
    }
    for (let n = 0; n < perSlice; n += 1) {
      const low = voxels[from + n] as number;
      const value = low + weight * ((voxels[from + perSlice + n] as number) - low);
      out[to + n] = whole ? Math.round(value) : value;
    }
  });
  return out;
}
