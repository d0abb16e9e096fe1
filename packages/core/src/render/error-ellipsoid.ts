import { NavError } from '../base/index.js';
import { symmetricEigen, vec3 } from '../math/index.js';
import { crossInto, type PlaneView } from './planes.js';

/** An ellipsoid in numbers, ready to be drawn. */
export interface EllipsoidMark {
  readonly centre: ArrayLike<number>;
  /** 3×3, mm²: dᵀ S⁻¹ d ≤ 1 inside. */
  readonly shape: Float64Array;
  /** Semi-axes as columns, their lengths in mm: 3×3 column-major, right-handed. */
  readonly axes: Float64Array;
  /** The ellipse in a slice is so many times its outline. */
  readonly inSlice: number;
  readonly label: string;
}

/** Thinner than this, an axis is drawn as this: far below a pixel, and an exact fit has no error at all, mm. */
const THINNEST_MM = 1e-4;

/**
 * An ellipsoid by its shape matrix S: the points d from its centre with dᵀ S⁻¹ d ≤ 1.
 * @param shape 3×3 symmetric, mm²
 * @throws NavError `frame/bad-covariance` where it is not finite, or has a negative eigenvalue
 */
export function ellipsoidMark(
  centre: ArrayLike<number>,
  shape: ArrayLike<number>,
  { inSlice = 1, label = '' }: { readonly inSlice?: number | undefined; readonly label?: string | undefined } = {},
): EllipsoidMark {
  const s = Float64Array.from({ length: 9 }, (_, i) => shape[i] as number);
  const { values, vectors } = s.every(Number.isFinite) ? symmetricEigen(s, 3) : { values: [Number.NaN], vectors: [] };
  const largest = values[0] as number;
  if (!(largest >= 0 && (values[2] as number) >= -1e-9 * largest)) {
    throw new NavError('frame/bad-covariance', `An error ellipsoid needs a symmetric, positive matrix in mm², got [${s}].`);
  }
  const axes = Float64Array.from({ length: 9 }, (_, n) => {
    const a = Math.floor(n / 3);
    return Math.max(THINNEST_MM, Math.sqrt(Math.max(0, values[a] as number))) * (vectors[3 * (n % 3) + a] as number);
  });
  if (handedness(axes) < 0) for (let i = 0; i < 3; i += 1) axes[i] = -(axes[i] as number);
  return { centre: Float64Array.from(centre), shape: s, axes, inSlice, label };
}

function handedness(m: Float64Array): number {
  const [a, b, c, d, e, f, g, h, i] = m as unknown as [number, number, number, number, number, number, number, number, number];
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

/** An ellipse in device pixels: a x² + 2 b x y + c y² = 1 around its middle, x right and y down. */
export interface EllipseOnScreen {
  x: number;
  y: number;
  a: number;
  b: number;
  c: number;
  /** Half its width and half its height. */
  halfWidth: number;
  halfHeight: number;
  /** How far the slice lies from the middle, in half the ellipsoid's extent across the slice: up to 1 it cuts it. */
  away: number;
}

/** An ellipse to be written into. */
export function emptyEllipse(): EllipseOnScreen {
  // Not whole numbers, or the engine would make objects of another shape when the first fraction is written.
  return { x: 0.5, y: 0.5, a: 0.5, b: 0.5, c: 0.5, halfWidth: 0.5, halfHeight: 0.5, away: 0.5 };
}

const scratch = { at: vec3(0, 0, 0), across: vec3(0, 0, 0) };

/**
 * The outline of an ellipsoid as seen across a slice, times `inSlice`. Not its cut: where the error leans out of the slice, the
 * cut is smaller than the error that is seen in it.
 * @param out written into and returned
 */
export function outlineOf(
  { centre, shape, inSlice }: EllipsoidMark,
  plane: PlaneView,
  out: EllipseOnScreen = emptyEllipse(),
): EllipseOnScreen {
  const { right, up } = plane.axes;
  const across = crossInto(scratch.across, right, up);
  const f = (inSlice / plane.mmPerPx) ** 2;
  const least = (THINNEST_MM / plane.mmPerPx) ** 2;
  const xx = Math.max(least, f * quadratic(shape, right, right));
  const yy = Math.max(least, f * quadratic(shape, up, up));
  const xy = -f * quadratic(shape, right, up);
  // An error along one line has no width across it: the line then keeps the thinnest there is.
  const determinant = Math.max(xx * yy - xy * xy, least * (xx + yy));
  const at = plane.project(scratch.at, centre);
  out.x = at[0] as number;
  out.y = at[1] as number;
  out.a = yy / determinant;
  out.b = -xy / determinant;
  out.c = xx / determinant;
  out.halfWidth = Math.sqrt(xx);
  out.halfHeight = Math.sqrt(yy);
  out.away = Math.abs(at[2] as number) / Math.max(THINNEST_MM, Math.sqrt(Math.max(0, quadratic(shape, across, across))));
  return out;
}

/** uᵀ M v. */
function quadratic(m: ArrayLike<number>, u: ArrayLike<number>, v: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j < 3; j += 1) sum += (u[i] as number) * (m[3 * i + j] as number) * (v[j] as number);
  }
  return sum;
}
