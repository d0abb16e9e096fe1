import type { Lesion } from '@trocar/core/analysis';
import { chiSquareQuantile } from '@trocar/core/math';

/** A number that changed, with the interval that holds the true change 95 times in 100. */
export interface Change {
  readonly before: number;
  readonly after: number;
  readonly change: number;
  /** 95 % bounds of the change. */
  readonly low: number;
  readonly high: number;
  /** after / before with its 95 % bounds. */
  readonly ratio: { readonly value: number; readonly low: number; readonly high: number };
  /** Whether the interval leaves out 0: the change is larger than its uncertainty. No word on what it means. */
  readonly beyondError: boolean;
}

/** How a lesion changed. */
export interface LesionChange {
  readonly volumeMl: Change;
  readonly diameterMm: Change;
  /**
   * What the bounds hold: the errors of whoever drew both, or (`voxels-only`) no more than the voxels', where they are too narrow.
   * A lesion that an image cuts off (`cut-off`) is larger than its numbers, which then say nothing of its change.
   */
  readonly bounds: 'known' | 'voxels-only' | 'cut-off';
}

/** What of a lesion changes. */
export type LesionSize = Pick<
  Lesion<string>,
  'volumeMl' | 'volumeSdMl' | 'diameterMm' | 'diameterSdMm' | 'errorsKnown' | 'cutOff'
>;

/** 1.96: two-sided 95 % of a normal law. */
export const Z95: number = Math.sqrt(chiSquareQuantile(0.95, 1));

/**
 * The change of a measured number whose `power`-th root errs normally: 1 for a length, 3 for a volume, for a boundary that lies off by so
 * many mm all around adds to its radius. Errors of both are independent; where the same hand errs the same way both times, the true interval
 * is narrower.
 *
 * Each number's own bounds are joined as by Zou & Donner 2008 (Stat. Med. 27:1693): for a difference as they are, for a ratio as logarithms.
 */
export function changeOf(before: number, beforeSd: number, after: number, afterSd: number, power: 1 | 3 = 1): Change {
  const a = boundsOf(before, beforeSd, power);
  const b = boundsOf(after, afterSd, power);
  const change = after - before;
  const low = change - Math.hypot(after - b.low, a.high - before);
  const high = change + Math.hypot(b.high - after, before - a.low);
  const log = (x: number, y: number): number => Math.log(x / y);
  const ratio = after / before;
  return {
    before,
    after,
    change,
    low,
    high,
    ratio: {
      value: ratio,
      low: ratio * Math.exp(-Math.hypot(log(after, b.low), log(a.high, before))),
      high: ratio * Math.exp(Math.hypot(log(b.high, after), log(before, a.low))),
    },
    beyondError: low > 0 || high < 0,
  };
}

/** 95 % bounds of one number; a length or volume is never below 0. */
function boundsOf(x: number, sd: number, power: number): { readonly low: number; readonly high: number } {
  const root = x ** (1 / power);
  const half = x > 0 ? (Z95 * sd * root) / (power * x) : Number.POSITIVE_INFINITY;
  return { low: Math.max(0, root - half) ** power, high: (root + half) ** power };
}

/** How one lesion changed between two studies. */
export function lesionChange(before: LesionSize, after: LesionSize): LesionChange {
  return {
    volumeMl: changeOf(before.volumeMl, before.volumeSdMl, after.volumeMl, after.volumeSdMl, 3),
    diameterMm: changeOf(before.diameterMm, before.diameterSdMm, after.diameterMm, after.diameterSdMm),
    bounds: before.cutOff || after.cutOff ? 'cut-off' : before.errorsKnown && after.errorsKnown ? 'known' : 'voxels-only',
  };
}

/**
 * Sum of the largest diameters of lesions seen in both studies, and its change: a number such as RECIST 1.1 (Eisenhauer 2009, Eur. J. Cancer
 * 45:228) works with, in three dimensions. What it means for a patient is not said here.
 * @returns undefined where no lesion was seen in both, or an image cuts one of them off
 */
export function sumOfDiameters(pairs: readonly (readonly [LesionSize, LesionSize])[]): Change | undefined {
  if (pairs.length === 0 || pairs.some(([a, b]) => a.cutOff || b.cutOff)) return undefined;
  const sum = (which: 0 | 1): number => pairs.reduce((s, pair) => s + pair[which].diameterMm, 0);
  const sd = (which: 0 | 1): number => Math.sqrt(pairs.reduce((s, pair) => s + pair[which].diameterSdMm ** 2, 0));
  return changeOf(sum(0), sd(0), sum(1), sd(1));
}
