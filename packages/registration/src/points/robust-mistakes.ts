import { agreeing } from './consensus.js';
import { type AllowedOddity, requireNoMistake } from './consistency.js';
import { estimatePose, type Pairs } from './estimate.js';
import type { NoiseModel } from './noise.js';
import { indicesInUse } from './residuals.js';
import { sizeRatio } from './units.js';

/** What the robust fit found of the pairs as they stand. */
interface Found {
  readonly seed: number;
  readonly rounding: number;
  /** The pairs that agree. */
  readonly used: readonly number[];
  /** Width of the layout, mm. */
  readonly extent: number;
  readonly allow: readonly AllowedOddity[];
}

/**
 * Refuses pairs of which more agree once a usual mistake is undone. A robust fit hides such mistakes: of a mirrored layout it
 * keeps the points that lie near one plane, and calls the others outliers.
 *
 * The pairs are read mirrored, and with one side's lengths changed; wherever more of them agree than as they stand, those are
 * judged as if nothing had been left out, the most first. Where hardly half agree, all pairs together are judged too, for
 * another order, and for rows read as columns.
 * @param given at least four pairs in use
 * @throws NavError `registration/scale`, `registration/transposed`, `registration/mirrored`, `registration/swapped`
 */
export function requireNoCommonMistake(given: Pairs, { seed, rounding, used, extent, allow }: Found): void {
  const all = indicesInUse(given.noise.weights);
  const readings = [mirrored(given), ...(allow.includes('scale') ? [] : [resized(given)])];
  const sets = readings.map((pairs) => agreeing(pairs, seed, rounding)).filter((set) => set.size > used.length);
  if (2 * used.length <= all.length + 2) sets.push(new Set(all));
  for (const set of sets.sort((a, b) => b.size - a.size)) {
    const weights = given.noise.weights.map((w, k) => (set.has(k) ? w : 0));
    const chosen = indicesInUse(weights);
    requireNoMistake({ pairs: given, weights, used: chosen, estimate: estimatePose(given, weights), extent, allow });
  }
}

/** The `from` side with x negated. Its errors are mirrored with it: what turns them is told of the points as given. */
function mirrored(pairs: Pairs): Pairs {
  const from = pairs.from.map((x, i) => (i % 3 === 0 ? -x : x));
  const original = (matrix: ArrayLike<number>): Float64Array => Float64Array.from(matrix, (x, i) => (i < 3 ? -x : x));
  const { noise } = pairs;
  const model: NoiseModel = {
    ...noise,
    covariance: (out, k, matrix) => noise.covariance(out, k, original(matrix)),
    fromShare: (k, matrix) => noise.fromShare(k, original(matrix)),
  };
  return { ...pairs, from, noise: model };
}

/** The `from` side as large as the `to` side, by the middle ratio of their distances. */
function resized(pairs: Pairs): Pairs {
  const ratio = sizeRatio(pairs.to, pairs.from, indicesInUse(pairs.noise.weights));
  return { ...pairs, from: pairs.from.map((x) => x * ratio) };
}
