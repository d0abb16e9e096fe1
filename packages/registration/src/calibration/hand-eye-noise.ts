import { chiSquareQuantile, cholesky, choleskySolve } from '@trocar/core/math';
import { median } from '../accuracy/robust.js';
import { forward, type HandEyeModel, type HandEyeState, type NoiseLevels, PoseTerm } from './hand-eye-model.js';

/** The smallest levels anything is weighed with, mm² and rad²: exact data must not divide by zero. */
const FLOOR: NoiseLevels = { position: 1e-18, rotationA: 0, rotationB: 1e-22 };

/** Median of χ² with three degrees of freedom. */
const MEDIAN_CHI3 = 2.365973884375338;

/**
 * Noise levels from the median residual of positions and rotations: coarse, but half the poses may be wrong. All rotation
 * noise is put to list B, which has no lever.
 */
export function coarseLevels(model: HandEyeModel, state: HandEyeState): NoiseLevels {
  const term = new PoseTerm();
  const { count } = model.pairs;
  const position = new Float64Array(count);
  const rotation = new Float64Array(count);
  for (let i = 0; i < count; i += 1) {
    term.evaluate(model, state, i, false);
    const r = term.residual;
    position[i] = (r[0] as number) ** 2 + (r[1] as number) ** 2 + (r[2] as number) ** 2;
    rotation[i] = (r[3] as number) ** 2 + (r[4] as number) ** 2 + (r[5] as number) ** 2;
  }
  // 12 numbers were fitted to 6 n.
  const freedom = Math.max(0.2, 1 - 2 / count);
  const levels = {
    position: median(position) / MEDIAN_CHI3 / freedom,
    rotationA: 0,
    rotationB: median(rotation) / MEDIAN_CHI3 / freedom,
  };
  return floored(levels);
}

function floored(levels: NoiseLevels): NoiseLevels {
  return {
    position: Math.max(levels.position, FLOOR.position),
    rotationA: Math.max(levels.rotationA, FLOOR.rotationA),
    rotationB: Math.max(levels.rotationB, FLOOR.rotationB),
  };
}

/**
 * One step of restricted maximum likelihood for the three variances, from the residuals of poses of weight 1 at the fitted
 * state: Fisher's scoring of ½ (rᵀ W V_c W r − tr(P V_c)), P = W − W J C Jᵀ W, with information ½ tr(W V_c W V_d) (Harville
 * 1977, J. Am. Stat. Assoc. 72:320). A variance falls by at most ten times in a step, so that all stay positive. Positions
 * have one level: noise of either list is the same isotropic error. Rotation noise of the list whose lever is longer also
 * moves the target, which is what tells the two apart.
 * @param covariance (Jᵀ W J)⁻¹, 12×12, at these levels
 */
export function refineLevels(
  model: HandEyeModel,
  state: HandEyeState,
  levels: NoiseLevels,
  weights: ArrayLike<number>,
  covariance: Float64Array,
): NoiseLevels {
  const term = new PoseTerm();
  const score = new Float64Array(3);
  const information = new Float64Array(9);
  /** L⁻¹ G of each component, by its three columns. */
  const g = Array.from({ length: 9 }, () => new Float64Array(6));
  for (let i = 0; i < model.pairs.count; i += 1) {
    if (!((weights[i] as number) > 0)) continue;
    term.evaluate(model, state, i, true);
    term.weigh(levels);
    term.whiten();
    for (let c = 0; c < 9; c += 1) {
      const lever = c < 3 ? undefined : c < 6 ? term.leverA : term.leverB;
      const own = g[c] as Float64Array;
      forward(own, term.factor, columnOf(lever, c % 3));
      score[(c / 3) | 0] = (score[(c / 3) | 0] as number) + scoreOf(own, term, covariance);
    }
    for (let c = 0; c < 9; c += 1)
      for (let d = 0; d < 9; d += 1) {
        let dot = 0;
        for (let k = 0; k < 6; k += 1) dot += ((g[c] as Float64Array)[k] as number) * ((g[d] as Float64Array)[k] as number);
        const place = 3 * ((c / 3) | 0) + ((d / 3) | 0);
        information[place] = (information[place] as number) + dot * dot;
      }
  }
  return stepped(levels, score, information);
}

/** (gᵀ z)² − gᵀ (I − J C Jᵀ) g for a whitened column g, residual z and Jacobian J. */
function scoreOf(g: ArrayLike<number>, term: PoseTerm, covariance: Float64Array): number {
  let along = 0;
  let size = 0;
  const u = pulled.fill(0);
  for (let k = 0; k < 6; k += 1) {
    const gk = g[k] as number;
    if (gk === 0) continue;
    along += gk * (term.residual[k] as number);
    size += gk * gk;
    for (let p = 0; p < 12; p += 1) u[p] = (u[p] as number) + gk * (term.jacobian[12 * k + p] as number);
  }
  return along * along - size + quadratic(covariance, u);
}

/** A variance falls by at most ten times in a step, and rises by as much. */
const LOWEST = -0.9;
const HIGHEST = 9;

/** Levels after a step of scoring; information and score without their halves. */
function stepped(levels: NoiseLevels, score: Float64Array, information: Float64Array): NoiseLevels {
  const now = [levels.position, levels.rotationA, levels.rotationB];
  // In units of the levels themselves, so that mm² and rad² weigh alike.
  const scaled = information.map((value, n) => value * (now[(n / 3) | 0] as number) * (now[n % 3] as number));
  const wanted = score.map((value, c) => value * (now[c] as number));
  const step = new Float64Array(3);
  // What would fall further than it may is held there, and the others are solved again: else they would make up for
  // a variance below zero.
  const free = [0, 1, 2];
  for (;;) {
    const part = solvePart(scaled, wanted, step, free);
    if (part === undefined) return levels;
    const low = free.filter((_, k) => (part[k] as number) < LOWEST);
    free.forEach((c, k) => {
      step[c] = Math.min(HIGHEST, Math.max(LOWEST, part[k] as number));
    });
    if (low.length === 0 || low.length === free.length) break;
    for (const c of low) free.splice(free.indexOf(c), 1);
  }
  const next = (c: number): number => (now[c] as number) * (1 + (step[c] as number));
  return floored({ position: next(0), rotationA: next(1), rotationB: next(2) });
}

/** The steps of the free variances for the given steps of the others. */
function solvePart(
  m: ArrayLike<number>,
  wanted: ArrayLike<number>,
  step: ArrayLike<number>,
  free: readonly number[],
): Float64Array | undefined {
  const n = free.length;
  const a = new Float64Array(n * n);
  const right = new Float64Array(n);
  free.forEach((c, k) => {
    right[k] = wanted[c] as number;
    for (let d = 0; d < 3; d += 1)
      if (!free.includes(d)) right[k] = (right[k] as number) - (m[3 * c + d] as number) * (step[d] as number);
    free.forEach((d, l) => {
      a[n * k + l] = (m[3 * c + d] as number) + (k === l ? 1e-9 * (m[4 * c] as number) + 1e-12 : 0);
    });
  });
  return cholesky(a, a, n) ? choleskySolve(right, a, right, n) : undefined;
}

const pulled = new Float64Array(12);
const column = new Float64Array(6);

/** Column `axis` of [I; 0] (no lever) or of [[l]×; I]. */
function columnOf(lever: ArrayLike<number> | undefined, axis: number): Float64Array {
  column.fill(0);
  if (lever === undefined) {
    column[axis] = 1;
    return column;
  }
  column[3 + axis] = 1;
  const [p, q] = [(axis + 1) % 3, (axis + 2) % 3];
  // l × e_axis.
  column[p] = lever[q] as number;
  column[q] = -(lever[p] as number);
  return column;
}

function quadratic(c: Float64Array, u: Float64Array): number {
  let sum = 0;
  for (let p = 0; p < 12; p += 1) {
    let row = 0;
    for (let q = 0; q < 12; q += 1) row += (c[12 * p + q] as number) * (u[q] as number);
    sum += (u[p] as number) * row;
  }
  return sum;
}

/** Squared Mahalanobis distances of all poses: χ² with six degrees of freedom where the levels are true. */
export function distances(model: HandEyeModel, state: HandEyeState, levels: NoiseLevels): Float64Array {
  const term = new PoseTerm();
  return Float64Array.from({ length: model.pairs.count }, (_, i) => {
    term.evaluate(model, state, i, false);
    term.weigh(levels);
    return term.distanceSquared();
  });
}

/** A pose beyond this squared distance is an outlier: one in a thousand good ones is. */
export const OUTLIER_DISTANCE: number = chiSquareQuantile(0.999, 6);
