import { NavError } from '../../base/index.js';
import { determinant3 } from '../../math/index.js';
import { SHEAR_LIMIT_DEGREES, shearDegrees, type VolumeWarning, type VoxelArray } from '../../volume/index.js';

/** What a header says of an image file: enough to find the voxels and to place them. */
export interface ImageHeader {
  readonly format: 'NIfTI' | 'NRRD' | 'MetaImage';
  readonly size: readonly [number, number, number];
  readonly type: StoredType;
  /** LPS mm, 16 doubles, column-major, voxel centres. */
  readonly frameFromIndex: Float64Array;
  readonly littleEndian: boolean;
  /** How the voxels are packed. `text` and `hex` are left to the decoder. */
  readonly packing: 'raw' | 'gzip' | 'zlib' | 'decoder';
  /** Where the data starts in its file, in bytes; −1: it ends the file. */
  readonly offset: number;
  /** The file that holds the voxels, where it is not this one: the names it may have, relative to the header's folder. */
  readonly dataFiles?: readonly string[];
  readonly rescale: { readonly slope: number; readonly intercept: number };
  readonly modality?: string;
  readonly description?: string;
  readonly warnings: readonly VolumeWarning[];
}

/** Voxel types on disk. The 64-bit integers are narrowed to 32 bits where every value fits, else become doubles. */
export type StoredType = 'i1' | 'u1' | 'i2' | 'u2' | 'i4' | 'u4' | 'i8' | 'u8' | 'f4' | 'f8';

/** Bytes of one voxel on disk. */
export function widthOf(type: StoredType): number {
  return Number(type[1]);
}

/**
 * An array over `bytes`, which must be aligned for the type and in this machine's byte order (little endian).
 * @throws NavError `io/unsupported-format` where a 64-bit integer is beyond what a double holds exactly
 */
export function voxelsOver(bytes: Uint8Array, type: StoredType, name: string): VoxelArray {
  const { buffer, byteOffset } = bytes;
  const length = bytes.length / widthOf(type);
  switch (type) {
    case 'i1':
      return new Int8Array(buffer as ArrayBuffer, byteOffset, length);
    case 'u1':
      return new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
    case 'i2':
      return new Int16Array(buffer as ArrayBuffer, byteOffset, length);
    case 'u2':
      return new Uint16Array(buffer as ArrayBuffer, byteOffset, length);
    case 'i4':
      return new Int32Array(buffer as ArrayBuffer, byteOffset, length);
    case 'u4':
      return new Uint32Array(buffer as ArrayBuffer, byteOffset, length);
    case 'f4':
      return new Float32Array(buffer as ArrayBuffer, byteOffset, length);
    case 'f8':
      return new Float64Array(buffer as ArrayBuffer, byteOffset, length);
    case 'i8':
      return narrow(new BigInt64Array(buffer as ArrayBuffer, byteOffset, length), name);
    case 'u8':
      return narrow(new BigUint64Array(buffer as ArrayBuffer, byteOffset, length), name);
  }
}

function narrow(wide: BigInt64Array | BigUint64Array, name: string): Int32Array | Float64Array {
  const narrowed = new Int32Array(wide.length);
  for (let n = 0; n < wide.length; n += 1) {
    const value = Number(wide[n]);
    if ((value | 0) !== value) return asDoubles(wide, name);
    narrowed[n] = value;
  }
  return narrowed;
}

function asDoubles(wide: BigInt64Array | BigUint64Array, name: string): Float64Array {
  const doubles = new Float64Array(wide.length);
  for (let n = 0; n < wide.length; n += 1) {
    const value = Number(wide[n]);
    if (!Number.isSafeInteger(value)) {
      throw new NavError(
        'io/unsupported-format',
        `"${name}" holds 64-bit values such as ${wide[n]}, which no number here holds exactly.`,
        { detail: { file: name } },
      );
    }
    doubles[n] = value;
  }
  return doubles;
}

/** The three counts as a size. @throws NavError `io/corrupt` */
export function requireSize(size: readonly number[], name: string): [number, number, number] {
  if (size.length !== 3 || !size.every((n) => Number.isInteger(n) && n >= 1 && n <= 65_536)) {
    throw new NavError('io/corrupt', `"${name}" has an impossible size: ${size.join(' × ')}.`, { detail: { file: name, size } });
  }
  return [size[0] as number, size[1] as number, size[2] as number];
}

/** A refusal for want of geometry, with what is absent. */
export function noGeometry(name: string, absent: string): NavError<'io/no-geometry'> {
  return new NavError(
    'io/no-geometry',
    `"${name}" does not say where its voxels are: ${absent}. Such an image cannot be navigated on; no value is assumed for it.`,
    { detail: { file: name, absent } },
  );
}

/**
 * The matrix of three axis vectors and the first voxel's centre, each with its own sign per row: NIfTI's and
 * other RAS files become LPS with (−1, −1, 1).
 * @throws NavError `io/corrupt` where the axes do not span space
 */
export function placed(
  axes: readonly (readonly number[])[],
  origin: readonly number[],
  signs: readonly number[],
  name: string,
): Float64Array {
  const m = new Float64Array(16);
  for (let r = 0; r < 3; r += 1) {
    const sign = signs[r] as number;
    // Adding 0 keeps a flipped 0 from becoming −0.
    for (let c = 0; c < 3; c += 1) m[4 * c + r] = sign * ((axes[c] as readonly number[])[r] as number) + 0;
    m[12 + r] = sign * (origin[r] as number) + 0;
  }
  m[15] = 1;
  const [a, b, c] = [0, 4, 8].map((at) => Math.hypot(m[at] as number, m[at + 1] as number, m[at + 2] as number)) as [
    number,
    number,
    number,
  ];
  if (!m.every((x) => Number.isFinite(x)) || !(Math.abs(determinant3(m)) > 1e-6 * a * b * c)) {
    throw new NavError('io/corrupt', `"${name}" has an impossible geometry: its axes do not span space.`, {
      detail: { file: name },
    });
  }
  return m;
}

/** The warning of a grid whose axes are not at right angles, where it is one. */
export function shearWarnings(frameFromIndex: Float64Array): VolumeWarning[] {
  const degrees = shearDegrees({ frameFromIndex });
  if (degrees <= SHEAR_LIMIT_DEGREES) return [];
  return [
    {
      code: 'sheared',
      message:
        `The axes of the grid miss right angles by up to ${degrees.toFixed(2)}°. The geometry keeps this shear exactly; ` +
        'navigation and registration refuse it until the volume is resampled.',
      detail: { degrees },
    },
  ];
}

/** What every image from outside DICOM lacks. */
export function identityWarnings(): VolumeWarning[] {
  return [
    {
      code: 'no-frame-of-reference',
      message: 'This format names no Frame of Reference: nothing else can be proven to be in the same coordinates.',
    },
    { code: 'no-patient', message: 'This format names no patient.' },
  ];
}
