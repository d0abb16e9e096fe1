import { NavError } from '../base/index.js';
import { identity4, invert4, invertRigid, multiply4, rigidityError, transformPoint } from '../math/index.js';
import { composeCovariance, invertCovariance, isCovariance } from './covariance.js';
import { type AnyFrame, type Frame, requireSameFrame } from './frame.js';

declare const pointBrand: unique symbol;
declare const transformBrand: unique symbol;
declare const rigidBrand: unique symbol;

/** A position in a frame, millimetres. */
export interface Point<in out F extends string> {
  readonly frame: Frame<F>;
  /** x, y, z in mm. */
  readonly xyz: ArrayLike<number>;
  readonly [pointBrand]: (f: F) => F;
}

/** How a transform came to be: enough to find out later why it says what it says. */
export interface Provenance {
  /** For example `paired-points`, `elastix-rigid`, `pivot`. */
  readonly method: string;
  /** Version of the method's package. */
  readonly version?: string;
  /** A hash, or a description, of what went in. */
  readonly inputs?: string;
  /** UTC, ISO 8601. */
  readonly createdAt?: string;
}

/** An affine map with its frames known only at run time. */
export interface AnyTransform {
  readonly to: AnyFrame;
  readonly from: AnyFrame;
  readonly matrix: ArrayLike<number>;
}

/** p_to = matrix · p_from: any invertible affine map, column-major doubles, millimetres. */
export interface AffineTransform<in out To extends string, in out From extends string> extends AnyTransform {
  readonly to: Frame<To>;
  readonly from: Frame<From>;
  /** 16 doubles, column-major. Not to be written to. */
  readonly matrix: ArrayLike<number>;
  readonly provenance?: Provenance;
  readonly [transformBrand]: { to: (t: To) => To; from: (f: From) => From };
}

/**
 * p_to = matrix · p_from: a rigid motion, with the uncertainty it was found with. Named target-from-source:
 * `ctFromTracker` is a `Transform<'ct', 'tracker'>`, and neighbours cancel when they compose.
 */
export interface Transform<in out To extends string, in out From extends string> extends AffineTransform<To, From> {
  readonly [rigidBrand]: true;
  /**
   * 6×6 row-major covariance of ξ = (ρ, φ) in mm and rad, where T_true = Exp(ξ) · T: expressed in `to`, about its
   * origin (Barfoot & Furgale 2014, eq. 14). Absent means unknown, which is not zero.
   */
  readonly covariance?: ArrayLike<number>;
  /**
   * Degrees of freedom behind the covariance's scale: Infinity (the default) where the noise level was known,
   * finite where it was estimated from the same data, as 3N − 6 for N fiducials. Widens bounds as Student's t does.
   */
  readonly degreesOfFreedom?: number;
}

/** What a rigid transform may carry beside its matrix. */
export interface TransformOptions {
  /** 36 doubles as in {@link Transform.covariance}, or `'exact'` for a definition that has no error. */
  readonly covariance?: ArrayLike<number> | 'exact';
  readonly degreesOfFreedom?: number;
  readonly provenance?: Provenance;
}

/** The largest deviation of RᵀR from the identity that is still taken for rounding. */
const RIGID_TOLERANCE = 1e-6;

/**
 * A point in a frame.
 * @param xyz three finite numbers, mm
 * @throws NavError `pose/not-finite`
 */
export function point<F extends string>(inFrame: Frame<F>, xyz: ArrayLike<number>): Point<F> {
  if (xyz.length !== 3 || !allFinite(xyz)) {
    throw new NavError('pose/not-finite', `A point in "${inFrame.name}" needs three finite numbers, got [${Array.from(xyz)}].`);
  }
  return { frame: inFrame, xyz: Float64Array.from(xyz) } as unknown as Point<F>;
}

/**
 * A rigid transform from `from` to `to`; the matrix is copied.
 * @param matrix 16 numbers, column-major, mm
 * @throws NavError `frame/not-rigid` (scale, shear, mirror or a non-finite element), `frame/bad-covariance`
 */
export function transform<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  matrix: ArrayLike<number>,
  options: TransformOptions = {},
): Transform<To, From> {
  const error = matrix.length === 16 ? rigidityError(matrix) : Number.POSITIVE_INFINITY;
  if (!(error <= RIGID_TOLERANCE)) {
    throw new NavError(
      'frame/not-rigid',
      `"${to.name}" from "${from.name}" is not a rigid motion (RᵀR is off by ${error.toPrecision(3)}). ` +
        'Remove scale, shear or mirroring, or make it with affineTransform().',
      { detail: { to: to.name, from: from.name, error } },
    );
  }
  const covariance = checkedCovariance(to, from, options.covariance);
  return {
    to,
    from,
    matrix: Float64Array.from(matrix),
    ...(covariance && { covariance }),
    ...(options.degreesOfFreedom !== undefined && { degreesOfFreedom: options.degreesOfFreedom }),
    ...(options.provenance && { provenance: options.provenance }),
  } as unknown as Transform<To, From>;
}

/**
 * An affine transform from `from` to `to`; the matrix is copied.
 * @throws NavError `math/singular` where it cannot be inverted
 */
export function affineTransform<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  matrix: ArrayLike<number>,
  provenance?: Provenance,
): AffineTransform<To, From> {
  const usable = matrix.length === 16 && allFinite(matrix) && invert4(identity4(), matrix);
  if (!usable) {
    throw new NavError('math/singular', `"${to.name}" from "${from.name}" needs an invertible 4×4 matrix of finite numbers.`);
  }
  return { to, from, matrix: Float64Array.from(matrix), ...(provenance && { provenance }) } as unknown as AffineTransform<
    To,
    From
  >;
}

/**
 * a_from_c = a_from_b · b_from_c. The inner frames must be the same: else it does not compile, and at run time it
 * is refused. Covariances add up as independent errors; where either is unknown, so is the sum.
 * @throws NavError `frame/mismatch`
 */
export function compose<A extends string, B extends string, C extends string>(
  aFromB: Transform<A, B>,
  bFromC: Transform<NoInfer<B>, C>,
): Transform<A, C> {
  requireSameFrame(aFromB.from, bFromC.to, 'Composing transforms');
  const matrix = multiply4(new Float64Array(16), aFromB.matrix, bFromC.matrix);
  const known = aFromB.covariance !== undefined && bFromC.covariance !== undefined;
  const degreesOfFreedom = Math.min(aFromB.degreesOfFreedom ?? Infinity, bFromC.degreesOfFreedom ?? Infinity);
  return transform(aFromB.to, bFromC.from, matrix, {
    ...(known && {
      covariance: composeCovariance(
        new Float64Array(36),
        aFromB.covariance as ArrayLike<number>,
        aFromB.matrix,
        bFromC.covariance as ArrayLike<number>,
      ),
    }),
    ...(Number.isFinite(degreesOfFreedom) && { degreesOfFreedom }),
  });
}

/** b_from_a, with its covariance carried over: Cov' = Ad(T⁻¹) Cov Ad(T⁻¹)ᵀ. */
export function invert<A extends string, B extends string>(aFromB: Transform<A, B>): Transform<B, A> {
  const matrix = invertRigid(new Float64Array(16), aFromB.matrix);
  return transform(aFromB.from, aFromB.to, matrix, {
    ...(aFromB.covariance && { covariance: invertCovariance(new Float64Array(36), aFromB.covariance, matrix) }),
    ...(aFromB.degreesOfFreedom !== undefined && { degreesOfFreedom: aFromB.degreesOfFreedom }),
    ...(aFromB.provenance && { provenance: aFromB.provenance }),
  });
}

/** b_from_a of any affine map. */
export function invertAffine<A extends string, B extends string>(aFromB: AffineTransform<A, B>): AffineTransform<B, A> {
  const matrix = identity4();
  invert4(matrix, aFromB.matrix);
  // By elimination the last row comes out right to rounding only: 1 − 1e-16 is no affine matrix to whoever checks.
  matrix[3] = matrix[7] = matrix[11] = 0;
  matrix[15] = 1;
  return affineTransform(aFromB.from, aFromB.to, matrix, aFromB.provenance);
}

/**
 * The point in the transform's `to` frame.
 * @throws NavError `frame/mismatch`
 */
export function apply<A extends string, B extends string>(aFromB: AffineTransform<A, B>, p: Point<NoInfer<B>>): Point<A> {
  requireSameFrame(aFromB.from, p.frame, 'Transforming a point');
  return point(aFromB.to, transformPoint(new Float64Array(3), aFromB.matrix, p.xyz));
}

function allFinite(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i += 1) if (!Number.isFinite(values[i] as number)) return false;
  return true;
}

function checkedCovariance(
  to: AnyFrame,
  from: AnyFrame,
  given: ArrayLike<number> | 'exact' | undefined,
): Float64Array | undefined {
  if (given === undefined) return undefined;
  if (given === 'exact') return new Float64Array(36);
  if (!isCovariance(given)) {
    throw new NavError(
      'frame/bad-covariance',
      `The covariance of "${to.name}" from "${from.name}" must be 36 finite numbers, symmetric, with no negative variance.`,
      { detail: { to: to.name, from: from.name } },
    );
  }
  return Float64Array.from(given);
}
