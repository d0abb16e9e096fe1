import { Random, rotationVectorOf } from '@trocar/core/math';
import { median } from '../accuracy/robust.js';
import { closures, daniilidis, kronecker, meanPose, misfits, parkMartin } from './hand-eye-closed.js';
import type { HandEyeState } from './hand-eye-model.js';
import { motionsBetween, motionsOf, type PosePairs, poseAt, selected } from './hand-eye-motions.js';

/** Trials: with 40 % bad poses one sample of four in eight is clean, so 99.99 % certainty takes 70. */
const TRIALS = 100;
/** Trials are judged on at most this many poses. */
const JUDGES = 100;
const SAMPLE = 4;
/** Least-trimmed-squares steps (Rousseeuw & Van Driessen 1999, Technometrics 41:212) from the best trials. */
const CONCENTRATIONS = 6;
const KEPT_SHARE = 0.6;

/** A start for the fit. */
export interface HandEyeStart {
  readonly state: HandEyeState;
  /** Median size of the misfit of a pose, mm, with rotations taken at `leverMm`. Infinity where nothing could be solved. */
  readonly medianMm: number;
}

/** The length at which a rotation error counts as much as a position error: the farther list's rms distance, mm. */
export function leverOf(pairs: PosePairs): number {
  const squares = [pairs.a, pairs.b].map((stack) => {
    let sum = 0;
    for (let i = 0; i < pairs.count; i += 1) for (let k = 12; k < 15; k += 1) sum += (stack[16 * i + k] as number) ** 2;
    return sum / pairs.count;
  });
  return Math.max(1e-9, Math.sqrt(Math.max(...squares)));
}

/** Sizes of the misfits E_i, mm: √(|t|² + (lever |φ|)²). */
export function misfitSizes(pairs: PosePairs, state: HandEyeState, leverMm: number): Float64Array {
  const e = misfits(pairs, state.x, state.y);
  const v = new Float64Array(3);
  return Float64Array.from({ length: pairs.count }, (_, i) => {
    const m = poseAt(e, i);
    rotationVectorOf(v, m);
    return Math.hypot(
      m[12] as number,
      m[13] as number,
      m[14] as number,
      leverMm * Math.hypot(v[0] as number, v[1] as number, v[2] as number),
    );
  });
}

/** X and Y by a closed form from the chosen poses. */
export function solveClosed(
  pairs: PosePairs,
  indices: ArrayLike<number>,
  how: 'park-martin' | 'daniilidis' | 'kronecker',
  seed: number,
): HandEyeState | undefined {
  const some = selected(pairs, indices);
  const motions = motionsOf(some, seed);
  if (motions.count < 2) return undefined;
  const x = how === 'park-martin' ? parkMartin(motions) : how === 'daniilidis' ? daniilidis(motions) : kronecker(some, motions);
  if (x === undefined || !x.every(Number.isFinite)) return undefined;
  const y = closures(some, x);
  return {
    x,
    y: meanPose(
      y,
      Array.from({ length: some.count }, (_, i) => i),
    ),
  };
}

/**
 * X and Y that at least half of the poses agree with: the closed forms of all poses, and of random samples of four, each
 * judged by the median misfit; the best are concentrated on the poses that fit them best.
 */
export function robustStart(pairs: PosePairs, seed: number): HandEyeStart {
  const lever = leverOf(pairs);
  const random = new Random(seed);
  const everyone = Array.from({ length: pairs.count }, (_, i) => i);
  const judges = pairs.count <= JUDGES ? pairs : selected(pairs, spreadIndices(pairs.count, JUDGES));
  const judged = (state: HandEyeState): number => median(misfitSizes(judges, state, lever));
  const candidates: { readonly state: HandEyeState; readonly size: number }[] = [];
  for (const how of ['park-martin', 'kronecker', 'daniilidis'] as const) {
    const state = solveClosed(pairs, everyone, how, seed);
    if (state !== undefined) candidates.push({ state, size: judged(state) });
  }
  for (let k = 0; k < TRIALS && pairs.count > SAMPLE; k += 1) {
    const state = trial(pairs, random);
    if (state !== undefined) candidates.push({ state, size: judged(state) });
  }
  candidates.sort((p, q) => p.size - q.size);
  let best: HandEyeStart | undefined;
  for (const { state } of candidates.slice(0, 4)) {
    const found = concentrate(pairs, state, lever, seed);
    if (best === undefined || found.medianMm < best.medianMm) best = found;
  }
  return best ?? { state: { x: identity(), y: identity() }, medianMm: Number.POSITIVE_INFINITY };
}

function identity(): Float64Array {
  return Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
}

/** `n` of `count` indices, evenly spread. */
function spreadIndices(count: number, n: number): number[] {
  return Array.from({ length: n }, (_, k) => Math.floor(((k + 0.5) * count) / n));
}

/** X and Y from four random poses. */
function trial(pairs: PosePairs, random: Random): HandEyeState | undefined {
  const chosen = new Set<number>();
  while (chosen.size < SAMPLE) chosen.add(random.below(pairs.count));
  const some = selected(pairs, [...chosen]);
  const motions = motionsBetween(some, [1, 2, 3, 2, 3, 3], [0, 0, 0, 1, 1, 2]);
  const x = motions.count < 2 ? undefined : parkMartin(motions);
  if (x === undefined || !x.every(Number.isFinite)) return undefined;
  // Of the four closures the one nearest to all others: one bad pose does not spoil it.
  const y = closures(some, x);
  const sums = [0, 1, 2, 3].map((i) => {
    const sizes = misfitSizes(some, { x, y: poseAt(y, i) }, 1);
    return median(sizes);
  });
  const nearest = sums.indexOf(Math.min(...sums));
  return { x, y: poseAt(y, nearest).slice() };
}

function concentrate(pairs: PosePairs, start: HandEyeState, lever: number, seed: number): HandEyeStart {
  const keep = Math.max(Math.min(pairs.count, SAMPLE), Math.ceil(KEPT_SHARE * pairs.count));
  let state = start;
  let medianMm = median(misfitSizes(pairs, state, lever));
  for (let n = 0; n < CONCENTRATIONS; n += 1) {
    const sizes = misfitSizes(pairs, state, lever);
    const best = Array.from({ length: pairs.count }, (_, i) => i)
      .sort((i, j) => (sizes[i] as number) - (sizes[j] as number))
      .slice(0, keep);
    const next = solveClosed(pairs, best, 'kronecker', seed) ?? solveClosed(pairs, best, 'park-martin', seed);
    if (next === undefined) break;
    const after = median(misfitSizes(pairs, next, lever));
    if (!(after < medianMm * (1 - 1e-6))) break;
    [state, medianMm] = [next, after];
  }
  return { state, medianMm };
}
