import { cholesky, invertSymmetric } from '@trocar/core/math';
import type { NoiseModel } from '../points/noise.js';
import { at, residualAt } from '../points/rigid-fit.js';
import { multiply, product, symmetrised } from './matrices.js';
import { addInformation, centreOf, informationOf, type PoseUncertainty } from './pose-covariance.js';

/**
 * The second-order part of a pose's uncertainty that does not vanish with the number of points: the levers themselves are
 * measured.
 *
 * The likelihood's derivative is g = Σ A(q̂)ᵀ Ω r, where q̂ = M x + Σ_from Ω r is the point as BOTH sides see it, and its
 * error e is independent of r. So Cov(g) = Σ A(q)ᵀΩA(q) + E with E = Σ ⟨[e]×ᵀ Ω [e]×⟩, while the mean slope of g holds no
 * noise; and Σ A(q̂)ᵀΩA(q̂), all that can be computed, is Cov(g) on average. Hence with Λ = Σ A(q̂)ᵀΩA(q̂) − E:
 * Cov(ξ) = Λ⁻¹ (Λ + E) Λ⁻¹. First-order theory takes E = 0; it is then too low by about σ²/f² for a layout of width f
 * (the attenuation of a regression on measured variables: Fuller 1987, Measurement Error Models, section 1.2).
 *
 * What is left out are terms of the order of the rotation's own variance in rad².
 */
export function withLeverNoise(
  noise: NoiseModel,
  weights: ArrayLike<number>,
  to: ArrayLike<number>,
  from: ArrayLike<number>,
  matrix: ArrayLike<number>,
  first: PoseUncertainty,
  scale: number,
): PoseUncertainty {
  const centre = centreOf(matrix, from, weights);
  const slope = new Float64Array(36);
  const meat = new Float64Array(36);
  const own = lever();
  for (let k = 0; k < weights.length; k += 1) {
    if (!(at(weights, k) > 0)) continue;
    informationOf(own.omega, noise, weights, k, matrix);
    noise.covariance(own.sigma, k, matrix);
    smoothed(own, noise, to, from, matrix, k, centre);
    const score = noise.exact ? own.omega : product(own.omega, product(own.sigma, own.omega));
    addInformation(slope, own.omega, own.q);
    addTurned(slope, own.omega, own.seen, -scale);
    addInformation(meat, score, own.q);
    addTurned(meat, score, own.seen, -scale);
    addTurned(meat, score, own.error, scale);
  }
  if (!cholesky(new Float64Array(36), slope, 6))
    return { ...first, covariance: new Float64Array(36).fill(Number.POSITIVE_INFINITY) };
  const bread = invertSymmetric(slope, 6);
  return { centre, bread: first.bread, covariance: symmetrised(multiply(bread, multiply(meat, bread, 6), 6), 6) };
}

interface Lever {
  readonly omega: Float64Array;
  readonly sigma: Float64Array;
  /** From the centre to the point as both sides see it. */
  readonly q: Float64Array;
  /** What noise adds to ⟨q qᵀ⟩, in the noise model's scale. */
  readonly seen: Float64Array;
  /** Covariance of the part of q's error that is independent of the residual. */
  readonly error: Float64Array;
}

function lever(): Lever {
  const nine = (): Float64Array => new Float64Array(9);
  return { omega: nine(), sigma: nine(), q: new Float64Array(3), seen: nine(), error: nine() };
}

/** Where only the sum of both sides' errors is known, the midpoint: its error is σ²/4 however they share. */
function smoothed(
  own: Lever,
  noise: NoiseModel,
  to: ArrayLike<number>,
  from: ArrayLike<number>,
  matrix: ArrayLike<number>,
  k: number,
  centre: ArrayLike<number>,
): void {
  const r = residualAt(new Float64Array(3), matrix, to, from, k);
  const share = noise.fromShare(k, matrix);
  for (let i = 0; i < 3; i += 1) {
    const toward =
      share === undefined
        ? at(r, i) / 2
        : at(share, 3 * i) * at(r, 0) + at(share, 3 * i + 1) * at(r, 1) + at(share, 3 * i + 2) * at(r, 2);
    own.q[i] = at(to, 3 * k + i) - at(r, i) + toward - at(centre, i);
  }
  if (share === undefined) {
    // The independent part is between none (one exact side) and σ²/4 (equal sides): half of that is nearest to all.
    own.seen.set(own.sigma.map((s) => s / 4));
    own.error.set(own.sigma.map((s) => s / 8));
    return;
  }
  const kept = product(share, own.sigma);
  const lost = product(kept, transposed(share));
  for (let i = 0; i < 9; i += 1) own.error[i] = own.seen[i] = at(kept, i) - at(lost, i);
}

function transposed(m: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: 9 }, (_, n) => at(m, 3 * (n % 3) + Math.floor(n / 3)));
}

/** (p, a, sign) with (e × φ)_p = Σ sign · e_a φ_i, for each i. */
const CROSS = [
  [2, 1, -1, 1, 2, 1],
  [0, 2, -1, 2, 0, 1],
  [1, 0, -1, 0, 1, 1],
] as const;

/** out += factor · ⟨[e]×ᵀ W [e]×⟩ in the rotation's block, for e of covariance `c`. */
function addTurned(out: Float64Array, w: ArrayLike<number>, c: ArrayLike<number>, factor: number): void {
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j < 3; j += 1) {
      const own = CROSS[i] as (typeof CROSS)[0];
      const other = CROSS[j] as (typeof CROSS)[0];
      let sum = 0;
      for (let m = 0; m < 6; m += 3) {
        for (let n = 0; n < 6; n += 3) {
          const sign = at(own, m + 2) * at(other, n + 2);
          sum += sign * at(c, 3 * at(own, m + 1) + at(other, n + 1)) * at(w, 3 * at(own, m) + at(other, n));
        }
      }
      out[6 * (3 + i) + 3 + j] = at(out, 6 * (3 + i) + 3 + j) + factor * sum;
    }
  }
}
