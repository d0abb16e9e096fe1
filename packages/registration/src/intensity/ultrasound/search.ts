import { fromRotationVector, identity4, type Random, transformPoint } from '@trocar/core/math';
import type { Lc2Crew } from './crew.js';
import type { Descent, DescentOptions } from './descend.js';
import { FINE, type Levels, QUICK, SEARCH } from './levels.js';
import { mindStart } from './mind-start.js';
import { ALL, type Selection } from './workshop.js';

/** A pose with its cost: moving frame from ultrasound frame, 16 doubles, column-major, mm. */
export interface Candidate {
  readonly matrix: Float64Array;
  readonly cost: number;
}

/** What a search found. */
export interface Found {
  /** At the finest resolution, best first, no two of them the same place. */
  readonly places: readonly Candidate[];
  /** Costs at the finest resolution of poses drawn at random: what images that do not belong together reach. */
  readonly unrelated: readonly number[];
  /** Poses at the search's resolution that were descended from, best first, all of them. */
  readonly descents: readonly Candidate[];
  readonly starts: number;
}

/** How to search. */
export interface SearchOptions {
  readonly searchMm: number;
  readonly searchRad: number;
  readonly random: Random;
  /** Has the levels. */
  readonly crew: Lc2Crew;
  /** Called with the fraction done. */
  readonly progress: (fraction: number) => void;
}

const DRAWN = 400;
const DESCENDED = 48;
const CONTINUED = 12;
const FINISHED = 3;
const RIVALS = 4;
const UNRELATED = 24;

/** How often the search goes on from a pose that lies beyond its range, and so perhaps on the way to a better one. */
const ONWARD = 2;

/**
 * The best poses around `initial`, and around what is found beyond the range that was searched: there the true pose may lie
 * further on, where no start reached, and what is found would be called right for having no rival.
 */
export async function search(levels: Levels, initial: ArrayLike<number>, options: SearchOptions): Promise<Found> {
  const upTo = (low: number, high: number) => (fraction: number) => options.progress(low + (high - low) * fraction);
  let found = await searchAround(levels, initial, { ...options, progress: upTo(0, 0.6) }, true);
  let from: ArrayLike<number> = initial;
  for (let round = 0; round < ONWARD; round += 1) {
    const best = (found.places[0] as Candidate).matrix;
    if (!isBeyond(levels, from, best, options)) break;
    from = best;
    const progress = upTo(0.6 + 0.2 * round, 0.8 + 0.2 * round);
    found = joined(levels, found, await searchAround(levels, from, { ...options, progress }, false));
  }
  options.progress(1);
  return found;
}

function isBeyond(levels: Levels, from: ArrayLike<number>, to: ArrayLike<number>, options: SearchOptions): boolean {
  const { mm, rad } = motionBetween(from, to, levels.centre);
  return mm > options.searchMm || rad > options.searchRad;
}

/** How far a pose takes the centre from where another does, mm, and the angle between them. */
export function motionBetween(
  from: ArrayLike<number>,
  to: ArrayLike<number>,
  centre: ArrayLike<number>,
): { readonly mm: number; readonly rad: number } {
  const a = transformPoint(new Float64Array(3), from, centre);
  const b = transformPoint(new Float64Array(3), to, centre);
  let turn = 0;
  for (let k = 0; k < 12; k += 1) if (k % 4 < 3) turn += ((to[k] as number) - (from[k] as number)) ** 2;
  return {
    mm: Math.hypot(...[0, 1, 2].map((r) => (a[r] as number) - (b[r] as number))),
    rad: 2 * Math.asin(Math.min(1, Math.sqrt(turn / 8))),
  };
}

function joined(levels: Levels, a: Found, b: Found): Found {
  const byCost = (x: Candidate, y: Candidate): number => x.cost - y.cost;
  return {
    places: distinct([...a.places, ...b.places].sort(byCost), levels, SAME_MM),
    unrelated: [...a.unrelated, ...b.unrelated],
    descents: [...a.descents, ...b.descents].sort(byCost),
    starts: a.starts + b.starts,
  };
}

/**
 * The best poses around `initial`: many drawn at random, the better ones descended from with few patches, the better of
 * these with all, the best different ones and the best rivals far from them finally at the fine resolution.
 */
async function searchAround(levels: Levels, initial: ArrayLike<number>, options: SearchOptions, byMind: boolean): Promise<Found> {
  const drawing = draw(levels, initial, options);
  // Meanwhile, where others draw.
  const far = byMind ? mindStart(levels.mind, options.searchMm) : undefined;
  const drawn = await drawing;
  // Whatever LC2 thinks of it there, the other metric's proposal is descended from.
  const starts = [...(far === undefined ? [] : [{ matrix: far, cost: 0 }]), ...drawn.slice(0, DESCENDED)];
  const descent = descentOptions(levels, levels.search.spacingMm);
  const quick = { level: SEARCH, some: QUICK, how: { ...descent, most: 10 } };
  const first = await improved(quick, starts, options, [0.15, 0.5]);
  const full = { level: SEARCH, some: ALL, how: { ...descent, most: 20 } };
  const second = await improved(full, first.slice(0, CONTINUED), options, [0.5, 0.75]);
  const different = distinct(second, levels, SAME_MM).slice(0, FINISHED);
  const rivals = distinct([...different, ...second, ...first], levels, RIVAL_MM).filter((c) => !different.includes(c));
  const finest = { ...descentOptions(levels, levels.fine.spacingMm), most: 25 };
  const fine = { level: FINE, some: ALL, how: finest };
  const best = await improved(fine, different, options, [0.75, 0.88]);
  const shorter = { ...fine, how: { ...finest, most: 14 } };
  const others = await improved(shorter, rivals.slice(0, RIVALS), options, [0.88, 0.97]);
  const last = [...best, ...others].sort((a, b) => a.cost - b.cost);
  const step = Math.max(1, Math.floor(drawn.length / UNRELATED));
  const few = drawn.filter((_, n) => n % step === step - 1).map(({ matrix }) => matrix);
  const unrelated = await costsOf(few, FINE, ALL, options);
  return { places: distinct(last, levels, SAME_MM), descents: first, unrelated, starts: drawn.length };
}

/** Poses closer than this are the same, mm (rms over what is looked at). */
const SAME_MM = 1.5;
/** Poses further than this are different results, mm. */
export const RIVAL_MM = 4;

export function descentOptions(levels: Levels, h: number): DescentOptions {
  return { centre: levels.centre, reachMm: levels.reachMm, longestMm: 2 * h, shortestMm: 0.02 * h, most: 20 };
}

/** `initial` and poses around it, best first. */
async function draw(levels: Levels, initial: ArrayLike<number>, options: SearchOptions): Promise<Candidate[]> {
  const matrices = Array.from({ length: DRAWN }, (_, n) =>
    n === 0 ? Float64Array.from(initial) : around(initial, levels.centre, options),
  );
  const costs = await costsOf(matrices, SEARCH, QUICK, options, (fraction) => options.progress(0.15 * fraction));
  return matrices.map((matrix, n) => ({ matrix, cost: costs[n] as number })).sort((a, b) => a.cost - b.cost);
}

/** So many poses make a task. */
const AT_ONCE = 10;

async function costsOf(
  matrices: readonly Float64Array[],
  level: number,
  some: Selection,
  { crew }: Pick<SearchOptions, 'crew'>,
  progress?: (fraction: number) => void,
): Promise<number[]> {
  const parts = Array.from({ length: Math.ceil(matrices.length / AT_ONCE) }, (_, n) =>
    matrices.slice(AT_ONCE * n, AT_ONCE * (n + 1)),
  );
  const tasks = parts.map((part) => ({ kind: 'costs' as const, level, some, matrices: part }));
  return (await crew.run(tasks, progress)).flat();
}

/** A pose drawn uniformly from the ball of translations and the ball of rotation vectors about the centre. */
function around(
  initial: ArrayLike<number>,
  centre: ArrayLike<number>,
  { random, searchMm, searchRad }: SearchOptions,
): Float64Array {
  const shift = inBall(random, searchMm);
  const turn = fromRotationVector(identity4(), inBall(random, searchRad));
  // First the turn about the ultrasound's middle, then the initial pose, then the shift.
  const c = transformPoint(new Float64Array(3), turn, centre);
  for (let r = 0; r < 3; r += 1) turn[12 + r] = (centre[r] as number) - (c[r] as number);
  const out = new Float64Array(16);
  for (let column = 0; column < 4; column += 1) {
    for (let r = 0; r < 3; r += 1) {
      let sum = column === 3 ? (initial[12 + r] as number) + (shift[r] as number) : 0;
      for (let k = 0; k < 3; k += 1) sum += (initial[4 * k + r] as number) * (turn[4 * column + k] as number);
      out[4 * column + r] = sum;
    }
  }
  out[15] = 1;
  return out;
}

function inBall(random: Random, radius: number): [number, number, number] {
  for (;;) {
    const v: [number, number, number] = [random.between(-1, 1), random.between(-1, 1), random.between(-1, 1)];
    if (Math.hypot(...v) <= 1) return [v[0] * radius, v[1] * radius, v[2] * radius];
  }
}

/** How to descend, and by which patches. */
interface Descending {
  readonly level: number;
  readonly some: Selection;
  readonly how: DescentOptions;
}

/** Descents from each of them, best first. */
async function improved(
  descending: Descending,
  from: readonly Candidate[],
  { crew, progress }: Pick<SearchOptions, 'crew' | 'progress'>,
  [begin, end]: readonly [number, number],
): Promise<Descent[]> {
  const tasks = from.map(({ matrix }) => ({ kind: 'descent' as const, from: matrix, ...descending }));
  const out = await crew.run(tasks, (fraction) => progress(begin + (end - begin) * fraction));
  return out.sort((a, b) => a.cost - b.cost);
}

/** Best first, without those that lie within `mm` of a better one. */
function distinct(sorted: readonly Candidate[], levels: Levels, mm: number): Candidate[] {
  const kept: Candidate[] = [];
  for (const candidate of sorted) {
    if (kept.every((k) => separationMm(k.matrix, candidate.matrix, levels) > mm)) kept.push(candidate);
  }
  return kept;
}

/** The rms distance between where two poses put what is looked at, mm. */
export function separationMm(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  { centre, reachMm }: Pick<Levels, 'centre' | 'reachMm'>,
): number {
  const pa = transformPoint(new Float64Array(3), a, centre);
  const pb = transformPoint(new Float64Array(3), b, centre);
  let shift = 0;
  let turn = 0;
  for (let r = 0; r < 3; r += 1) {
    shift += ((pa[r] as number) - (pb[r] as number)) ** 2;
    for (let c = 0; c < 3; c += 1) turn += ((a[4 * c + r] as number) - (b[4 * c + r] as number)) ** 2;
  }
  return Math.sqrt(shift + (reachMm * reachMm * turn) / 3);
}
