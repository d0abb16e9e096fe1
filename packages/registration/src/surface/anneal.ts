import { chiSquareQuantile } from '@trocar/core/math';
import { at } from '../points/rigid-fit.js';
import type { Aligner, CloudPose } from './aligner.js';

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
  readonly iterations: number;
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

/** The last step is below this share of σ/√n. */
const REST = 0.05;

/** Below this no distance is told from rounding, mm. */
export const ROUNDING_MM = 1e-7;

/**
 * The last steps, with Tukey's biweight (plain squares where no point stands out), whose width follows the noise until both stand still: on the grid's distances, then
 * on exact ones, until a step moves the cloud by less than a twentieth of σ/√n, far below its own uncertainty.
 * @param known the noise level where it is known, mm; else it is estimated
 */
export function polish(aligner: Aligner, pose: CloudPose, sigmaSeen: number, known: number | undefined): Polish {
  const { count } = aligner;
  let sigma = known ?? sigmaSeen;
  let kernel: Polish['kernel'] = 'tukey';
  let iterations = 0;
  const limit = outstanding(count);
  for (const precision of ['grid', 'exact'] as const) {
    for (let iteration = 1; iteration <= (precision === 'grid' ? 8 : 50); iteration += 1, iterations += 1) {
      aligner.noiseVariance = sigma * sigma;
      aligner.measure(pose, count, precision);
      // Later the width is held, so that it cannot chase its own tail.
      if (iteration <= 8) {
        const sorted = aligner.sortedSizes(count);
        if (known === undefined) sigma = noiseOf(sorted, sigma, limit);
        kernel = at(sorted, count - 1) > limit * Math.max(sigma, ROUNDING_MM) ? 'tukey' : 'squares';
      }
      aligner.weigh(count, kernel, TUKEY * Math.max(sigma, ROUNDING_MM));
      // A surface of facets can make whole steps run in circles between them: shorter ones do not.
      const share = iteration <= 5 ? 1 : iteration <= 12 ? 0.5 : 0.25;
      const moved = aligner.step(pose, count, 1e-9, 0.2, share);
      if (moved < 0) return { sigma, kernel, converged: false, iterations };
      const rest = (REST * share * sigma) / Math.sqrt(count) + 1e-9;
      if (moved > rest) continue;
      if (precision === 'exact') return { sigma, kernel, converged: true, iterations };
      break;
    }
  }
  return { sigma, kernel, converged: false, iterations };
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
