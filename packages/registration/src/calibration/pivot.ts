import { type Frame, type Point, point, type Transform, transform } from '@trocar/core';
import { chiSquareQuantile, identity4, radiusQuantile, symmetricEigen } from '@trocar/core/math';
import type { Finding, ResultOutcome } from '../outcome.js';
import { at } from '../points/rigid-fit.js';
import { narrow, requireCone, requireOption } from './pivot-checks.js';
import { estimatePivot, type PivotEstimate, type TrackerNoise } from './pivot-estimate.js';
import { tipMovement } from './pivot-findings.js';
import { lengths, type PivotData, pivotData } from './pivot-fit.js';
import { type CalibrationPose, type PoseList, type PoseRules, type UsablePoses, usablePoses } from './poses.js';
import { type OrientationSpread, orientationSpread, requireMillimetres, requireMotion } from './poses-spread.js';

/** What {@link calibratePivot} may be told beside the poses. */
export interface PivotOptions {
  /**
   * `huber` (the default): poses that disagree are found and left out, the rest weighted by their noise.
   * `none`: the plain algebraic least squares over all usable poses, as published answers are computed.
   */
  readonly robust?: 'none' | 'huber';
  /** The tracker's noise, where it is known. Otherwise it is estimated, and bounds are wider. */
  readonly noise?: TrackerNoise;
  /** Take `unknown` for `ok`: for protocols that never tell. Default false. */
  readonly acceptUnknown?: boolean;
  /** A larger root-mean-square misfit is a finding. Default 2 mm. */
  readonly maxRmsMm?: number;
  /** A larger 95 % bound of the tip's error is a finding. Default 2 mm. */
  readonly maxTip95Mm?: number;
  /** Of the random triples. Default 1: the same poses give the same answer. */
  readonly seed?: number;
  /** Description or hash of the input, kept in the transform's provenance. */
  readonly inputs?: string;
}

/**
 * Something about a pivot calibration that a person must look at before accepting it.
 *
 * `poor-fit`: the misfits are larger than the limit, or than the known noise allows; `no-consensus`: more than half of
 * the poses had to be left out; `tip-moved`: the tip slid, or stood elsewhere for a part of the recording; `uncertain`: the
 * 95 % bound of the tip is larger than the limit; `few-independent`: the tool rested so long that the error bound itself is
 * a guess; `far-tip`: no tool is that long; `not-converged`.
 */
export type PivotFinding = Finding<
  'poor-fit' | 'no-consensus' | 'tip-moved' | 'uncertain' | 'few-independent' | 'far-tip' | 'not-converged'
>;

/** A pivot calibration. */
export interface PivotCalibration<To extends string, From extends string, Tip extends string> {
  /** `failed` where there are findings: the numbers are still the best fit. */
  readonly outcome: ResultOutcome;
  readonly findings: readonly PivotFinding[];
  /**
   * Marker from tip: the tip frame has its origin at the tip and its axes parallel to the MARKER's, by definition. A pivot
   * tells nothing of the direction of the shaft: that takes `calibrateSpin` or `calibrateTemplate`.
   */
  readonly stylusFromTip: Transform<From, Tip>;
  /** The tip in the marker's frame. */
  readonly tip: Point<From>;
  /** Where the tip stood, in the tracker's (or reference's) frame. */
  readonly pivot: Point<To>;
  /** The same as numbers, mm. */
  readonly tipMm: Float64Array;
  readonly pivotMm: Float64Array;
  /** 3×3 row-major, mm²: of the tip in the marker's frame, of the pivot in the tracker's. */
  readonly tipCovariance: Float64Array;
  readonly pivotCovariance: Float64Array;
  /**
   * The tip's error stays below this with 95 % probability, mm, as far as the tracker's errors are random. It allows for
   * the noise being estimated and for poses that are not independent, not for a distortion that every pose shares.
   */
  readonly tip95Mm: number;
  /** Distances of the tip from the pivot over the poses in use, mm: how well poses agree, NOT how well the tip is known. */
  readonly rmsMm: number;
  readonly meanMm: number;
  readonly maxMm: number;
  /** Distance of every usable pose's tip from the pivot, mm, in the order of `usable`. */
  readonly residualsMm: Float64Array;
  /** Places in the given list of the poses that were measured at all. */
  readonly usable: readonly number[];
  /** Places in the given list of the poses that agree. */
  readonly inliers: readonly number[];
  readonly counts: {
    readonly given: number;
    /** Not measured (by its status, or a device's fill value), or an unconnected transform's identity. */
    readonly hidden: number;
    /** Exact copies of the pose before. */
    readonly repeated: number;
    readonly inliers: number;
    /** So many independent poses the inliers are worth. */
    readonly effective: number;
  };
  /** How far the tool was tilted, from the poses that agree. */
  readonly spread: OrientationSpread;
  /** The noise as given, or as the misfits show it: along and across the direction from marker to tip. */
  readonly noise: TrackerNoise;
}

/** What a pivot demands of its poses. */
export const PIVOT_RULES: PoseRules = { purpose: 'A pivot calibration', atLeast: 6 };
/** No tracked instrument is longer, mm. */
const LONGEST_TOOL = 1000;
const FEWEST_EFFECTIVE = 4;

/**
 * Finds the tip of a tool that was tilted about its tip while the tip stood still: R_i p + t_i = q.
 *
 * Half of the poses that agree best are found by random triples, each pose judged as a whole; then reweighted least
 * squares (Huber) with the weight that position and rotation errors have at the tip, the pull of rotation errors taken
 * out. The covariance uses the residuals' own size in every direction of the tool and their correlation in time.
 *
 * @param list tracker (or reference) from tool marker
 * @param tip name of the tip's frame
 * @throws NavError `calibration/too-few-poses` (fewer than 6), `calibration/hidden`, `calibration/identity-poses`,
 * `calibration/motionless`, `calibration/narrow` (the poses in use fill less than an 8° cone, turn about a single axis, or
 * leave the tip unknown along some direction), `calibration/units`, `calibration/not-finite`, `calibration/not-rigid`,
 * `calibration/bad-option`, `frame/mismatch`
 */
export function calibratePivot<To extends string, From extends string, Tip extends string>(
  list: PoseList<To, From>,
  tip: Frame<Tip>,
  options: PivotOptions = {},
): PivotCalibration<To, From, Tip> {
  const limits = { rms: options.maxRmsMm ?? 2, tip95: options.maxTip95Mm ?? 2 };
  requireOption('maxRmsMm', limits.rms);
  requireOption('maxTip95Mm', limits.tip95);
  if (options.noise !== undefined) {
    requireOption('noise.positionSdMm', options.noise.positionSdMm);
    requireOption('noise.rotationSdRad', options.noise.rotationSdRad, true);
  }
  const rules = { ...PIVOT_RULES, ...(options.acceptUnknown !== undefined && { acceptUnknown: options.acceptUnknown }) };
  const poses = usablePoses(list, rules);
  requireMillimetres(poses, rules);
  requireMotion(list, poses, rules);
  requireCone(orientationSpread(poses), poses);
  const data = pivotData(poses);
  const estimate = estimatePivot(data, {
    robust: options.robust ?? 'huber',
    noise: options.noise,
    covariances: covariancesOf(list.poses, poses),
    seed: options.seed ?? 1,
  });
  const spread = orientationSpread(poses, estimate.weights);
  requireCone(spread, poses);
  requireTipKnown(estimate, spread);
  return assembled(list, tip, { poses, data, estimate, spread, limits, options });
}

function covariancesOf(poses: readonly CalibrationPose[], usable: UsablePoses): ArrayLike<number>[] | undefined {
  const all = usable.indices.map((k) => poses[k]?.covariance);
  return all.every((c) => c !== undefined && c.length === 36) ? (all as ArrayLike<number>[]) : undefined;
}

/** A longer half-axis of the tip's 95 % ellipsoid than this, mm, is a recording that does not hold the answer. */
const LONGEST_AXIS = 5;
/** From this cone on, a long axis is noise and not a lack of tilting. */
const WIDE = (30 * Math.PI) / 180;

function requireTipKnown(estimate: PivotEstimate, spread: OrientationSpread): void {
  const { values, vectors } = symmetricEigen(block(estimate.covariance, 0), 3);
  const longest = radiusQuantile([at(values, 0), 0, 0, 0, 0, 0, 0, 0, 0], 0.95, estimate.degreesOfFreedom);
  if (longest > LONGEST_AXIS && spread.coneRad < WIDE)
    throw narrow(spread, { axisMm: longest, axis: [0, 1, 2].map((i) => at(vectors, 3 * i)) });
}

/** A 3×3 diagonal block of a 6×6 matrix. */
function block(covariance: ArrayLike<number>, start: number): Float64Array {
  return Float64Array.from({ length: 9 }, (_, i) => at(covariance, 6 * (start + Math.floor(i / 3)) + start + (i % 3)));
}

interface Assembly {
  readonly poses: UsablePoses;
  readonly data: PivotData;
  readonly estimate: PivotEstimate;
  readonly spread: OrientationSpread;
  readonly limits: { readonly rms: number; readonly tip95: number };
  readonly options: PivotOptions;
}

function assembled<To extends string, From extends string, Tip extends string>(
  list: PoseList<To, From>,
  tip: Frame<Tip>,
  parts: Assembly,
): PivotCalibration<To, From, Tip> {
  const { poses, estimate, spread, options } = parts;
  const tipMm = estimate.x.slice(0, 3);
  const pivotMm = estimate.x.slice(3, 6);
  const tipCovariance = block(estimate.covariance, 0);
  const residualsMm = lengths(estimate.misfits);
  const used = poses.indices.map((_, n) => n).filter((n) => at(estimate.weights, n) > 0);
  const sizes = used.map((n) => at(residualsMm, n));
  const figures = {
    tip95Mm: radiusQuantile(tipCovariance, 0.95, estimate.degreesOfFreedom),
    rmsMm: Math.sqrt(sizes.reduce((sum, r) => sum + r * r, 0) / sizes.length),
    meanMm: sizes.reduce((sum, r) => sum + r, 0) / sizes.length,
    maxMm: Math.max(...sizes),
  };
  const findings = findingsOf(parts, figures, used.length);
  return {
    outcome: findings.length === 0 ? 'ok' : 'failed',
    findings,
    stylusFromTip: offset(list.from, tip, tipMm, tipCovariance, estimate.degreesOfFreedom, options.inputs),
    tip: point(list.from, tipMm),
    pivot: point(list.to, pivotMm),
    tipMm,
    pivotMm,
    tipCovariance,
    pivotCovariance: block(estimate.covariance, 3),
    ...figures,
    residualsMm,
    usable: poses.indices,
    inliers: used.map((n) => at(poses.indices, n)),
    counts: {
      given: poses.given,
      hidden: poses.hidden,
      repeated: poses.repeated,
      inliers: used.length,
      effective: estimate.noise.effective,
    },
    spread,
    noise: options.noise ?? noiseAlong(estimate.noise.covariance, tipMm),
  };
}

/** Marker from tip: a translation whose error is the tip's; the axes are the marker's by definition. */
function offset<From extends string, Tip extends string>(
  from: Frame<From>,
  tip: Frame<Tip>,
  tipMm: Float64Array,
  tipCovariance: Float64Array,
  degreesOfFreedom: number,
  inputs: string | undefined,
): Transform<From, Tip> {
  const matrix = identity4();
  matrix.set(tipMm, 12);
  const covariance = new Float64Array(36);
  for (let i = 0; i < 3; i += 1) for (let j = 0; j < 3; j += 1) covariance[6 * i + j] = at(tipCovariance, 3 * i + j);
  return transform(from, tip, matrix, {
    covariance,
    ...(Number.isFinite(degreesOfFreedom) && { degreesOfFreedom }),
    provenance: { method: 'pivot', ...(inputs !== undefined && { inputs }) },
  });
}

/** Position noise as seen along the tool, rotation noise as what is more across it. */
function noiseAlong(s: ArrayLike<number>, tip: ArrayLike<number>): TrackerNoise {
  const length = Math.hypot(at(tip, 0), at(tip, 1), at(tip, 2));
  const all = at(s, 0) + at(s, 4) + at(s, 8);
  if (!(length > 0)) return { positionSdMm: Math.sqrt(all / 3), rotationSdRad: 0 };
  let along = 0;
  for (let i = 0; i < 3; i += 1)
    for (let j = 0; j < 3; j += 1) along += (at(tip, i) * at(s, 3 * i + j) * at(tip, j)) / length ** 2;
  return { positionSdMm: Math.sqrt(along), rotationSdRad: Math.sqrt(Math.max(0, (all - along) / 2 - along)) / length };
}

function findingsOf(
  { poses, data, estimate, limits }: Assembly,
  { tip95Mm, rmsMm }: { readonly tip95Mm: number; readonly rmsMm: number },
  used: number,
): PivotFinding[] {
  const findings: PivotFinding[] = [];
  const { effective } = estimate.noise;
  const allowed = chiSquareQuantile(0.999, Math.max(3, 3 * effective - 6)) / Math.max(3, 3 * effective - 6);
  if (rmsMm > limits.rms || (estimate.excess ?? 0) > allowed) {
    const message =
      rmsMm > limits.rms
        ? `The tip keeps ${rmsMm.toFixed(2)} mm (rms) from one place; ${limits.rms} mm is the limit. Hold the tip in its divot and record ` +
          'again; if it stays, check that matrices are tracker-from-tool, column by column, in mm, and that the tool is not bent.'
        : `The misfits are ${Math.sqrt(estimate.excess ?? 0).toFixed(1)} times what the stated noise allows. Correct the noise, or look for a loose marker.`;
    findings.push({ code: 'poor-fit', message });
  }
  if (2 * used < poses.count) {
    findings.push({
      code: 'no-consensus',
      message: `Only ${used} of ${poses.count} poses agree on a tip. Record again with the tip in its divot from start to end.`,
    });
  }
  const moved = tipMovement(data, estimate);
  if (moved !== undefined) {
    const [from, to] = [at(poses.indices, moved.from), at(poses.indices, moved.to)];
    findings.push({
      code: 'tip-moved',
      index: from,
      message: `The tip moved by ${moved.mm.toFixed(1)} mm between poses ${from + 1} and ${to + 1} (counting from 1). Use a divot that holds the tip, and record again.`,
    });
  }
  if (tip95Mm > limits.tip95) {
    findings.push({
      code: 'uncertain',
      message: `The tip is only known to ${tip95Mm.toFixed(1)} mm (95 %); ${limits.tip95} mm is the limit. Record for longer, and tilt farther in all directions.`,
    });
  }
  if (effective < FEWEST_EFFECTIVE) {
    findings.push({
      code: 'few-independent',
      message: `The ${used} poses say no more than ${effective.toFixed(1)} independent ones would, so the error bound is a guess. Keep the tool moving, for longer.`,
    });
  }
  const far = Math.hypot(...estimate.x.subarray(0, 3));
  if (far > LONGEST_TOOL) {
    findings.push({
      code: 'far-tip',
      message: `The tip lies ${far.toFixed(0)} mm from the marker. Poses given as tool-from-tracker exchange tip and pivot: invert them.`,
    });
  }
  if (!estimate.converged)
    findings.push({ code: 'not-converged', message: 'The reweighted fit did not settle. Record again, for longer.' });
  return findings;
}
