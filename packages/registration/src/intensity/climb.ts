import { cholesky, choleskySolve } from '@trocar/core/math';
import type { Comparison, Score } from './evaluate.js';
import { type Motion, type MotionKind, moved, PARAMETERS } from './motion.js';

/** How {@link climb} goes. */
export interface ClimbOptions {
  readonly kind: MotionKind;
  /** The first step is no longer than this, mm. */
  readonly reachMm: number;
  /** Ends where a step is shorter than this, mm. */
  readonly toleranceMm: number;
  readonly mostEvaluations: number;
}

/** Where {@link climb} arrived. */
export interface Climbed {
  readonly motion: Motion;
  readonly score: Score;
  readonly evaluations: number;
}

/**
 * Walks uphill to the nearest maximum: quasi-Newton steps (BFGS, begun with the mean square of the samples' slopes) within
 * a trust region (Nocedal & Wright 2006, ch. 4 and 6), in millimetres of displacement. A step that loses half of the
 * overlap is not taken.
 */
export function climb(comparison: Comparison, start: Motion, options: ClimbOptions): Climbed {
  const { kind } = options;
  const n = PARAMETERS[kind];
  let motion = start;
  let score = comparison.score(motion, true);
  let evaluations = 1;
  const enough = score.overlap / 2;
  if (score.overlap === 0) return { motion, score, evaluations };
  let gradient = comparison.slope(kind, motion);
  const curvature = conditioned(comparison.information(kind, motion), n);
  let reach = options.reachMm;
  stretched(curvature, gradient, n, reach / 2);
  let fresh = true;
  while (evaluations < options.mostEvaluations && reach > options.toleranceMm / 4) {
    const step = boundedStep(curvature, gradient, n, reach);
    const length = norm(step);
    if (length < options.toleranceMm) {
      // The last, tiny step is taken on trust: what it would gain is below what the samples resolve.
      motion = moved(kind, motion, step, comparison.radiusMm);
      break;
    }
    const next = moved(kind, motion, step, comparison.radiusMm);
    const reached = comparison.score(next, true);
    evaluations += 1;
    const seen = reached.mi > 0;
    const slope = seen ? comparison.slope(kind, next) : gradient;
    const predicted = gain(curvature, gradient, step, n);
    const ratio = (reached.value - score.value) / predicted;
    if (seen) {
      if (fresh) rescale(curvature, gradient, slope, step, n);
      updateCurvature(curvature, gradient, slope, step, n);
      fresh = false;
    }
    if (reached.value > score.value && reached.overlap >= enough) {
      motion = next;
      score = reached;
      gradient = slope;
      if (ratio > 0.75 && length > 0.8 * reach) reach *= 2;
      else if (ratio < 0.25) reach = length / 2;
    } else reach = length / 3;
  }
  return { motion, score, evaluations };
}

/** The curvature made safely positive definite: no direction is flatter than a thousandth of the mean. */
function conditioned(curvature: Float64Array, n: number): Float64Array {
  let trace = 0;
  for (let i = 0; i < n; i += 1) trace += curvature[n * i + i] as number;
  for (let i = 0; i < n; i += 1) curvature[n * i + i] = (curvature[n * i + i] as number) + (1e-3 * trace) / n + 1e-12;
  return curvature;
}

/**
 * Far from the optimum the samples' slopes say nothing of how far it is, and their mean square is larger than the curvature:
 * scaled down so that the first step is `most` long, it would not end the climb at once.
 */
function stretched(b: Float64Array, g: Float64Array, n: number, most: number): void {
  const factor = new Float64Array(n * n);
  if (!cholesky(factor, b, n)) return;
  const length = norm(choleskySolve(new Float64Array(n), factor, g, n));
  if (length >= most) return;
  const scale = Math.max(length / most, 0.02);
  for (let i = 0; i < b.length; i += 1) b[i] = (b[i] as number) * scale;
}

/** Scales the first curvature so that it agrees with what the first step has shown (Nocedal & Wright 2006, 6.20). */
function rescale(b: Float64Array, before: Float64Array, after: Float64Array, s: Float64Array, n: number): void {
  let sbs = 0;
  let sy = 0;
  for (let i = 0; i < n; i += 1) {
    sy += (s[i] as number) * ((before[i] as number) - (after[i] as number));
    for (let j = 0; j < n; j += 1) sbs += (s[i] as number) * (b[n * i + j] as number) * (s[j] as number);
  }
  const scale = Math.min(50, Math.max(0.05, sy / sbs));
  if (sbs > 0) for (let i = 0; i < b.length; i += 1) b[i] = (b[i] as number) * scale;
}

function norm(v: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < v.length; i += 1) sum += (v[i] as number) * (v[i] as number);
  return Math.sqrt(sum);
}

/** (B + λ I)⁻¹ g with λ ≥ 0 such that it is no longer than `reach`. */
function boundedStep(b: Float64Array, g: Float64Array, n: number, reach: number): Float64Array {
  const factor = new Float64Array(n * n);
  const damped = new Float64Array(n * n);
  const step = new Float64Array(n);
  const solved = new Float64Array(n);
  let trace = 0;
  for (let i = 0; i < n; i += 1) trace += b[n * i + i] as number;
  let damping = 0;
  for (let tries = 0; tries < 60; tries += 1) {
    damped.set(b);
    for (let i = 0; i < n; i += 1) damped[(n + 1) * i] = (damped[(n + 1) * i] as number) + damping;
    if (cholesky(factor, damped, n)) {
      choleskySolve(step, factor, g, n);
      const length = norm(step);
      if (length <= 1.1 * reach) return step;
      // Newton's step on 1/length, which is nearly straight in the damping; bounded so that it cannot stall.
      choleskySolve(solved, factor, step, n);
      let along = 0;
      for (let i = 0; i < n; i += 1) along += (step[i] as number) * (solved[i] as number);
      damping += Math.max(((length - reach) / reach) * ((length * length) / along), (1e-3 * trace) / n);
    } else damping = Math.max(2 * damping, (1e-3 * Math.abs(trace)) / n);
  }
  const scale = reach / norm(g);
  return g.map((x) => x * scale);
}

function gain(b: Float64Array, g: Float64Array, s: Float64Array, n: number): number {
  let linear = 0;
  let quadratic = 0;
  for (let i = 0; i < n; i += 1) {
    linear += (g[i] as number) * (s[i] as number);
    for (let j = 0; j < n; j += 1) quadratic += (s[i] as number) * (b[n * i + j] as number) * (s[j] as number);
  }
  return linear - quadratic / 2;
}

/** Powell's damped BFGS update, which keeps the curvature positive definite. */
function updateCurvature(b: Float64Array, before: Float64Array, after: Float64Array, s: Float64Array, n: number): void {
  const bs = new Float64Array(n);
  let sbs = 0;
  let sy = 0;
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < n; j += 1) bs[i] = (bs[i] as number) + (b[n * i + j] as number) * (s[j] as number);
    sbs += (s[i] as number) * (bs[i] as number);
    sy += (s[i] as number) * ((before[i] as number) - (after[i] as number));
  }
  if (!(sbs > 0)) return;
  const theta = sy >= 0.2 * sbs ? 1 : (0.8 * sbs) / (sbs - sy);
  const y = new Float64Array(n);
  for (let i = 0; i < n; i += 1) {
    y[i] = theta * ((before[i] as number) - (after[i] as number)) + (1 - theta) * (bs[i] as number);
  }
  const sr = theta * sy + (1 - theta) * sbs;
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < n; j += 1) {
      b[n * i + j] =
        (b[n * i + j] as number) + ((y[i] as number) * (y[j] as number)) / sr - ((bs[i] as number) * (bs[j] as number)) / sbs;
    }
  }
}
