import { at } from '../points/rigid-fit.js';
import { type Aligner, type CloudPose, move, type Precision } from './aligner.js';
import { anneal, type Polish, polish, ROUNDING_MM } from './anneal.js';
import { apart, type Candidate, joined, scoreOf } from './search.js';

/** A pose brought to rest. */
export interface Fit {
  readonly pose: CloudPose;
  /** Noise level seen, or as known, mm. */
  readonly sigma: number;
  readonly kernel: Polish['kernel'];
  readonly converged: boolean;
  /** How many starts led to it. */
  starts: number;
}

/** More points than this do not make the way to the last steps any surer. */
const ON_THE_WAY = 250;

/** Brings one pose to rest: annealed on the grid from `fromMm`, then exact. The pose is copied. */
export function fitFrom(
  aligner: Aligner,
  start: CloudPose,
  fromMm: number | undefined,
  known: number | undefined,
  starts = 1,
): Fit {
  const pose = start.slice();
  return atRest(aligner, pose, settled(aligner, pose, fromMm), known, starts);
}

/** Anneals a pose on the grid; returns the standard deviation seen, mm. */
function settled(aligner: Aligner, pose: CloudPose, fromMm: number | undefined): number {
  return anneal(aligner, pose, { count: ON_THE_WAY, fromMm: fromMm ?? 0.05 * aligner.size, rate: 0.7, steps: 50 });
}

/** The last steps of a settled pose, which is changed. */
function atRest(aligner: Aligner, pose: CloudPose, seen: number, known: number | undefined, starts: number): Fit {
  aligner.slots.fill(-1);
  const { normals } = aligner;
  // Symmetric distances widen the way in; the last steps are to the surface alone, of which the error bars speak.
  aligner.normals = undefined;
  const { sigma, kernel, converged } = polish(aligner, pose, seen, known);
  aligner.normals = normals;
  return { pose, sigma, kernel, converged, starts };
}

/** Brings candidates to rest; one that settles where a fit is already only adds to that fit's starts. */
function addFits(
  aligner: Aligner,
  fits: Fit[],
  candidates: readonly Candidate[],
  fromMm: number | undefined,
  known: number | undefined,
): Fit[] {
  for (const { pose: start, starts } of candidates) {
    const pose = start.slice();
    const seen = settled(aligner, pose, fromMm);
    const same = fits.find((fit) => apart(aligner, fit.pose, pose) < 0.03 * aligner.size);
    if (same === undefined) fits.push(atRest(aligner, pose, seen, known, starts));
    else same.starts += starts;
  }
  return distinct(aligner, fits);
}

/** The kernel's width to begin with: 10 mm, or as far as the points start from the surface. */
export function firstWidth(aligner: Aligner, pose: CloudPose): number {
  const used = Math.min(100, aligner.count);
  aligner.measure(pose, used, 'grid');
  return Math.max(Math.min(10, 0.5 * aligner.size), at(aligner.sortedSizes(used), used >> 1));
}

/** Turns of 15° about the diagonals of a cube, through the cloud's centroid: whether the start decides the end. */
const NUDGES = [
  [0.577, 0.577, 0.577],
  [-0.577, 0.577, 0.577],
  [0.577, -0.577, 0.577],
  [0.577, 0.577, -0.577],
] as const;
const NUDGE_RAD = (15 * Math.PI) / 180;

/**
 * The fit from a given start, and others that starts turned by 15° lead to, best first: a local minimum is noticed, and
 * left where a better one is near.
 */
export function fitsNear(aligner: Aligner, start: CloudPose, known: number | undefined): Fit[] {
  const fromMm = firstWidth(aligner, start);
  const main = fitFrom(aligner, start, fromMm, known);
  const nudged: Candidate[] = [];
  for (const axis of NUDGES) {
    for (const sign of [1, -1]) {
      const pose = start.slice();
      move(pose, [0, 0, 0, ...axis.map((a) => sign * a * NUDGE_RAD)]);
      anneal(aligner, pose, { count: 50, fromMm, rate: 0.7, steps: 12 });
      nudged.push({ pose, score: scoreOf(aligner, pose, 100), starts: 1 });
    }
  }
  nudged.sort((a, b) => a.score - b.score);
  const same = 0.05 * aligner.size;
  const others = joined(aligner, nudged, same);
  const near = others.find((o) => apart(aligner, o.pose, main.pose) < same);
  if (near !== undefined) main.starts += near.starts;
  const mine = scoreOf(aligner, main.pose, 100);
  const rivals = others.filter((o) => o !== near && o.score < 1.5 * mine + ROUNDING_MM).slice(0, 3);
  return addFits(aligner, [main], rivals, undefined, known);
}

/** Fits from a search's candidates, best first. */
export function fitsOf(aligner: Aligner, candidates: readonly Candidate[], known: number | undefined): Fit[] {
  const best = (candidates[0] as Candidate).score;
  const worth = candidates.filter((c) => c.score < 2 * best + ROUNDING_MM);
  return addFits(aligner, [], worth, 0.08 * aligner.size, known);
}

/** Best first by robust misfit on a common scale, one of each group of the same pose. */
export function distinct(aligner: Aligner, fits: readonly Fit[]): Fit[] {
  if (fits.length === 1) return [...fits];
  const sigma = fits.reduce((least, f) => Math.min(least, f.sigma), Number.POSITIVE_INFINITY);
  const ranked = fits.map((fit) => ({ fit, cost: total(lossesOf(aligner, fit.pose, sigma)) })).sort((a, b) => a.cost - b.cost);
  const out: Fit[] = [];
  for (const { fit } of ranked) {
    const same = out.find((other) => apart(aligner, other.pose, fit.pose) < 0.03 * aligner.size);
    if (same === undefined) out.push(fit);
    else same.starts += fit.starts;
  }
  return out;
}

/** Geman–McClure's loss of each point at a pose, with a kernel of three standard deviations. New. */
export function lossesOf(aligner: Aligner, pose: CloudPose, sigma: number, precision: Precision = 'exact'): Float64Array {
  aligner.measure(pose, aligner.count, precision);
  const width = 3 * Math.max(sigma, ROUNDING_MM);
  return aligner.distance.map((d, n) => {
    const s2 = (d / (at(aligner.relative, n) * width)) ** 2;
    return s2 / (1 + s2);
  });
}

function total(values: Float64Array): number {
  return values.reduce((sum, v) => sum + v, 0);
}

/**
 * By how many standard deviations the first explanation is the better one: the mean difference of the points' losses over
 * its sampling noise (Vuong 1989, Econometrica 57:307). Negative where the second is better.
 */
export function gapOf(first: Float64Array, second: Float64Array): number {
  const n = first.length;
  let sum = 0;
  let squares = 0;
  for (let k = 0; k < n; k += 1) {
    const d = at(second, k) - at(first, k);
    sum += d;
    squares += d * d;
  }
  const variance = squares - (sum * sum) / n;
  return sum === 0 ? 0 : sum / Math.sqrt(Math.max(variance, 1e-12 * squares));
}
