import { type Frame, NavError, type Point, type Provenance, point, requireSameFrame } from '@trocar/core';
import { determinant3, identity4, invert4, transformPoint } from '@trocar/core/math';

/** A map of points, mm to mm: p into `out`, which may be `p`. */
export type PointMap = (out: Float64Array, p: ArrayLike<number>) => Float64Array;

/** A map's derivative at p into `out`: 9 doubles, column-major, out[3·c + r] = ∂to_r / ∂from_c. */
export type JacobianMap = (out: Float64Array, p: ArrayLike<number>) => Float64Array;

/**
 * A non-linear map from one frame to another, mm, as registration finds it. Image registration's go from the fixed to the
 * moving image: `from` is the fixed image's frame, as in ITK, elastix and 3D Slicer's files.
 */
export interface Deformation<To extends string, From extends string> {
  readonly to: Frame<To>;
  readonly from: Frame<From>;
  readonly provenance?: Provenance;
  /** The linear map that the deformation goes beyond: to-from-from, 16 doubles, column-major, mm. */
  readonly linear: ArrayLike<number>;
  /** Where a point of `from` lies in `to`. @throws NavError `frame/mismatch`, `registration/failed` where an inverse map has no place */
  apply(p: Point<From>): Point<To>;
  /** `apply` on bare coordinates, with no allocation; NaN where `apply` fails. */
  readonly map: PointMap;
  /** The derivative of `map`, exact, with no allocation. */
  readonly jacobian: JacobianMap;
  /**
   * The point of `from` that `apply` carries to `p`, by Newton's method to 1e-6 mm.
   * @throws NavError `frame/mismatch`, `registration/failed` where the map folds there and has no inverse
   */
  applyInverse(p: Point<To>): Point<From>;
}

/** What a {@link Deformation} is made of. */
export interface DeformationParts {
  readonly map: PointMap;
  readonly jacobian: JacobianMap;
  readonly linear: ArrayLike<number>;
  readonly provenance?: Provenance;
}

/**
 * A deformation from its map, its derivative and its linear part.
 * @throws NavError `transform/corrupt` where the linear part cannot be inverted
 */
export function deformationOf<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  { map, jacobian, linear, provenance }: DeformationParts,
): Deformation<To, From> {
  const invert = inverterOf({ map, jacobian, linear });
  return {
    to,
    from,
    ...(provenance && { provenance }),
    linear: Float64Array.from(linear),
    map,
    jacobian,
    apply(p) {
      requireSameFrame(from, p.frame, 'Deforming a point');
      const there = map(new Float64Array(3), p.xyz);
      // An inverse map, or one made of it, gives no number where the deformation folds.
      if (Number.isNaN((there[0] as number) + (there[1] as number) + (there[2] as number))) throw folded(p.xyz);
      return point(to, there);
    },
    applyInverse(p) {
      requireSameFrame(to, p.frame, 'Deforming a point back');
      const x = new Float64Array(3);
      if (invert(x, p.xyz)) return point(from, x);
      throw folded(p.xyz);
    },
  };
}

function folded(xyz: ArrayLike<number>): NavError {
  const place = Array.from(xyz);
  return new NavError(
    'registration/failed',
    `The deformation cannot be inverted at [${place.map((v) => v.toFixed(1))}]: it folds there. Use a wider grid.`,
    { detail: { xyz: place } },
  );
}

/** Farther than this from its image a place is not its inverse, mm. */
const CLOSE_MM = 1e-6;

const ITERATIONS = 60;

/** Where a map comes from: p into `out`, which may be `p`; false where there is no such place, or the map folds there. */
export type Inverter = (out: Float64Array, p: ArrayLike<number>) => boolean;

/**
 * Inverts a map place by place, with no allocation: Newton's steps from the linear part's inverse, halved while they lead away.
 * A folding map reaches some places three times; a place found where det J ≤ 0 relative to the linear part counts as none.
 * @throws NavError `transform/corrupt` where the linear part cannot be inverted
 */
export function inverterOf({ map, jacobian, linear }: Pick<DeformationParts, 'map' | 'jacobian' | 'linear'>): Inverter {
  const linearInverse = identity4();
  if (!invert4(linearInverse, linear)) throw new NavError('transform/corrupt', 'The linear part of the transform is singular.');
  const side = Math.sign(determinant3(linear));
  const [goal, y, tried, step] = [0, 1, 2, 3].map(() => new Float64Array(3)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const j = new Float64Array(9);
  return (out, p) => {
    goal.set([p[0] as number, p[1] as number, p[2] as number]);
    transformPoint(out, linearInverse, goal);
    let miss = missOf(map(y, out), goal);
    for (let n = 0; n < ITERATIONS && miss > CLOSE_MM; n += 1) {
      for (let r = 0; r < 3; r += 1) step[r] = (goal[r] as number) - (y[r] as number);
      if (!solve3(step, jacobian(j, out), step)) return false;
      let [share, reached] = [1, Number.POSITIVE_INFINITY];
      for (; share > 1e-3; share /= 2) {
        for (let r = 0; r < 3; r += 1) tried[r] = (out[r] as number) + share * (step[r] as number);
        reached = missOf(map(y, tried), goal);
        if (reached < miss) break;
      }
      if (!(reached < miss)) return false;
      out.set(tried);
      miss = reached;
    }
    return miss <= CLOSE_MM && side * determinant9(jacobian(j, out)) > 0;
  };
}

function missOf(y: ArrayLike<number>, goal: ArrayLike<number>): number {
  return Math.hypot(
    (y[0] as number) - (goal[0] as number),
    (y[1] as number) - (goal[1] as number),
    (y[2] as number) - (goal[2] as number),
  );
}

/** The determinant of a derivative as {@link JacobianMap} gives it. */
export function determinant9(j: ArrayLike<number>): number {
  const [a, b, c, d, e, f, g, h, i] = j as unknown as readonly number[] as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return a * (e * i - f * h) - d * (b * i - c * h) + g * (b * f - c * e);
}

/** Derivatives as {@link JacobianMap} gives them, one after the other: a · b. `out` must be neither. */
export function product9(out: Float64Array, a: Float64Array, b: Float64Array): Float64Array {
  for (let c = 0; c < 9; c += 3) {
    for (let r = 0; r < 3; r += 1) {
      out[c + r] =
        (a[r] as number) * (b[c] as number) +
        (a[3 + r] as number) * (b[c + 1] as number) +
        (a[6 + r] as number) * (b[c + 2] as number);
    }
  }
  return out;
}

/** Solves J x = b by Cramer's rule; `out` may be `b`. False where J is singular. */
function solve3(out: Float64Array, j: ArrayLike<number>, b: ArrayLike<number>): boolean {
  const det = determinant9(j);
  if (!(Math.abs(det) > 1e-12)) return false;
  const [a0, a1, a2] = [j[0] as number, j[1] as number, j[2] as number];
  const [b0, b1, b2] = [j[3] as number, j[4] as number, j[5] as number];
  const [c0, c1, c2] = [j[6] as number, j[7] as number, j[8] as number];
  const [r0, r1, r2] = [b[0] as number, b[1] as number, b[2] as number];
  out[0] = (r0 * (b1 * c2 - b2 * c1) - b0 * (r1 * c2 - r2 * c1) + c0 * (r1 * b2 - r2 * b1)) / det;
  out[1] = (a0 * (r1 * c2 - r2 * c1) - r0 * (a1 * c2 - a2 * c1) + c0 * (a1 * r2 - a2 * r1)) / det;
  out[2] = (a0 * (b1 * r2 - b2 * r1) - b0 * (a1 * r2 - a2 * r1) + r0 * (a1 * b2 - a2 * b1)) / det;
  return true;
}
