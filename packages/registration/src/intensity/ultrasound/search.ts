import { fromRotationVector, identity4, type Random, transformPoint } from '@trocar/core/math';
import { type Descent, type DescentOptions, descend } from './descend.js';
import { lc2Over } from './kernels/wasm-lc2.js';
import type { Level, Levels } from './levels.js';
import { mindStart } from './mind-start.js';

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
  /** The compiled kernel; undefined: typed arrays. */
  readonly module: WebAssembly.Module | undefined;
  /** Called between parts of the work with the fraction done; may wait, may throw to end it. */
  readonly breathe: (fraction: number) => Promise<void>;
}

/** A patch off the moving images counts as this alike. */
export const CHANCE = 0.1;
const DRAWN = 400;
const DESCENDED = 48;
const CONTINUED = 12;
const FINISHED = 3;
const RIVALS = 4;
const UNRELATED = 24;

/**
 * The best poses around `initial`: many drawn at random, the better ones descended from with few patches, the better of
 * these with all, the best different ones and the best rivals far from them finally at the fine resolution.
 */
export async function search(levels: Levels, initial: ArrayLike<number>, options: SearchOptions): Promise<Found> {
  const { quick, search: full, fine } = levels;
  const drawn = await draw(levels, initial, options);
  const far = mindStart(levels.mind, options.searchMm);
  // Whatever LC2 thinks of it there, the other metric's proposal is descended from.
  const starts = [...(far === undefined ? [] : [{ matrix: far, cost: 0 }]), ...drawn.slice(0, DESCENDED)];
  const descent = descentOptions(levels, quick.spacingMm);
  const first = await improved(quick, starts, { ...descent, most: 10 }, options, [0.15, 0.5]);
  const second = await improved(full, first.slice(0, CONTINUED), { ...descent, most: 20 }, options, [0.5, 0.75]);
  const different = distinct(second, levels, SAME_MM).slice(0, FINISHED);
  const rivals = distinct([...different, ...second, ...first], levels, RIVAL_MM).filter((c) => !different.includes(c));
  const finest = { ...descentOptions(levels, fine.spacingMm), most: 25 };
  const best = await improved(fine, different, finest, options, [0.75, 0.88]);
  const others = await improved(fine, rivals.slice(0, RIVALS), { ...finest, most: 14 }, options, [0.88, 0.97]);
  const last = [...best, ...others].sort((a, b) => a.cost - b.cost);
  const step = Math.max(1, Math.floor(drawn.length / UNRELATED));
  const lc2 = lc2Over(fine.patches, fine.fields, { chance: CHANCE }, options.module);
  const unrelated = drawn.filter((_, n) => n % step === step - 1).map((c) => lc2.evaluate(c.matrix));
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
  const lc2 = lc2Over(levels.quick.patches, levels.quick.fields, { chance: CHANCE }, options.module);
  const out: Candidate[] = [];
  for (let n = 0; n < DRAWN; n += 1) {
    const matrix = n === 0 ? Float64Array.from(initial) : around(initial, levels.centre, options);
    out.push({ matrix, cost: lc2.evaluate(matrix) });
    if (n % 20 === 0) await options.breathe((0.15 * n) / DRAWN);
  }
  return out.sort((a, b) => a.cost - b.cost);
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

/** Descents from each of them, best first. */
async function improved(
  level: Level,
  from: readonly Candidate[],
  how: DescentOptions,
  options: Pick<SearchOptions, 'breathe' | 'module'>,
  [begin, end]: readonly [number, number],
): Promise<Descent[]> {
  const lc2 = lc2Over(level.patches, level.fields, { chance: CHANCE }, options.module);
  const out: Descent[] = [];
  for (const [n, candidate] of from.entries()) {
    out.push(descend(lc2, candidate.matrix, how));
    await options.breathe(begin + ((end - begin) * (n + 1)) / from.length);
  }
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
