import { NavError, type Point, requireSameFrame, type Transform } from '@trocar/core';
import { chiSquareTail } from '@trocar/core/math';
import type { Finding, ResultOutcome } from '../outcome.js';
import { at } from '../points/rigid-fit.js';

/** How a {@link RegistrationWatch} watches. */
export interface RegistrationWatchOptions {
  /** Standard deviation per axis of one check's deviation while nothing has moved, mm: touching and tracking together. */
  readonly sdMm: number;
  /** The shift that is to be found soon, mm. Default 3 × `sdMm`. */
  readonly shiftMm?: number;
  /** Checks between false alarms, on average, while nothing moves. Default 500. */
  readonly falseAlarmEvery?: number;
}

/** `moved`: the deviation from the first checks has shifted. */
export type WatchFinding = Finding<'moved'>;

/** What the checks so far say. */
export interface WatchReport {
  /** `failed` once an alarm was raised; it stays until `reset`. */
  readonly outcome: ResultOutcome;
  readonly findings: readonly WatchFinding[];
  readonly checks: number;
  /** The alarm's statistic over its threshold: an alarm at 1. */
  readonly level: number;
  /** Where an alarm was raised: the first check after which the deviation is another one, counted from 0, and its time. */
  readonly since: number | undefined;
  readonly sinceMs: number | undefined;
  /** Mean deviation since then, mm (its length, and its components in the frame of the checks); 0 without an alarm. */
  readonly shiftMm: number;
  readonly shift: Float64Array;
}

/**
 * Watches a registration over a procedure: the same landmark or divot is touched again and again, and each deviation from
 * where it should be is added. Small lasting shifts are found by adding up, as no single check would.
 *
 * Crosier's multivariate cumulative sum (1988, Technometrics 30:291): with C = |s + x| for deviations x in units of their
 * standard deviation, s ← 0 where C ≤ k and (s + x)(1 − k / C) elsewhere; alarm where |s| > h. k is half the shift to be
 * found; h is worked out so that false alarms come as seldom as asked for. The change is dated to the last time that s was 0.
 */
export class RegistrationWatch {
  readonly #sd: number;
  readonly #k: number;
  readonly #h: number;
  readonly #s = new Float64Array(3);
  #deviations: number[] = [];
  #times: number[] = [];
  #zeroAt = 0;
  #alarm: number | undefined;
  #level = 0;

  /** @throws NavError `registration/bad-option` */
  constructor(options: RegistrationWatchOptions) {
    const { sdMm, shiftMm = 3 * sdMm, falseAlarmEvery = 500 } = options;
    if (
      !(
        sdMm > 0 &&
        Number.isFinite(sdMm) &&
        shiftMm > 0 &&
        Number.isFinite(shiftMm) &&
        falseAlarmEvery >= 10 &&
        falseAlarmEvery <= 1e6
      )
    ) {
      throw new NavError(
        'registration/bad-option',
        `A watch needs a standard deviation and a shift above 0 mm and 10 … 1,000,000 checks between false alarms, got ${sdMm}, ${shiftMm} and ${falseAlarmEvery}.`,
      );
    }
    this.#sd = sdMm;
    this.#k = shiftMm / sdMm / 2;
    this.#h = alarmLimit(this.#k, falseAlarmEvery);
  }

  /**
   * Adds one check.
   * @param deviation measured minus expected place, mm
   * @param timeMs any clock; NaN where there is none
   * @throws NavError `registration/not-finite`
   */
  add(deviation: ArrayLike<number>, timeMs: number = Number.NaN): WatchReport {
    for (let i = 0; i < 3; i += 1) {
      if (!Number.isFinite(deviation[i])) {
        throw new NavError(
          'registration/not-finite',
          `A check's deviation is [${Array.from(deviation)}]. Measure again; a hidden tool is no check.`,
        );
      }
    }
    for (let i = 0; i < 3; i += 1) this.#deviations.push(at(deviation, i));
    this.#times.push(timeMs);
    if (this.#alarm === undefined) this.#step(deviation);
    return this.report();
  }

  /** Adds one check of a landmark through a registration. @throws NavError `frame/mismatch` */
  addLandmark<To extends string, From extends string>(
    edge: Transform<To, From>,
    known: Point<NoInfer<To>>,
    measured: Point<NoInfer<From>>,
    timeMs: number = Number.NaN,
  ): WatchReport {
    requireSameFrame(edge.to, known.frame, 'Watching a registration');
    requireSameFrame(edge.from, measured.frame, 'Watching a registration');
    const m = edge.matrix;
    const [x, y, z] = [at(measured.xyz, 0), at(measured.xyz, 1), at(measured.xyz, 2)];
    return this.add(
      [0, 1, 2].map((i) => at(m, i) * x + at(m, 4 + i) * y + at(m, 8 + i) * z + at(m, 12 + i) - at(known.xyz, i)),
      timeMs,
    );
  }

  #step(deviation: ArrayLike<number>): void {
    const s = this.#s;
    const n = this.#times.length;
    for (let i = 0; i < 3; i += 1) s[i] = at(s, i) + at(deviation, i) / this.#sd;
    const size = Math.hypot(at(s, 0), at(s, 1), at(s, 2));
    const keep = size > this.#k ? 1 - this.#k / size : 0;
    for (let i = 0; i < 3; i += 1) s[i] = keep * at(s, i);
    if (keep === 0) this.#zeroAt = n;
    this.#level = (size * keep) / this.#h;
    if (this.#level > 1) this.#alarm = this.#zeroAt;
  }

  /** What the checks so far say. */
  report(): WatchReport {
    const shift = new Float64Array(3);
    const since = this.#alarm;
    const n = this.#times.length;
    if (since !== undefined) {
      for (let k = since; k < n; k += 1)
        for (let i = 0; i < 3; i += 1) shift[i] = at(shift, i) + at(this.#deviations, 3 * k + i) / (n - since);
    }
    const shiftMm = Math.hypot(...shift);
    return {
      outcome: since === undefined ? 'ok' : 'failed',
      findings: since === undefined ? [] : [this.#finding(since, shiftMm)],
      checks: n,
      level: this.#level,
      since,
      sinceMs: since === undefined ? undefined : this.#times[since],
      shiftMm,
      shift,
    };
  }

  #finding(since: number, shiftMm: number): WatchFinding {
    return {
      code: 'moved',
      index: since,
      message: `Since check ${since + 1} (counting from 1) the landmark lies ${shiftMm.toFixed(1)} mm elsewhere. The reference or the patient has moved: verify, and register again.`,
    };
  }

  /** Forgets all checks: after a new registration. */
  reset(): void {
    this.#s.fill(0);
    this.#deviations = [];
    this.#times = [];
    this.#zeroAt = 0;
    this.#alarm = undefined;
    this.#level = 0;
  }
}

/**
 * The h at which Crosier's sum with reference value k raises a false alarm every `every` checks on average. The length of
 * the sum is a Markov chain by itself, since the deviations are alike in all directions, and the logarithm of its average
 * run length is nearly straight in h: secant steps, kept within a bracket.
 */
function alarmLimit(k: number, every: number): number {
  const wanted = Math.log(every);
  let [low, high] = [0.01, 60];
  let [h, before] = [3, Number.NaN];
  let gainBefore = Number.NaN;
  for (let step = 0; step < 30; step += 1) {
    const gain = Math.log(averageRunLength(k, h)) - wanted;
    // Beyond 1e12 checks the chain is all rounding: only that h is too large is known.
    if (Math.abs(gain) < 1e-3) break;
    if (gain < 0) low = h;
    else high = h;
    const next = h - (gain * (h - before)) / (gain - gainBefore);
    [before, gainBefore] = [h, gain];
    h = next > low && next < high ? next : gain < 0 ? Math.min(h + 1, (low + high) / 2) : (low + high) / 2;
  }
  return h;
}

/** Cells that the lengths 0 … h are divided into. */
const CELLS = 40;

/**
 * Checks to a false alarm, on average, from s = 0 (Brook & Evans 1972, Biometrika 59:539): cell 0 is s = 0, the others are
 * represented by their middles; from a length r, |s + x| is noncentral χ with 3 degrees of freedom.
 */
export function averageRunLength(k: number, h: number): number {
  const width = h / CELLS;
  const n = CELLS + 1;
  // (I − Q) L = 1, solved by elimination.
  const rows = Array.from({ length: n }, (_, i) => {
    const r = i === 0 ? 0 : (i - 0.5) * width;
    const row = new Float64Array(n + 1);
    let before = lengthCdf(r, k);
    row[0] = -before;
    for (let j = 1; j < n; j += 1) {
      const up = lengthCdf(r, k + j * width);
      row[j] = before - up;
      before = up;
    }
    row[i] = at(row, i) + 1;
    row[n] = 1;
    return row;
  });
  for (let i = 0; i < n; i += 1) {
    const pivot = rows[i] as Float64Array;
    for (let r = i + 1; r < n; r += 1) {
      const row = rows[r] as Float64Array;
      const f = at(row, i) / at(pivot, i);
      for (let c = i; c <= n; c += 1) row[c] = at(row, c) - f * at(pivot, c);
    }
  }
  const lengths = new Float64Array(n);
  for (let i = n - 1; i >= 0; i -= 1) {
    const row = rows[i] as Float64Array;
    let sum = at(row, n);
    for (let c = i + 1; c < n; c += 1) sum -= at(row, c) * at(lengths, c);
    lengths[i] = sum / at(row, i);
  }
  return at(lengths, 0);
}

/** P(|r u + x| ≤ y) for a standard normal x in three dimensions: Φ(y − r) − Φ(−y − r) − (φ(y − r) − φ(y + r)) / r. */
function lengthCdf(r: number, y: number): number {
  if (r < 1e-6) return 2 * normalCdf(y) - 1 - 2 * y * density(y);
  return normalCdf(y - r) - normalCdf(-y - r) - (density(y - r) - density(y + r)) / r;
}

const density = (x: number): number => 0.3989422804014327 * Math.exp(-0.5 * x * x);

/** Φ by way of χ²₁. */
function normalCdf(x: number): number {
  const tail = 0.5 * chiSquareTail(x * x, 1);
  return x > 0 ? 1 - tail : tail;
}
