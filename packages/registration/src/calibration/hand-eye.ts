import { type Frame, NavError, requireSameFrame } from '@trocar/core';
import { invertRigid } from '@trocar/core/math';
import { assembled, type Names } from './hand-eye-assembly.js';
import { pairedPoses, requireAxes, requireConsistent } from './hand-eye-checks.js';
import { fitHandEye } from './hand-eye-fit.js';
import { settled } from './hand-eye-lasting.js';
import type { HandEyeModel, NoiseEnd, NoiseLevels } from './hand-eye-model.js';
import { type PosePairs, poseAt } from './hand-eye-motions.js';
import type { EdgeFrames, HandEyeCalibration, HandEyeOptions } from './hand-eye-result.js';
import { robustStart } from './hand-eye-start.js';
import type { PoseList } from './poses.js';

/**
 * Eye-in-hand calibration, A X = X B: where the camera (or tracked marker) sits in the hand that carries it, from poses of the hand in
 * its base and of one resting target in the eye, measured at the same moments. base-from-hand · X · eye-from-target is the same for
 * all of them, and comes as `otherEdge`.
 *
 * Closed forms from all motions and from random samples start it; maximum likelihood over the absolute poses finishes it, with noise
 * levels of positions and of both lists' rotations known or estimated, and disagreeing poses left out.
 *
 * @param hand frame that the eye is fixed to
 * @param eye frame of the camera or marker
 * @param baseFromHand poses of the hand, mm
 * @param eyeFromTarget poses of the target as the eye sees it, mm
 * @throws NavError `calibration/unpaired`, `calibration/too-few-poses` (fewer than 4 pairs), `calibration/not-finite`, `calibration/not-rigid`,
 * `calibration/identity-poses`, `calibration/hidden`, `calibration/motionless`, `calibration/narrow`, `calibration/parallel-axes`,
 * `calibration/units`, `calibration/inverted`, `calibration/mirrored`, `calibration/failed`, `calibration/bad-option`, `frame/mismatch`
 */
export function calibrateHandEye<H extends string, E extends string, B extends string, T extends string>(
  hand: Frame<H>,
  eye: Frame<E>,
  baseFromHand: PoseList<B, NoInfer<H>>,
  eyeFromTarget: PoseList<NoInfer<E>, T>,
  options: HandEyeOptions = {},
): HandEyeCalibration<H, E, B, T> {
  requireSameFrame(hand, baseFromHand.from, 'Hand-eye calibration');
  requireSameFrame(eye, eyeFromTarget.to, 'Hand-eye calibration');
  const names = { purpose: 'A hand-eye calibration', method: 'hand-eye', a: baseFromHand, b: eyeFromTarget };
  const frames = { xTo: hand, xFrom: eye, yTo: baseFromHand.to, yFrom: eyeFromTarget.from };
  return calibrate(frames, names, { turnA: false, turnB: false }, options);
}

/**
 * Eye-to-hand calibration: where a resting camera (or tracker) stands in the robot's base, from poses of the hand in its base and of a
 * target fixed to the hand. `edge` is base-from-eye, `otherEdge` hand-from-target. Otherwise as {@link calibrateHandEye}.
 * @throws NavError as {@link calibrateHandEye}
 */
export function calibrateEyeToHand<B extends string, E extends string, H extends string, T extends string>(
  base: Frame<B>,
  eye: Frame<E>,
  baseFromHand: PoseList<NoInfer<B>, H>,
  eyeFromTarget: PoseList<NoInfer<E>, T>,
  options: HandEyeOptions = {},
): HandEyeCalibration<B, E, H, T> {
  requireSameFrame(base, baseFromHand.to, 'Eye-to-hand calibration');
  requireSameFrame(eye, eyeFromTarget.to, 'Eye-to-hand calibration');
  const names = { purpose: 'An eye-to-hand calibration', method: 'eye-to-hand', a: baseFromHand, b: eyeFromTarget };
  const frames = { xTo: base, xFrom: eye, yTo: baseFromHand.from, yFrom: eyeFromTarget.from };
  return calibrate(frames, names, { turnA: true, turnB: false }, options);
}

/**
 * Robot-world calibration, A X = Y B: both where the marker sits in the hand (`edge`, hand-from-eye) and where the tracker stands
 * (`otherEdge`, base-from-world), from poses of the hand in its base and of the marker in the tracker's world. Otherwise as
 * {@link calibrateHandEye}.
 * @throws NavError as {@link calibrateHandEye}
 */
export function calibrateRobotWorld<H extends string, E extends string, B extends string, W extends string>(
  hand: Frame<H>,
  eye: Frame<E>,
  baseFromHand: PoseList<B, NoInfer<H>>,
  worldFromEye: PoseList<W, NoInfer<E>>,
  options: HandEyeOptions = {},
): HandEyeCalibration<H, E, B, W> {
  requireSameFrame(hand, baseFromHand.from, 'Robot-world calibration');
  requireSameFrame(eye, worldFromEye.from, 'Robot-world calibration');
  const names = { purpose: 'A robot-world calibration', method: 'robot-world', a: baseFromHand, b: worldFromEye };
  const frames = { xTo: hand, xFrom: eye, yTo: baseFromHand.to, yFrom: worldFromEye.to };
  return calibrate(frames, names, { turnA: false, turnB: true }, options);
}

function calibrate<XTo extends string, XFrom extends string, YTo extends string, YFrom extends string>(
  frames: EdgeFrames<XTo, XFrom, YTo, YFrom>,
  names: Names,
  turns: { readonly turnA: boolean; readonly turnB: boolean },
  options: HandEyeOptions,
): HandEyeCalibration<XTo, XFrom, YTo, YFrom> {
  const { purpose } = names;
  const seed = options.seed ?? 1;
  const levels = levelsOf(options);
  requireFolds(options.holdOut);
  const paired = pairedPoses(names.a, names.b, purpose, options.acceptUnknown === true);
  const pairs = turned(paired.pairs, turns);
  const end = (isTurned: boolean): NoiseEnd => (isTurned ? 'to' : 'from');
  const model: HandEyeModel = { pairs, endA: end(turns.turnA), endB: end(turns.turnB) };
  requireAxes(pairs, purpose, seed);
  const start = robustStart(pairs, seed);
  requireConsistent(pairs, start, [names.a.from.name, names.b.from.name], purpose, seed);
  const fitOptions = { robust: options.robust ?? ('tukey' as const), ...(levels && { levels }) };
  const order = paired.times.some(Number.isNaN) ? Float64Array.from(paired.indices) : paired.times;
  const fit = settled(fitHandEye(model, start.state, fitOptions), order, levels !== undefined);
  return assembled({ frames, names, paired, model, fit, options });
}

function turned(pairs: PosePairs, { turnA, turnB }: { readonly turnA: boolean; readonly turnB: boolean }): PosePairs {
  for (const stack of [...(turnA ? [pairs.a] : []), ...(turnB ? [pairs.b] : [])]) {
    for (let i = 0; i < pairs.count; i += 1) invertRigid(poseAt(stack, i), poseAt(stack, i));
  }
  return pairs;
}

/** More than this as a standard deviation of a rotation is degrees, not radians. */
const MOST_ROTATION_SD = 0.2;

function levelsOf({ noise }: HandEyeOptions): NoiseLevels | undefined {
  if (noise === undefined) return undefined;
  for (const [name, { positionSdMm, rotationSdRad }] of Object.entries(noise)) {
    if (positionSdMm >= 0 && rotationSdRad >= 0 && Number.isFinite(positionSdMm) && rotationSdRad <= MOST_ROTATION_SD) continue;
    throw new NavError(
      'calibration/bad-option',
      `The noise of "${name}" is ${positionSdMm} mm and ${rotationSdRad} rad. Standard deviations are not negative, and rotations are in radians.`,
      { detail: { name, positionSdMm, rotationSdRad } },
    );
  }
  const { hand, other } = noise;
  const position = hand.positionSdMm ** 2 + other.positionSdMm ** 2;
  const [rotationA, rotationB] = [hand.rotationSdRad ** 2, other.rotationSdRad ** 2];
  if (position > 0 && rotationA + rotationB > 0) return { position, rotationA, rotationB };
  throw new NavError('calibration/bad-option', 'A known noise needs some error in positions and some in rotations.', {
    detail: { position, rotationA, rotationB },
  });
}

function requireFolds(folds: number | undefined): void {
  if (folds === undefined || folds === 0 || (Number.isInteger(folds) && folds >= 2)) return;
  throw new NavError('calibration/bad-option', `holdOut is a number of folds from 2 on, or 0 for none, not ${folds}.`, {
    detail: { folds },
  });
}
