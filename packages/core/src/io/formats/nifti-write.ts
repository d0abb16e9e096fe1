import { NavError } from '../../base/index.js';
import { determinant3, identity4, quaternionOf } from '../../math/index.js';
import { type AnyVolume, shearDegrees, spacingOf, type VoxelArray } from '../../volume/index.js';

const HEADER_BYTES = 352;
/** Axes nearer to right angles than this have a quaternion that says the same as the matrix. */
const STRAIGHT_DEGREES = 1e-3;
const LPS_TO_RAS = [-1, -1, 1];

/**
 * A NIfTI-1 file, little endian: sform (code 1, scanner) with the whole matrix; qform too where the axes are straight.
 * Matrix, slope and intercept are single precision there, which is 3e-5 mm at half a metre.
 * @throws NavError `io/not-writable` where a size does not fit 15 bits
 */
export function niftiFile(v: AnyVolume): Uint8Array {
  if (v.size.some((n) => n > 32_767)) {
    throw new NavError(
      'io/not-writable',
      `NIfTI-1 holds at most 32767 voxels an axis, not ${v.size.join(' × ')}. Write .nrrd instead.`,
      {
        detail: { size: v.size },
      },
    );
  }
  const { voxels } = v;
  const bytes = new Uint8Array(HEADER_BYTES + voxels.byteLength);
  const view = new DataView(bytes.buffer);
  const [si, sj, sk] = spacingOf(v);
  view.setInt32(0, 348, true);
  [3, ...v.size, 1, 1, 1, 1].forEach((n, at) => {
    view.setInt16(40 + 2 * at, n, true);
  });
  view.setInt16(70, typeCode(voxels), true);
  view.setInt16(72, 8 * voxels.BYTES_PER_ELEMENT, true);
  view.setFloat32(108, HEADER_BYTES, true);
  view.setFloat32(112, v.rescale.slope, true);
  view.setFloat32(116, v.rescale.intercept, true);
  view.setUint8(123, 2);
  const ras = (c: number, r: number): number => (LPS_TO_RAS[r] as number) * (v.frameFromIndex[4 * c + r] as number) + 0;
  for (let r = 0; r < 3; r += 1) {
    for (let c = 0; c < 4; c += 1) view.setFloat32(280 + 16 * r + 4 * c, ras(c, r), true);
  }
  view.setInt16(254, 1, true);
  const mirrored = determinant3(v.frameFromIndex) < 0;
  [mirrored ? -1 : 1, si, sj, sk, 1, 1, 1, 1].forEach((x, at) => {
    view.setFloat32(76 + 4 * at, x, true);
  });
  if (shearDegrees(v) <= STRAIGHT_DEGREES) writeQform(view, ras, [si, sj, mirrored ? -sk : sk]);
  bytes.set([0x6e, 0x2b, 0x31, 0], 344);
  bytes.set(new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength), HEADER_BYTES);
  return bytes;
}

/** The rotation as a quaternion with w ≥ 0, of which the file keeps x, y, z (nifti1.h, method 2). */
function writeQform(view: DataView, ras: (c: number, r: number) => number, spacing: readonly number[]): void {
  const rotation = identity4();
  spacing.forEach((s, c) => {
    for (let r = 0; r < 3; r += 1) rotation[4 * c + r] = ras(c, r) / s;
  });
  const q = quaternionOf(new Float64Array(4), rotation);
  const sign = (q[3] as number) < 0 ? -1 : 1;
  view.setInt16(252, 1, true);
  for (let r = 0; r < 3; r += 1) {
    view.setFloat32(256 + 4 * r, sign * (q[r] as number), true);
    view.setFloat32(268 + 4 * r, ras(3, r), true);
  }
}

function typeCode(voxels: VoxelArray): number {
  if (voxels instanceof Uint8Array) return 2;
  if (voxels instanceof Int16Array) return 4;
  if (voxels instanceof Int32Array) return 8;
  if (voxels instanceof Float32Array) return 16;
  if (voxels instanceof Float64Array) return 64;
  if (voxels instanceof Int8Array) return 256;
  return voxels instanceof Uint16Array ? 512 : 768;
}
