import type { Point } from '@trocar/core';
import type { ExpectedTre } from '../accuracy/expected-tre.js';
import type { FitHealth } from './findings.js';

/** A registration in the figures that a decision about one pair needs. */
export interface FitSummary<To extends string> {
  /** Localisation error as given, or as the residuals of these pairs say, mm. */
  readonly fleMm: number;
  readonly freMm: number;
  /** Absent where the noise level was estimated. */
  readonly health: FitHealth | undefined;
  expectedTre(target: Point<To>): ExpectedTre;
}

/**
 * The one pair whose removal the numbers speak for. Given only where its leave-one-out residual has a probability below
 * 0.001 (corrected for the number of pairs) and the others still fix the pose. It is a suggestion: touching the fiducial
 * again is better than leaving it out.
 */
export interface DropSuggestion<To extends string> {
  /** The pair, counted from 0. */
  readonly index: number;
  /** Probability of so large a residual by chance, corrected for the number of pairs. */
  readonly pValue: number;
  readonly before: FitSummary<To>;
  readonly after: FitSummary<To>;
}
