import { NavError, pointCovariance } from '@trocar/core';
import { invertSymmetric } from '@trocar/core/math';
import type { NoiseModel } from '../points/noise.js';
import { at } from '../points/rigid-fit.js';
import { multiply, product, symmetrised } from './matrices.js';

/**
 * How uncertain a pose fitted to points is, to first order.
 *
 * With A = [I | −[q]×] for a point at q from the centre, Ω the information a pair was given in the fit and Σ the
 * covariance it really has: P = (Σ Aᵀ Ω A)⁻¹ and Cov(ξ) = P (Σ Aᵀ Ω Σ Ω A) P, which is P itself where Ω = Σ⁻¹.
 * The closed sums of Fitzpatrick 1998 (IEEE TMI 17:694) and Wiles 2008 (IEEE TMI 27:378) are special cases.
 * ξ = (ρ, φ) turns about `centre`, so that the 6×6 matrices stay well conditioned far from the frame's origin.
 */
export interface PoseUncertainty {
  /** Centroid of the fitted points in the `to` frame, mm. */
  readonly centre: Float64Array;
  /** P, 6×6 row-major. */
  readonly bread: Float64Array;
  /** Cov(ξ) about `centre`, 6×6 row-major, in the noise model's scale. */
  readonly covariance: Float64Array;
}

/** The information matrix Ω of pair k in the fit, into `out`; zero for a pair left out. */
export function informationOf(
  out: Float64Array,
  noise: NoiseModel,
  weights: ArrayLike<number>,
  k: number,
  matrix: ArrayLike<number>,
): void {
  const w = at(weights, k);
  out.fill(0);
  if (!(w > 0)) return;
  if (!noise.exact) {
    out[0] = out[4] = out[8] = w;
    return;
  }
  trueInformation(out, noise, k, matrix);
}

/** The inverse of what the noise model says of pair k, into `out`, whatever weights steer the fit. */
export function trueInformation(out: Float64Array, noise: NoiseModel, k: number, matrix: ArrayLike<number>): void {
  noise.covariance(out, k, matrix);
  if (noise.isotropic) out[0] = out[4] = out[8] = 1 / at(out, 0);
  else invert3(out, k);
}

/** The inverse of a symmetric 3×3 matrix in place. */
function invert3(c: Float64Array, k: number): void {
  const a = at(c, 4) * at(c, 8) - at(c, 5) * at(c, 5);
  const b = at(c, 2) * at(c, 5) - at(c, 1) * at(c, 8);
  const d = at(c, 1) * at(c, 5) - at(c, 2) * at(c, 4);
  const e = at(c, 0) * at(c, 8) - at(c, 2) * at(c, 2);
  const f = at(c, 1) * at(c, 2) - at(c, 0) * at(c, 5);
  const g = at(c, 0) * at(c, 4) - at(c, 1) * at(c, 1);
  const determinant = at(c, 0) * a + at(c, 1) * b + at(c, 2) * d;
  const scale = at(c, 0) + at(c, 4) + at(c, 8);
  if (!(determinant > 1e-12 * scale ** 3)) {
    throw new NavError(
      'registration/bad-weights',
      `The covariances of pair ${k} add up to no error in some direction; give each direction a small variance.`,
      { detail: { index: k } },
    );
  }
  c.set([a, b, d, b, e, f, d, f, g]);
  for (let i = 0; i < 9; i += 1) c[i] = at(c, i) / determinant;
}

/** Where pair k's fitted point lies from the centre: M x − centre, into `out`. */
export function leverOf(
  out: Float64Array,
  matrix: ArrayLike<number>,
  from: ArrayLike<number>,
  k: number,
  centre: ArrayLike<number>,
): void {
  for (let i = 0; i < 3; i += 1) {
    out[i] =
      at(matrix, i) * at(from, 3 * k) +
      at(matrix, 4 + i) * at(from, 3 * k + 1) +
      at(matrix, 8 + i) * at(from, 3 * k + 2) +
      at(matrix, 12 + i) -
      at(centre, i);
  }
}

/** out += Aᵀ W A for A = [I | −[q]×] and a symmetric 3×3 W. */
export function addInformation(out: Float64Array, w: ArrayLike<number>, q: ArrayLike<number>): void {
  for (let j = 0; j < 6; j += 1) {
    // Column j of W A, whose last three columns are −W [q]×; below it, [q]× times the same.
    const [a, b, c] =
      j < 3 ? [at(w, j), at(w, 3 + j), at(w, 6 + j)] : [turned(w, 0, q, j), turned(w, 3, q, j), turned(w, 6, q, j)];
    const column = [a, b, c, at(q, 1) * c - at(q, 2) * b, at(q, 2) * a - at(q, 0) * c, at(q, 0) * b - at(q, 1) * a];
    for (let i = 0; i < 6; i += 1) out[6 * i + j] = at(out, 6 * i + j) + (column[i] as number);
  }
}

/** Component j − 3 of q × (the three numbers of `w` from `start`). */
function turned(w: ArrayLike<number>, start: number, q: ArrayLike<number>, j: number): number {
  const [b, c] = j === 3 ? [1, 2] : j === 4 ? [2, 0] : [0, 1];
  return at(q, b) * at(w, start + c) - at(q, c) * at(w, start + b);
}

/** The weighted centroid of the fitted points, new. */
export function centreOf(matrix: ArrayLike<number>, from: ArrayLike<number>, weights: ArrayLike<number>): Float64Array {
  const centre = new Float64Array(3);
  const lever = new Float64Array(3);
  const origin = new Float64Array(3);
  let total = 0;
  for (let k = 0; k < weights.length; k += 1) {
    const w = at(weights, k);
    leverOf(lever, matrix, from, k, origin);
    for (let i = 0; i < 3; i += 1) centre[i] = at(centre, i) + w * at(lever, i);
    total += w;
  }
  return centre.map((c) => c / total);
}

/**
 * The uncertainty of a pose fitted with these weights to points with this noise.
 * @throws NavError `math/singular` where the points do not fix a pose, `registration/bad-weights`
 */
export function poseUncertainty(
  noise: NoiseModel,
  weights: ArrayLike<number>,
  from: ArrayLike<number>,
  matrix: ArrayLike<number>,
): PoseUncertainty {
  const centre = centreOf(matrix, from, weights);
  const information = new Float64Array(36);
  const meat = new Float64Array(36);
  const omega = new Float64Array(9);
  const sigma = new Float64Array(9);
  const lever = new Float64Array(3);
  for (let k = 0; k < weights.length; k += 1) {
    if (!(at(weights, k) > 0)) continue;
    informationOf(omega, noise, weights, k, matrix);
    noise.covariance(sigma, k, matrix);
    leverOf(lever, matrix, from, k, centre);
    addInformation(information, omega, lever);
    if (!noise.exact) addInformation(meat, product(omega, product(sigma, omega)), lever);
  }
  const bread = invertSymmetric(information, 6);
  if (noise.exact) return { centre, bread, covariance: symmetrised(bread, 6) };
  return { centre, bread, covariance: symmetrised(multiply(bread, multiply(meat, bread, 6), 6), 6) };
}

/** Cov(ξ) moved from turning about `centre` to turning about the frame's origin: ρ₀ = ρ + centre × φ. */
export function aboutOrigin(covariance: ArrayLike<number>, centre: ArrayLike<number>): Float64Array {
  const [x, y, z] = [at(centre, 0), at(centre, 1), at(centre, 2)];
  const b = new Float64Array(36);
  for (let i = 0; i < 6; i += 1) b[7 * i] = 1;
  b.set([0, -z, y], 3);
  b.set([z, 0, -x], 9);
  b.set([-y, x, 0], 15);
  const half = multiply(b, covariance, 6);
  const out = new Float64Array(36);
  for (let i = 0; i < 6; i += 1) {
    for (let j = 0; j < 6; j += 1) {
      let sum = 0;
      for (let k = 0; k < 6; k += 1) sum += at(half, 6 * i + k) * at(b, 6 * j + k);
      out[6 * i + j] = sum;
    }
  }
  return symmetrised(out, 6);
}

/** A C Aᵀ for a point at `q` from the centre: the 3×3 covariance of where the pose puts it. */
export function carried(covariance: ArrayLike<number>, q: ArrayLike<number>): Float64Array {
  return pointCovariance(new Float64Array(9), covariance, q);
}
