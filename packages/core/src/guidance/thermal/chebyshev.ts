import type { HeatModel } from './heat-model.js';
import type { PerfusionCurve } from './perfusion.js';

/**
 * Runge–Kutta–Chebyshev, second order (Sommeijer, Shampine & Verwer 1998, J. Comput. Appl. Math. 88:315): explicit, and stable for
 * steps up to 0.653 (s² − 1) / rate with s stages, so a long step costs the square root of what short ones cost.
 */

const DAMPING = 2 / 13;

/** Coefficients of the stages after the first. */
interface Stages {
  /** μ̃₁ of the first stage. */
  readonly first: number;
  /** μ, ν, μ̃, γ̃ of stages 2 … s. */
  readonly rest: readonly (readonly [number, number, number, number])[];
}

const known = new Map<number, Stages>();

/** The stages needed for a step of that length, at least 2. @param rate the fastest of the model, 1/s */
export function stagesFor(stepS: number, rate: number): number {
  return Math.max(2, Math.ceil(Math.sqrt(1 + (stepS * rate) / (0.66 * (1 - (2 / 15) * DAMPING)))));
}

/** The longest step that so many stages keep stable, s. */
export function longestStep(stages: number, rate: number): number {
  return (0.66 * (stages * stages - 1) * (1 - (2 / 15) * DAMPING)) / rate;
}

function stagesOf(s: number): Stages {
  const made = known.get(s);
  if (made !== undefined) return made;
  const w0 = 1 + DAMPING / (s * s);
  // Chebyshev polynomials with their first two derivatives at w0.
  const t = [1, w0];
  const d = [0, 1];
  const dd = [0, 0];
  for (let j = 2; j <= s; j += 1) {
    t[j] = 2 * w0 * (t[j - 1] as number) - (t[j - 2] as number);
    d[j] = 2 * (t[j - 1] as number) + 2 * w0 * (d[j - 1] as number) - (d[j - 2] as number);
    dd[j] = 4 * (d[j - 1] as number) + 2 * w0 * (dd[j - 1] as number) - (dd[j - 2] as number);
  }
  const w1 = (d[s] as number) / (dd[s] as number);
  const b = t.map((_, j) => (dd[Math.max(j, 2)] as number) / (d[Math.max(j, 2)] as number) ** 2);
  const rest: [number, number, number, number][] = [];
  for (let j = 2; j <= s; j += 1) {
    const ratio = (b[j] as number) / (b[j - 1] as number);
    const slope = 2 * w1 * ratio;
    const a = 1 - (b[j - 1] as number) * (t[j - 1] as number);
    rest.push([2 * w0 * ratio, -(b[j] as number) / (b[j - 2] as number), slope, -a * slope]);
  }
  const stages = { first: (b[1] as number) * w1, rest };
  known.set(s, stages);
  return stages;
}

/** The changing part of the equation, and what it is multiplied by now. */
export interface HeatState {
  readonly model: HeatModel;
  readonly curve: PerfusionCurve;
  /** Of the source. */
  factor: number;
}

/** dT/dt at `t`, K/s, into `out`. */
export function slopeInto(out: Float64Array, t: Float64Array, state: HeatState): void {
  // A stage with all weights 0 but that of the new slope.
  combine(out, t, t, t, t, state, 0, 0, 1, 0);
}

/**
 * One step of `stepS` from `y0`, whose slope is `f0`. Returns which of the two work arrays holds the answer.
 */
export function chebyshevStep(
  y0: Float64Array,
  f0: Float64Array,
  work: readonly [Float64Array, Float64Array],
  state: HeatState,
  stepS: number,
  stages: number,
): Float64Array {
  const { first, rest } = stagesOf(stages);
  const { pad, cells } = state.model;
  let [before, latest] = work;
  before.set(y0);
  latest.set(y0);
  for (let n = pad; n < pad + cells; n += 1) latest[n] = (y0[n] as number) + first * stepS * (f0[n] as number);
  for (const [mu, nu, slope, initial] of rest) {
    // Each cell of the array before the latest is read once, just before it is written to.
    combine(before, latest, before, y0, f0, state, mu, nu, slope * stepS, initial * stepS);
    [before, latest] = [latest, before];
  }
  return latest;
}

/** out = (1 − μ − ν) y0 + μ latest + ν before + slope · F(latest) + initial · f0; only F where μ and ν and initial are 0. */
function combine(
  out: Float64Array,
  latest: Float64Array,
  before: Float64Array,
  y0: Float64Array,
  f0: Float64Array,
  state: HeatState,
  mu: number,
  nu: number,
  slope: number,
  initial: number,
): void {
  const { pad, cells, gi, gj, gk, perJoule, loss, fixed, perfusion, heat, size, arterialC } = state.model;
  const { factor, curve } = state;
  const ni = size[0];
  const constant = curve.constant;
  const stay = mu === 0 && nu === 0 ? 0 : 1 - mu - nu;
  for (let n = pad; n < pad + cells; n += 1) {
    const t = latest[n] as number;
    const p = constant ? (perfusion[n] as number) : (perfusion[n] as number) * curve.at(t);
    const watts =
      (gi[n] as number) * ((latest[n + 1] as number) - t) +
      (gi[n - 1] as number) * ((latest[n - 1] as number) - t) +
      (gj[n] as number) * ((latest[n + ni] as number) - t) +
      (gj[n - ni] as number) * ((latest[n - ni] as number) - t) +
      (gk[n] as number) * ((latest[n + pad] as number) - t) +
      (gk[n - pad] as number) * ((latest[n - pad] as number) - t) +
      (fixed[n] as number) -
      (loss[n] as number) * t +
      p * (arterialC - t) +
      factor * (heat[n] as number);
    out[n] =
      stay * (y0[n] as number) +
      mu * t +
      nu * (before[n] as number) +
      slope * (perJoule[n] as number) * watts +
      initial * (f0[n] as number);
  }
}
