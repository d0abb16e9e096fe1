import { NavError } from '@trocar/core';
import { transformPoint } from '@trocar/core/math';
import { requireNoFlip } from './axes.js';
import { requireMatch } from './checks.js';
import type { Estimate, Pairs } from './estimate.js';
import type { RegistrationFinding } from './findings.js';
import { noiseVariance } from './noise-level.js';
import { type Evidence, requireOrder, toBeat } from './order.js';
import { at, fitRigid } from './rigid-fit.js';
import { type ScaleTest, scaleTest } from './scale-test.js';

/** What may be true although it is usually a mistake. */
export type AllowedOddity = 'scale' | 'half-turn';

/** A scale is refused where chance has less than this probability to make it, and reported below the second. */
const SCALE_REFUSED = 1e-4;
const SCALE_REPORTED = 1e-3;

/** A smaller deviation of the scale from 1 than this is not refused, however certain. */
const SCALE_FLOOR = 0.004;

/** Odds that the other reading of a table must reach. */
const TRANSPOSED_ODDS = Math.log(1e6);

/** What is to be judged. */
export interface Judged {
  readonly pairs: Pairs;
  readonly weights: Float64Array;
  readonly used: readonly number[];
  readonly estimate: Estimate;
  /** Width of the layout, mm. */
  readonly extent: number;
  /** Pairs that a robust fit left out. */
  readonly outliers: readonly number[];
  /** Localisation error that the fit means or was told, mm. */
  readonly fleMm: number;
  readonly allow: readonly AllowedOddity[];
}

/**
 * Refuses pairs that fit together as they stand much worse than after a usual mistake is undone.
 * @returns what is odd, but not refused
 * @throws NavError `registration/scale`, `registration/transposed`, `registration/mirrored`, `registration/swapped`,
 * `registration/failed`, `registration/ras-lps`
 */
export function requireConsistent(judged: Judged): RegistrationFinding[] {
  const { pairs, used, outliers, estimate, extent, fleMm, allow } = judged;
  const { to, from, noise } = pairs;
  const found = requireNoMistake(judged);
  requireNoExchange(pairs, estimate, outliers, fleMm);
  if (!noise.known) requireMatch(fleMm, extent);
  if (!allow.includes('half-turn')) requireNoFlip(estimate.matrix, to, from, used);
  return found;
}

/**
 * The mistakes that leave misfits behind: another scale, rows for columns, a mirror, another order.
 * @throws NavError `registration/scale`, `registration/transposed`, `registration/mirrored`, `registration/swapped`
 */
export function requireNoMistake(judged: Omit<Judged, 'outliers' | 'fleMm'>): RegistrationFinding[] {
  const { pairs, weights, used, estimate, extent, allow } = judged;
  const { to, from, noise } = pairs;
  const fit = fitRigid(to, from, weights);
  const found: RegistrationFinding[] = [];
  const exact = fit.squares <= used.length * (1e-6 * extent) ** 2;
  const variance = noise.known ? noiseVariance(noise, fit.matrix, used) : undefined;
  const evidence = { degreesOfFreedom: 3 * used.length - 6, variance };
  if (!exact) requireRows(to, from, weights, used, fit.squares, evidence);
  if (!(exact || allow.includes('scale'))) found.push(...judgeScale(scaleTest(pairs, weights, estimate)));
  requireOrder(to, from, weights, used, fit, extent, evidence);
  return found;
}

function judgeScale(test: ScaleTest | undefined): RegistrationFinding[] {
  if (test === undefined || Math.abs(test.scale - 1) < SCALE_FLOOR || !(test.pValue < SCALE_REPORTED)) return [];
  const percent = `${(100 * Math.abs(test.scale - 1)).toFixed(1)} %`;
  const message =
    `The "to" side is ${percent} ${test.scale > 1 ? 'larger' : 'smaller'} than the "from" side, and the points fit significantly better with that ` +
    'scale. Check the pixel spacing of the image and the calibration of the tracker; where the scale is real, use registerSimilarity().';
  if (test.pValue < SCALE_REFUSED) {
    throw new NavError('registration/scale', `${message} To fit a rigid motion all the same, pass allow: ['scale'].`, {
      detail: { scale: test.scale, scaleSd: test.sd, pValue: test.pValue },
    });
  }
  return [{ code: 'scale', message }];
}

/** Refuses two pairs that a robust fit left out, where each fits the other's counterpart within five localisation errors. */
function requireNoExchange({ to, from }: Pairs, { matrix }: Estimate, outliers: readonly number[], fleMm: number): void {
  const near = (k: number, m: number): boolean => {
    const p = [0, 1, 2].map((i) => at(from, 3 * m + i));
    const shown = transformPoint(new Float64Array(3), matrix, p);
    return Math.hypot(...[0, 1, 2].map((i) => at(to, 3 * k + i) - at(shown, i))) < 5 * fleMm;
  };
  for (const a of outliers) {
    const b = outliers.find((m) => m > a && near(a, m) && near(m, a));
    if (b === undefined) continue;
    throw new NavError(
      'registration/swapped',
      `Points ${a + 1} and ${b + 1} (counting from 1) seem to be exchanged: all others agree, and each of these fits the other's place. ` +
        'Localise these fiducials again in the planned order.',
      { detail: { indices: [a, b] } },
    );
  }
}

/** Refuses a side whose table was read row by row and written column by column, or the other way round. */
function requireRows(
  to: Float64Array,
  from: Float64Array,
  weights: ArrayLike<number>,
  used: readonly number[],
  squares: number,
  evidence: Evidence,
): void {
  const n = weights.length;
  if (used.length !== n) return;
  const limit = toBeat(squares, TRANSPOSED_ODDS, evidence);
  const fits = [false, true].flatMap((rows) => [
    fitRigid(to, otherReading(from, rows), weights),
    fitRigid(otherReading(to, rows), from, weights),
  ]);
  const other = Math.min(...fits.map((fit) => fit.squares));
  if (!(other < limit)) return;
  throw new NavError(
    'registration/transposed',
    `One side seems to be read with rows and columns exchanged: read the other way, the points match within ` +
      `${Math.sqrt(other / n).toFixed(2)} mm, as given within ${Math.sqrt(squares / n).toFixed(2)} mm. Give x, y and z of one point together.`,
    { detail: { rmsMm: Math.sqrt(squares / n), transposedRmsMm: Math.sqrt(other / n) } },
  );
}

/** One side's numbers as they are where all x stood first, then all y and z, or with `rows` where they should have. */
export function otherReading(xyz: Float64Array, rows: boolean): Float64Array {
  const n = xyz.length / 3;
  const out = new Float64Array(xyz.length);
  for (let k = 0; k < n; k += 1) {
    for (let i = 0; i < 3; i += 1) {
      if (rows) out[i * n + k] = at(xyz, 3 * k + i);
      else out[3 * k + i] = at(xyz, i * n + k);
    }
  }
  return out;
}
