import { NavError } from '@trocar/core';
import { identity4, multiply4 } from '@trocar/core/math';
import { numbers } from './bspline.js';
import type { ParameterMap } from './parameters.js';

/**
 * The matrix of one of elastix's linear transforms: y = M (x − c) + c + t, LPS mm, 16 doubles column-major.
 *
 * elastix's Euler rotation is Rz · Rx · Ry, or Rz · Ry · Rx where `ComputeZYX` is set.
 * @throws NavError `transform/unsupported`, `transform/corrupt`
 */
export function linearMatrix(map: ParameterMap): Float64Array {
  const kind = map['Transform']?.[0];
  switch (kind) {
    case 'TranslationTransform':
      return centred(identityRows(), [0, 0, 0], numbers(map, 'TransformParameters', 3));
    case 'EulerTransform': {
      const p = numbers(map, 'TransformParameters', 6);
      return centred(eulerRows(p, map['ComputeZYX']?.[0] === 'true'), centre(map), p.slice(3));
    }
    case 'SimilarityTransform': {
      const p = numbers(map, 'TransformParameters', 7);
      const scale = p[6] as number;
      return centred(
        versorRows(p).map((x) => x * scale),
        centre(map),
        p.slice(3, 6),
      );
    }
    case 'AffineTransform': {
      const p = numbers(map, 'TransformParameters', 12);
      return centred(p.slice(0, 9), centre(map), p.slice(9));
    }
    default:
      throw new NavError('transform/unsupported', `The transform "${kind}" is not linear and has no matrix.`, {
        detail: { kind },
      });
  }
}

/** Whether {@link linearMatrix} can make a matrix of it. */
export function isLinear(map: ParameterMap): boolean {
  return ['TranslationTransform', 'EulerTransform', 'SimilarityTransform', 'AffineTransform'].includes(
    map['Transform']?.[0] ?? '',
  );
}

/** One matrix for several transforms given in the order they are applied. */
export function chainedMatrix(maps: readonly ParameterMap[]): Float64Array {
  const out = identity4();
  for (const map of maps) multiply4(out, linearMatrix(map), out);
  return out;
}

/** A matrix as an elastix transform, to start a registration from: exact, about the origin. */
export function affineParameterMap(matrix: ArrayLike<number>): ParameterMap {
  const rows = [0, 1, 2].flatMap((r) => [0, 1, 2].map((c) => matrix[4 * c + r] as number));
  const values = [...rows, matrix[12] as number, matrix[13] as number, matrix[14] as number];
  return {
    Transform: ['AffineTransform'],
    NumberOfParameters: ['12'],
    TransformParameters: values.map(String),
    CenterOfRotationPoint: ['0', '0', '0'],
    InitialTransformParameterFileName: ['NoInitialTransform'],
    HowToCombineTransforms: ['Compose'],
    FixedImageDimension: ['3'],
    MovingImageDimension: ['3'],
    FixedInternalImagePixelType: ['float'],
    MovingInternalImagePixelType: ['float'],
    UseDirectionCosines: ['true'],
  };
}

function centre(map: ParameterMap): number[] {
  return numbers(map, 'CenterOfRotationPoint', 3);
}

/** x → rows · (x − c) + c + t as a column-major 4×4. */
function centred(rows: readonly number[], c: readonly number[], t: readonly number[]): Float64Array {
  const m = identity4();
  for (let i = 0; i < 3; i += 1) {
    let offset = (t[i] as number) + (c[i] as number);
    for (let j = 0; j < 3; j += 1) {
      m[4 * j + i] = rows[3 * i + j] as number;
      offset -= (rows[3 * i + j] as number) * (c[j] as number);
    }
    m[12 + i] = offset;
  }
  return m;
}

function identityRows(): number[] {
  return [1, 0, 0, 0, 1, 0, 0, 0, 1];
}

/** Rows of the rotation by angles about x, y, z (rad). */
export function eulerRows(angles: readonly number[], zyx: boolean): number[] {
  const [sx, sy, sz] = [0, 1, 2].map((i) => Math.sin(angles[i] as number)) as [number, number, number];
  const [cx, cy, cz] = [0, 1, 2].map((i) => Math.cos(angles[i] as number)) as [number, number, number];
  const x = [1, 0, 0, 0, cx, -sx, 0, sx, cx];
  const y = [cy, 0, sy, 0, 1, 0, -sy, 0, cy];
  const z = [cz, -sz, 0, sz, cz, 0, 0, 0, 1];
  return zyx ? times(z, times(y, x)) : times(z, times(x, y));
}

/** Rows of the rotation of ITK's versor: the vector part of a unit quaternion with a scalar part that is not negative. */
export function versorRows(p: readonly number[]): number[] {
  const [x = 0, y = 0, z = 0] = p;
  const w = Math.sqrt(Math.max(0, 1 - x * x - y * y - z * z));
  return [
    1 - 2 * (y * y + z * z),
    2 * (x * y - z * w),
    2 * (x * z + y * w),
    2 * (x * y + z * w),
    1 - 2 * (x * x + z * z),
    2 * (y * z - x * w),
    2 * (x * z - y * w),
    2 * (y * z + x * w),
    1 - 2 * (x * x + y * y),
  ];
}

function times(a: readonly number[], b: readonly number[]): number[] {
  return Array.from({ length: 9 }, (_, n) =>
    [0, 1, 2].reduce((s, k) => s + (a[3 * Math.floor(n / 3) + k] as number) * (b[3 * k + (n % 3)] as number), 0),
  );
}
