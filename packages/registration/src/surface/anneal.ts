import { chiSquareQuantile } from '@trocar/core/math';
import { at } from '../points/rigid-fit.js';
import type { Aligner, CloudPose, Precision } from './aligner.js';

/** How the robust kernel is narrowed. */
export interface Annealing {
  /** How many points take part: the first so many. */
  readonly count: number;
  /** Width to begin with, mm. */
  readonly fromMm: number;
  /** The width is multiplied by this at each step. */
  readonly rate: number;
  readonly steps: number;
}

/** Exponent of the overlap estimate below. */
const OVERLAP_POWER = 2;

/**
 * The share of the points that belongs to the surface, from the sizes of their distances, smallest first: the share ξ that
 * minimises e(ξ) / ξ^λ, e being the root mean square of the ξ smallest (Phillips 2007, 3DIM; Chetverikov 2005, IVC 23:299).
 */
export function overlapOf(sorted: ArrayLike<number>): number {
  const n = sorted.length;
  const least = Math.max(1, Math.floor(0.3 * n));
  let squares = 0;
  let best = Number.POSITIVE_INFINITY;
  let share = 1;
  for (let k = 0; k < n; k += 1) {
    squares += at(sorted, k) ** 2;
    if (k + 1 < least) continue;
    const f = (k + 1) / n;
    const value = Math.sqrt(squares / (k + 1)) / f ** OVERLAP_POWER;
    if (value <= best) {
      best = value;
      share = f;
    }
  }
  return share;
}

/** A robust standard deviation of one component from sizes sorted smallest first: of those that overlap, by their median. */
export function quickScale(sorted: ArrayLike<number>): number {
  const kept = Math.max(1, Math.round(overlapOf(sorted) * sorted.length));
  return 1.4826 * at(sorted, Math.min(sorted.length - 1, kept >> 1));
}

/**
 * Iterated closest points with a Geman–McClure kernel narrowed from wide to three standard deviations of what is seen
 * (graduated non-convexity: Blake & Zisserman 1987; Yang 2020, IEEE RA-L 5:1127), on the grid's distances.
 * @returns the standard deviation seen last, mm
 */
export function anneal(aligner: Aligner, pose: CloudPose, { count, fromMm, rate, steps }: Annealing): number {
  const used = Math.min(count, aligner.count);
  let width = fromMm;
  let sigma = fromMm / 3;
  for (let iteration = 0; iteration < steps; iteration += 1) {
    aligner.measure(pose, used, 'grid');
    sigma = quickScale(aligner.sortedSizes(used));
    const floor = 3 * sigma;
    const settled = width <= floor;
    width = Math.max(width * rate, Math.min(floor, fromMm));
    aligner.weigh(used, 'geman-mcclure', Math.max(width, 1e-6));
    const moved = aligner.step(pose, used, iteration < 4 ? 1e-2 : 1e-4, 0.3);
    if (moved < 0 || (settled && moved < 1e-3 * sigma + 1e-6)) break;
  }
  return sigma;
}

/** How the last fit ended. */
export interface Polish {
  /** Standard deviation of the noise along the normal per point of average accuracy, mm. */
  readonly sigma: number;
  /** Tukey's biweight, or plain squares where no point stands out. */
  readonly kernel: 'tukey' | 'squares';
  readonly converged: boolean;
}

/** Tukey's constant: 95 % of the efficiency of least squares on normal noise. */
export const TUKEY = 4.685;

/**
 * Where no point is further off than this many standard deviations there is nothing to reject, and squares waste nothing:
 * at least 4, and as many as one of so many points goes beyond by chance once in fifty times (Bonferroni).
 */
export function outstanding(count: number): number {
  return Math.max(4, Math.sqrt(chiSquareQuantile(1 - 0.02 / count, 1)));
}

/** The last step is below this share of the pose's standard deviation along it; it is taken, which leaves a fraction of it. */
const REST = 0.1;
const GRID_STEPS = 8;
const EXACT_STEPS = 50;

/** On the grid a step this short is near enough. */
const NEARLY = 0.2;

/** Below this no distance is told from rounding, mm. */
export const ROUNDING_MM = 1e-7;

/**
 * The last steps, with Tukey's biweight (plain squares where no point stands out), whose width follows the noise until both
 * stand still: on the grid's distances, then on exact ones, until a step is below a tenth of the pose's standard
 * deviation along it.
 * @param known the noise level where it is known, mm; else it is estimated
 */
export function polish(aligner: Aligner, pose: CloudPose, sigmaSeen: number, known: number | undefined): Polish {
  const end = new Polishing(aligner, pose, known ?? sigmaSeen, known);
  for (let k = 1; k <= GRID_STEPS; k += 1) if (end.step('grid', true) < NEARLY) break;
  let converged = false;
  for (let k = 1; k <= EXACT_STEPS && !converged; k += 1) {
    // Later the width is held, so that it cannot chase its own tail.
    const moved = end.step('exact', k <= 8);
    if (moved === Number.POSITIVE_INFINITY) break;
    converged = moved < REST;
  }
  return { sigma: end.sigma, kernel: end.kernel, converged };
}

class Polishing {
  sigma: number;
  kernel: Polish['kernel'] = 'tukey';
  readonly #aligner: Aligner;
  readonly #pose: CloudPose;
  readonly #known: number | undefined;
  readonly #limit: number;
  readonly #last = new Float64Array(6);
  #share = 1;
  #precision: Precision | undefined;

  constructor(aligner: Aligner, pose: CloudPose, sigma: number, known: number | undefined) {
    this.#aligner = aligner;
    this.#pose = pose;
    this.sigma = sigma;
    this.#known = known;
    this.#limit = outstanding(aligner.count);
  }

  /** @returns the step's length in standard deviations; infinite where there was none to make */
  step(precision: Precision, follow: boolean): number {
    const aligner = this.#aligner;
    const { count } = aligner;
    aligner.noiseVariance = this.sigma * this.sigma;
    aligner.measure(this.#pose, count, precision);
    if (follow) {
      const sorted = aligner.sortedSizes(count);
      if (this.#known === undefined) this.sigma = noiseOf(sorted, this.sigma, this.#limit);
      this.kernel = at(sorted, count - 1) > this.#limit * Math.max(this.sigma, ROUNDING_MM) ? 'tukey' : 'squares';
    }
    const sigma = Math.max(this.sigma, ROUNDING_MM);
    aligner.weigh(count, this.kernel, TUKEY * sigma);
    const decrement = aligner.solve(this.#pose, count, 1e-9);
    if (decrement < 0) return Number.POSITIVE_INFINITY;
    const moved = aligner.take(this.#pose, 0.2, this.#relaxation(precision));
    return moved < ROUNDING_MM ? 0 : decrement / sigma;
  }

  /**
   * How much of a step to take, from the last step and this one: more where steps follow each other too short, less where
   * they run in circles, as between facets (Aitken's method for vectors: Irons & Tuck 1969, IJNME 1:275).
   */
  #relaxation(precision: Precision): number {
    const { motion } = this.#aligner;
    const first = precision !== this.#precision;
    this.#precision = precision;
    let along = 0;
    let squares = 0;
    for (let i = 0; i < 6; i += 1) {
      const change = at(motion, i) - at(this.#last, i);
      along += at(this.#last, i) * change;
      squares += change * change;
    }
    const share = squares > 0 ? (-this.#share * along) / squares : 1;
    this.#share = first ? 1 : Math.max(0.3, Math.min(2, share));
    this.#last.set(motion);
    return this.#share;
  }
}

/** The variance of a standard normal variable within ±3. */
const WITHIN_THREE = 0.97334;

/** The noise level from sizes smallest first: the root mean square within three of itself, made consistent. */
export function noiseOf(sorted: ArrayLike<number>, start: number, limit: number): number {
  const n = sorted.length;
  const all = Math.sqrt(squaresOf(sorted) / Math.max(1, n - 6));
  if (at(sorted, n - 1) <= limit * all && all < 1.5 * quickScale(sorted)) return Math.max(all, ROUNDING_MM);
  let sigma = Math.max(Math.min(start, 1.2 * quickScale(sorted)), ROUNDING_MM);
  for (let pass = 0; pass < 6; pass += 1) {
    let squares = 0;
    let within = 0;
    while (within < n && at(sorted, within) <= 3 * sigma) {
      squares += at(sorted, within) ** 2;
      within += 1;
    }
    if (within < 7) return Math.max(quickScale(sorted), ROUNDING_MM);
    // Six of the points' freedoms went into the pose.
    const next = Math.max(Math.sqrt(squares / ((within - 6) * WITHIN_THREE)), ROUNDING_MM);
    if (Math.abs(next - sigma) < 1e-3 * sigma) return next;
    sigma = next;
  }
  return sigma;
}

function squaresOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let n = 0; n < values.length; n += 1) sum += at(values, n) ** 2;
  return sum;
}
