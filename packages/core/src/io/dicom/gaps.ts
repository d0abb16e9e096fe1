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
  const Out = voxels.constructor as new (length: number) => VoxelArray;
  const out = new Out(perSlice * stack.planes.length);
  const blend = blendOf(voxels);
  stack.planes.forEach(({ below, weight }, k) => {
    const low = voxels.subarray(below * perSlice, (below + 1) * perSlice);
    const plane = out.subarray(k * perSlice, (k + 1) * perSlice);
    if (weight === 0) plane.set(low as never);
    else blend(plane, low, voxels.subarray((below + 1) * perSlice, (below + 2) * perSlice), weight);
  });
  return out;
}

/** out = low + weight · (high − low), for every voxel of a plane. */
type Blend = (out: VoxelArray, low: VoxelArray, high: VoxelArray, weight: number) => void;

function blendOf(voxels: VoxelArray): Blend {
  if (voxels instanceof Float32Array || voxels instanceof Float64Array) return blendReal;
  return voxels.BYTES_PER_ELEMENT <= 2 ? blendShort : blendWhole;
}

const blendReal: Blend = (out, low, high, weight) => {
  for (let n = 0; n < out.length; n += 1) {
    out[n] = (low[n] as number) + weight * ((high[n] as number) - (low[n] as number));
  }
};

const blendWhole: Blend = (out, low, high, weight) => {
  for (let n = 0; n < out.length; n += 1) {
    out[n] = Math.round((low[n] as number) + weight * ((high[n] as number) - (low[n] as number)));
  }
};

/** Above every 16-bit value, signed or not, so that cutting off rounds half up as `Math.round` does: in half the time. */
const LIFT = 32768;

const blendShort: Blend = (out, low, high, weight) => {
  for (let n = 0; n < out.length; n += 1) {
    out[n] = (((low[n] as number) + weight * ((high[n] as number) - (low[n] as number)) + (LIFT + 0.5)) | 0) - LIFT;
  }
};
