import { cholesky, choleskySolve, fisherTail, invertRigid, multiply4, rotationVectorOf } from '@trocar/core/math';
import { at } from '../points/rigid-fit.js';
import { effectiveShare } from './hand-eye-extra.js';
import type { HandEyeFit } from './hand-eye-fit.js';
import { type HandEyeModel, type HandEyeState, minimise, type NoiseLevels, normalEquations, PoseTerm } from './hand-eye-model.js';
import { distances } from './hand-eye-noise.js';

/**
 * Errors that last: a camera's distortion or a robot's bending repeats from pose to pose, so weights that hold for
 * independent noise pull X towards the error. Such a fit is replaced by one that weighs rotations and positions of the eye, where
 * A X = X B is stated, by their own misfits, and its covariance is read off the misfits instead of a noise model.
 */

/** Below this share of independent poses, errors last. */
const LEAST_SHARE = 0.5;
/** Chance of calling independent errors lasting. */
const ALARM = 0.001;
/** Fewer poses cannot tell. */
const LEAST_POSES = 25;
/** Poses beyond this squared distance of the independent fit are gross even where errors last. */
const GROSS = 100;

/** A fit, and whether its errors are independent. */
export interface SettledFit extends HandEyeFit {
  readonly errors: 'independent' | 'lasting';
  /** Share of the poses in use that is independent. */
  readonly share: number;
}

/**
 * The fit as it is where its errors are independent, else the balanced one. Told by misfits of neighbours that are alike, and by
 * the two fits differing by more than independent errors allow (Hausman 1978, Econometrica 46:1251; Hotelling's T² of the
 * poses' influences).
 * @param order times, or places, of the poses
 * @param known whether the noise is given: then it is believed
 */
export function settled(fit: HandEyeFit, order: ArrayLike<number>, known: boolean): SettledFit {
  const share = effectiveShare(fit, order);
  const used = fit.weights.reduce((a, b) => a + b, 0);
  if (known || used < LEAST_POSES) return { ...fit, errors: 'independent', share };
  const other = balanced(fit);
  const lasting = share < LEAST_SHARE || differ(fit, other) < ALARM;
  if (!lasting) return { ...fit, errors: 'independent', share };
  return { ...other, covariance: sandwich(other), errors: 'lasting', share: Math.min(share, effectiveShare(other, order)) };
}

const ROUNDS = 4;

/** Least squares of rotations and of the eye's positions, each by its own root mean square. */
function balanced(fit: HandEyeFit): HandEyeFit {
  const own: HandEyeModel = { ...fit.model, endB: 'to' };
  const weights = fit.distances.map((d) => (d < GROSS ? 1 : 0));
  let state = fit.state;
  let levels = eyeLevels(own, state, weights);
  let result = minimise(own, state, levels, weights);
  for (let n = 0; n < ROUNDS; n += 1) {
    state = result.state;
    levels = eyeLevels(own, state, weights);
    result = minimise(own, state, levels, weights);
  }
  const { state: found, converged } = result;
  return {
    model: own,
    state: found,
    levels,
    covariance: fit.covariance,
    weights,
    distances: distances(own, found, levels),
    converged,
  };
}

/** Mean square misfit per axis of the eye's position and of rotations. */
function eyeLevels(own: HandEyeModel, state: HandEyeState, weights: ArrayLike<number>): NoiseLevels {
  const term = new PoseTerm();
  let [position, rotation, n] = [0, 0, 0];
  for (let i = 0; i < own.pairs.count; i += 1) {
    if (!(at(weights, i) > 0)) continue;
    term.evaluate(own, state, i, false);
    const { residual: r, leverB: l } = term;
    const [x, y, z] = [at(r, 3), at(r, 4), at(r, 5)];
    position += (at(r, 0) + y * at(l, 2) - z * at(l, 1)) ** 2;
    position += (at(r, 1) + z * at(l, 0) - x * at(l, 2)) ** 2;
    position += (at(r, 2) + x * at(l, 1) - y * at(l, 0)) ** 2;
    rotation += x * x + y * y + z * z;
    n += 3;
  }
  return { position: Math.max(position / n, 1e-18), rotationA: 0, rotationB: Math.max(rotation / n, 1e-22) };
}

/** What each pose moves (X, Y) by: C Jᵀ W r, 12 numbers a pose. */
function influences({ model, state, levels, weights }: HandEyeFit): Float64Array {
  const { information } = normalEquations(model, state, levels, weights);
  const out = new Float64Array(12 * model.pairs.count);
  if (!cholesky(information, information, 12)) return out;
  const term = new PoseTerm();
  for (let i = 0; i < model.pairs.count; i += 1) {
    if (!(at(weights, i) > 0)) continue;
    term.evaluate(model, state, i, true);
    term.weigh(levels);
    term.whiten();
    const own = out.subarray(12 * i, 12 * i + 12);
    for (let k = 0; k < 6; k += 1)
      for (let p = 0; p < 12; p += 1) own[p] = at(own, p) - at(term.jacobian, 12 * k + p) * at(term.residual, k);
    choleskySolve(own, information, own, 12);
  }
  return out;
}

/** Σ ψ ψᵀ of the poses in use, with the factor that makes up for the fitted parameters: a covariance that asks no noise model. */
function sandwich(fit: HandEyeFit): Float64Array {
  const psi = influences(fit);
  const out = new Float64Array(144);
  const used = fit.weights.reduce((a, b) => a + b, 0);
  const factor = used / (used - 2);
  for (let i = 0; i < fit.weights.length; i += 1)
    for (let p = 0; p < 12; p += 1)
      for (let q = 0; q < 12; q += 1) out[12 * p + q] = at(out, 12 * p + q) + factor * at(psi, 12 * i + p) * at(psi, 12 * i + q);
  return out;
}

/** The probability that two fits of X differ as much by independent errors. */
function differ(one: HandEyeFit, other: HandEyeFit): number {
  const [a, b] = [influences(one), influences(other)];
  const n = one.weights.length;
  const spread = new Float64Array(36);
  for (let i = 0; i < n; i += 1)
    for (let p = 0; p < 6; p += 1)
      for (let q = 0; q < 6; q += 1)
        spread[6 * p + q] =
          at(spread, 6 * p + q) + (at(a, 12 * i + p) - at(b, 12 * i + p)) * (at(a, 12 * i + q) - at(b, 12 * i + q));
  // ξ with X_other = Exp(ξ) X_one, about the hand's origin, in the units of the influences.
  const m = multiply4(new Float64Array(16), other.state.x, invertRigid(new Float64Array(16), one.state.x));
  const d = new Float64Array(6);
  d.set(m.subarray(12, 15));
  d.set(rotationVectorOf(new Float64Array(3), m), 3);
  for (let p = 0; p < 6; p += 1) spread[7 * p] = at(spread, 7 * p) * (1 + 1e-9) + 1e-300;
  if (!cholesky(spread, spread, 6)) return 1;
  const solved = choleskySolve(new Float64Array(6), spread, d, 6);
  const square = d.reduce((sum, value, p) => sum + value * at(solved, p), 0);
  return fisherTail(((n - 6) * square) / (6 * (n - 1)), 6, n - 6);
}
