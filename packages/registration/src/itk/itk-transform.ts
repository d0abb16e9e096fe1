import { NavError } from '@trocar/core';
import { eulerRows, versorRows } from './elastix-transform.js';
import type { ParameterMap } from './parameters.js';

/** One transform as ITK's files hold it. */
export interface StoredTransform {
  /** ITK's class name without suffix: `AffineTransform`, `Euler3DTransform`, `BSplineTransform`, `CompositeTransform`, … */
  readonly kind: string;
  readonly parameters: ArrayLike<number>;
  readonly fixedParameters: ArrayLike<number>;
}

/**
 * Stored transforms in elastix's terms, in order of application. ITK keeps a composite's parts back to front: the last
 * one is applied first.
 * @throws NavError `transform/unsupported`, `transform/corrupt`
 */
export function parameterMapsOf(stored: readonly StoredTransform[]): ParameterMap[] {
  const parts = stored.filter((t) => t.kind !== 'CompositeTransform');
  if (parts.length === 0) throw new NavError('transform/corrupt', 'The file holds no transform.');
  if (parts.length > 1 && parts.length === stored.length) {
    throw new NavError(
      'transform/unsupported',
      `The file holds ${parts.length} separate transforms, not one composite: it does not say how they belong together.`,
    );
  }
  return parts.reverse().map(parameterMapOf);
}

/** The stored form of transforms given in order of application: one, or a composite. */
export function storedTransforms(
  maps: readonly ParameterMap[],
  matrixOf: (map: ParameterMap) => ArrayLike<number> | undefined,
): StoredTransform[] {
  const parts = maps.map((map) => {
    const matrix = matrixOf(map);
    return matrix === undefined ? storedBspline(map) : storedAffine(matrix);
  });
  if (parts.length === 1) return parts;
  return [{ kind: 'CompositeTransform', parameters: [], fixedParameters: [] }, ...parts.reverse()];
}

function parameterMapOf(t: StoredTransform): ParameterMap {
  const p = Array.from(t.parameters);
  const fixed = Array.from(t.fixedParameters);
  const centre = fixed.length >= 3 ? fixed.slice(0, 3) : [0, 0, 0];
  switch (t.kind) {
    case 'IdentityTransform':
      return affine([1, 0, 0, 0, 1, 0, 0, 0, 1], [0, 0, 0], [0, 0, 0]);
    case 'TranslationTransform':
      return affine([1, 0, 0, 0, 1, 0, 0, 0, 1], take(t, 0, 3, 3), [0, 0, 0]);
    case 'Euler3DTransform':
      return affine(eulerRows(take(t, 0, 3, 6), fixed[3] === 1), p.slice(3), centre);
    case 'VersorRigid3DTransform':
      return affine(versor(t, take(t, 0, 3, 6)), p.slice(3), centre);
    case 'VersorTransform':
      return affine(versor(t, take(t, 0, 3, 3)), [0, 0, 0], centre);
    case 'QuaternionRigidTransform':
      return affine(quaternionRows(take(t, 0, 4, 7)), p.slice(4), centre);
    case 'Similarity3DTransform': {
      const scale = take(t, 6, 7, 7)[0] as number;
      return affine(
        versor(t, p).map((x) => x * scale),
        p.slice(3, 6),
        centre,
      );
    }
    case 'Rigid3DTransform':
    case 'AffineTransform':
    case 'ScalableAffineTransform':
    case 'MatrixOffsetTransformBase':
      return affine(take(t, 0, 9, 12), p.slice(9), centre);
    case 'BSplineTransform':
      return bspline(t);
    default:
      throw new NavError(
        'transform/unsupported',
        `Transforms of type ${t.kind} are not supported. Convert it to an affine or B-spline one.`,
        {
          detail: { kind: t.kind },
        },
      );
  }
}

/** Parameters from…to, where there are exactly `count`, all finite. */
function take(t: StoredTransform, from: number, to: number, count: number): number[] {
  const all = Array.from(t.parameters);
  if (all.length !== count || ![...all, ...Array.from(t.fixedParameters)].every((x) => Number.isFinite(x))) {
    throw new NavError('transform/corrupt', `A ${t.kind} has ${count} finite parameters, but this one has ${all.length}.`);
  }
  return all.slice(from, to);
}

/** @throws NavError `transform/corrupt` where the vector part is longer than a unit quaternion's can be */
function versor(t: StoredTransform, p: readonly number[]): number[] {
  const [x, y, z] = p as [number, number, number];
  if (x * x + y * y + z * z <= 1 + 1e-9) return versorRows(p);
  throw new NavError('transform/corrupt', `The versor (${x}, ${y}, ${z}) of a ${t.kind} is longer than 1: it is no rotation.`);
}

function affine(rows: readonly number[], translation: readonly number[], centre: readonly number[]): ParameterMap {
  return {
    Transform: ['AffineTransform'],
    NumberOfParameters: ['12'],
    TransformParameters: [...rows, ...translation].map(String),
    CenterOfRotationPoint: centre.map(String),
  };
}

/** ITK's B-spline keeps grid size, origin, spacing and row-major direction as its 18 fixed parameters; cubic always. */
function bspline(t: StoredTransform): ParameterMap {
  const fixed = Array.from(t.fixedParameters);
  const size = fixed.slice(0, 3);
  const count = 3 * size.reduce((a, b) => a * b, 1);
  if (fixed.length !== 18)
    throw new NavError('transform/corrupt', `A BSplineTransform has 18 fixed parameters, but this one ${fixed.length}.`);
  const direction = fixed.slice(9);
  return {
    Transform: ['BSplineTransform'],
    BSplineTransformSplineOrder: ['3'],
    NumberOfParameters: [String(count)],
    TransformParameters: take(t, 0, count, count).map(String),
    GridSize: size.map(String),
    GridIndex: ['0', '0', '0'],
    GridOrigin: fixed.slice(3, 6).map(String),
    GridSpacing: fixed.slice(6, 9).map(String),
    GridDirection: transposed(direction).map(String),
  };
}

function storedBspline(map: ParameterMap): StoredTransform {
  const values = (name: string): number[] => (map[name] ?? []).map(Number);
  if (values('GridIndex').some((x) => x !== 0)) {
    throw new NavError('transform/unsupported', 'A B-spline grid that does not start at index 0 cannot be written.');
  }
  return {
    kind: 'BSplineTransform',
    parameters: values('TransformParameters'),
    fixedParameters: [
      ...values('GridSize'),
      ...values('GridOrigin'),
      ...values('GridSpacing'),
      ...transposed(values('GridDirection')),
    ],
  };
}

function storedAffine(m: ArrayLike<number>): StoredTransform {
  const rows = [0, 1, 2].flatMap((r) => [0, 1, 2].map((c) => m[4 * c + r] as number));
  return {
    kind: 'AffineTransform',
    parameters: [...rows, m[12] as number, m[13] as number, m[14] as number],
    fixedParameters: [0, 0, 0],
  };
}

function transposed(m: readonly number[]): number[] {
  return Array.from({ length: 9 }, (_, n) => m[3 * (n % 3) + Math.floor(n / 3)] as number);
}

function quaternionRows(q: readonly number[]): number[] {
  const norm = Math.hypot(...q);
  const sign = (q[3] as number) < 0 ? -1 : 1;
  return versorRows(q.slice(0, 3).map((x) => (sign * x) / norm));
}
