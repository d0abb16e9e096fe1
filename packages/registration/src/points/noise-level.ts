import { symmetricEigen } from '@trocar/core/math';
import type { Estimate } from './estimate.js';
import type { NoiseModel } from './noise.js';
import { at } from './rigid-fit.js';

/** The variance per axis of a pair of weight 1, in the noise model's scale: the mean of w · tr Σ / 3. */
export function noiseVariance(noise: NoiseModel, matrix: ArrayLike<number>, used: readonly number[]): number {
  const sigma = new Float64Array(9);
  let sum = 0;
  for (const k of used) {
    noise.covariance(sigma, k, matrix);
    sum += (at(noise.weights, k) * (at(sigma, 0) + at(sigma, 4) + at(sigma, 8))) / 3;
  }
  return sum / used.length;
}

/** Fiducial localisation error, mm: rms length over the pairs in use, as given or estimated. */
export function localisationError(noise: NoiseModel, estimate: Estimate, used: readonly number[]): number {
  const sigma = new Float64Array(9);
  if (!noise.known) return Math.sqrt(3 * estimate.scale * noiseVariance(noise, estimate.matrix, used));
  let sum = 0;
  for (const k of used) {
    noise.covariance(sigma, k, estimate.matrix);
    sum += at(sigma, 0) + at(sigma, 4) + at(sigma, 8);
  }
  return Math.sqrt(sum / used.length);
}

/** Standard deviation of the rotation about its least certain axis, rad. */
export function rotationSd(estimate: Estimate): number {
  const c = estimate.uncertainty.covariance;
  const block = [0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => at(c, 6 * (3 + i) + 3 + j)));
  return Math.sqrt(at(symmetricEigen(block, 3).values, 0) * estimate.scale);
}
