import { cholesky, choleskySolve, Random } from '@trocar/core/math';
import { median } from '../accuracy/robust.js';
import { at } from '../points/rigid-fit.js';
import type { PivotData } from './pivot-fit.js';

/**
 * The fit that half of the poses agree on best: least trimmed squares from random triples of poses, each judged as a
 * whole (Rousseeuw & Van Driessen 2006, Data Min. Knowl. Discov. 12:29, "FAST-LTS"). No noise level has to be known, and
 * up to half of the poses may be grossly wrong.
 */
export interface Consensus {
  /** p, q, mm. */
  readonly x: Float64Array;
  /** Root mean square misfit per axis of the poses that agree, made consistent for normal errors, mm. */
  readonly scaleMm: number;
}

/** Poses the search looks at: more would not change what it finds. */
const SEARCHED = 200;
/** Chance 1 − 1e-4 of at least one triple without outliers where half are (69), twice over for badly spread triples. */
const TRIPLES = 140;
/** Starts that are followed to the end. */
const FINALISTS = 8;
/** √ of the median of χ²₃. */
const MEDIAN_RADIUS = 1.5382;

/**
 * @param seed of the triples: the same input gives the same answer
 * @returns undefined where no triple determines a tip
 */
export function findConsensus(data: PivotData, seed = 1): Consensus | undefined {
  const search = new Search(data, spreadOut(data, SEARCHED));
  const random = new Random(seed);
  const starts: { readonly x: Float64Array; readonly score: number }[] = [];
  for (let trial = 0; trial < TRIPLES; trial += 1) {
    search.chosen.fill(0);
    for (let i = 0; i < 3; i += 1) search.chosen[random.below(search.n)] = 1;
    if (!search.solve()) continue;
    const score = search.concentrate(2);
    if (score !== undefined) starts.push({ x: search.x.slice(), score });
  }
  starts.sort((a, b) => a.score - b.score);
  let best: { x: Float64Array; score: number } | undefined;
  for (const start of starts.slice(0, FINALISTS)) {
    search.x.set(start.x);
    const score = search.concentrate(50);
    if (score !== undefined && (best === undefined || score < best.score)) best = { x: search.x.slice(), score };
  }
  if (best === undefined) return undefined;
  search.x.set(best.x);
  search.measure();
  // A fit to few poses fits the half it chose too well: Rousseeuw & Leroy 1987, p. 202.
  const scaleMm = ((1 + 5 / Math.max(1, search.n - 2)) * Math.sqrt(median(search.squares.slice()))) / MEDIAN_RADIUS;
  return { x: best.x, scaleMm };
}

/**
 * The plain fit, many times over: with R̄, t̄ and m the means of R, t and Rᵀt over the chosen poses,
 * (I − R̄ᵀR̄) p = R̄ᵀt̄ − m and q = R̄ p + t̄.
 */
class Search {
  readonly n: number;
  /** 1 for the poses that the next fit is made from. */
  readonly chosen: Uint8Array;
  /** p, q. */
  readonly x: Float64Array = new Float64Array(6);
  /** Squared misfits of all poses. */
  readonly squares: Float64Array;
  /** R (9, row-major), t (3), Rᵀt (3) of each pose. */
  readonly #rows: Float64Array;
  readonly #means = new Float64Array(ROW);
  readonly #keep: number;
  readonly #sorted: Float64Array;

  constructor(data: PivotData, places: readonly number[]) {
    this.n = places.length;
    this.#keep = Math.max(4, Math.floor((this.n + 4) / 2));
    this.chosen = new Uint8Array(this.n);
    this.squares = new Float64Array(this.n);
    this.#sorted = new Float64Array(this.n);
    this.#rows = new Float64Array(ROW * this.n);
    places.forEach((k, n) => {
      const r = data.rotations.subarray(9 * k, 9 * k + 9);
      const t = data.translations.subarray(3 * k, 3 * k + 3);
      this.#rows.set(r, ROW * n);
      this.#rows.set(t, ROW * n + 9);
      for (let i = 0; i < 3; i += 1) {
        this.#rows[ROW * n + 12 + i] = at(r, i) * at(t, 0) + at(r, 3 + i) * at(t, 1) + at(r, 6 + i) * at(t, 2);
      }
    });
  }

  /** Fits to the chosen poses; false where they do not determine a tip. */
  solve(): boolean {
    const m = this.#means.fill(0);
    let count = 0;
    for (let k = 0; k < this.n; k += 1) {
      if (this.chosen[k] === 0) continue;
      count += 1;
      for (let i = 0; i < ROW; i += 1) m[i] = at(m, i) + at(this.#rows, ROW * k + i);
    }
    for (let i = 0; i < ROW; i += 1) m[i] = at(m, i) / count;
    const a = new Float64Array(9);
    const right = new Float64Array(3);
    for (let i = 0; i < 3; i += 1) {
      for (let j = 0; j < 3; j += 1) {
        a[3 * i + j] = (i === j ? 1 : 0) - (at(m, i) * at(m, j) + at(m, 3 + i) * at(m, 3 + j) + at(m, 6 + i) * at(m, 6 + j));
      }
      right[i] = at(m, i) * at(m, 9) + at(m, 3 + i) * at(m, 10) + at(m, 6 + i) * at(m, 11) - at(m, 12 + i);
    }
    if (!cholesky(a, a, 3) || at(a, 8) < LEAST_PIVOT || at(a, 4) < LEAST_PIVOT) return false;
    choleskySolve(right, a, right, 3);
    for (let i = 0; i < 3; i += 1) {
      this.x[i] = at(right, i);
      this.x[3 + i] =
        at(m, 9 + i) + at(m, 3 * i) * at(right, 0) + at(m, 3 * i + 1) * at(right, 1) + at(m, 3 * i + 2) * at(right, 2);
    }
    return true;
  }

  /** Squared misfits |R p + t − q|² of all poses for the present x. */
  measure(): void {
    const [px, py, pz, qx, qy, qz] = this.x as unknown as [number, number, number, number, number, number];
    const rows = this.#rows;
    for (let k = 0; k < this.n; k += 1) {
      const o = ROW * k;
      const dx = at(rows, o) * px + at(rows, o + 1) * py + at(rows, o + 2) * pz + at(rows, o + 9) - qx;
      const dy = at(rows, o + 3) * px + at(rows, o + 4) * py + at(rows, o + 5) * pz + at(rows, o + 10) - qy;
      const dz = at(rows, o + 6) * px + at(rows, o + 7) * py + at(rows, o + 8) * pz + at(rows, o + 11) - qz;
      this.squares[k] = dx * dx + dy * dy + dz * dz;
    }
  }

  /**
   * Refits to the half of the poses that fits best, until it stays the same or `steps` are done.
   * @returns the sum of that half's squared misfits; undefined where it does not determine a tip
   */
  concentrate(steps: number): number | undefined {
    let before = Number.POSITIVE_INFINITY;
    let score = before;
    for (let step = 0; step <= steps; step += 1) {
      this.measure();
      this.#sorted.set(this.squares);
      this.#sorted.sort();
      score = 0;
      for (let i = 0; i < this.#keep; i += 1) score += at(this.#sorted, i);
      if (step === steps || !(score < before * (1 - 1e-9))) break;
      before = score;
      const limit = at(this.#sorted, this.#keep - 1);
      for (let k = 0; k < this.n; k += 1) this.chosen[k] = at(this.squares, k) <= limit ? 1 : 0;
      if (!this.solve()) return undefined;
    }
    return score;
  }
}

const ROW = 15;
/** The Cholesky pivots of I − R̄ᵀR̄ are about the sine of the cone: below half a degree a tip is arbitrary. */
const LEAST_PIVOT = 0.008;

/** Rotations nearer than this are one resting place: 8 (1 − cos …) is the squared Frobenius distance at about 6°. */
const RESTING = 0.022;
/** More of a recording than this share at one resting place is thinned out. */
const MOST_AT_REST = 0.1;

/**
 * At most `count` poses, evenly over time, of which no resting place holds more than a tenth of the recording: a tool that
 * rested somewhere would otherwise outvote the rest, since any tip fits a tool that does not move.
 */
function spreadOut(data: PivotData, count: number): number[] {
  const looked = evenly(data.n, 5 * count);
  const leaders: number[] = [];
  const members: number[] = [];
  const most = Math.max(3, MOST_AT_REST * looked.length);
  const kept = looked.filter((k) => {
    let place = leaders.findIndex((leader) => apart(data, leader, k) < RESTING);
    if (place < 0) place = leaders.push(k) - 1;
    members[place] = (members[place] ?? 0) + 1;
    return (members[place] as number) <= most;
  });
  return evenly(kept.length, count).map((i) => kept[i] as number);
}

/** At most `count` of the numbers 0 … n − 1, evenly spaced. */
function evenly(n: number, count: number): number[] {
  const taken = Math.min(n, count);
  return Array.from({ length: taken }, (_, i) => Math.floor((i * n) / taken));
}

/** Squared Frobenius distance of two rotations. */
function apart(data: PivotData, a: number, b: number): number {
  let sum = 0;
  for (let i = 0; i < 9; i += 1) sum += (at(data.rotations, 9 * a + i) - at(data.rotations, 9 * b + i)) ** 2;
  return sum;
}
