import { type AffineTransform, affineTransform, type Frame, NavError, type Point, requireSameFrame } from '@trocar/core';
import { determinant3, svd3 } from '@trocar/core/math';
import { type ExpectedTre, withTarget } from '../accuracy/expected-tre.js';
import type { Finding, ResultOutcome } from '../outcome.js';
import { coordinatesOf, requireLayout, requireMatch, requireSameCount, widthsOf } from './checks.js';
import type { Pairs } from './estimate.js';
import { type FitHealth, findingsOf, healthOf } from './findings.js';
import { carriedBy, estimateModel, type ModelEstimate, modelResiduals } from './model-fit.js';
import { affine, type MapModel, similarity } from './models.js';
import { type NoiseModel, noiseModel, type PointNoise } from './noise.js';
import { noiseVariance } from './noise-level.js';
import { requireOrder } from './order.js';
import { indicesInUse, type PointResidual } from './residuals.js';
import { at, fitRigid } from './rigid-fit.js';
import { requireSameUnits, sizeRatio } from './units.js';

/** Stretches that a scaled registration may have without being told so. */
export const SCALE_LIMITS: readonly [number, number] = [0.9, 1.1];

/** What {@link registerSimilarity} and {@link registerAffine} may be told beside the points. */
export interface ScaledRegistrationOptions extends PointNoise {
  /** Known localisation error of the targets, mm (rms length): added to every expected TRE. Default 0. */
  readonly targetFleMm?: number;
  /**
   * Smallest and largest plausible factor, to over from, along any direction. Default 0.9 to 1.1: a wrong pixel spacing, a
   * badly calibrated tracker or a gradient error is a few per cent, and anything more is another mistake.
   */
  readonly scaleLimits?: readonly [number, number];
  /** Description or hash of the input, kept in the map's provenance. */
  readonly inputs?: string;
}

/** A registration that is not rigid: its map must not be composed as a tracked pose is. */
export interface ScaledRegistration<To extends string, From extends string> {
  /** `failed` where there are findings: the map is still the best fit. */
  readonly outcome: ResultOutcome;
  readonly findings: readonly Finding[];
  /** to-from-from; not a rigid `Transform`. */
  readonly map: AffineTransform<To, From>;
  /** Lengths along the principal directions, to over from, largest first; all equal for a similarity. */
  readonly stretches: readonly [number, number, number];
  /** The scale of a similarity with one standard deviation; the cube root of the determinant for an affine map. */
  readonly scale: number;
  readonly scaleSd: number;
  /** √(Σ w |r|² / Σ w), mm: a health figure, not the accuracy. */
  readonly freMm: number;
  /** Localisation error, mm: as given or estimated; NaN where no residual is left to estimate it from. */
  readonly fleMm: number;
  readonly residuals: readonly PointResidual[];
  readonly health: FitHealth | undefined;
  /** Behind the covariance's level: 3N − 7 or 3N − 12 where that was estimated, Infinity where it was known. */
  readonly degreesOfFreedom: number;
  /** Expected target registration error at a point of the `to` frame, mm; NaN where no level can be estimated. */
  expectedTre(target: Point<To>): ExpectedTre;
}

/**
 * Registers paired points by rotation, translation and ONE scale (Umeyama 1991), or by maximum likelihood for anisotropic
 * covariances.
 * @throws NavError as `registerPoints`, but `registration/scale` only for a scale outside `scaleLimits`
 */
export function registerSimilarity<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  toPoints: readonly Point<NoInfer<To>>[],
  fromPoints: readonly Point<NoInfer<From>>[],
  options: ScaledRegistrationOptions = {},
): ScaledRegistration<To, From> {
  return registerBy(similarity, to, from, toPoints, fromPoints, options);
}

/**
 * Registers paired points by any linear map and a translation: at least 4 pairs that do not lie in a plane, and 5 before
 * anything can be said of its error without a known noise level.
 * @throws NavError as {@link registerSimilarity}, and `registration/coplanar`
 */
export function registerAffine<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  toPoints: readonly Point<NoInfer<To>>[],
  fromPoints: readonly Point<NoInfer<From>>[],
  options: ScaledRegistrationOptions = {},
): ScaledRegistration<To, From> {
  return registerBy(affine, to, from, toPoints, fromPoints, options);
}

function registerBy<To extends string, From extends string>(
  model: MapModel,
  to: Frame<To>,
  from: Frame<From>,
  toPoints: readonly Point<NoInfer<To>>[],
  fromPoints: readonly Point<NoInfer<From>>[],
  options: ScaledRegistrationOptions,
): ScaledRegistration<To, From> {
  requireSameCount(toPoints.length, fromPoints.length);
  const pairs: Pairs = {
    to: coordinatesOf('to', to, toPoints),
    from: coordinatesOf('from', from, fromPoints),
    noise: noiseModel(toPoints.length, options),
  };
  const used = indicesInUse(pairs.noise.weights);
  requireFor(model, used.length);
  requireLayout('to', pairs.to, used);
  requireLayout('from', pairs.from, used);
  const [extent, , depth] = widthsOf(pairs.from, used);
  if (model.name === 'affine' && !(depth > FLAT_RATIO * extent)) throw coplanar(depth, extent);
  const ratio = sizeRatio(pairs.to, pairs.from, used);
  requireSameUnits(ratio);
  requireOrderAtSize(pairs, used, ratio, extent);
  const estimate = estimateModel(pairs, pairs.noise.weights, model);
  const stretches = stretchesOf(estimate.matrix);
  const fleMm = levelOf(pairs.noise, estimate, used);
  if (!pairs.noise.known && estimate.freedom > 0) requireMatch(fleMm, extent);
  requirePlausible(estimate, stretches, options.scaleLimits ?? SCALE_LIMITS);
  return assembled(to, from, pairs, estimate, { stretches, fleMm, rounding: 1e-8 * extent, options });
}

/** Below this ratio of their third to their first width, points are too flat for an affine map. */
const FLAT_RATIO = 0.03;

function coplanar(depth: number, extent: number): NavError<'registration/coplanar'> {
  return new NavError(
    'registration/coplanar',
    `The "from" points lie in a plane: ${extent.toFixed(1)} mm wide and only ${depth.toFixed(2)} mm deep, so the stretch across it is ` +
      'unknown. Add a point well away from the plane, or register a similarity or a rigid motion.',
    { detail: { widthMm: extent, depthMm: depth } },
  );
}

function requireFor(model: MapModel, used: number): void {
  if (used >= model.least) return;
  throw new NavError(
    'registration/too-few-points',
    `${model.name === 'affine' ? 'An affine map' : 'A similarity'} needs at least ${model.least} pairs of points and has ${used}. Localise more.`,
    { detail: { used, least: model.least } },
  );
}

/** Mirrored and exchanged points, judged by a rigid fit once both sides are of one size. */
function requireOrderAtSize(pairs: Pairs, used: readonly number[], ratio: number, extent: number): void {
  const from = pairs.from.map((x) => x * ratio);
  const fit = fitRigid(pairs.to, from, pairs.noise.weights);
  // The maps differ by more than noise from a rigid motion: only the residuals can say by how much.
  const evidence = { degreesOfFreedom: 3 * used.length - 6, variance: undefined };
  requireOrder(pairs.to, from, pairs.noise.weights, used, fit, extent, evidence);
}

function stretchesOf(matrix: ArrayLike<number>): [number, number, number] {
  const { s } = svd3([0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => at(matrix, 4 * j + i))));
  return [at(s, 0), at(s, 1), at(s, 2)];
}

function requirePlausible(estimate: ModelEstimate, stretches: readonly number[], limits: readonly [number, number]): void {
  if (!(limits[0] > 0 && limits[0] <= limits[1])) {
    throw new NavError('registration/bad-option', `scaleLimits must be two positive numbers in order, got [${limits}].`);
  }
  if (determinant3(estimate.matrix) < 0) {
    throw new NavError(
      'registration/mirrored',
      'The best affine map mirrors: one side is a mirror image of the other. Check for a flipped axis or left and right exchanged.',
    );
  }
  if (stretches.every((s) => s >= limits[0] && s <= limits[1])) return;
  throw new NavError(
    'registration/scale',
    `The best ${estimate.model.name} map stretches by ${[...new Set(stretches.map((s) => s.toFixed(3)))].join(', ')}, outside ${limits[0]} to ` +
      `${limits[1]}. Check the units and the order of the points; where so much is true, give scaleLimits.`,
    { detail: { stretches: [...stretches], limits: [...limits] } },
  );
}

function levelOf(noise: NoiseModel, estimate: ModelEstimate, used: readonly number[]): number {
  return Math.sqrt(3 * estimate.scale * noiseVariance(noise, estimate.matrix, used));
}

interface Assembly {
  readonly stretches: readonly [number, number, number];
  readonly fleMm: number;
  readonly rounding: number;
  readonly options: ScaledRegistrationOptions;
}

function assembled<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  pairs: Pairs,
  estimate: ModelEstimate,
  { stretches, fleMm, rounding, options }: Assembly,
): ScaledRegistration<To, From> {
  const { model, centre, covariance, scale: level } = estimate;
  const residuals = modelResiduals(pairs, estimate, rounding);
  const known = pairs.noise.known;
  const health = known && estimate.freedom > 0 ? healthOf(estimate) : undefined;
  const findings = findingsOf(residuals, health, estimate, 0);
  const weights = pairs.noise.weights;
  const total = weights.reduce((a, b) => a + b, 0);
  return {
    outcome: findings.length === 0 ? 'ok' : 'failed',
    findings,
    map: affineTransform(to, from, estimate.matrix, {
      method: `paired-points-${model.name}`,
      ...(options.inputs !== undefined && { inputs: options.inputs }),
    }),
    stretches,
    scale: Math.cbrt(stretches[0] * stretches[1] * stretches[2]),
    scaleSd: Math.sqrt(volumeVariance(estimate) * level) * Math.cbrt(stretches[0] * stretches[1] * stretches[2]),
    freMm: Math.sqrt(residuals.reduce((sum, r, k) => sum + at(weights, k) * r.mm * r.mm, 0) / total),
    fleMm,
    residuals,
    health,
    degreesOfFreedom: known ? Number.POSITIVE_INFINITY : estimate.freedom,
    expectedTre(p) {
      requireSameFrame(to, p.frame, 'Predicting the target registration error');
      const q = [0, 1, 2].map((i) => at(p.xyz, i) - at(centre, i));
      const spread = carriedBy(model, covariance, q).map((c) => c * level);
      if (Number.isNaN(level)) return { covariance: spread, rmsMm: Number.NaN, p95Mm: Number.NaN };
      return withTarget(spread, known ? undefined : estimate.freedom, options);
    },
  };
}

/** Variance of ln scale: of ξ₇ for a similarity, of a third of the trace of the linear change for an affine map. */
function volumeVariance({ model, covariance }: ModelEstimate): number {
  if (model.name === 'similarity') return at(covariance, 48);
  let sum = 0;
  for (const i of [3, 7, 11]) for (const j of [3, 7, 11]) sum += at(covariance, 12 * i + j) / 9;
  return sum;
}
