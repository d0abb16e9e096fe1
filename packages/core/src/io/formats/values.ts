import type { AnyVolume, VoxelArray } from '../../volume/index.js';

/** Voxels for a format that has no rescale: the stored ones where slope is 1 and intercept 0, else the values. */
export function plainValues(v: AnyVolume): { voxels: VoxelArray } {
  const { slope, intercept } = v.rescale;
  if (slope === 1 && intercept === 0) return { voxels: v.voxels };
  const out = allocateFor(v);
  for (let n = 0; n < out.length; n += 1) out[n] = slope * (v.voxels[n] as number) + intercept;
  return { voxels: out };
}

/** The smallest type that holds slope · stored + intercept without loss: integers where both numbers are whole. */
function allocateFor(v: AnyVolume): VoxelArray {
  const { slope, intercept } = v.rescale;
  const { voxels } = v;
  const floats = voxels instanceof Float32Array || voxels instanceof Float64Array;
  if (floats || !Number.isInteger(slope) || !Number.isInteger(intercept)) {
    return voxels instanceof Float64Array || voxels.BYTES_PER_ELEMENT === 4
      ? new Float64Array(voxels.length)
      : new Float32Array(voxels.length);
  }
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let n = 0; n < voxels.length; n += 1) {
    const value = slope * (voxels[n] as number) + intercept;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low >= -32_768 && high <= 32_767) return new Int16Array(voxels.length);
  if (low >= -2_147_483_648 && high <= 2_147_483_647) return new Int32Array(voxels.length);
  return new Float64Array(voxels.length);
}
