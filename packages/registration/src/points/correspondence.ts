import { chiSquareQuantile, chiSquareTail, twoSidedZ } from '@trocar/core/math';
import { CliqueSearch, type SearchEffort } from './clique.js';
import { Compatibility, distance } from './compatibility.js';
import { at, fitRigid } from './rigid-fit.js';
import { requireSameUnits } from './units.js';

/** A set of pairs that fit together. */
export interface Candidate {
  readonly pairs: readonly (readonly [number, number])[];
  readonly chiSquare: number;
  readonly degreesOfFreedom: number;
  readonly pValue: number;
  /** Log-likelihood over that of all points being unrelated. */
  readonly score: number;
  /** Whether the data do not tell it from the best. */
  readonly asLikely: boolean;
}

/** What the search found. */
export interface Matching {
  readonly best: Candidate | undefined;
  readonly rivals: readonly Candidate[];
  /** Expected number of so large matches between unrelated points. */
  readonly chance: number;
  readonly effort: SearchEffort;
  readonly minimum: number;
  /** Pairs in the largest set that fits, also where it is too small. */
  readonly largest: number;
  /** Pairs that would fit if one side were mirrored, where that is more. */
  readonly mirrored: number | undefined;
}

/** Probability of losing a true pair of distances anywhere in the layout. */
const LOST = 1e-4;

/** A true set of pairs has a larger χ² with this probability. */
const REJECTED = 1e-5;

/** A rival's χ² is rejected below this probability. */
const UNLIKELY = 1e-3;

/** Odds below which a rival is about as likely as the best. */
const AS_LIKELY = Math.log(1000);

/** Words of bits that one search may look at: about a second. */
const MAX_WORK = 1e8;

/** Rivals reported, and sets kept while searching. */
const REPORTED = 8;
const KEPT = 2000;

/** A scene: coordinates, and what agrees. */
interface Scene {
  readonly to: Float64Array;
  readonly from: Float64Array;
  readonly graph: Compatibility;
  /** Variance per axis of a pair's error, mm². */
  readonly variance: number;
}

/** All correspondences of two sets of points that a rigid motion explains, the largest and likeliest first. */
export function correspondences(to: Float64Array, from: Float64Array, fleMm: number, minimum: number): Matching {
  const variance = (fleMm * fleMm) / 3;
  const [n, m] = [to.length / 3, from.length / 3];
  const most = Math.min(n, m);
  // A difference of distances has variance 2σ²: σ² is the sum of both sides' along one axis, and each has two ends.
  const tolerance = twoSidedZ(LOST / ((most * (most - 1)) / 2)) * Math.sqrt(2 * variance);
  const scene: Scene = { to, from, variance, graph: new Compatibility(to, from, tolerance) };
  const { sets, effort } = search(scene, minimum);
  const [span, other] = [longest(to), longest(from)];
  const bonus = matchBonus(Math.min(span, other), variance);
  const ranked = sets.map((set) => candidateOf(scene, set, bonus)).sort((a, b) => b.score - a.score);
  const best = ranked[0];
  const largest = best?.pairs.length ?? largestOf(scene, minimum - 1);
  const mirrored = largest < most ? mirroredSize(scene, largest, tolerance) : undefined;
  if (best === undefined && mirrored === undefined) requireSameUnits(span / other);
  const rivals = ranked
    .slice(1)
    .filter((r) => differs(r, best as Candidate))
    .map((r) => ({ ...r, asLikely: asLikely(r, best as Candidate) }))
    .slice(0, REPORTED);
  const chance = best === undefined ? 0 : byChance(n, m, best.pairs.length, Math.sqrt(variance) / Math.min(span, other));
  return { best, rivals, chance, effort, minimum, largest, mirrored };
}

/** The largest sets, those as large, and those smaller by one. */
function search(scene: Scene, minimum: number): { sets: number[][]; effort: SearchEffort } {
  const run = new CliqueSearch(scene.graph, fits(scene), MAX_WORK);
  let sets: number[][] = [];
  let size = minimum;
  run.run(minimum, (clique) => {
    if (clique.length > size) {
      size = clique.length;
      sets = sets.filter((s) => s.length >= size - 1);
    }
    if (sets.length < KEPT) sets.push([...clique]);
    return Math.max(minimum, size - 1);
  });
  return { sets, effort: { ...run.effort, complete: run.effort.complete && sets.length < KEPT } };
}

/** Whether a rigid motion explains a set: the χ² of a subset is never larger, so that a set that fails ends its branch. */
function fits(scene: Scene): (clique: readonly number[]) => boolean {
  const most = Math.min(scene.graph.toCount, scene.graph.fromCount);
  const limit = chiSquareQuantile(1 - REJECTED, 3 * most - 6);
  return (clique) => clique.length < 4 || chiSquareOf(scene, clique) <= limit;
}

function chiSquareOf({ to, from, graph, variance }: Scene, clique: readonly number[]): number {
  const size = clique.length;
  const own = new Float64Array(3 * size);
  const other = new Float64Array(3 * size);
  for (let k = 0; k < size; k += 1) {
    const v = clique[k] as number;
    const i = Math.floor(v / graph.fromCount);
    const a = v % graph.fromCount;
    for (let d = 0; d < 3; d += 1) {
      own[3 * k + d] = at(to, 3 * i + d);
      other[3 * k + d] = at(from, 3 * a + d);
    }
  }
  return fitRigid(own, other, new Float64Array(size).fill(1)).squares / variance;
}

function candidateOf(scene: Scene, clique: readonly number[], bonus: number): Candidate {
  const m = scene.graph.fromCount;
  const pairs = clique.map((v) => [Math.floor(v / m), v % m] as const).sort((p, q) => p[0] - q[0]);
  const chiSquare = chiSquareOf(scene, clique);
  const degreesOfFreedom = 3 * clique.length - 6;
  const pValue = chiSquareTail(chiSquare, degreesOfFreedom);
  return { pairs, chiSquare, degreesOfFreedom, pValue, score: clique.length * bonus - chiSquare / 2, asLikely: false };
}

/** What one more match is worth: how much denser the normal law is at its peak than points anywhere in the layout's ball. */
function matchBonus(span: number, variance: number): number {
  return Math.max(0, Math.log((Math.PI / 6) * span ** 3) - 1.5 * Math.log(2 * Math.PI * variance));
}

function differs(rival: Candidate, best: Candidate): boolean {
  return rival.pairs.some(([i, a]) => !best.pairs.some(([j, b]) => i === j && a === b));
}

function asLikely(rival: Candidate, best: Candidate): boolean {
  return rival.score > best.score - AS_LIKELY || (rival.pairs.length >= best.pairs.length && rival.pValue > UNLIKELY);
}

function largestOf(scene: Scene, most: number): number {
  let size = 0;
  const run = new CliqueSearch(scene.graph, fits(scene), MAX_WORK / 10);
  run.run(1, (clique) => {
    size = Math.max(size, clique.length);
    return size + 1;
  });
  return Math.min(size, most);
}

/** The largest set that fits once the `from` side is mirrored, where it is larger. */
function mirroredSize(scene: Scene, largest: number, tolerance: number): number | undefined {
  const from = scene.from.map((x, i) => (i % 3 === 0 ? -x : x));
  const graph = new Compatibility(scene.to, from, tolerance);
  const other = { ...scene, from, graph };
  let size = 0;
  new CliqueSearch(graph, fits(other), MAX_WORK / 10).run(largest + 1, (clique) => {
    size = Math.max(size, clique.length);
    return size + 1;
  });
  return size > largest ? size : undefined;
}

function longest(xyz: ArrayLike<number>): number {
  const n = xyz.length / 3;
  let most = 0;
  for (let i = 1; i < n; i += 1) for (let j = 0; j < i; j += 1) most = Math.max(most, distance(xyz, i, j));
  return most;
}

/**
 * Expected number of sets of `size` pairs that unrelated points would form: all ways to choose them, times the chance
 * that 3 · size − 6 independent distances agree within three standard deviations.
 */
function byChance(n: number, m: number, size: number, relativeSd: number): number {
  let ways = 1;
  for (let k = 0; k < size; k += 1) ways *= ((n - k) * (m - k)) / (k + 1);
  return ways * Math.min(1, 2 * 3 * Math.SQRT2 * relativeSd) ** (3 * size - 6);
}
