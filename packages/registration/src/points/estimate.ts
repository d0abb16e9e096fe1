import { cholesky, choleskySolve, fromRotationVector } from '@trocar/core/math';
import { withLeverNoise } from '../accuracy/lever-noise.js';
import { product } from '../accuracy/matrices.js';
import {
  addInformation,
  carried,
  centreOf,
  informationOf,
  leverOf,
  type PoseUncertainty,
  poseUncertainty,
} from '../accuracy/pose-covariance.js';
import type { NoiseModel } from './noise.js';
import { at, fitRigid, residualAt } from './rigid-fit.js';

/** A pose and how far it can be trusted, for one choice of pairs. */
export interface Estimate {
  /** p_to = matrix · p_from, column-major, mm. */
  readonly matrix: Float64Array;
  readonly converged: boolean;
  readonly uncertainty: PoseUncertainty;
  /** 3N − 6 for the pairs in use. */
  readonly freedom: number;
  /** Σ rᵀ Ω r, scaled to be a χ² with that freedom where the noise model's covariances are true. */
  readonly chiSquare: number;
  /** What multiplies the noise model's covariances: 1 where they are known, else estimated; 0 for an exact fit. */
  readonly scale: number;
}

/** The pairs to be registered. */
export interface Pairs {
  readonly to: Float64Array;
  readonly from: Float64Array;
  readonly noise: NoiseModel;
}

/**
 * The pose by (weighted) least squares, or by maximum likelihood where the noise is anisotropic, with its
 * uncertainty. Pairs of weight 0 do not take part.
 */
export function estimatePose(pairs: Pairs, weights: Float64Array): Estimate {
  const { to, from, noise } = pairs;
  const { matrix, converged } = fitPose(pairs, weights);
  const uncertainty = poseUncertainty(noise, weights, from, matrix);
  let used = 0;
  for (const w of weights) if (w > 0) used += 1;
  const freedom = 3 * used - 6;
  const chiSquare = misfit(pairs, weights, matrix, uncertainty) * freedom;
  const scale = noise.known ? 1 : chiSquare / freedom;
  const full = withLeverNoise(noise, weights, to, from, matrix, uncertainty, scale);
  return { matrix, converged, uncertainty: full, freedom, chiSquare, scale };
}

/** The pose alone. */
export function fitPose(pairs: Pairs, weights: Float64Array): Pick<Estimate, 'matrix' | 'converged'> {
  const { matrix } = fitRigid(pairs.to, pairs.from, weights);
  const converged = pairs.noise.exact && !pairs.noise.isotropic ? refine(pairs, weights, matrix) : true;
  return { matrix, converged };
}

/**
 * Gauss–Newton for Σ rᵀ (Σ_to + R Σ_from Rᵀ)⁻¹ r over left perturbations of the pose, with the covariances turned anew
 * at each step (the maximum likelihood of Ohta & Kanatani 1998, ECCV). The covariances turn with the pose, and their slope
 * is in the derivative: it makes the lever of the pull the point as BOTH sides see it, M x + R Σ_from Rᵀ Ω r. Without it the
 * inverse of a registration would not be the registration of the sides exchanged. `matrix` is improved in place.
 */
function refine(pairs: Pairs, weights: Float64Array, matrix: Float64Array): boolean {
  const { to, from, noise } = pairs;
  const omega = new Float64Array(9);
  const lever = new Float64Array(3);
  const r = new Float64Array(3);
  for (let iteration = 0; iteration < 60; iteration += 1) {
    const centre = centreOf(matrix, from, weights);
    const information = new Float64Array(36);
    const pull = new Float64Array(6);
    let reach = 0;
    for (let k = 0; k < weights.length; k += 1) {
      if (!(at(weights, k) > 0)) continue;
      informationOf(omega, noise, weights, k, matrix);
      leverOf(lever, matrix, from, k, centre);
      residualAt(r, matrix, to, from, k);
      addInformation(information, omega, lever);
      towardBoth(lever, noise.fromShare(k, matrix), r);
      addPull(pull, omega, lever, r);
      reach = Math.max(reach, Math.hypot(at(lever, 0), at(lever, 1), at(lever, 2)));
    }
    if (!cholesky(information, information, 6)) return false;
    choleskySolve(pull, information, pull, 6);
    step(matrix, pull, centre);
    const turned = Math.hypot(at(pull, 3), at(pull, 4), at(pull, 5));
    if (Math.hypot(at(pull, 0), at(pull, 1), at(pull, 2)) + turned * reach < 1e-9) return true;
  }
  return false;
}

/** lever ← lever + share · r, from the point as the `from` side alone sees it. */
function towardBoth(lever: Float64Array, share: Float64Array | undefined, r: ArrayLike<number>): void {
  if (share === undefined) return;
  for (let i = 0; i < 3; i += 1) {
    lever[i] = at(lever, i) + at(share, 3 * i) * at(r, 0) + at(share, 3 * i + 1) * at(r, 1) + at(share, 3 * i + 2) * at(r, 2);
  }
}

/** out += Aᵀ Ω r. */
function addPull(out: Float64Array, omega: ArrayLike<number>, q: ArrayLike<number>, r: ArrayLike<number>): void {
  const f = [0, 3, 6].map((i) => at(omega, i) * at(r, 0) + at(omega, i + 1) * at(r, 1) + at(omega, i + 2) * at(r, 2));
  for (let i = 0; i < 3; i += 1) out[i] = at(out, i) + at(f, i);
  out[3] = at(out, 3) + at(q, 1) * at(f, 2) - at(q, 2) * at(f, 1);
  out[4] = at(out, 4) + at(q, 2) * at(f, 0) - at(q, 0) * at(f, 2);
  out[5] = at(out, 5) + at(q, 0) * at(f, 1) - at(q, 1) * at(f, 0);
}

/** matrix ← the motion (ρ, φ) about `centre`, after `matrix`. */
function step(matrix: Float64Array, xi: ArrayLike<number>, centre: ArrayLike<number>): void {
  const turn = fromRotationVector(new Float64Array(16), [at(xi, 3), at(xi, 4), at(xi, 5)]);
  const before = matrix.slice();
  for (let column = 0; column < 4; column += 1) {
    for (let i = 0; i < 3; i += 1) {
      let sum = column === 3 ? at(centre, i) + at(xi, i) : 0;
      for (let k = 0; k < 3; k += 1) {
        sum += at(turn, 4 * k + i) * (at(before, 4 * column + k) - (column === 3 ? at(centre, k) : 0));
      }
      matrix[4 * column + i] = sum;
    }
  }
}

/**
 * Σ rᵀ Ω r over what it would be on average with the noise model's covariances as they stand: the trace of Ω Cov(r),
 * which is 3N − 6 where Ω is their inverse. 0 for three points that fit exactly.
 */
function misfit(pairs: Pairs, weights: Float64Array, matrix: Float64Array, uncertainty: PoseUncertainty): number {
  const omega = new Float64Array(9);
  const r = new Float64Array(3);
  let squares = 0;
  let expected = 0;
  let used = 0;
  for (let k = 0; k < weights.length; k += 1) {
    if (!(at(weights, k) > 0)) continue;
    used += 1;
    informationOf(omega, pairs.noise, weights, k, matrix);
    residualAt(r, matrix, pairs.to, pairs.from, k);
    for (let i = 0; i < 3; i += 1) for (let j = 0; j < 3; j += 1) squares += at(r, i) * at(omega, 3 * i + j) * at(r, j);
    if (pairs.noise.exact) continue;
    const spread = product(omega, residualCovariance(pairs, weights, matrix, uncertainty, k));
    expected += at(spread, 0) + at(spread, 4) + at(spread, 8);
  }
  return squares / (pairs.noise.exact ? 3 * used - 6 : expected);
}

/**
 * The covariance of pair k's residual, in the noise model's scale: Σ − A P AᵀΩΣ − ΣΩ A P Aᵀ + A C Aᵀ for a pair in use,
 * Σ + A C Aᵀ for one left out. New, 3×3 row-major.
 */
export function residualCovariance(
  pairs: Pairs,
  weights: ArrayLike<number>,
  matrix: ArrayLike<number>,
  uncertainty: PoseUncertainty,
  k: number,
): Float64Array {
  const sigma = new Float64Array(9);
  const omega = new Float64Array(9);
  const lever = new Float64Array(3);
  pairs.noise.covariance(sigma, k, matrix);
  informationOf(omega, pairs.noise, weights, k, matrix);
  leverOf(lever, matrix, pairs.from, k, uncertainty.centre);
  const pose = carried(uncertainty.covariance, lever);
  const taken = product(carried(uncertainty.bread, lever), product(omega, sigma));
  return sigma.map((s, i) => s + at(pose, i) - at(taken, i) - at(taken, 3 * (i % 3) + Math.floor(i / 3)));
}
