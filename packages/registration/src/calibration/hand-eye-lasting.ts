import {
  cholesky,
  choleskySolve,
  fisherTail,
  invertRigid,
  multiply4,
  rotationVectorOf,
  transformDirection,
} from '@trocar/core/math';
import { closures, meanPose } from './hand-eye-closed.js';
import { type Persistence, persistenceOf } from './hand-eye-extra.js';
import type { HandEyeFit } from './hand-eye-fit.js';
import { type HandEyeModel, type HandEyeState, minimise, type NoiseLevels, normalEquations, PoseTerm } from './hand-eye-model.js';
import { poseAt } from './hand-eye-motions.js';
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
  /** X and Y of other weights, by the same method. */
  refit(weights: Float64Array): HandEyeState;
}

/**
 * The fit as it is where its errors are independent, else the balanced one. Told by misfits of neighbours that are alike, and by
 * the two fits differing by more than independent errors allow (Hausman 1978, Econometrica 46:1251; Hotelling's T² of the
 * poses' influences).
 * @param order times, or places, of the poses
 * @param known whether the noise is given: then it is believed
 */
export function settled(fit: HandEyeFit, order: ArrayLike<number>, known: boolean): SettledFit {
  const { share } = persistenceOf(fit, order);
  const used = fit.weights.reduce((a, b) => a + b, 0);
  const independent: SettledFit = {
    ...fit,
    covariance: fit.covariance.map((c) => c / share),
    errors: 'independent',
    share,
    refit: (weights) => minimise(fit.model, fit.state, fit.levels, weights).state,
  };
  if (known || used < LEAST_POSES) return independent;
  const other = balanced(fit);
  const lasting = share < LEAST_SHARE || differ(fit, other) < ALARM;
  if (!lasting) return independent;
  const own = withMeanY(other, fit.model);
  const persistence = persistenceOf(other, order);
  return {
    ...own,
    covariance: sandwich(other, own.state, fit.model, persistence),
    errors: 'lasting',
    share: Math.min(share, persistence.share),
    refit: (weights) => {
      const { state } = minimise(other.model, other.state, other.levels, weights);
      return withMeanY({ ...other, weights, state }, fit.model).state;
    },
  };
}

/**
 * The fit with Y that puts the target where its poses say on average: X does not depend on it, and a target is seen far better than the
 * eye is, which swings about it with every error of rotation. A tracker's marker is the eye itself: there Y stays.
 */
function withMeanY(fit: HandEyeFit, model: HandEyeModel): HandEyeFit {
  if (model.endB === 'to') return fit;
  const { x } = fit.state;
  const used = Array.from(fit.weights, (w, i) => (w > 0 ? i : -1)).filter((i) => i >= 0);
  return { ...fit, state: { x, y: meanPose(closures(model.pairs, x), used) } };
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
    if (!((weights[i] as number) > 0)) continue;
    term.evaluate(own, state, i, false);
    const { residual: r, leverB: l } = term;
    const [x, y, z] = [r[3] as number, r[4] as number, r[5] as number];
    position += ((r[0] as number) + y * (l[2] as number) - z * (l[1] as number)) ** 2;
    position += ((r[1] as number) + z * (l[0] as number) - x * (l[2] as number)) ** 2;
    position += ((r[2] as number) + x * (l[1] as number) - y * (l[0] as number)) ** 2;
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
    if (!((weights[i] as number) > 0)) continue;
    term.evaluate(model, state, i, true);
    term.weigh(levels);
    term.whiten();
    const own = out.subarray(12 * i, 12 * i + 12);
    for (let k = 0; k < 6; k += 1)
      for (let p = 0; p < 12; p += 1)
        own[p] = (own[p] as number) - (term.jacobian[12 * k + p] as number) * (term.residual[k] as number);
    choleskySolve(own, information, own, 12);
  }
  return out;
}

/**
 * A covariance that asks no noise model: Σ ψ_i ψ_jᵀ over poses i and j up to `lags` apart in time, weighted down with their distance
 * (Newey & West 1987, Econometrica 55:703), with the factor
 * that makes up for the fitted parameters and for the lags cut off.
 */
function sandwich(fit: HandEyeFit, own: HandEyeState, model: HandEyeModel, { order, lags }: Persistence): Float64Array {
  const psi = influences(fit);
  if (model.endB === 'from') setMeanInfluences(psi, fit, own);
  const out = new Float64Array(144);
  const used = order.length;
  const reach = lags > 1 ? Math.min(2 * lags, used >> 2) : 0;
  const factor = used / (used - 2 - reach);
  for (let k = 0; k < used; k += 1) {
    const one = 12 * (order[k] as number);
    for (let lag = 0; lag <= reach && k + lag < used; lag += 1) {
      const other = 12 * (order[k + lag] as number);
      // Both orders of a pair at once, halved: the sum is symmetrised below.
      const weight = factor * (lag === 0 ? 1 : 2 * (1 - lag / (reach + 1)));
      for (let p = 0; p < 12; p += 1)
        for (let q = 0; q < 12; q += 1)
          out[12 * p + q] = (out[12 * p + q] as number) + weight * (psi[one + p] as number) * (psi[other + q] as number);
    }
  }
  for (let p = 0; p < 12; p += 1)
    for (let q = 0; q < p; q += 1) {
      out[12 * p + q] = out[12 * q + p] = ((out[12 * p + q] as number) + (out[12 * q + p] as number)) / 2;
    }
  return out;
}

/**
 * Replaces Y's influences by those of the mean of the closures A X B: a pose's own share of the mean, and what X moves the mean by,
 * δt = ρ + φ × t at each closure with (ρ, φ) = Ad(A) ξ_X.
 */
function setMeanInfluences(psi: Float64Array, { model, weights }: HandEyeFit, { x, y }: HandEyeState): void {
  const closure = closures(model.pairs, x);
  const used = weights.reduce((a, b) => a + b, 0);
  const mean = new Float64Array(36);
  const column = new Float64Array(6);
  for (let i = 0; i < weights.length; i += 1) {
    if (!((weights[i] as number) > 0)) continue;
    for (let c = 0; c < 6; c += 1) {
      column.fill(0);
      column[c] = 1;
      const moved = atPoint(adjoint(poseAt(model.pairs.a, i), column), poseAt(closure, i), 1);
      for (let r = 0; r < 6; r += 1) mean[6 * r + c] = (mean[6 * r + c] as number) + (moved[r] as number) / used;
    }
  }
  const m = new Float64Array(16);
  const v = new Float64Array(3);
  const inverse = invertRigid(new Float64Array(16), y);
  for (let i = 0; i < weights.length; i += 1) {
    if (!((weights[i] as number) > 0)) continue;
    const own = poseAt(closure, i);
    rotationVectorOf(v, multiply4(m, own, inverse));
    const total = Float64Array.from({ length: 6 }, (_, r) => {
      const alone = r < 3 ? (own[12 + r] as number) - (y[12 + r] as number) : (v[r - 3] as number);
      let sum = alone / used;
      for (let c = 0; c < 6; c += 1) sum += (mean[6 * r + c] as number) * (psi[12 * i + c] as number);
      return sum;
    });
    psi.set(atPoint(total, y, -1), 12 * i + 6);
  }
}

/** Ad(m) ξ. */
function adjoint(m: ArrayLike<number>, xi: ArrayLike<number>): Float64Array {
  const out = new Float64Array(6);
  transformDirection(out.subarray(0, 3), m, [xi[0] as number, xi[1] as number, xi[2] as number]);
  transformDirection(out.subarray(3, 6), m, [xi[3] as number, xi[4] as number, xi[5] as number]);
  // + t × R φ.
  return atPoint(out, m, -1);
}

/** ρ + sign · φ × t: from turning about the origin to the displacement at m's translation (1), and back (−1). */
function atPoint(xi: Float64Array, m: ArrayLike<number>, sign: 1 | -1): Float64Array {
  const [x, y, z] = [xi[3] as number, xi[4] as number, xi[5] as number];
  const [a, b, c] = [sign * (m[12] as number), sign * (m[13] as number), sign * (m[14] as number)];
  return Float64Array.of(
    (xi[0] as number) + y * c - z * b,
    (xi[1] as number) + z * a - x * c,
    (xi[2] as number) + x * b - y * a,
    x,
    y,
    z,
  );
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
          (spread[6 * p + q] as number) +
          ((a[12 * i + p] as number) - (b[12 * i + p] as number)) * ((a[12 * i + q] as number) - (b[12 * i + q] as number));
  // ξ with X_other = Exp(ξ) X_one, about the hand's origin, in the units of the influences.
  const m = multiply4(new Float64Array(16), other.state.x, invertRigid(new Float64Array(16), one.state.x));
  const d = new Float64Array(6);
  d.set(m.subarray(12, 15));
  d.set(rotationVectorOf(new Float64Array(3), m), 3);
  for (let p = 0; p < 6; p += 1) spread[7 * p] = (spread[7 * p] as number) * (1 + 1e-9) + 1e-300;
  if (!cholesky(spread, spread, 6)) return 1;
  const solved = choleskySolve(new Float64Array(6), spread, d, 6);
  const square = d.reduce((sum, value, p) => sum + value * (solved[p] as number), 0);
  return fisherTail(((n - 6) * square) / (6 * (n - 1)), 6, n - 6);
}
