import { type Frame, NavError, type Point, requireSameFrame } from '@trocar/core';
import { radiusQuantile } from '@trocar/core/math';
import type { Finding, ResultOutcome } from '../outcome.js';
import { at } from '../points/rigid-fit.js';
import { requireOption } from './pivot-checks.js';
import { type PoseList, type PoseRules, type UsablePoses, usablePoses } from './poses.js';
import { orientationSpread, requireMotion } from './poses-spread.js';
import { covered, fitSpin, type SpinFit } from './spin-fit.js';

/** What {@link calibrateSpin} may be told beside the poses. */
export interface SpinOptions<From extends string> {
  /** The tip, from a pivot: the axis then points from the marker towards it. */
  readonly tip?: Point<From>;
  /** `huber` (the default) leaves out poses that disagree; `none` uses all. */
  readonly robust?: 'none' | 'huber';
  readonly acceptUnknown?: boolean;
  /** A larger root-mean-square wobble of the axis is a finding, rad. Default 3°. */
  readonly maxWobbleRad?: number;
  /** A larger 95 % bound of the axis' direction is a finding, rad. Default 2°. */
  readonly maxAxis95Rad?: number;
  readonly seed?: number;
}

/**
 * Something about a spin calibration that a person must look at before accepting it.
 *
 * `wobble`: the axis did not keep its direction; `no-single-axis`: another axis explains the poses nearly as well;
 * `no-consensus`: more than half of the poses had to be left out; `uncertain`: the 95 % bound is larger than the limit;
 * `sign-unknown`: the tip lies beside the marker, not along the axis; `not-converged`.
 */
export type SpinFinding = Finding<'wobble' | 'no-single-axis' | 'no-consensus' | 'uncertain' | 'sign-unknown' | 'not-converged'>;

/** A spin calibration. */
export interface SpinCalibration<To extends string, From extends string> {
  readonly outcome: ResultOutcome;
  readonly findings: readonly SpinFinding[];
  readonly from: Frame<From>;
  readonly to: Frame<To>;
  /** The axis in the marker's frame, a unit vector. */
  readonly axis: Float64Array;
  /** The same direction in the tracker's frame, while the tool was spun. */
  readonly axisInTracker: Float64Array;
  /** `tip`: from the marker towards the tip. `largest-component`: unknown, so the largest component is made positive. */
  readonly sign: 'tip' | 'largest-component';
  /** 3×3 row-major covariance of `axis`, rad²: of rank 2, across it. */
  readonly covariance: Float64Array;
  readonly degreesOfFreedom: number;
  /** The direction's error stays below this with 95 % probability, degrees. */
  readonly axis95Deg: number;
  /** How far the axis of single poses lies from the common one, root mean square over the poses in use, degrees. */
  readonly rmsDeg: number;
  readonly maxDeg: number;
  /** The part of a full turn that the poses cover, degrees. */
  readonly spinDeg: number;
  readonly usable: readonly number[];
  readonly inliers: readonly number[];
  readonly counts: {
    readonly given: number;
    readonly hidden: number;
    readonly repeated: number;
    readonly inliers: number;
    readonly effective: number;
  };
}

const RULES: PoseRules = { purpose: 'A spin calibration', atLeast: 6 };
const DEGREE = Math.PI / 180;
/** Less turning than this is refused, rad. */
const LEAST_SPIN = 45 * DEGREE;
/** Below this ratio of the second-least scattered direction to the axis, there is no one axis. */
const LEAST_RATIO = 2;
/** A tip within this angle of the plane across the axis gives no sign. */
const SIDEWAYS = Math.sin(15 * DEGREE);

/**
 * Finds the direction of a tool's shaft from poses recorded while the tool is spun about it, the shaft pointing one way:
 * R_i a = b. All pairs of poses count, each with the squared sine of half its angle; neighbours at 60 Hz count for
 * nothing. Only the direction is found: where the shaft runs is told by a pivot.
 *
 * @param list tracker (or reference) from tool marker
 * @throws NavError `calibration/too-few-poses` (fewer than 6), `calibration/hidden`, `calibration/identity-poses`,
 * `calibration/motionless`, `calibration/narrow` (turned by less than 45°), `calibration/not-finite`,
 * `calibration/not-rigid`, `calibration/bad-option`, `frame/mismatch`
 */
export function calibrateSpin<To extends string, From extends string>(
  list: PoseList<To, From>,
  options: SpinOptions<NoInfer<From>> = {},
): SpinCalibration<To, From> {
  const limits = { wobble: options.maxWobbleRad ?? 3 * DEGREE, axis95: options.maxAxis95Rad ?? 2 * DEGREE };
  requireOption('maxWobbleRad', limits.wobble);
  requireOption('maxAxis95Rad', limits.axis95);
  if (options.tip !== undefined) requireSameFrame(list.from, options.tip.frame, 'A spin calibration');
  const rules = { ...RULES, ...(options.acceptUnknown !== undefined && { acceptUnknown: options.acceptUnknown }) };
  const poses = usablePoses(list, rules);
  requireMotion(list, poses, rules);
  const fit = fitSpin(poses, options.robust !== 'none', options.seed ?? 1);
  const used = poses.indices.map((_, n) => n).filter((n) => at(fit.weights, n) > 0);
  const turned = covered(used.map((n) => at(fit.angles, n)));
  requireTurned(turned);
  return assembled(list, { poses, fit, used, turned, limits, tip: options.tip?.xyz });
}

function requireTurned(turned: number): void {
  if (turned >= LEAST_SPIN) return;
  throw new NavError(
    'calibration/narrow',
    `A spin calibration: the tool was only turned by ${(turned / DEGREE).toFixed(0)}° about its axis. Turn it by half a turn or more, the shaft ` +
      'pointing one way, and record again.',
    { detail: { spinDeg: turned / DEGREE } },
  );
}

interface Parts {
  readonly poses: UsablePoses;
  readonly fit: SpinFit;
  /** Places among the usable poses. */
  readonly used: readonly number[];
  readonly turned: number;
  readonly limits: { readonly wobble: number; readonly axis95: number };
  readonly tip: ArrayLike<number> | undefined;
}

function assembled<To extends string, From extends string>(list: PoseList<To, From>, parts: Parts): SpinCalibration<To, From> {
  const { poses, fit, used, turned, tip } = parts;
  const sign = signOf(fit.a, tip);
  const sizes = used.map((n) => at(fit.misfits, n));
  const rms = Math.sqrt(sizes.reduce((sum, m) => sum + m * m, 0) / sizes.length);
  const axis95 = radiusQuantile(fit.covariance, 0.95, fit.degreesOfFreedom);
  const findings = findingsOf(parts, rms, axis95, sign.known);
  return {
    outcome: findings.length === 0 ? 'ok' : 'failed',
    findings,
    from: list.from,
    to: list.to,
    axis: fit.a.map((x) => sign.value * x),
    axisInTracker: fit.b.map((x) => sign.value * x),
    sign: tip !== undefined && sign.known ? 'tip' : 'largest-component',
    covariance: fit.covariance,
    degreesOfFreedom: fit.degreesOfFreedom,
    axis95Deg: axis95 / DEGREE,
    rmsDeg: rms / DEGREE,
    maxDeg: Math.max(...sizes) / DEGREE,
    spinDeg: turned / DEGREE,
    usable: poses.indices,
    inliers: used.map((n) => at(poses.indices, n)),
    counts: {
      given: poses.given,
      hidden: poses.hidden,
      repeated: poses.repeated,
      inliers: used.length,
      effective: fit.effective,
    },
  };
}

/** The sign that points an axis to the tip, or makes its largest component positive. */
function signOf(a: ArrayLike<number>, tip: ArrayLike<number> | undefined): { value: 1 | -1; known: boolean } {
  const along = tip === undefined ? 0 : at(a, 0) * at(tip, 0) + at(a, 1) * at(tip, 1) + at(a, 2) * at(tip, 2);
  const length = tip === undefined ? 0 : Math.hypot(at(tip, 0), at(tip, 1), at(tip, 2));
  if (tip !== undefined && Math.abs(along) > SIDEWAYS * length) return { value: along > 0 ? 1 : -1, known: true };
  let most = 0;
  for (let i = 1; i < 3; i += 1) if (Math.abs(at(a, i)) > Math.abs(at(a, most))) most = i;
  return { value: at(a, most) >= 0 ? 1 : -1, known: tip === undefined };
}

function findingsOf({ poses, fit, used, limits }: Parts, rms: number, axis95: number, signKnown: boolean): SpinFinding[] {
  const findings: SpinFinding[] = [];
  if (rms > limits.wobble) {
    findings.push({
      code: 'wobble',
      message: `The axis wobbled by ${(rms / DEGREE).toFixed(1)}° (rms); ${(limits.wobble / DEGREE).toFixed(1)}° is the limit. Hold the shaft in a guide, or spin it between the fingers.`,
    });
  }
  const spread = orientationSpread(poses, fit.weights);
  if (spread.secondConeRad < LEAST_RATIO * spread.coneRad) {
    findings.push({
      code: 'no-single-axis',
      message: 'The tool was turned about several axes: there is no one axis to find. Spin it about its shaft only.',
    });
  }
  if (2 * used.length < poses.count) {
    findings.push({
      code: 'no-consensus',
      message: `Only ${used.length} of ${poses.count} poses agree on an axis. Keep the shaft pointing one way, and record again.`,
    });
  }
  if (axis95 > limits.axis95) {
    findings.push({
      code: 'uncertain',
      message: `The axis is only known to ${(axis95 / DEGREE).toFixed(1)}° (95 %); ${(limits.axis95 / DEGREE).toFixed(1)}° is the limit. Spin farther, and for longer.`,
    });
  }
  if (!signKnown) {
    findings.push({
      code: 'sign-unknown',
      message:
        'The tip lies beside the marker, across the axis found: which end of the shaft points forward is unknown. Check that the tool was spun about its shaft.',
    });
  }
  if (!fit.converged)
    findings.push({ code: 'not-converged', message: 'The reweighted fit did not settle. Record again, for longer.' });
  return findings;
}
