import { NavError } from '@trocar/core';
import { cholesky, choleskySolve } from '@trocar/core/math';
import { at } from '../points/rigid-fit.js';
import type { UsablePoses } from './poses.js';

/**
 * The linear heart of a pivot calibration.
 *
 * R_i p + t_i = q for every pose: the tip p (tool frame) stays at q (tracker frame). Read in the TOOL's frame the misfit
 * is u_i = p + R_iᵀ(t_i − q). Position errors σp of the marker's origin and rotation errors σr, which act on the tip with
 * its lever arm, give Cov(u) = σp² I + σr² (|p|² I − p pᵀ): the same for every pose, where in the tracker's frame it turns
 * with the tool. So one 3×3 weight W serves all poses, and x = (p, q) solves Σ w Bᵀ W B x = −Σ w Bᵀ W R_iᵀ t_i with
 * B = [I | −R_iᵀ]. W = I is the algebraic one step ("AOS", Yaniv 2015, SPIE 9415:941527).
 */

/** The poses as the fit reads them. */
export interface PivotData {
  readonly n: number;
  /** R_i, 9 doubles each, row-major. */
  readonly rotations: Float64Array;
  /** t_i, 3 doubles each, mm. */
  readonly translations: Float64Array;
  /** ms; NaN where unknown. */
  readonly times: Float64Array;
}

/** A fit and what it was fitted with. */
export interface PivotFit {
  /** p (tool frame) and q (tracker frame), mm. */
  readonly x: Float64Array;
  /** Cholesky factor of Σ w Bᵀ W B, 6×6 row-major. */
  readonly factor: Float64Array;
}

/** What a rotation error of variance σr² (rad²) adds to the normal equations; see {@link solvePivot}. */
export interface RotationNoise {
  readonly variance: number;
  readonly tip: ArrayLike<number>;
}

/** @param poses checked poses */
export function pivotData(poses: UsablePoses): PivotData {
  const n = poses.count;
  const rotations = new Float64Array(9 * n);
  const translations = new Float64Array(3 * n);
  for (let k = 0; k < n; k += 1) {
    for (let r = 0; r < 3; r += 1) {
      for (let c = 0; c < 3; c += 1) rotations[9 * k + 3 * r + c] = at(poses.matrices, 16 * k + 4 * c + r);
      translations[3 * k + r] = at(poses.matrices, 16 * k + 12 + r);
    }
  }
  return { n, rotations, translations, times: poses.times };
}

/** The identity, for W. */
export const UNIT: ArrayLike<number> = [1, 0, 0, 0, 1, 0, 0, 0, 1];

/**
 * Solves for p and q. `undefined` where the poses in use do not determine them.
 *
 * The measured rotations stand on the left-hand side too, so their errors pull p towards 0, by 2 σr² / λ of its length
 * where λ is the information per pose: 0.1 mm in 150 mm at 0.3° and a 20° cone, which more poses do not average out.
 * With `noise` the expected value of that pull is taken out of the score: E[W u] = σr² ω p and
 * E[R W u] = σr² (ω − 2 w₀) R p, with ω and w₀ the weight along and across p (second order in σr; our derivation, checked
 * by simulation in the tests).
 * @param weights one for each pose, ≥ 0
 * @param w W: 9 numbers for all poses alike, or 9 for each
 */
export function solvePivot(
  data: PivotData,
  weights: ArrayLike<number>,
  w: ArrayLike<number>,
  noise?: RotationNoise,
): PivotFit | undefined {
  const { n, rotations, translations } = data;
  const information = new Float64Array(36);
  const right = new Float64Array(6);
  const rw = new Float64Array(9);
  const own = new Float64Array(9);
  for (let k = 0; k < n; k += 1) {
    const weight = at(weights, k);
    if (!(weight > 0)) continue;
    const start = w.length === 9 ? 0 : 9 * k;
    for (let i = 0; i < 9; i += 1) own[i] = weight * at(w, start + i);
    addPose(information, right, rw, { rotation: rotations.subarray(9 * k, 9 * k + 9), own, t: translations, k });
    if (noise !== undefined) addPull(right, rotations.subarray(9 * k, 9 * k + 9), own, noise);
  }
  for (let i = 0; i < 6; i += 1) for (let j = 0; j < i; j += 1) information[6 * i + j] = at(information, 6 * j + i);
  const factor = new Float64Array(36);
  if (!cholesky(factor, information, 6) || !isSound(factor)) return undefined;
  return { x: choleskySolve(new Float64Array(6), factor, right, 6), factor };
}

/** Whether the last pivots of a factor are more than rounding of its first. */
function isSound(factor: Float64Array): boolean {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < 6; i += 1) {
    least = Math.min(least, at(factor, 7 * i));
    most = Math.max(most, at(factor, 7 * i));
  }
  return least > 1e-6 * most;
}

interface PoseTerms {
  readonly rotation: Float64Array;
  readonly own: Float64Array;
  readonly t: Float64Array;
  readonly k: number;
}

/** Adds Bᵀ W B to the upper triangle and −Bᵀ W Rᵀt to the right-hand side. */
function addPose(information: Float64Array, right: Float64Array, rw: Float64Array, { rotation: r, own, t, k }: PoseTerms): void {
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j < 3; j += 1) {
      rw[3 * i + j] = at(r, 3 * i) * at(own, j) + at(r, 3 * i + 1) * at(own, 3 + j) + at(r, 3 * i + 2) * at(own, 6 + j);
    }
  }
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j < 3; j += 1) {
      information[6 * i + j] = at(information, 6 * i + j) + at(own, 3 * i + j);
      // −W Rᵀ is minus the transpose of R W.
      information[6 * i + 3 + j] = at(information, 6 * i + 3 + j) - at(rw, 3 * j + i);
      information[6 * (3 + i) + 3 + j] =
        at(information, 6 * (3 + i) + 3 + j) +
        at(rw, 3 * i) * at(r, 3 * j) +
        at(rw, 3 * i + 1) * at(r, 3 * j + 1) +
        at(rw, 3 * i + 2) * at(r, 3 * j + 2);
    }
  }
  const [x, y, z] = [at(t, 3 * k), at(t, 3 * k + 1), at(t, 3 * k + 2)];
  const bx = at(r, 0) * x + at(r, 3) * y + at(r, 6) * z;
  const by = at(r, 1) * x + at(r, 4) * y + at(r, 7) * z;
  const bz = at(r, 2) * x + at(r, 5) * y + at(r, 8) * z;
  for (let i = 0; i < 3; i += 1) {
    right[i] = at(right, i) - (at(own, 3 * i) * bx + at(own, 3 * i + 1) * by + at(own, 3 * i + 2) * bz);
    right[3 + i] = at(right, 3 + i) + (at(rw, 3 * i) * bx + at(rw, 3 * i + 1) * by + at(rw, 3 * i + 2) * bz);
  }
}

/** Adds what rotation noise is expected to pull the score by. */
function addPull(right: Float64Array, r: Float64Array, own: Float64Array, { variance, tip }: RotationNoise): void {
  const squared = at(tip, 0) ** 2 + at(tip, 1) ** 2 + at(tip, 2) ** 2;
  if (!(squared > 0)) return;
  let along = 0;
  for (let i = 0; i < 3; i += 1) for (let j = 0; j < 3; j += 1) along += at(tip, i) * at(own, 3 * i + j) * at(tip, j);
  along /= squared;
  const across = (at(own, 0) + at(own, 4) + at(own, 8) - along) / 2;
  for (let i = 0; i < 3; i += 1) {
    const turned = at(r, 3 * i) * at(tip, 0) + at(r, 3 * i + 1) * at(tip, 1) + at(r, 3 * i + 2) * at(tip, 2);
    right[i] = at(right, i) + variance * along * at(tip, i);
    right[3 + i] = at(right, 3 + i) - variance * (along - 2 * across) * turned;
  }
}

/** The misfits of all poses in the tool's frame, u_i = p + R_iᵀ(t_i − q), 3 doubles each, mm. */
export function misfits(data: PivotData, x: ArrayLike<number>): Float64Array {
  const out = new Float64Array(3 * data.n);
  for (let k = 0; k < data.n; k += 1) {
    const dx = at(data.translations, 3 * k) - at(x, 3);
    const dy = at(data.translations, 3 * k + 1) - at(x, 4);
    const dz = at(data.translations, 3 * k + 2) - at(x, 5);
    for (let i = 0; i < 3; i += 1) {
      const r = 9 * k + i;
      out[3 * k + i] = at(x, i) + at(data.rotations, r) * dx + at(data.rotations, r + 3) * dy + at(data.rotations, r + 6) * dz;
    }
  }
  return out;
}

/** Vectors of the tool's frame in the tracker's: R_i u_i, 3 doubles each. */
export function inTracker(data: PivotData, u: ArrayLike<number>): Float64Array {
  const out = new Float64Array(3 * data.n);
  for (let k = 0; k < data.n; k += 1) {
    for (let i = 0; i < 3; i += 1) {
      const row = 9 * k + 3 * i;
      out[3 * k + i] =
        at(data.rotations, row) * at(u, 3 * k) +
        at(data.rotations, row + 1) * at(u, 3 * k + 1) +
        at(data.rotations, row + 2) * at(u, 3 * k + 2);
    }
  }
  return out;
}

/** Lengths of vectors of three. */
export function lengths(u: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: u.length / 3 }, (_, k) => Math.hypot(at(u, 3 * k), at(u, 3 * k + 1), at(u, 3 * k + 2)));
}

/** The refusal of poses that leave the tip open. */
export function undetermined(): NavError {
  return new NavError(
    'calibration/narrow',
    'A pivot calibration: the poses do not determine the tip. Tilt the tool about its tip in at least two directions, 30° or more to each side.',
  );
}

/** @throws NavError `calibration/narrow` where the fit has no solution */
export function requireSolution(fit: PivotFit | undefined): PivotFit {
  if (fit === undefined) throw undetermined();
  return fit;
}
