import { cholesky, choleskySolve, fisherTail } from '@trocar/core/math';
import { median } from '../accuracy/robust.js';
import { at } from '../points/rigid-fit.js';
import type { PivotEstimate } from './pivot-estimate.js';
import { inTracker, type PivotData } from './pivot-fit.js';
import { correlationOf } from './pivot-noise.js';

/** Where a tip did not stay. */
export interface TipMovement {
  /** How far, mm. */
  readonly mm: number;
  /** The poses between which it moved or was elsewhere, places among the usable ones. */
  readonly from: number;
  readonly to: number;
}

/** Less than this is no finding, mm, nor is less than half of the misfits' own size. */
const LEAST_MM = 0.2;
const CHANCE = 1e-4;

/**
 * Whether the tip left its place: a drift with time that orientation does not explain, or a stretch of time whose poses
 * agree on another place.
 */
export function tipMovement(data: PivotData, estimate: PivotEstimate): TipMovement | undefined {
  return secondPlace(data, estimate) ?? drift(data, estimate);
}

/**
 * The misfits regressed on time, beside the orientation (a tracker errs by orientation, and a hand turns with time): an F
 * test of the three time coefficients, with as many degrees of freedom as the correlation of what is left allows.
 */
function drift(data: PivotData, estimate: PivotEstimate): TipMovement | undefined {
  const { weights } = estimate;
  const e = inTracker(data, estimate.misfits);
  const used = Array.from({ length: data.n }, (_, k) => k).filter((k) => at(weights, k) > 0);
  if (used.length < 3 * COLUMNS) return undefined;
  const design = used.map((k) => Float64Array.from({ length: COLUMNS }, (_, c) => column(data, k, c)));
  const fit = regress(design, used, e);
  if (fit === undefined) return undefined;
  const left = new Float64Array(3 * data.n);
  used.forEach((k, row) => {
    for (let i = 0; i < 3; i += 1)
      left[3 * k + i] = at(e, 3 * k + i) - dot(design[row] as Float64Array, fit.coefficients[i] as Float64Array);
  });
  const { inflation } = correlationOf(left, weights);
  const freedom = 3 * (used.length / inflation - COLUMNS);
  if (!(freedom > 3)) return undefined;
  let squares = 0;
  for (const k of used) for (let i = 0; i < 3; i += 1) squares += at(left, 3 * k + i) ** 2;
  const variance = squares / (3 * (used.length - COLUMNS));
  const slope = fit.coefficients.map((c) => at(c, COLUMNS - 1));
  const size = Math.hypot(...slope);
  const f = size ** 2 / (3 * variance * fit.timeVariance * inflation);
  const typical = Math.sqrt(3 * variance);
  if (!(fisherTail(f, 3, freedom) < CHANCE) || size < Math.max(LEAST_MM, typical / 2)) return undefined;
  return { mm: size, from: at(used, 0), to: at(used, used.length - 1) };
}

/** 1, the nine elements of the rotation, and the time from −½ to ½. */
const COLUMNS = 11;

function column(data: PivotData, k: number, c: number): number {
  if (c === 0) return 1;
  return c === COLUMNS - 1 ? k / (data.n - 1) - 0.5 : at(data.rotations, 9 * k + c - 1);
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + x * at(b, i), 0);

function regress(
  design: readonly Float64Array[],
  used: readonly number[],
  e: Float64Array,
): { coefficients: Float64Array[]; timeVariance: number } | undefined {
  const normal = new Float64Array(COLUMNS * COLUMNS);
  for (const row of design) {
    for (let a = 0; a < COLUMNS; a += 1)
      for (let b = 0; b < COLUMNS; b += 1) normal[COLUMNS * a + b] = at(normal, COLUMNS * a + b) + at(row, a) * at(row, b);
  }
  // Rotations that hardly vary make the elements dependent: a little ridge settles what the data do not.
  for (let a = 0; a < COLUMNS; a += 1) normal[(COLUMNS + 1) * a] = at(normal, (COLUMNS + 1) * a) + 1e-6 * design.length;
  const factor = new Float64Array(COLUMNS * COLUMNS);
  if (!cholesky(factor, normal, COLUMNS)) return undefined;
  const solve = (right: Float64Array): Float64Array => choleskySolve(new Float64Array(COLUMNS), factor, right, COLUMNS);
  const coefficients = [0, 1, 2].map((i) => {
    const right = new Float64Array(COLUMNS);
    design.forEach((row, n) => {
      for (let a = 0; a < COLUMNS; a += 1) right[a] = at(right, a) + at(row, a) * at(e, 3 * at(used, n) + i);
    });
    return solve(right);
  });
  const last = new Float64Array(COLUMNS);
  last[COLUMNS - 1] = 1;
  return { coefficients, timeVariance: at(solve(last), COLUMNS - 1) };
}

/** At least so many poses, and this share of all, in one stretch of time. */
const LEAST_POSES = 5;
const LEAST_SHARE = 0.04;

/** The longest stretch of left-out poses (one good one between two is let pass) that agree on another place of the tip. */
function secondPlace(data: PivotData, estimate: PivotEstimate): TipMovement | undefined {
  const least = Math.max(LEAST_POSES, LEAST_SHARE * data.n);
  const e = inTracker(data, estimate.misfits);
  const s = estimate.noise.covariance;
  const spread = Math.sqrt(at(s, 0) + at(s, 4) + at(s, 8));
  let best: TipMovement | undefined;
  for (const stretch of stretchesLeftOut(estimate.weights)) {
    if (stretch.length < least) continue;
    const place = [0, 1, 2].map((i) => median(Float64Array.from(stretch, (k) => at(e, 3 * k + i))));
    const away = Float64Array.from(stretch, (k) => Math.hypot(...place.map((x, i) => at(e, 3 * k + i) - x)));
    const mm = Math.hypot(...place);
    const agrees = median(away) < Math.max(3 * spread, mm / 4);
    if (agrees && mm > Math.max(LEAST_MM, spread) && stretch.length > (best === undefined ? 0 : best.to - best.from)) {
      best = { mm, from: at(stretch, 0), to: at(stretch, stretch.length - 1) };
    }
  }
  return best;
}

function stretchesLeftOut(weights: ArrayLike<number>): number[][] {
  const out: number[][] = [];
  let current: number[] = [];
  let gap = 0;
  for (let k = 0; k < weights.length; k += 1) {
    if (at(weights, k) > 0) {
      gap += 1;
      if (gap > 1 && current.length > 0) {
        out.push(current);
        current = [];
      }
    } else {
      gap = 0;
      current.push(k);
    }
  }
  if (current.length > 0) out.push(current);
  return out;
}
