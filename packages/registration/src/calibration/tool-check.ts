import { type Point, requireSameFrame, type Transform } from '@trocar/core';
import { radiusQuantile, transformPoint } from '@trocar/core/math';
import type { Finding, ResultOutcome } from '../outcome.js';
import { at } from '../points/rigid-fit.js';
import { requireOption } from './pivot-checks.js';
import { misfits, pivotData, solvePivot, UNIT } from './pivot-fit.js';
import { correlationOf, noiseOf, pivotCovariance, roots } from './pivot-noise.js';
import { type PoseList, type PoseRules, type UsablePoses, usablePoses } from './poses.js';
import { orientationSpread, requireMillimetres } from './poses-spread.js';

/** What {@link checkTool} is held against. */
export interface ToolCheckOptions {
  /** The tip must lie within this of the known point, with 95 % confidence, mm. */
  readonly limitMm: number;
  /** Known error of the point itself, mm (rms length, isotropic). Default 0. */
  readonly pointSdMm?: number;
  readonly acceptUnknown?: boolean;
}

/**
 * `off`: the tip is beyond the limit; `unsure`: it may be, and the recording cannot tell; `bent`: the offset turns with
 * the tool, so that the tool or its calibration is wrong; `displaced`: the offset stays with the reference, so that the point
 * or the reference is; `same-orientation`: the tool was held one way, which cannot tell the two apart.
 */
export type ToolCheckFinding = Finding<'off' | 'unsure' | 'bent' | 'displaced' | 'same-orientation'>;

/** A tool held against a known point. */
export interface ToolCheck {
  /** Whether the tip is within the limit with 95 % confidence, and no offset of the tool or the reference exceeds it. */
  readonly pass: boolean;
  /** `failed` where it did not pass. */
  readonly outcome: ResultOutcome;
  readonly findings: readonly ToolCheckFinding[];
  /** Mean of tip minus point, in the frame of the point, mm. */
  readonly offset: Float64Array;
  readonly offsetMm: number;
  /** The true distance is below this with 95 % probability, mm: what is held against the limit. */
  readonly upper95Mm: number;
  /** Root-mean-square distance over single poses, and the largest, mm. */
  readonly rmsMm: number;
  readonly maxMm: number;
  /** Offset fixed to the tool (in the marker's frame), and offset fixed to the reference, mm; NaN with one orientation. */
  readonly inTool: Float64Array;
  readonly inReference: Float64Array;
  readonly poses: number;
  /** So many independent poses these are worth. */
  readonly effective: number;
}

const RULES: PoseRules = { purpose: 'A tool check', atLeast: 10, still: true };
/** From this cone on, an offset of the tool and one of the reference are told apart. */
const LEAST_CONE = (8 * Math.PI) / 180;
/** An offset is real beyond this confidence. */
const CONFIDENCE = 0.999;

/**
 * Holds a tool's tip in a known divot and says whether it is there. The mean offset counts, not the jitter of single
 * poses; where the tool is tilted meanwhile, the offset is split into a part that turns with the tool (bent tool, moved
 * marker, wrong calibration) and a part that does not (divot or reference moved): e_i = R_i c + d.
 *
 * @param list reference (or tracker) from tool marker, the tip in the divot
 * @param stylusFromTip the calibration under test
 * @param known the divot, in the list's `to` frame
 * @throws NavError `calibration/too-few-poses` (fewer than 10), `calibration/hidden`, `calibration/identity-poses`,
 * `calibration/units`, `calibration/not-finite`, `calibration/not-rigid`, `calibration/bad-option`, `frame/mismatch`
 */
export function checkTool<To extends string, From extends string, Tip extends string>(
  list: PoseList<To, From>,
  stylusFromTip: Transform<From, Tip>,
  known: Point<NoInfer<To>>,
  options: ToolCheckOptions,
): ToolCheck {
  requireOption('limitMm', options.limitMm);
  requireOption('pointSdMm', options.pointSdMm ?? 0, true);
  requireSameFrame(list.from, stylusFromTip.to, 'A tool check');
  requireSameFrame(list.to, known.frame, 'A tool check');
  const rules = { ...RULES, ...(options.acceptUnknown !== undefined && { acceptUnknown: options.acceptUnknown }) };
  const poses = usablePoses(list, rules);
  requireMillimetres(poses, rules);
  const tip = [12, 13, 14].map((i) => at(stylusFromTip.matrix, i));
  const errors = offsetsOf(poses, tip, known.xyz);
  const offset = meanOf(errors);
  const noise = noiseOfMean(errors, offset);
  const offsetMm = Math.hypot(...offset);
  const variance = noise.variance + (options.pointSdMm ?? 0) ** 2 / 3;
  const bound = radiusQuantile([variance, 0, 0, 0, variance, 0, 0, 0, variance], 0.95, noise.freedom);
  const sizes = Array.from({ length: poses.count }, (_, k) => Math.hypot(...errors.subarray(3 * k, 3 * k + 3)));
  const upper95Mm = offsetMm + bound;
  const split = splitOf(poses, errors);
  const findings = [...verdict(offsetMm, upper95Mm, bound, options.limitMm), ...causes(split, upper95Mm, options.limitMm)];
  return {
    pass: findings.length === 0,
    outcome: findings.length === 0 ? 'ok' : 'failed',
    findings,
    offset,
    offsetMm,
    upper95Mm,
    rmsMm: Math.sqrt(sizes.reduce((sum, r) => sum + r * r, 0) / sizes.length),
    maxMm: Math.max(...sizes),
    inTool: split?.tool ?? new Float64Array(3).fill(Number.NaN),
    inReference: split?.reference ?? new Float64Array(3).fill(Number.NaN),
    poses: poses.count,
    effective: noise.effective,
  };
}

/** R_i p + t_i − known, 3 each. */
function offsetsOf(poses: UsablePoses, tip: ArrayLike<number>, known: ArrayLike<number>): Float64Array {
  const out = new Float64Array(3 * poses.count);
  const q = new Float64Array(3);
  for (let k = 0; k < poses.count; k += 1) {
    transformPoint(q, poses.matrices.subarray(16 * k, 16 * k + 16), tip);
    for (let i = 0; i < 3; i += 1) out[3 * k + i] = at(q, i) - at(known, i);
  }
  return out;
}

function meanOf(errors: Float64Array): Float64Array {
  const mean = new Float64Array(3);
  errors.forEach((x, i) => {
    mean[i % 3] = at(mean, i % 3) + (3 * x) / errors.length;
  });
  return mean;
}

/** The variance of the mean per axis, with the correlation of poses in time, and its degrees of freedom. */
function noiseOfMean(errors: Float64Array, mean: Float64Array): { variance: number; freedom: number; effective: number } {
  const n = errors.length / 3;
  const left = errors.map((x, i) => x - at(mean, i % 3));
  const squares = left.reduce((sum, x) => sum + x * x, 0);
  const inflation = squares > 1e-18 * n ? correlationOf(left, new Float64Array(n).fill(1)).inflation : 1;
  const effective = Math.max(2, n / inflation);
  return { variance: squares / (3 * (n - Math.min(n / 2, inflation))) / effective, freedom: 3 * (effective - 1), effective };
}

/** An offset that turns with the tool and one that does not, each with the size that chance would reach. */
interface Split {
  readonly tool: Float64Array;
  readonly reference: Float64Array;
  readonly toolChance: number;
  readonly referenceChance: number;
}

function splitOf(poses: UsablePoses, errors: Float64Array): Split | undefined {
  if (orientationSpread(poses).coneRad < LEAST_CONE) return undefined;
  // R_i c + d = e_i is the pivot's equation with t_i = −e_i and q = −d.
  const data = { ...pivotData(poses), translations: errors.map((x) => -x) };
  const weights = new Float64Array(data.n).fill(1);
  const fit = solvePivot(data, weights, UNIT);
  if (fit === undefined) return undefined;
  const noise = noiseOf(data, misfits(data, fit.x), weights, 1);
  const covariance = pivotCovariance(data, fit, weights, UNIT, roots(noise.covariance, 1e6).root, noise.correlation);
  const chance = (start: number): number => {
    const own = Float64Array.from({ length: 9 }, (_, i) => at(covariance, 6 * (start + Math.floor(i / 3)) + start + (i % 3)));
    return radiusQuantile(own, CONFIDENCE, noise.degreesOfFreedom);
  };
  return { tool: fit.x.slice(0, 3), reference: fit.x.slice(3).map((x) => -x), toolChance: chance(0), referenceChance: chance(3) };
}

function verdict(offsetMm: number, upper95Mm: number, bound: number, limitMm: number): ToolCheckFinding[] {
  if (upper95Mm <= limitMm) return [];
  if (offsetMm - bound > limitMm) {
    const message = `The tip is ${offsetMm.toFixed(2)} mm from the known point; ${limitMm} mm is the limit. Do not use the tool: calibrate it again, or take another.`;
    return [{ code: 'off', message }];
  }
  const message =
    `The tip is ${offsetMm.toFixed(2)} mm from the known point, and up to ${upper95Mm.toFixed(2)} mm within 95 % confidence; ${limitMm} mm is ` +
    'the limit. Seat the tip and record for longer, tilting the tool.';
  return [{ code: 'unsure', message }];
}

function causes(split: Split | undefined, upper95Mm: number, limitMm: number): ToolCheckFinding[] {
  if (split === undefined) {
    if (upper95Mm <= limitMm) return [];
    return [
      {
        code: 'same-orientation',
        message:
          'The tool was held one way, so a bent tool and a moved reference look alike. Tilt it 30° to all sides, the tip in its divot.',
      },
    ];
  }
  const out: ToolCheckFinding[] = [];
  const [tool, reference] = [Math.hypot(...split.tool), Math.hypot(...split.reference)];
  // Turned all round, an offset that is fixed to the tool averages out of the mean: it counts by itself.
  if (tool > split.toolChance && tool > limitMm) {
    const message = `The offset turns with the tool: ${tool.toFixed(2)} mm, fixed to its marker. The tool is bent, its marker has moved, or its calibration is another tool's.`;
    out.push({ code: 'bent', message });
  }
  if (reference > split.referenceChance && reference > limitMm) {
    const message = `The offset does not turn with the tool: ${reference.toFixed(2)} mm, fixed to the reference. The reference has moved, or the point is another one.`;
    out.push({ code: 'displaced', message });
  }
  return out;
}
