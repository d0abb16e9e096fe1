import type { Frame, Point, Transform } from '@trocar/core';
import type { ExpectedTre } from '../accuracy/expected-tre.js';
import type { Finding, ResultOutcome } from '../outcome.js';
import type { ExtraParameter } from './hand-eye-extra.js';
import type { HoldOut } from './hand-eye-holdout.js';
import type { AxisDiversity } from './hand-eye-motions.js';

/** Noise of one list of poses: standard deviations per axis, at the origin of its tool (the list's `from` frame). */
export interface PoseNoise {
  readonly positionSdMm: number;
  readonly rotationSdRad: number;
}

/** What a hand-eye calibration may be told beside the poses. */
export interface HandEyeOptions {
  /** Known noise of both lists. Absent: estimated from the misfits, and every bound widened accordingly. */
  readonly noise?: { readonly hand: PoseNoise; readonly other: PoseNoise };
  /** `tukey` (default): poses that disagree with the others are left out. `none`: every pose counts. */
  readonly robust?: 'tukey' | 'none';
  /** Folds of the cross-validation; 0 for none. Default 5. */
  readonly holdOut?: number;
  /** Seed of the random samples and of the folds. Default 1. */
  readonly seed?: number;
  /** Take poses of status `unknown` for measured. */
  readonly acceptUnknown?: boolean;
  /** Description or hash of the input, kept in the edges' provenance. */
  readonly inputs?: string;
}

/** The frames of X and Y. */
export interface EdgeFrames<XTo extends string, XFrom extends string, YTo extends string, YFrom extends string> {
  readonly xTo: Frame<XTo>;
  readonly xFrom: Frame<XFrom>;
  readonly yTo: Frame<YTo>;
  readonly yFrom: Frame<YFrom>;
}

/**
 * Something about a calibration that a person must look at before accepting it.
 *
 * `poor-fit`: the misfits are larger than the known noise allows (χ² test, p < 0.001);
 * `many-outliers`: more than 30 % of the poses disagree with the rest;
 * `weakly-determined`: a direction of the rotation is known to no better than 2° (one standard deviation), or of the
 * position no better than a tenth of the distance to the target;
 * `length-factor`: lengths of the two lists differ by more than 0.5 % and more than chance: a wrong target size, or focal length;
 * `time-offset`: one list lags behind the other by more than chance, and by enough to matter;
 * `not-converged`: the fit did not settle.
 */
export type HandEyeFinding = Finding<
  'poor-fit' | 'many-outliers' | 'weakly-determined' | 'length-factor' | 'time-offset' | 'not-converged'
>;

/** What one pair of poses says of the calibration. */
export interface HandEyeResidual {
  /** Place in the lists given, counted from 0. */
  readonly index: number;
  /** Whether it took part in the fit: false for an outlier. */
  readonly used: boolean;
  /** Rotation misfit, degrees. */
  readonly deg: number;
  /** How far the misfit puts the origin of list B's tool, mm. */
  readonly mm: number;
  /** √(rᵀ Σ⁻¹ r / 6): about 1 for a usual pose. */
  readonly normalised: number;
  /**
   * The screw check, independent of the result: median difference of the two lists' turns (deg) and slides (mm) over motions
   * to this pose from others in use. NaN where there are none that turn by 10°.
   */
  readonly screwDeg: number;
  readonly screwMm: number;
}

/** Standard deviations per axis of the noise in the fit. */
export interface HandEyeNoise {
  /** Of both lists' positions together, mm. */
  readonly positionSdMm: number;
  /** Of the rotations of list A (the hand) and list B, rad. */
  readonly handRotationSdRad: number;
  readonly otherRotationSdRad: number;
  /** False where it was given. */
  readonly estimated: boolean;
}

/** A hand-eye or robot-world calibration: A X = Y B with both unknown. */
export interface HandEyeCalibration<XTo extends string, XFrom extends string, YTo extends string, YFrom extends string> {
  /** `failed` where there are findings: the edges are still the best fit. */
  readonly outcome: ResultOutcome;
  readonly findings: readonly HandEyeFinding[];
  /** X, with covariance. */
  readonly edge: Transform<XTo, XFrom>;
  /** Y, with covariance. Its error is correlated with X's: `jointCovariance` holds both. */
  readonly otherEdge: Transform<YTo, YFrom>;
  /** Cov(ξ_X, ξ_Y), 12×12 row-major, (mm, rad) about the origins of X's and Y's `to` frames. */
  readonly jointCovariance: Float64Array;
  /** One for each pair of measured poses, in order. */
  readonly residuals: readonly HandEyeResidual[];
  /** Root mean square misfits of the poses in use. A health figure: what the edge misplaces is `expectedTre`. */
  readonly rmsDeg: number;
  readonly rmsMm: number;
  /** Poses in use. */
  readonly inliers: number;
  /** Poses given that were not measured in both lists, or are copies. */
  readonly unused: number;
  /**
   * Independent poses that those in use are worth: fewer where misfits of neighbours in a recording are alike. The covariance
   * allows for it.
   */
  readonly effectivePoses: number;
  /**
   * `lasting` where misfits repeat from pose to pose, as of a lens or a bending arm: X then balances rotations and eye positions
   * instead of trusting a noise model, and its covariance is read off the misfits.
   */
  readonly errors: 'independent' | 'lasting';
  readonly noise: HandEyeNoise;
  readonly axes: AxisDiversity;
  /** The χ² test of the misfits; absent where the noise was estimated. */
  readonly health: { readonly chiSquare: number; readonly degreesOfFreedom: number; readonly pValue: number } | undefined;
  /** Cross-validation; absent where not asked for, or where there are too few poses. */
  readonly holdOut: HoldOut | undefined;
  /** By what lengths of list B should be multiplied to fit list A's. */
  readonly lengthFactor: ExtraParameter | undefined;
  /** How much later list A should be read to fit list B, ms; absent without times, or where poses are too far apart in time. */
  readonly timeOffsetMs: ExtraParameter | undefined;
  /** What X alone is expected to misplace a point of its `to` frame by, mm. */
  expectedTre(target: Point<XTo>): ExpectedTre;
}
