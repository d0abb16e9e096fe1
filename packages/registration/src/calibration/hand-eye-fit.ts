import { chiSquareQuantile, invertSymmetric } from '@trocar/core/math';
import { median, tukeyWeight } from '../accuracy/robust.js';
import { at } from '../points/rigid-fit.js';
import { type HandEyeModel, type HandEyeState, minimise, type NoiseLevels } from './hand-eye-model.js';
import { coarseLevels, distances, OUTLIER_DISTANCE, refineLevels } from './hand-eye-noise.js';

/** A fitted pair of transforms. */
export interface HandEyeFit {
  /** What was fitted. */
  readonly model: HandEyeModel;
  readonly state: HandEyeState;
  readonly levels: NoiseLevels;
  /** Cov(ξ_X, ξ_Y), 12×12 row-major, in the levels' scale. */
  readonly covariance: Float64Array;
  /** 1 for a pose in use, 0 for an outlier. */
  readonly weights: Float64Array;
  /** rᵀ Σ⁻¹ r of every pose. */
  readonly distances: Float64Array;
  readonly converged: boolean;
}

export interface HandEyeFitOptions {
  /** Known noise; estimated where absent. */
  readonly levels?: NoiseLevels;
  /** `none`: every pose counts. */
  readonly robust: 'tukey' | 'none';
}

/** Tukey's biweight ends where χ² with six degrees of freedom has one in ten thousand left. */
const TUKEY_END = Math.sqrt(chiSquareQuantile(0.9999, 6));
const MEDIAN_CHI6 = chiSquareQuantile(0.5, 6);
const ROUNDS = 8;

/**
 * Maximum likelihood from a start: Tukey's biweight with a median scale until it settles, then hard choice of the poses
 * within the 99.9 % limit, and the likelihood of those alone, noise levels with it where they are not known.
 */
export function fitHandEye(model: HandEyeModel, start: HandEyeState, options: HandEyeFitOptions): HandEyeFit {
  const all = new Float64Array(model.pairs.count).fill(1);
  if (options.robust === 'none') return likelihood(model, start, options.levels ?? coarseLevels(model, start), all, options);
  let state = start;
  let levels = options.levels ?? coarseLevels(model, state);
  for (let n = 0; n < ROUNDS; n += 1) {
    if (options.levels === undefined) levels = coarseLevels(model, state);
    const d = distances(model, state, levels);
    const scale = Math.max(1, Math.sqrt(median(d.slice()) / MEDIAN_CHI6));
    const weights = d.map((value) => tukeyWeight(Math.sqrt(value) / scale, TUKEY_END));
    const next = minimise(model, state, levels, weights, 2);
    const moved = shift(state, next.state);
    state = next.state;
    if (moved < 1e-6) break;
  }
  return chosenPoses(model, state, levels, options);
}

function chosenPoses(model: HandEyeModel, start: HandEyeState, coarse: NoiseLevels, options: HandEyeFitOptions): HandEyeFit {
  let weights = within(distances(model, start, coarse));
  let fit = likelihood(model, start, coarse, weights, options);
  for (let n = 0; n < ROUNDS; n += 1) {
    const next = within(fit.distances);
    if (next.every((w, i) => w === at(weights, i))) break;
    weights = next;
    fit = likelihood(model, fit.state, fit.levels, weights, options);
  }
  return fit;
}

/** Weight 1 within the outlier limit; the limit follows the median where even that is far out. */
function within(d: Float64Array): Float64Array {
  const scale = Math.max(1, median(d.slice()) / MEDIAN_CHI6);
  return d.map((value) => (value <= OUTLIER_DISTANCE * scale ? 1 : 0));
}

/** Alternates state and noise levels for fixed poses. */
export function likelihood(
  model: HandEyeModel,
  start: HandEyeState,
  first: NoiseLevels,
  weights: Float64Array,
  options: HandEyeFitOptions,
): HandEyeFit {
  const split = first.rotationA > 0 ? first : { ...first, rotationA: first.rotationB / 2, rotationB: first.rotationB / 2 };
  let levels = options.levels ?? split;
  let result = minimise(model, start, levels, weights);
  if (options.levels === undefined) {
    for (let n = 0; n < 30; n += 1) {
      const next = refineLevels(model, result.state, levels, weights, invertSymmetric(result.normal.information, 12));
      const rotation = next.rotationA + next.rotationB;
      const change = Math.max(
        Math.abs(next.position / levels.position - 1),
        Math.abs(next.rotationA - levels.rotationA) / rotation,
        Math.abs(next.rotationB - levels.rotationB) / rotation,
      );
      levels = next;
      result = minimise(model, result.state, levels, weights, 2);
      if (change < 1e-3) break;
    }
    result = minimise(model, result.state, levels, weights);
  }
  return {
    model,
    state: result.state,
    levels,
    covariance: invertSymmetric(result.normal.information, 12),
    weights,
    distances: distances(model, result.state, levels),
    converged: result.converged,
  };
}

/** The largest change of an element of X or Y; translations in units of 100 mm. */
function shift(a: HandEyeState, b: HandEyeState): number {
  let most = 0;
  for (const [p, q] of [
    [a.x, b.x],
    [a.y, b.y],
  ] as const)
    for (let i = 0; i < 16; i += 1) most = Math.max(most, Math.abs(at(p, i) - at(q, i)) / (i >= 12 ? 100 : 1));
  return most;
}
