import { rigidityError } from '@trocar/core/math';
import type { ContentReader } from './reader.js';
import { doesNotFit, type IgtlStorage, requireLength } from './writer.js';

/** Bytes of the content. */
export const TRANSFORM_SIZE = 48;

/** TRANSFORM: one affine transform. What it leads from and to is in the device name, by the sender's convention. */
export interface TransformContent {
  readonly kind: 'transform';
  /** 16 doubles, column-major, last row 0 0 0 1; millimetres. */
  readonly matrix: Float64Array;
}

/** Reads twelve single-precision numbers, the upper 3×4 column by column, into 16 doubles at `out[base …]`. */
export function readMatrix(view: DataView, at: number, out: Float64Array, base: number): void {
  out[base] = view.getFloat32(at);
  out[base + 1] = view.getFloat32(at + 4);
  out[base + 2] = view.getFloat32(at + 8);
  out[base + 3] = 0;
  out[base + 4] = view.getFloat32(at + 12);
  out[base + 5] = view.getFloat32(at + 16);
  out[base + 6] = view.getFloat32(at + 20);
  out[base + 7] = 0;
  out[base + 8] = view.getFloat32(at + 24);
  out[base + 9] = view.getFloat32(at + 28);
  out[base + 10] = view.getFloat32(at + 32);
  out[base + 11] = 0;
  out[base + 12] = view.getFloat32(at + 36);
  out[base + 13] = view.getFloat32(at + 40);
  out[base + 14] = view.getFloat32(at + 44);
  out[base + 15] = 1;
}

/** The inverse of {@link readMatrix}; the last row is not sent. */
export function writeMatrix(view: DataView, at: number, m: ArrayLike<number>, base: number): void {
  view.setFloat32(at, m[base] as number);
  view.setFloat32(at + 4, m[base + 1] as number);
  view.setFloat32(at + 8, m[base + 2] as number);
  view.setFloat32(at + 12, m[base + 4] as number);
  view.setFloat32(at + 16, m[base + 5] as number);
  view.setFloat32(at + 20, m[base + 6] as number);
  view.setFloat32(at + 24, m[base + 8] as number);
  view.setFloat32(at + 28, m[base + 9] as number);
  view.setFloat32(at + 32, m[base + 10] as number);
  view.setFloat32(at + 36, m[base + 12] as number);
  view.setFloat32(at + 40, m[base + 13] as number);
  view.setFloat32(at + 44, m[base + 14] as number);
}

/** 4×4 matrix of the next 48 bytes. */
export function takeMatrix(r: ContentReader): Float64Array {
  const out = new Float64Array(16);
  readMatrix(r.view, r.skip(TRANSFORM_SIZE), out, 0);
  return out;
}

/** @throws NavError `igtl/does-not-fit` where the matrix is not 4×4 or its last row would be lost */
export function putMatrix(w: IgtlStorage, matrix: ArrayLike<number>): void {
  requireLength(matrix, 16);
  if (matrix[3] !== 0 || matrix[7] !== 0 || matrix[11] !== 0 || matrix[15] !== 1) {
    throw doesNotFit('the last row of a matrix is not 0 0 0 1, and it is not sent.');
  }
  const at = w.skip(TRANSFORM_SIZE);
  writeMatrix(w.view, at, matrix, 0);
}

export function decodeTransform(r: ContentReader): TransformContent {
  const matrix = takeMatrix(r);
  r.finish();
  return { kind: 'transform', matrix };
}

export function encodeTransform(w: IgtlStorage, content: TransformContent): void {
  putMatrix(w, content.matrix);
}

/** Rotations sent in single precision are right to 1e-7; older trackers round to 1e-4. */
const RIGID_TOLERANCE = 1e-3;

/** Whether a matrix is a rotation and a translation, so that a pose (quaternion, position) says all of it. */
export function isRigid(matrix: Float64Array): boolean {
  return rigidityError(matrix) <= RIGID_TOLERANCE;
}
