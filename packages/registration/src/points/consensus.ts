import { NavError } from '@trocar/core';
import { chiSquareQuantile, Random, twoSidedZ } from '@trocar/core/math';
import { trueInformation } from '../accuracy/pose-covariance.js';
import { tukeyWeight } from '../accuracy/robust.js';
import { isLine } from './checks.js';
import { estimatePose, fitPose, type Pairs } from './estimate.js';
import { ALARM } from './findings.js';
import { indicesInUse, leaveOneOut, leftOutOf, MANY } from './residuals.js';
import { at, fitRigid, residualAt } from './rigid-fit.js';

/** Up to this many pairs every triple is tried (1,140 of 20). */
const EXHAUSTIVE = 20;

/** Triples drawn from more: one free of outliers is among them but for 10⁻¹² where 30 % are outliers, 10⁻⁵ at 80 % good halves. */
const DRAWN = 1500;

/** Tukey's constant for the length of a three-dimensional residual: 95 % efficiency under normal noise. */
const TUKEY_3D = 5.49;

/**
 * The pairs that agree with each other: `weights` with 0 for every outlier, new.
 *
 * Least median of squares over the poses of three pairs each (Rousseeuw 1984, JASA 79:871), Tukey's biweight from there,
 * and then pairs are put out and taken back one at a time by the test of `residuals[k].zScore`: a pair stays while its
 * distance from where the others put it is not too surprising (p ≥ 0.001 / N). What remains is fitted by maximum
 * likelihood like any other pairs, so that its covariance is the inliers'. With three pairs there is nothing to choose.
 */
export function consensus(pairs: Pairs, seed: number, rounding: number): Float64Array {
  const { weights } = pairs.noise;
  const used = indicesInUse(weights);
  if (used.length < 4) return weights.slice();
  return settled(pairs, used, agreeing(pairs, seed, rounding), rounding);
}

/** The pairs that agree as far as least median of squares and Tukey's weights tell: where {@link consensus} begins. */
export function agreeing(pairs: Pairs, seed: number, rounding: number): ReadonlySet<number> {
  const used = indicesInUse(pairs.noise.weights);
  const { matrix, sd } = leastMedian(pairs, used, seed);
  return tukey(pairs, used, matrix, Math.max(sd, rounding));
}

/** The pose of three pairs that most pairs agree with, and a robust scale of the whitened residuals. */
function leastMedian(pairs: Pairs, used: readonly number[], seed: number): { matrix: Float64Array; sd: number } {
  const n = used.length;
  const half = Math.max(Math.min(4, n - 1), (n >> 1) + 1);
  let best: { matrix: Float64Array; squared: number } | undefined;
  for (const triple of triplesOf(used, seed)) {
    if (isLine(pairs.from, triple) || isLine(pairs.to, triple)) continue;
    const weights = new Float64Array(pairs.noise.weights.length);
    for (const k of triple) weights[k] = at(pairs.noise.weights, k);
    const { matrix } = fitRigid(pairs.to, pairs.from, weights);
    const lengths = whitened(pairs, used, matrix).sort();
    const squared = at(lengths, half - 1) ** 2;
    if (best === undefined || squared < best.squared) best = { matrix, squared };
  }
  if (best === undefined) {
    throw new NavError(
      'registration/collinear',
      'No three of the points span a plane, so that a robust fit has nothing to start from. Add a point well away from the others.',
    );
  }
  const { squared, matrix } = best;
  if (pairs.noise.known) return { matrix, sd: 1 };
  // Rousseeuw & Leroy 1987, p. 202: consistent for the normal law, and wider where few points made the choice.
  return { matrix, sd: (1 + 5 / (n - 3)) * Math.sqrt(squared / chiSquareQuantile(half / (n + 1), 3)) };
}

function* triplesOf(used: readonly number[], seed: number): Generator<[number, number, number]> {
  const n = used.length;
  const pick = (a: number, b: number, c: number): [number, number, number] => [
    used[a] as number,
    used[b] as number,
    used[c] as number,
  ];
  if (n <= EXHAUSTIVE) {
    for (let a = 2; a < n; a += 1) for (let b = 1; b < a; b += 1) for (let c = 0; c < b; c += 1) yield pick(a, b, c);
    return;
  }
  const random = new Random(seed);
  for (let drawn = 0; drawn < DRAWN; drawn += 1) {
    const a = random.below(n);
    const b = (a + 1 + random.below(n - 1)) % n;
    const c = random.below(n);
    if (c !== a && c !== b) yield pick(a, b, c);
  }
}

/** √(rᵀ Σ⁻¹ r) of every pair in use, in the noise model's scale. */
function whitened(pairs: Pairs, used: readonly number[], matrix: ArrayLike<number>): Float64Array {
  const omega = new Float64Array(9);
  const r = new Float64Array(3);
  return Float64Array.from(used, (k) => {
    trueInformation(omega, pairs.noise, k, matrix);
    residualAt(r, matrix, pairs.to, pairs.from, k);
    let sum = 0;
    for (let i = 0; i < 3; i += 1) for (let j = 0; j < 3; j += 1) sum += at(r, i) * at(omega, 3 * i + j) * at(r, j);
    return Math.sqrt(sum);
  });
}

/** Reweighted fits until the weights settle; pairs that end beyond Tukey's constant are out. */
function tukey(pairs: Pairs, used: readonly number[], start: Float64Array, sd: number): Set<number> {
  let matrix = start;
  let inliers = new Set<number>();
  for (let iteration = 0; iteration < 50; iteration += 1) {
    const lengths = whitened(pairs, used, matrix);
    const weights = new Float64Array(pairs.noise.weights.length);
    const next = new Set<number>();
    used.forEach((k, i) => {
      weights[k] = at(pairs.noise.weights, k) * tukeyWeight(at(lengths, i) / sd, TUKEY_3D);
      if (at(weights, k) > 0) next.add(k);
    });
    const same = next.size === inliers.size && [...next].every((k) => inliers.has(k));
    if (next.size >= 3) inliers = next;
    if (next.size < 3 || (same && iteration > 4)) break;
    matrix = fitPose(pairs, weights).matrix;
  }
  return inliers;
}

/** Puts out the most surprising inlier, or takes back the least surprising outlier, until neither is due. */
function settled(pairs: Pairs, used: readonly number[], start: ReadonlySet<number>, rounding: number): Float64Array {
  const inliers = start.size >= 3 ? new Set(start) : new Set(used);
  const limit = twoSidedZ(ALARM / used.length);
  const weightsOf = (): Float64Array => pairs.noise.weights.map((w, k) => (inliers.has(k) ? w : 0));
  for (let round = 0; round < 2 * used.length; round += 1) {
    const weights = weightsOf();
    let worst: { k: number; z: number } | undefined;
    let nearest: { k: number; z: number } | undefined;
    const all = inliers.size > MANY ? estimatePose(pairs, weights) : undefined;
    for (const k of used) {
      const z = (all === undefined ? leaveOneOut(pairs, weights, k, rounding) : leftOutOf(pairs, weights, all, k, rounding))
        .zScore;
      if (inliers.has(k)) {
        if (z > Math.max(limit, worst?.z ?? 0)) worst = { k, z };
      } else if (z < Math.min(limit, nearest?.z ?? Number.POSITIVE_INFINITY)) nearest = { k, z };
    }
    if (worst !== undefined) inliers.delete(worst.k);
    else if (nearest !== undefined) inliers.add(nearest.k);
    else break;
  }
  return weightsOf();
}
