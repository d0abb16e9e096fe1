import { cholesky, choleskySolve, invertRigid, multiply4, rotationVectorOf } from '@trocar/core/math';
import type { HandEyeFit } from './hand-eye-fit.js';
import { forward, type HandEyeModel, normalEquations, PoseTerm } from './hand-eye-model.js';
import { poseAt } from './hand-eye-motions.js';

/** One more unknown of a fitted model, with its standard deviation. */
export interface ExtraParameter {
  readonly value: number;
  readonly sd: number;
}

/**
 * The value that one more parameter would take in the fit, to first order (a score test; Rao 1948, Proc. Camb. Phil. Soc.
 * 44:50): with g = Σ cᵀ W r, h = Σ Jᵀ W c and s = Σ cᵀ W c, it is −(g − hᵀ C Jᵀ W r) / (s − hᵀ C h), and Jᵀ W r is zero
 * at the fit.
 * @param column ∂r/∂parameter of pose i into `out`; false where the pose says nothing of it
 */
function extraParameter(fit: HandEyeFit, column: (out: Float64Array, i: number) => boolean): ExtraParameter | undefined {
  const { model } = fit;
  const term = new PoseTerm();
  const c = new Float64Array(6);
  const h = new Float64Array(12);
  const weights = fit.weights.map((w, i) => (w > 0 && column(c, i) ? 1 : 0));
  const { information, gradient } = normalEquations(model, fit.state, fit.levels, weights);
  let g = 0;
  let s = 0;
  for (let i = 0; i < model.pairs.count; i += 1) {
    if (!((weights[i] as number) > 0)) continue;
    column(c, i);
    term.evaluate(model, fit.state, i, true);
    term.weigh(fit.levels);
    term.whiten();
    forward(c, term.factor, c);
    for (let k = 0; k < 6; k += 1) {
      g += (c[k] as number) * (term.residual[k] as number);
      s += (c[k] as number) * (c[k] as number);
      for (let p = 0; p < 12; p += 1) h[p] = (h[p] as number) + (term.jacobian[12 * k + p] as number) * (c[k] as number);
    }
  }
  if (!cholesky(information, information, 12)) return undefined;
  const solved = choleskySolve(new Float64Array(12), information, h, 12);
  let left = s;
  let pull = g;
  for (let p = 0; p < 12; p += 1) {
    left -= (h[p] as number) * (solved[p] as number);
    pull -= (solved[p] as number) * (gradient[p] as number);
  }
  if (!(left > 1e-12 * s) || !(s > 0)) return undefined;
  return { value: -pull / left, sd: Math.sqrt(1 / left) };
}

/** The factor by which lengths of list B should be multiplied to fit list A's best: 1 where both are true millimetres. */
export function lengthFactor(fit: HandEyeFit): ExtraParameter | undefined {
  const { model } = fit;
  const m = new Float64Array(16);
  const inverse = invertRigid(new Float64Array(16), fit.state.y);
  const found = extraParameter(fit, (out, i) => {
    const b = poseAt(model.pairs.b, i);
    multiply4(m, multiply4(m, inverse, poseAt(model.pairs.a, i)), fit.state.x);
    for (let k = 0; k < 3; k += 1) {
      out[k] =
        (m[k] as number) * (b[12] as number) +
        (m[4 + k] as number) * (b[13] as number) +
        (m[8 + k] as number) * (b[14] as number);
      out[3 + k] = 0;
    }
    return true;
  });
  return found && { value: 1 + found.value, sd: found.sd };
}

/** Neighbours farther apart in time than this say nothing of a velocity, ms. */
const VELOCITY_WITHIN_MS = 250;
const LEAST_MOVING = 20;

/** Body velocity of list A at each pose, (mm, rad) per ms, by central differences; NaN where no neighbour is near in time. */
export function velocities(model: HandEyeModel, times: ArrayLike<number>): Float64Array {
  const { count, a } = model.pairs;
  const out = new Float64Array(6 * count).fill(Number.NaN);
  const m = new Float64Array(16);
  const v = new Float64Array(3);
  for (let i = 1; i + 1 < count; i += 1) {
    const span = (times[i + 1] as number) - (times[i - 1] as number);
    if (!(span > 0 && span <= VELOCITY_WITHIN_MS)) continue;
    multiply4(m, invertRigid(m, poseAt(a, i - 1)), poseAt(a, i + 1));
    rotationVectorOf(v, m);
    const inverse = invertRigid(new Float64Array(16), poseAt(a, i));
    const before = multiply4(new Float64Array(16), inverse, poseAt(a, i - 1));
    const after = multiply4(new Float64Array(16), inverse, poseAt(a, i + 1));
    for (let k = 0; k < 3; k += 1) {
      out[6 * i + k] = ((after[12 + k] as number) - (before[12 + k] as number)) / span;
      out[6 * i + 3 + k] = (v[k] as number) / span;
    }
  }
  return out;
}

/**
 * How much later list A should be read, ms: A(t + offset) fits B(t) best. Undefined where fewer than 20 poses have
 * neighbours near enough in time to tell a velocity.
 */
export function timeOffset(fit: HandEyeFit, times: ArrayLike<number>): ExtraParameter | undefined {
  const { model } = fit;
  const v = velocities(model, times);
  let moving = 0;
  for (let i = 0; i < model.pairs.count; i += 1)
    if (!Number.isNaN(v[6 * i] as number) && (fit.weights[i] as number) > 0) moving += 1;
  if (moving < LEAST_MOVING) return undefined;
  const m = new Float64Array(16);
  return extraParameter(fit, (out, i) => {
    if (Number.isNaN(v[6 * i] as number)) return false;
    // A Exp(τ v): E changes by Ad((X B)⁻¹) v on its right.
    multiply4(m, fit.state.x, poseAt(model.pairs.b, i));
    invertRigid(m, m);
    for (let k = 0; k < 3; k += 1) {
      out[k] =
        (m[k] as number) * (v[6 * i] as number) +
        (m[4 + k] as number) * (v[6 * i + 1] as number) +
        (m[8 + k] as number) * (v[6 * i + 2] as number);
      out[3 + k] =
        (m[k] as number) * (v[6 * i + 3] as number) +
        (m[4 + k] as number) * (v[6 * i + 4] as number) +
        (m[8 + k] as number) * (v[6 * i + 5] as number);
    }
    out[0] = (out[0] as number) + (m[13] as number) * (out[5] as number) - (m[14] as number) * (out[4] as number);
    out[1] = (out[1] as number) + (m[14] as number) * (out[3] as number) - (m[12] as number) * (out[5] as number);
    out[2] = (out[2] as number) + (m[12] as number) * (out[4] as number) - (m[13] as number) * (out[3] as number);
    return true;
  });
}

/** Lags of correlation looked at, in poses. */
const MOST_LAGS = 60;

/** How misfits of neighbours hang together. */
export interface Persistence {
  /** 1 / (1 + 2 Σ ρ_k): what share of the poses in use is independent. */
  readonly share: number;
  /** From this many poses apart on, misfits are independent. */
  readonly lags: number;
  /** The poses in use in the order measured. */
  readonly order: readonly number[];
}

/**
 * The correlation ρ_k of whitened misfits k poses apart, summed up to the first that chance explains (as Geyer 1992, Statistical Science
 * 7:473, does). Poses taken one by one have share 1.
 */
export function persistenceOf(fit: HandEyeFit, times: ArrayLike<number>): Persistence {
  const { model } = fit;
  const order = Array.from({ length: model.pairs.count }, (_, i) => i)
    .filter((i) => (fit.weights[i] as number) > 0)
    .sort((i, j) => (times[i] as number) - (times[j] as number));
  const n = order.length;
  const z = new Float64Array(6 * n);
  const term = new PoseTerm();
  order.forEach((i, k) => {
    term.evaluate(model, fit.state, i, false);
    term.weigh(fit.levels);
    z.set(forward(new Float64Array(6), term.factor, term.residual), 6 * k);
  });
  const product = (lag: number): number => {
    let sum = 0;
    for (let k = 0; k + 6 * lag < z.length; k += 1) sum += (z[k] as number) * (z[k + 6 * lag] as number);
    return sum / (z.length - 6 * lag);
  };
  const variance = product(0);
  let sum = 0;
  let lag = 1;
  for (; lag <= Math.min(MOST_LAGS, n >> 2); lag += 1) {
    const rho = product(lag) / variance;
    // Chance alone gives ±1/√(6n).
    if (!(rho > (lag === 1 ? 3 : 1) / Math.sqrt(6 * n))) break;
    sum += rho;
  }
  return { share: 1 / (1 + 2 * sum), lags: lag, order };
}
