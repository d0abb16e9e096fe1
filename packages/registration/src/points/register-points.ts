import { type Frame, type Point, requireSameFrame, type Transform, transform } from '@trocar/core';
import { chiSquareTail, symmetricEigen, twoSidedZ } from '@trocar/core/math';
import { type ExpectedTre, expectedTreOf } from '../accuracy/expected-tre.js';
import { aboutOrigin } from '../accuracy/pose-covariance.js';
import type { Finding, ResultOutcome } from '../outcome.js';
import {
  coordinatesOf,
  requireEnough,
  requireLayout,
  requireMatch,
  requireRotationKnown,
  requireSameCount,
  widthsOf,
} from './checks.js';
import { type Estimate, estimatePose, type Pairs } from './estimate.js';
import { type NoiseModel, noiseModel, type PointNoise } from './noise.js';
import { requireOrder } from './order.js';
import { indicesInUse, type PointResidual, residualsOf } from './residuals.js';
import { at, fitRigid } from './rigid-fit.js';

/** What {@link registerPoints} may be told beside the points. */
export interface PointRegistrationOptions extends PointNoise {
  /** Known localisation error of the targets, mm (rms length): added to every expected TRE. Default 0. */
  readonly targetFleMm?: number;
  /** Description or hash of the input, kept in the edge's provenance. */
  readonly inputs?: string;
}

/**
 * Something about a registration that a person must look at before accepting it.
 *
 * `poor-fit`: all residuals together are larger than the known noise allows (χ² test, p < 0.001);
 * `outlier`: one pair disagrees with all others (probability below 0.001, corrected for the number of pairs);
 * `not-converged`: the iteration for anisotropic noise did not settle.
 */
export type RegistrationFinding = Finding<'poor-fit' | 'outlier' | 'not-converged'>;

/** A paired-point registration. */
export interface PointRegistration<To extends string, From extends string> {
  /** `failed` where there are findings: the edge is still the best fit. */
  readonly outcome: ResultOutcome;
  readonly findings: readonly RegistrationFinding[];
  /** to-from-from, with covariance; degreesOfFreedom is 3N − 6 where the noise level was estimated. */
  readonly edge: Transform<To, From>;
  /**
   * Fiducial registration error: √(Σ w |r|² / Σ w), mm. A health figure only. It is NOT the accuracy, and does not even
   * correlate with the error at the target (Fitzpatrick 2009, SPIE 7261): show `expectedTre` instead.
   */
  readonly freMm: number;
  /** Fiducial localisation error, mm (rms length per pair of average weight): as given, or estimated from the residuals. */
  readonly fleMm: number;
  /** In the order of the points. */
  readonly residuals: readonly PointResidual[];
  /** The χ² test of the residuals against the known noise level; absent where the level was estimated. */
  readonly health: { readonly chiSquare: number; readonly degreesOfFreedom: number; readonly pValue: number } | undefined;
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
 * @throws NavError `registration/count-mismatch`, `registration/too-few-points` (fewer than 3 pairs in use),
 * `registration/not-finite`, `registration/bad-weights`, `registration/duplicate-points`, `registration/collinear` (by shape,
 * or for the noise), `registration/failed` (no motion brings the two sides together), `registration/mirrored`, `registration/swapped` (detail: `order`), `frame/mismatch`
 */
export function registerPoints<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  toPoints: readonly Point<NoInfer<To>>[],
  fromPoints: readonly Point<NoInfer<From>>[],
  options: PointRegistrationOptions = {},
): PointRegistration<To, From> {
  requireSameCount(toPoints.length, fromPoints.length);
  const pairs: Pairs = {
    to: coordinatesOf('to', to, toPoints),
    from: coordinatesOf('from', from, fromPoints),
    noise: noiseModel(toPoints.length, options),
  };
  const used = indicesInUse(pairs.noise.weights);
  requireEnough(used.length, toPoints.length);
  requireLayout('to', pairs.to, used);
  requireLayout('from', pairs.from, used);
  const [extent] = widthsOf(pairs.from, used);
  requireConsistent(pairs, used, extent);
  const estimate = estimatePose(pairs, pairs.noise.weights);
  const fleMm = localisationError(pairs.noise, estimate, used);
  if (!pairs.noise.known) requireMatch(fleMm, extent);
  requireRotationKnown(rotationVariance(estimate), fleMm);
  return assembled(to, from, pairs, estimate, { fleMm, rounding: 1e-8 * extent, options });
}

/** Refuses mirrored and exchanged points, judged by an isotropic fit. */
function requireConsistent(pairs: Pairs, used: readonly number[], extent: number): void {
  const { weights } = pairs.noise;
  const fit = fitRigid(pairs.to, pairs.from, weights);
  const variance = pairs.noise.known ? unitVariance(pairs.noise, fit.matrix, used) : undefined;
  const evidence = { degreesOfFreedom: 3 * used.length - 6, variance };
  requireOrder(pairs.to, pairs.from, weights, used, fit, extent, evidence);
}

/** The variance per axis of a pair of weight 1, in the noise model's scale: the mean of w · tr Σ / 3. */
function unitVariance(noise: NoiseModel, matrix: ArrayLike<number>, used: readonly number[]): number {
  const sigma = new Float64Array(9);
  let sum = 0;
  for (const k of used) {
    noise.covariance(sigma, k, matrix);
    sum += (at(noise.weights, k) * (at(sigma, 0) + at(sigma, 4) + at(sigma, 8))) / 3;
  }
  return sum / used.length;
}

function localisationError(noise: NoiseModel, estimate: Estimate, used: readonly number[]): number {
  const sigma = new Float64Array(9);
  if (!noise.known) return Math.sqrt(3 * estimate.scale * unitVariance(noise, estimate.matrix, used));
  let sum = 0;
  for (const k of used) {
    noise.covariance(sigma, k, estimate.matrix);
    sum += at(sigma, 0) + at(sigma, 4) + at(sigma, 8);
  }
  return Math.sqrt(sum / used.length);
}

function rotationVariance(estimate: Estimate): number {
  const c = estimate.uncertainty.covariance;
  const block = [0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => at(c, 6 * (3 + i) + 3 + j)));
  return at(symmetricEigen(block, 3).values, 0) * estimate.scale;
}

interface Assembly {
  readonly fleMm: number;
  readonly rounding: number;
  readonly options: PointRegistrationOptions;
}

function assembled<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  pairs: Pairs,
  estimate: Estimate,
  { fleMm, rounding, options }: Assembly,
): PointRegistration<To, From> {
  const { noise } = pairs;
  const covariance = aboutOrigin(estimate.uncertainty.covariance, estimate.uncertainty.centre).map((c) => c * estimate.scale);
  const edge = transform(to, from, estimate.matrix, {
    covariance,
    ...(!noise.known && { degreesOfFreedom: estimate.freedom }),
    provenance: { method: 'paired-points', ...(options.inputs !== undefined && { inputs: options.inputs }) },
  });
  const residuals = residualsOf(pairs, estimate, rounding);
  const health = noise.known ? healthOf(estimate) : undefined;
  const findings = findingsOf(residuals, health, estimate.converged);
  const target = options.targetFleMm === undefined ? {} : { targetFleMm: options.targetFleMm };
  return {
    outcome: findings.length === 0 ? 'ok' : 'failed',
    findings,
    edge,
    freMm: weightedRms(noise.weights, residuals),
    fleMm,
    residuals,
    health,
    expectedTre(p) {
      requireSameFrame(to, p.frame, 'Predicting the target registration error');
      return expectedTreOf(edge, p, target);
    },
  };
}

function weightedRms(weights: ArrayLike<number>, residuals: readonly PointResidual[]): number {
  let sum = 0;
  let total = 0;
  residuals.forEach((r, k) => {
    sum += at(weights, k) * r.mm * r.mm;
    total += at(weights, k);
  });
  return Math.sqrt(sum / total);
}

/** N · FRE² / σ² is χ² with 3N − 6 degrees of freedom; other weights than the noise's own are matched in the mean. */
function healthOf(estimate: Estimate): NonNullable<PointRegistration<string, string>['health']> {
  const { chiSquare, freedom } = estimate;
  return { chiSquare, degreesOfFreedom: freedom, pValue: chiSquareTail(chiSquare, freedom) };
}

const ALARM = 0.001;

function findingsOf(
  residuals: readonly PointResidual[],
  health: PointRegistration<string, string>['health'],
  converged: boolean,
): RegistrationFinding[] {
  const findings: RegistrationFinding[] = [];
  if (health !== undefined && health.pValue < ALARM) {
    findings.push({
      code: 'poor-fit',
      message:
        `The residuals are larger than the stated localisation error allows (χ² ${health.chiSquare.toFixed(1)} with ` +
        `${health.degreesOfFreedom} degrees of freedom). Look for a moved or wrongly touched fiducial, or correct the stated error.`,
    });
  }
  const limit = twoSidedZ(ALARM / residuals.length);
  const worst = residuals.reduce((w, r, k) => (r.zScore > (residuals[w]?.zScore ?? 0) ? k : w), 0);
  const suspect = residuals[worst];
  if (suspect !== undefined && suspect.zScore > limit) {
    findings.push({
      code: 'outlier',
      index: worst,
      message:
        `Point ${worst + 1} (counting from 1) lies ${suspect.leaveOneOutMm.toFixed(1)} mm from where the others put it, where ` +
        `${suspect.leaveOneOutExpectedMm.toFixed(1)} mm is usual. Touch it again, or leave it out.`,
    });
  }
  if (!converged) {
    findings.push({ code: 'not-converged', message: 'The fit with anisotropic errors did not settle. Check the covariances.' });
  }
  return findings;
}
