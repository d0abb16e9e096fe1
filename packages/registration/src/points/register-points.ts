import { type Frame, type Point, requireSameFrame, type Transform, transform } from '@trocar/core';
import { chiSquareTail } from '@trocar/core/math';
import { type ExpectedTre, expectedTreOf } from '../accuracy/expected-tre.js';
import { aboutOrigin } from '../accuracy/pose-covariance.js';
import type { ResultOutcome } from '../outcome.js';
import {
  CERTAIN_ROTATION_SD,
  coordinatesOf,
  requireEnough,
  requireLayout,
  requireRotationKnown,
  requireSameCount,
  widthsOf,
} from './checks.js';
import { consensus } from './consensus.js';
import { type AllowedOddity, requireConsistent } from './consistency.js';
import type { DropSuggestion, FitSummary } from './drop.js';
import { type Estimate, estimatePose, type Pairs } from './estimate.js';
import { type FitHealth, findingsOf, healthOf, type RegistrationFinding, suspectOf } from './findings.js';
import { noiseModel, type PointNoise } from './noise.js';
import { localisationError, rotationSd } from './noise-level.js';
import { indicesInUse, type PointResidual, residualsOf } from './residuals.js';
import { at, residualAt } from './rigid-fit.js';
import { requireNoCommonMistake } from './robust-mistakes.js';
import { requireSameUnits, sizeRatio } from './units.js';

/** What {@link registerPoints} may be told beside the points. */
export interface PointRegistrationOptions extends PointNoise {
  /** Known localisation error of the targets, mm (rms length): added to every expected TRE. Default 0. */
  readonly targetFleMm?: number;
  /**
   * `tukey`: pairs that disagree with the rest are found and left out of the fit (`residuals[k].inlier`), up to just under
   * half of them. Default `none`: all pairs count, and one that disagrees is a finding.
   */
  readonly robust?: 'none' | 'tukey';
  /** For the triples that a robust fit draws from more than 20 pairs. Default 1. */
  readonly seed?: number;
  /**
   * What would be refused as a usual mistake but is true here: `scale` (one side is larger, and a rigid motion is wanted
   * all the same), `half-turn` (the patient lies prone in one frame and supine in the other).
   */
  readonly allow?: readonly AllowedOddity[];
  /** Description or hash of the input, kept in the edge's provenance. */
  readonly inputs?: string;
}

/** A paired-point registration. */
export interface PointRegistration<To extends string, From extends string> {
  /** `failed` where there are findings: the edge is still the best fit. */
  readonly outcome: ResultOutcome;
  readonly findings: readonly RegistrationFinding[];
  /** to-from-from, with covariance; degreesOfFreedom is 3N − 6 where the noise level was estimated. */
  readonly edge: Transform<To, From>;
  /**
   * Fiducial registration error: √(Σ w |r|² / Σ w) over the pairs in the fit, mm. A health figure only. It is NOT the
   * accuracy, and does not even correlate with the error at the target (Fitzpatrick 2009, SPIE 7261): show `expectedTre`.
   */
  readonly freMm: number;
  /** Fiducial localisation error, mm (rms length per pair of average weight): as given, or estimated from the residuals. */
  readonly fleMm: number;
  /** In the order of the points. */
  readonly residuals: readonly PointResidual[];
  /** The χ² test of the residuals against the known noise level; absent where the level was estimated. */
  readonly health: FitHealth | undefined;
  /** The pair to leave out, where the numbers speak for it. */
  readonly dropSuggestion: DropSuggestion<To> | undefined;
  /** Expected target registration error at a point of the `to` frame, mm. */
  expectedTre(target: Point<To>): ExpectedTre;
}

/**
 * Registers paired points: the rigid motion that carries `fromPoints` onto `toPoints`, with what may be expected of it.
 *
 * Weighted least squares in closed form (Arun 1987), or maximum likelihood for anisotropic covariances. Both sides may
 * be noisy: what counts is the sum of a pair's two errors. Without `fleMm` or covariances the noise level is estimated
 * from the residuals with 3N − 6 degrees of freedom, and every bound is widened accordingly.
 *
 * @param to frame of `toPoints`, usually the image
 * @param from frame of `fromPoints`, usually the tracker or the patient reference
 * @throws NavError `registration/count-mismatch`, `registration/too-few-points` (fewer than 3 pairs in use), `registration/too-large` (more than 10,000),
 * `registration/not-finite`, `registration/bad-weights`, `registration/duplicate-points`, `registration/collinear` (by shape,
 * or for the noise), `registration/units` (metres, centimetres or inches against millimetres), `registration/scale` (a
 * similarity fits significantly better), `registration/ras-lps`, `registration/mirrored` (detail: `axes`),
 * `registration/transposed`, `registration/swapped` (detail: `order`), `registration/failed` (no motion brings the two
 * sides together), `frame/mismatch`
 */
export function registerPoints<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  toPoints: readonly Point<NoInfer<To>>[],
  fromPoints: readonly Point<NoInfer<From>>[],
  options: PointRegistrationOptions = {},
): PointRegistration<To, From> {
  requireSameCount(toPoints.length, fromPoints.length);
  const given: Pairs = {
    to: coordinatesOf('to', to, toPoints),
    from: coordinatesOf('from', from, fromPoints),
    noise: noiseModel(toPoints.length, options),
  };
  const all = indicesInUse(given.noise.weights);
  requireEnough(all.length, toPoints.length);
  requireLayout('to', given.to, all);
  requireLayout('from', given.from, all);
  requireSameUnits(sizeRatio(given.to, given.from, all));
  const [extent] = widthsOf(given.from, all);
  const rounding = 1e-8 * extent;
  const weights = options.robust === 'tukey' ? consensus(given, options.seed ?? 1, rounding) : given.noise.weights;
  const pairs: Pairs = { ...given, noise: { ...given.noise, weights } };
  const used = indicesInUse(weights);
  const estimate = estimatePose(pairs, weights);
  const fleMm = localisationError(pairs.noise, estimate, used);
  const allow = options.allow ?? [];
  if (used.length < all.length) requireNoCommonMistake(given, { seed: options.seed ?? 1, rounding, used, extent, allow });
  const odd = requireConsistent({
    pairs,
    weights,
    used,
    outliers: all.filter((k) => !used.includes(k)),
    estimate,
    extent,
    fleMm,
    allow,
  });
  requireRotationKnown(rotationSd(estimate), fleMm);
  if (2 * used.length <= all.length) odd.push(noConsensus(used.length, all.length));
  return assembled(to, from, pairs, estimate, { fleMm, rounding, options, odd });
}

function noConsensus(used: number, all: number): RegistrationFinding {
  return {
    code: 'no-consensus',
    message: `Only ${used} of ${all} pairs agree with each other. Check which points belong together, and touch them again.`,
  };
}

interface Assembly {
  readonly fleMm: number;
  readonly rounding: number;
  readonly options: PointRegistrationOptions;
  readonly odd: readonly RegistrationFinding[];
}

function assembled<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  pairs: Pairs,
  estimate: Estimate,
  { fleMm, rounding, options, odd }: Assembly,
): PointRegistration<To, From> {
  const edge = edgeOf(to, from, pairs, estimate, options);
  const residuals = residualsOf(pairs, estimate, rounding);
  const summary = summaryOf(edge, pairs, estimate, fleMm, residuals, options);
  const findings = [...odd, ...findingsOf(residuals, summary.health, estimate, rotationSd(estimate))];
  return {
    outcome: findings.length === 0 ? 'ok' : 'failed',
    findings,
    edge,
    residuals,
    ...summary,
    dropSuggestion: dropSuggestionOf(to, from, pairs, residuals, summary, options),
  };
}

function edgeOf<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  pairs: Pairs,
  estimate: Estimate,
  options: PointRegistrationOptions,
): Transform<To, From> {
  const covariance = aboutOrigin(estimate.uncertainty.covariance, estimate.uncertainty.centre).map((c) => c * estimate.scale);
  return transform(to, from, estimate.matrix, {
    covariance,
    ...(!pairs.noise.known && { degreesOfFreedom: estimate.freedom }),
    provenance: { method: 'paired-points', ...(options.inputs !== undefined && { inputs: options.inputs }) },
  });
}

function summaryOf<To extends string, From extends string>(
  edge: Transform<To, From>,
  pairs: Pairs,
  estimate: Estimate,
  fleMm: number,
  residuals: readonly Pick<PointResidual, 'mm'>[],
  options: PointRegistrationOptions,
): FitSummary<To> {
  const target = options.targetFleMm === undefined ? {} : { targetFleMm: options.targetFleMm };
  return {
    fleMm,
    freMm: weightedRms(pairs.noise.weights, residuals),
    health: pairs.noise.known ? healthOf(estimate) : undefined,
    expectedTre(p) {
      requireSameFrame(edge.to, p.frame, 'Predicting the target registration error');
      return expectedTreOf(edge, p, target);
    },
  };
}

function dropSuggestionOf<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  pairs: Pairs,
  residuals: readonly PointResidual[],
  before: FitSummary<To>,
  options: PointRegistrationOptions,
): DropSuggestion<To> | undefined {
  const index = suspectOf(residuals);
  if (index === undefined) return undefined;
  const weights = pairs.noise.weights.map((w, k) => (k === index ? 0 : w));
  const rest: Pairs = { ...pairs, noise: { ...pairs.noise, weights } };
  const estimate = estimatePose(rest, weights);
  if (!(rotationSd(estimate) < CERTAIN_ROTATION_SD)) return undefined;
  const left = residuals.map((_, k) => ({ mm: lengthOfResidual(rest, estimate.matrix, k) }));
  const fleMm = localisationError(rest.noise, estimate, indicesInUse(weights));
  const after = summaryOf(edgeOf(to, from, rest, estimate, options), rest, estimate, fleMm, left, options);
  const z = (residuals[index] as PointResidual).zScore;
  const pValue = Math.min(1, chiSquareTail(z * z, 1) * indicesInUse(pairs.noise.weights).length);
  return { index, pValue, before, after };
}

function lengthOfResidual(pairs: Pairs, matrix: ArrayLike<number>, k: number): number {
  const r = residualAt(new Float64Array(3), matrix, pairs.to, pairs.from, k);
  return Math.hypot(at(r, 0), at(r, 1), at(r, 2));
}

function weightedRms(weights: ArrayLike<number>, residuals: readonly Pick<PointResidual, 'mm'>[]): number {
  let sum = 0;
  let total = 0;
  residuals.forEach((r, k) => {
    sum += at(weights, k) * r.mm * r.mm;
    total += at(weights, k);
  });
  return Math.sqrt(sum / total);
}
