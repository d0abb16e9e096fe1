import { NavError } from '../../base/index.js';
import type { VolumeWarning } from '../../volume/index.js';
import { baseName } from '../source.js';
import { type ImageHeader, identityWarnings, noGeometry, placed, requireSize, type StoredType } from './image.js';

/** NIfTI-1 and NIfTI-2 headers. The format's coordinates are RAS; what leaves here is LPS. */

const TYPES: Readonly<Record<number, StoredType>> = {
  2: 'u1',
  4: 'i2',
  8: 'i4',
  16: 'f4',
  64: 'f8',
  256: 'i1',
  512: 'u2',
  768: 'u4',
  1024: 'i8',
  1280: 'u8',
};

const RAS_TO_LPS = [-1, -1, 1];
/** By how much the square of a unit vector may exceed 1: writers in single precision stay far below. */
const LONGEST_QUATERNION = 1e-5;
/** Where the two matrices of one file differ by more than this at a corner, a person must know, mm. */
const DISAGREEMENT_MM = 0.1;

/** The fields of either version, by position (nifti1.h, nifti2.h). */
interface Layout {
  readonly version: 1 | 2;
  readonly little: boolean;
}

/** Which version and byte order, by the header's length field; undefined where it is neither. */
export function niftiLayout(bytes: Uint8Array): Layout | undefined {
  if (bytes.length < 348) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const little of [true, false]) {
    const size = view.getInt32(0, little);
    if (size === 348 && magic(bytes, 344)) return { version: 1, little };
    if (size === 540 && bytes.length >= 540 && magic(bytes, 4)) return { version: 2, little };
  }
  return undefined;
}

function magic(bytes: Uint8Array, at: number): boolean {
  const text = String.fromCharCode(...bytes.subarray(at, at + 3));
  return text === 'n+1' || text === 'n+2' || text === 'ni1' || text === 'ni2';
}

/**
 * The header of an unpacked .nii file, or of an unpacked .hdr with its voxels in the .img beside it.
 * @throws NavError `io/corrupt`, `io/no-geometry`, `io/unsupported-format` (4D, colour, complex)
 */
export function readNiftiHeader(bytes: Uint8Array, name: string): ImageHeader {
  const layout = niftiLayout(bytes);
  if (layout === undefined) throw new NavError('io/corrupt', `"${name}" is not a NIfTI file.`, { detail: { file: name } });
  const f = fieldsOf(bytes, layout);
  const type = TYPES[f.datatype];
  if (type === undefined) {
    throw new NavError(
      'io/unsupported-format',
      `"${name}" has voxels of NIfTI type ${f.datatype} (colour, complex or bits): only single numbers become a volume.`,
      {
        detail: { file: name, datatype: f.datatype },
      },
    );
  }
  const [rank, ...counts] = f.dim as [number, ...number[]];
  if (rank < 2 || rank > 7)
    throw new NavError('io/corrupt', `"${name}" says it has ${rank} dimensions.`, { detail: { file: name } });
  const more = counts.slice(3, rank).filter((n) => n > 1);
  if (more.length > 0) {
    throw new NavError(
      'io/unsupported-format',
      `"${name}" has more than three dimensions (${counts.slice(0, rank).join(' × ')}). Extract one volume from it first.`,
      {
        detail: { file: name, dim: f.dim },
      },
    );
  }
  const size = requireSize([counts[0] as number, counts[1] as number, rank >= 3 ? (counts[2] as number) : 1], name);
  const { frameFromIndex, warnings } = geometryOf(f, size, name);
  return {
    format: 'NIfTI',
    size,
    type,
    frameFromIndex,
    littleEndian: layout.little,
    packing: 'raw',
    offset: offsetOf(f, layout, name),
    ...(f.pair && { dataFiles: imagesOf(name) }),
    rescale: rescaleOf(f, name),
    warnings: [...warnings, ...identityWarnings()],
  };
}

/** The .img of an .hdr, plain or packed. */
function imagesOf(name: string): readonly string[] {
  const stem = baseName(name)
    .replace(/\.gz$/i, '')
    .replace(/\.hdr$/i, '');
  return ['.img', '.img.gz', '.IMG'].map((end) => stem + end);
}

/**
 * Where the voxels start: behind the header in a single file, anywhere in an .img.
 * @throws NavError `io/corrupt`: where it is nonsense, any answer would read other bytes as voxels
 */
function offsetOf(f: Fields, { version }: Layout, name: string): number {
  const least = f.pair ? 0 : version === 1 ? 352 : 544;
  if (Number.isInteger(f.offset) && f.offset >= least) return f.offset;
  throw new NavError('io/corrupt', `"${name}" says its voxels start at byte ${f.offset} (vox_offset), where none can.`, {
    detail: { file: name, offset: f.offset },
  });
}

/**
 * scl_slope and scl_inter: none where the slope is 0 or no number, as the format has it.
 * @throws NavError `io/corrupt` where there is a slope but no number to add
 */
function rescaleOf(f: Fields, name: string): { slope: number; intercept: number } {
  if (!Number.isFinite(f.slope) || f.slope === 0) return { slope: 1, intercept: 0 };
  if (Number.isFinite(f.intercept)) return { slope: f.slope, intercept: f.intercept };
  throw new NavError('io/corrupt', `"${name}" scales its values by ${f.slope} but adds ${f.intercept}: they are not known.`, {
    detail: { file: name, slope: f.slope },
  });
}

interface Fields {
  readonly dim: readonly number[];
  readonly datatype: number;
  readonly pixdim: readonly number[];
  readonly offset: number;
  readonly slope: number;
  readonly intercept: number;
  readonly units: number;
  readonly qformCode: number;
  readonly sformCode: number;
  readonly quaternion: readonly number[];
  readonly qoffset: readonly number[];
  readonly srows: readonly (readonly number[])[];
  readonly pair: boolean;
  /** Three units in the last place of the quaternion's numbers. */
  readonly halfTurn: number;
}

function fieldsOf(bytes: Uint8Array, { version, little }: Layout): Fields {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const one = version === 1;
  const real = (at: number): number => (one ? view.getFloat32(at, little) : view.getFloat64(at, little));
  const reals = (at: number, count: number): number[] => Array.from({ length: count }, (_, n) => real(at + n * (one ? 4 : 8)));
  const long = (at: number): number => Number(view.getBigInt64(at, little));
  const code = (at: number): number => (one ? view.getInt16(at, little) : view.getInt32(at, little));
  const dimAt = one ? 40 : 16;
  const rowAt = one ? 280 : 400;
  return {
    dim: Array.from({ length: 8 }, (_, n) => (one ? view.getInt16(dimAt + 2 * n, little) : long(dimAt + 8 * n))),
    datatype: view.getInt16(one ? 70 : 12, little),
    pixdim: reals(one ? 76 : 104, 8),
    offset: one ? view.getFloat32(108, little) : long(168),
    slope: real(one ? 112 : 176),
    intercept: real(one ? 116 : 184),
    units: (one ? view.getUint8(123) : view.getInt32(500, little)) & 7,
    qformCode: code(one ? 252 : 344),
    sformCode: code(one ? 254 : 348),
    quaternion: reals(one ? 256 : 352, 3),
    qoffset: reals(one ? 268 : 376, 3),
    srows: [0, 1, 2].map((r) => reals(rowAt + r * (one ? 16 : 32), 4)),
    pair: bytes[one ? 345 : 5] === 0x69,
    halfTurn: one ? 3 * 2 ** -23 : 3 * 2 ** -52,
  };
}

/** Millimetres per unit of length: metres, millimetres, micrometres; files that do not say are in mm by custom. */
const UNIT_MM: Readonly<Record<number, number>> = { 0: 1, 1: 1000, 2: 1, 3: 0.001 };

function geometryOf(
  f: Fields,
  size: readonly number[],
  name: string,
): { frameFromIndex: Float64Array; warnings: VolumeWarning[] } {
  const unit = UNIT_MM[f.units];
  if (unit === undefined)
    throw new NavError('io/corrupt', `"${name}" has unknown units of length (${f.units}).`, { detail: { file: name } });
  const warnings: VolumeWarning[] = [];
  if (f.units === 0)
    warnings.push({
      code: 'unit-assumed',
      message: `"${name}" does not name its unit of length: millimetres are taken, as is the custom.`,
    });
  const s = f.sformCode > 0 ? sform(f, unit, name) : undefined;
  const q = f.qformCode > 0 ? qform(f, unit, name) : undefined;
  const frameFromIndex = s ?? q;
  if (frameFromIndex === undefined) throw noGeometry(name, 'its sform and qform codes are both 0');
  if (s !== undefined && q !== undefined) {
    const apart = largestDifference(s, q, size);
    if (apart > DISAGREEMENT_MM) {
      warnings.push({
        code: 'orientation-assumed',
        message: `The sform and the qform of "${name}" disagree by up to ${apart.toFixed(2)} mm: the sform is used.`,
        detail: { mm: apart },
      });
    }
  }
  return { frameFromIndex, warnings };
}

/** x = srow_x · (i, j, k, 1), and so on (nifti1.h, method 3). */
function sform(f: Fields, unit: number, name: string): Float64Array {
  const column = (c: number): number[] => f.srows.map((row) => (row[c] as number) * unit);
  return placed([column(0), column(1), column(2)], column(3), RAS_TO_LPS, name);
}

/** The quaternion's rotation, times pixdim, with the third axis turned by qfac (nifti1.h, method 2). */
function qform(f: Fields, unit: number, name: string): Float64Array {
  const [b, c, d] = f.quaternion as [number, number, number];
  const rest = 1 - (b * b + c * c + d * d);
  if (!(rest > -LONGEST_QUATERNION)) {
    throw new NavError('io/corrupt', `"${name}" has an impossible qform: its quaternion (${b}, ${c}, ${d}) is no rotation.`, {
      detail: { file: name, quaternion: f.quaternion },
    });
  }
  // Within rounding of unit length it is a half turn: what rounding left of w would be an angle of its own.
  const half = rest < f.halfTurn;
  const scale = half ? 1 / Math.hypot(b, c, d) : 1;
  const [x, y, z, w] = [b * scale, c * scale, d * scale, half ? 0 : Math.sqrt(rest)];
  const [si, sj, sk] = f.pixdim.slice(1, 4).map((p) => Math.abs(p) * unit) as [number, number, number];
  const qfac = (f.pixdim[0] as number) < 0 ? -1 : 1;
  const axis = (v: readonly number[], s: number): number[] => v.map((e) => e * s);
  return placed(
    [
      axis([w * w + x * x - y * y - z * z, 2 * (x * y + w * z), 2 * (x * z - w * y)], si),
      axis([2 * (x * y - w * z), w * w + y * y - x * x - z * z, 2 * (y * z + w * x)], sj),
      axis([2 * (x * z + w * y), 2 * (y * z - w * x), w * w + z * z - x * x - y * y], sk * qfac),
    ],
    f.qoffset.map((o) => o * unit),
    RAS_TO_LPS,
    name,
  );
}

function largestDifference(a: Float64Array, b: Float64Array, size: readonly number[]): number {
  let worst = 0;
  for (let n = 0; n < 8; n += 1) {
    const index = [0, 1, 2].map((axis) => ((n >> axis) & 1 ? (size[axis] as number) - 1 : 0));
    const d = [0, 1, 2].map((r) =>
      [0, 1, 2].reduce(
        (sum, c) => sum + ((a[4 * c + r] as number) - (b[4 * c + r] as number)) * (index[c] as number),
        (a[12 + r] as number) - (b[12 + r] as number),
      ),
    );
    worst = Math.max(worst, Math.hypot(...d));
  }
  return worst;
}
