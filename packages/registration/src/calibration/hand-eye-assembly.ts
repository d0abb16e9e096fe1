import { requireSameFrame, transform } from '@trocar/core';
import { chiSquareTail, symmetricEigen } from '@trocar/core/math';
import { expectedTreOf } from '../accuracy/expected-tre.js';
import { median } from '../accuracy/robust.js';
import type { ResultOutcome } from '../outcome.js';
import { at } from '../points/rigid-fit.js';
import { type PairedPoses, requireAxes } from './hand-eye-checks.js';
import { type ExtraParameter, lengthFactor, timeOffset, velocities } from './hand-eye-extra.js';
import type { HandEyeFit } from './hand-eye-fit.js';
import { holdOut, misfitOf } from './hand-eye-holdout.js';
import type { SettledFit } from './hand-eye-lasting.js';
import { type HandEyeModel, PoseTerm } from './hand-eye-model.js';
import { axisDiversity, motionsOf, type PosePairs, poseAt, selected } from './hand-eye-motions.js';
import type { EdgeFrames, HandEyeCalibration, HandEyeFinding, HandEyeOptions, HandEyeResidual } from './hand-eye-result.js';
import { leverOf } from './hand-eye-start.js';
import type { AnyPoseList } from './poses.js';
import { screwMismatch, screwOf } from './screw.js';

/** What messages and provenance call things. */
export interface Names {
  readonly purpose: string;
  readonly method: string;
  readonly a: AnyPoseList;
  readonly b: AnyPoseList;
}

interface Assembly<XTo extends string, XFrom extends string, YTo extends string, YFrom extends string> {
  readonly frames: EdgeFrames<XTo, XFrom, YTo, YFrom>;
  readonly names: Names;
  readonly paired: PairedPoses;
  readonly model: HandEyeModel;
  readonly fit: SettledFit;
  readonly options: HandEyeOptions;
}

/** The public result of a fit, with its checks. */
export function assembled<XTo extends string, XFrom extends string, YTo extends string, YFrom extends string>({
  frames,
  names,
  paired,
  model,
  fit,
  options,
}: Assembly<XTo, XFrom, YTo, YFrom>): HandEyeCalibration<XTo, XFrom, YTo, YFrom> {
  const seed = options.seed ?? 1;
  const estimated = options.noise === undefined;
  const used = indicesOf(fit.weights);
  requireAxes(selected(model.pairs, used), names.purpose, seed);
  const axes = axisDiversity(motionsOf(selected(model.pairs, used), seed).alpha);
  const recorded = paired.times.every((t) => !Number.isNaN(t));
  const effectivePoses = used.length * fit.share;
  const jointCovariance = fit.covariance;
  const residuals = residualsOf(model, fit, paired.indices, seed);
  const common = {
    ...(estimated && { degreesOfFreedom: Math.max(1, 6 * effectivePoses - 12) }),
    provenance: { method: names.method, ...(options.inputs !== undefined && { inputs: options.inputs }) },
  };
  const edge = transform(frames.xTo, frames.xFrom, fit.state.x, { ...common, covariance: block(jointCovariance, 0) });
  const otherEdge = transform(frames.yTo, frames.yFrom, fit.state.y, { ...common, covariance: block(jointCovariance, 6) });
  const health = estimated ? undefined : healthOf(fit, used);
  const factor = lengthFactor(fit);
  const offset = recorded ? timeOffset(fit, paired.times) : undefined;
  const findings = [
    ...fitFindings(fit, used.length, health),
    ...determined(jointCovariance, leverOf(model.pairs)),
    ...factorFindings(factor, used.length / effectivePoses),
    ...offsetFindings(offset, model, fit, paired.times, used.length / effectivePoses),
  ];
  const outcome: ResultOutcome = findings.length === 0 ? 'ok' : 'failed';
  const folds = options.holdOut ?? 5;
  return {
    outcome,
    findings,
    edge,
    otherEdge,
    jointCovariance,
    residuals,
    rmsDeg: rmsOf(residuals, 'deg'),
    rmsMm: rmsOf(residuals, 'mm'),
    inliers: used.length,
    unused: names.a.poses.length - model.pairs.count,
    effectivePoses,
    errors: fit.errors,
    noise: {
      positionSdMm: Math.sqrt(fit.levels.position),
      handRotationSdRad: Math.sqrt(fit.levels.rotationA),
      otherRotationSdRad: Math.sqrt(fit.levels.rotationB),
      estimated,
    },
    axes,
    health,
    holdOut: folds === 0 ? undefined : holdOut(model, fit, { folds, seed, stretches: recorded }),
    lengthFactor: factor,
    timeOffsetMs: offset,
    expectedTre(target) {
      requireSameFrame(frames.xTo, target.frame, 'Predicting the target registration error');
      return expectedTreOf(edge, target);
    },
  };
}

function indicesOf(weights: ArrayLike<number>): number[] {
  return Array.from(weights, (w, i) => (w > 0 ? i : -1)).filter((i) => i >= 0);
}

/** The 6×6 block of a 12×12 matrix that begins on its diagonal at `from`. */
function block(joint: Float64Array, from: number): Float64Array {
  const out = new Float64Array(36);
  for (let i = 0; i < 6; i += 1)
    for (let j = 0; j < 6; j += 1) {
      out[6 * i + j] = (at(joint, 12 * (from + i) + from + j) + at(joint, 12 * (from + j) + from + i)) / 2;
    }
  return out;
}

function rmsOf(residuals: readonly HandEyeResidual[], of: 'deg' | 'mm'): number {
  const used = residuals.filter((r) => r.used);
  return Math.sqrt(used.reduce((sum, r) => sum + r[of] ** 2, 0) / used.length);
}

function residualsOf(model: HandEyeModel, fit: HandEyeFit, indices: ArrayLike<number>, seed: number): HandEyeResidual[] {
  const term = new PoseTerm();
  const screws = screwCheck(model.pairs, fit.weights, seed);
  return Array.from({ length: model.pairs.count }, (_, i) => {
    term.evaluate(model, fit.state, i, false);
    return {
      index: at(indices, i),
      used: at(fit.weights, i) > 0,
      ...misfitOf(term),
      normalised: Math.sqrt(at(fit.distances, i) / 6),
      screwDeg: (at(screws.angles, i) * 180) / Math.PI,
      screwMm: at(screws.slides, i),
    };
  });
}

/** Median screw mismatch of each pose's motions to poses in use. */
function screwCheck(pairs: PosePairs, weights: ArrayLike<number>, seed: number): { angles: Float64Array; slides: Float64Array } {
  const motions = motionsOf(pairs, seed);
  const lists = Array.from({ length: pairs.count }, () => ({ angles: [] as number[], slides: [] as number[] }));
  for (let k = 0; k < motions.count; k += 1) {
    const { angleRad, slideMm } = screwMismatch(screwOf(poseAt(motions.a, k)), screwOf(poseAt(motions.b, k)));
    const [i, j] = [at(motions.first, k), at(motions.second, k)];
    for (const [one, other] of [
      [i, j],
      [j, i],
    ] as const) {
      if (!(at(weights, other) > 0)) continue;
      lists[one]?.angles.push(angleRad);
      lists[one]?.slides.push(slideMm);
    }
  }
  return {
    angles: Float64Array.from(lists, (l) => median(Float64Array.from(l.angles))),
    slides: Float64Array.from(lists, (l) => median(Float64Array.from(l.slides))),
  };
}

function healthOf(fit: HandEyeFit, used: readonly number[]): NonNullable<HandEyeCalibration<'x', 'x', 'y', 'y'>['health']> {
  const chiSquare = used.reduce((sum, i) => sum + at(fit.distances, i), 0);
  const degreesOfFreedom = 6 * used.length - 12;
  return { chiSquare, degreesOfFreedom, pValue: chiSquareTail(chiSquare, degreesOfFreedom) };
}

const ALARM = 0.001;
const MOST_OUTLIERS = 0.3;

function fitFindings(fit: HandEyeFit, used: number, health: HandEyeCalibration<'x', 'x', 'y', 'y'>['health']): HandEyeFinding[] {
  const findings: HandEyeFinding[] = [];
  const share = 1 - used / fit.weights.length;
  if (health !== undefined && health.pValue < ALARM) {
    findings.push({
      code: 'poor-fit',
      message:
        `The misfits are larger than the stated noise allows (χ² ${health.chiSquare.toFixed(1)} with ${health.degreesOfFreedom} degrees of ` +
        'freedom). Look for a loose mount or a lag between the lists, or correct the stated noise.',
    });
  }
  if (share > MOST_OUTLIERS) {
    findings.push({
      code: 'many-outliers',
      message: `${Math.round(100 * share)} % of the poses disagree with the rest. Check the mount, the pairing and the tracking, and record again.`,
    });
  }
  if (!fit.converged)
    findings.push({ code: 'not-converged', message: 'The fit did not settle. Record more poses, turned further.' });
  return findings;
}

/** Standard deviations beyond which first-order theory, and the calibration, are of no use. */
const MOST_ROTATION_SD_DEG = 2;
const MOST_POSITION_SHARE = 0.1;

function determined(joint: Float64Array, lever: number): HandEyeFinding[] {
  const x = block(joint, 0);
  const corner = (from: number): number[] => [0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => at(x, 6 * (from + i) + from + j)));
  const largest = (from: number): number => Math.sqrt(Math.max(0, at(symmetricEigen(corner(from), 3).values, 0)));
  const [mm, deg] = [largest(0), (largest(3) * 180) / Math.PI];
  if (mm <= MOST_POSITION_SHARE * lever && deg <= MOST_ROTATION_SD_DEG) return [];
  return [
    {
      code: 'weakly-determined',
      message:
        `In its worst direction the result is known to ±${mm.toPrecision(2)} mm and ±${deg.toPrecision(2)}° (one standard deviation). ` +
        'Add poses that turn further, about other axes.',
    },
  ];
}

const SURE = 4;
const SURE_LAG = 3;
const LEAST_FACTOR = 0.005;

function factorFindings(factor: ExtraParameter | undefined, inflation: number): HandEyeFinding[] {
  if (factor === undefined) return [];
  const off = Math.abs(factor.value - 1);
  if (!(off > LEAST_FACTOR && off > SURE * factor.sd * Math.sqrt(inflation))) return [];
  return [
    {
      code: 'length-factor',
      message:
        `Lengths of the second list fit best when multiplied by ${factor.value.toFixed(4)} ± ${factor.sd.toFixed(4)}. ` +
        "Check the calibration target's size and the camera's intrinsics.",
    },
  ];
}

function offsetFindings(
  offset: ExtraParameter | undefined,
  model: HandEyeModel,
  fit: HandEyeFit,
  times: ArrayLike<number>,
  inflation: number,
): HandEyeFinding[] {
  if (offset === undefined || !(Math.abs(offset.value) > SURE_LAG * offset.sd * Math.sqrt(inflation))) return [];
  // It matters where it moves the usual pose by more than a quarter of the noise.
  const v = velocities(model, times);
  const size = (i: number, from: number): number =>
    Math.hypot(at(v, 6 * i + from), at(v, 6 * i + from + 1), at(v, 6 * i + from + 2));
  const moving = Array.from({ length: model.pairs.count }, (_, i) => i).filter((i) => !Number.isNaN(at(v, 6 * i)));
  const usual = (from: number): number => median(Float64Array.from(moving, (i) => size(i, from))) * Math.abs(offset.value);
  const rotationSd = Math.sqrt(fit.levels.rotationA + fit.levels.rotationB);
  if (usual(0) < 0.25 * Math.sqrt(fit.levels.position) && usual(3) < 0.25 * rotationSd) return [];
  return [
    {
      code: 'time-offset',
      message:
        `The first list fits the second best when read ${offset.value.toFixed(1)} ± ${offset.sd.toFixed(1)} ms later. ` +
        'Pair them with that offset: pairInTime() takes it.',
    },
  ];
}
