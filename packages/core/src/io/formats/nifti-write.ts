import { NavError } from '../../base/index.js';
import { type AnyVolume, SHEAR_LIMIT_DEGREES, shearDegrees, spacingOf, type VoxelArray } from '../../volume/index.js';

const HEADER_BYTES = 352;
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
  const straight = shearDegrees(v) <= SHEAR_LIMIT_DEGREES / 100;
  const columns = [si, sj, sk].map((s, c) => [0, 1, 2].map((r) => ras(c, r) / s));
  const mirrored = determinant(columns) < 0;
  [mirrored ? -1 : 1, si, sj, sk, 1, 1, 1, 1].forEach((x, at) => {
    view.setFloat32(76 + 4 * at, x, true);
  });
  if (straight) {
    view.setInt16(252, 1, true);
    const third = (columns[2] as number[]).map((x) => (mirrored ? -x : x));
    quaternionOf([columns[0] as number[], columns[1] as number[], third]).forEach((x, at) => {
      view.setFloat32(256 + 4 * at, x, true);
    });
    [0, 1, 2].forEach((r) => {
      view.setFloat32(268 + 4 * r, ras(3, r), true);
    });
  }
  bytes.set([0x6e, 0x2b, 0x31, 0], 344);
  bytes.set(new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength), HEADER_BYTES);
  return bytes;
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

function determinant([a, b, c]: readonly (readonly number[])[]): number {
  const [ax, ay, az] = a as [number, number, number];
  const [bx, by, bz] = b as [number, number, number];
  const [cx, cy, cz] = c as [number, number, number];
  return ax * (by * cz - bz * cy) - bx * (ay * cz - az * cy) + cx * (ay * bz - az * by);
}

/**
 * The vector part of a rotation's unit quaternion with a scalar part that is not negative, by its largest component
 * (Shepperd 1978), which stays accurate at half turns.
 */
function quaternionOf([a, b, c]: readonly (readonly number[])[]): number[] {
  const [xx, yx, zx] = a as [number, number, number];
  const [xy, yy, zy] = b as [number, number, number];
  const [xz, yz, zz] = c as [number, number, number];
  const squares = [1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz];
  const most = squares.indexOf(Math.max(...squares));
  const s = 2 * Math.sqrt(squares[most] as number);
  const q = [
    [s / 4, (zy - yz) / s, (xz - zx) / s, (yx - xy) / s],
    [(zy - yz) / s, s / 4, (xy + yx) / s, (xz + zx) / s],
    [(xz - zx) / s, (xy + yx) / s, s / 4, (yz + zy) / s],
    [(yx - xy) / s, (xz + zx) / s, (yz + zy) / s, s / 4],
  ][most] as number[];
  return q.slice(1).map((x) => ((q[0] as number) < 0 ? -x : x));
}
