import { NavError } from '../base/index.js';
import { symmetricEigen } from '../math/index.js';
import { dot, outOf, type PlaneView } from './planes.js';

/** An ellipsoid in numbers, ready to be cut by a slice and to be drawn in 3D. */
export interface EllipsoidMark {
  readonly centre: ArrayLike<number>;
  /** Semi-axes as columns, their lengths in mm: 3×3 column-major, right-handed. */
  readonly axes: Float64Array;
  /** 3×3, mm⁻²: dᵀ Q d = 1 on the surface. */
  readonly inverse: Float64Array;
  readonly label: string;
}

/** Thinner than this, an axis is drawn as this: far below a pixel, and an exact fit has no error at all, mm. */
const THINNEST_MM = 1e-4;

/**
 * An ellipsoid by its shape matrix S: the points d from its centre with dᵀ S⁻¹ d ≤ 1.
 * @param shape 3×3 symmetric, mm²
 * @throws NavError `frame/bad-covariance` where it is not finite, or has a negative eigenvalue
 */
export function ellipsoidMark(centre: ArrayLike<number>, shape: ArrayLike<number>, label: string): EllipsoidMark {
  const s = Float64Array.from({ length: 9 }, (_, i) => shape[i] as number);
  const { values, vectors } = s.every(Number.isFinite) ? symmetricEigen(s, 3) : { values: [Number.NaN], vectors: [] };
  const largest = values[0] as number;
  if (!(largest >= 0 && (values[2] as number) >= -1e-9 * largest)) {
    throw new NavError('frame/bad-covariance', `An error ellipsoid needs a symmetric, positive matrix in mm², got [${s}].`);
  }
  const axes = new Float64Array(9);
  const inverse = new Float64Array(9);
  for (let a = 0; a < 3; a += 1) {
    const length = Math.max(THINNEST_MM, Math.sqrt(Math.max(0, values[a] as number)));
    const v = [0, 1, 2].map((k) => vectors[3 * k + a] as number);
    for (let i = 0; i < 3; i += 1) {
      axes[3 * a + i] = length * (v[i] as number);
      for (let j = 0; j < 3; j += 1) {
        inverse[3 * i + j] = (inverse[3 * i + j] as number) + ((v[i] as number) * (v[j] as number)) / length ** 2;
      }
    }
  }
  if (handedness(axes) < 0) for (let i = 0; i < 3; i += 1) axes[i] = -(axes[i] as number);
  return { centre: Float64Array.from(centre), axes, inverse, label };
}

function handedness(m: Float64Array): number {
  const [a, b, c, d, e, f, g, h, i] = m as unknown as [number, number, number, number, number, number, number, number, number];
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

/** Where a slice cuts an ellipsoid, in device pixels: a x² + 2 b x y + c y² = 1 around its middle, x right and y down. */
export interface EllipseOnScreen {
  readonly x: number;
  readonly y: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  /** Half its width and half its height. */
  readonly halfWidth: number;
  readonly halfHeight: number;
}

/** The cross-section of an ellipsoid with a slice; undefined where the slice misses it. */
export function crossSection(mark: EllipsoidMark, plane: PlaneView): EllipseOnScreen | undefined {
  const { right, up } = plane.axes;
  const n = outOf(plane.axes);
  const q = (u: ArrayLike<number>, v: ArrayLike<number>): number => quadratic(mark.inverse, u, v);
  const s = plane.mmPerPx;
  const at = plane.project(new Float64Array(3), mark.centre);
  // On the slice d = −z n + s x right − s y up, with the centre z in front of it.
  const z = at[2] as number;
  const [a, b, c] = [s * s * q(right, right), -s * s * q(right, up), s * s * q(up, up)];
  const [d, e] = [-z * s * q(n, right), z * s * q(n, up)];
  const determinant = a * c - b * b;
  const x = (b * e - c * d) / determinant;
  const y = (b * d - a * e) / determinant;
  const inside = 1 - (z * z * q(n, n) + d * x + e * y);
  if (!(inside > 0)) return undefined;
  return {
    x: (at[0] as number) + x,
    y: (at[1] as number) + y,
    a: a / inside,
    b: b / inside,
    c: c / inside,
    halfWidth: Math.sqrt((inside * c) / determinant),
    halfHeight: Math.sqrt((inside * a) / determinant),
  };
}

function quadratic(m: ArrayLike<number>, u: ArrayLike<number>, v: ArrayLike<number>): number {
  return dot(
    [0, 3, 6].map((r) => dot(Array.from(m).slice(r, r + 3), v)),
    u,
  );
}
