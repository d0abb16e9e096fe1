import { NavError } from '@trocar/core';
import { determinant3, rotationAngleBetween, svd3 } from '@trocar/core/math';
import { at } from '../points/rigid-fit.js';
import { type AnyPoseList, motionless, type PoseRules, type UsablePoses } from './poses.js';

/** Less rotation and less travel than this (root mean square) is a tracker's noise, not a movement. */
const STILL_RAD = (0.5 * Math.PI) / 180;
const STILL_MM = 1;

/** How much poses move, root mean square about their mean. */
export interface Movement {
  readonly rotationRad: number;
  readonly travelMm: number;
}

/** How much the poses move about their mean pose. */
export function movementOf(poses: UsablePoses): Movement {
  const { mean } = orientationSpread(poses);
  const centre = new Float64Array(3);
  for (let k = 0; k < poses.count; k += 1) {
    for (let i = 0; i < 3; i += 1) centre[i] = at(centre, i) + at(poses.matrices, 16 * k + 12 + i) / poses.count;
  }
  let turned = 0;
  let travelled = 0;
  for (let k = 0; k < poses.count; k += 1) {
    turned += rotationAngleBetween(mean, poses.matrices.subarray(16 * k, 16 * k + 16)) ** 2;
    for (let i = 0; i < 3; i += 1) travelled += (at(poses.matrices, 16 * k + 12 + i) - at(centre, i)) ** 2;
  }
  return { rotationRad: Math.sqrt(turned / poses.count), travelMm: Math.sqrt(travelled / poses.count) };
}

/**
 * Refuses a tool that was held still.
 * @throws NavError `calibration/motionless`
 */
export function requireMotion(list: AnyPoseList, poses: UsablePoses, rules: PoseRules): void {
  const { rotationRad, travelMm } = movementOf(poses);
  if (rotationRad < STILL_RAD && travelMm < STILL_MM) throw motionless(list, rules, poses.count);
}

/** A tool is never this near the tracker's or the reference's origin in most poses, mm: a metre is. */
const METRES_BELOW = 3;
/** No tracker sees this far, mm: micrometres. */
const MICROMETRES_ABOVE = 1e5;
/** This share of the poses decides: the others may be outliers. */
const USUAL_SHARE = 0.75;
/** Rotations below this are no sign that the tool was handled. */
const HANDLED_RAD = (10 * Math.PI) / 180;

/**
 * Refuses lengths that cannot be millimetres: metres (three of four positions within 3 mm of the origin while the tool turns) or
 * micrometres (one in four beyond 100 m).
 * @throws NavError `calibration/units`
 */
export function requireMillimetres(poses: UsablePoses, rules: PoseRules): void {
  const distances = Float64Array.from({ length: poses.count }, (_, k) =>
    Math.hypot(...poses.matrices.subarray(16 * k + 12, 16 * k + 15)),
  ).sort();
  // A few wild poses are outliers, and tell nothing of the unit.
  const most = distances[Math.floor(USUAL_SHARE * (poses.count - 1))] ?? 0;
  const metres = most > 0 && most < METRES_BELOW && orientationSpread(poses).widestRad > HANDLED_RAD;
  if (!metres && !(most > MICROMETRES_ABOVE)) return;
  throw new NavError(
    'calibration/units',
    `${rules.purpose}: the tool's origin is ${metres ? 'at most' : 'up to'} ${most.toPrecision(3)} mm from the frame's in three of four poses, ` +
      `${metres ? 'while the tool turns: these are metres. Multiply positions by 1000' : 'which no tracker reaches. Give positions in mm'}.`,
    { detail: { farthestMm: most, metres } },
  );
}

/** How the orientations of a recording spread. */
export interface OrientationSpread {
  /** The mean orientation (chordal), 16 doubles, column-major, no translation. */
  readonly mean: Float64Array;
  /**
   * Mean of the rotation matrices, 9 doubles row-major: not a rotation. |R̄ d| is how much a tool direction d keeps to
   * one direction of the tracker: 1 where it never turns.
   */
  readonly meanMatrix: Float64Array;
  /** Twice the largest angle from the mean orientation: about the largest between any two poses, rad. */
  readonly widestRad: number;
  /**
   * Half-angle (rad) of the evenly filled cone that scatters a direction as much as that tool direction is scattered
   * which turns least: what a pivot calibration is determined by. 0 for rotation about a single axis, however far.
   */
  readonly coneRad: number;
  /** The same for the tool direction that turns second least: a single axis has this large and `coneRad` small. */
  readonly secondConeRad: number;
  /** The tool direction that turns least, a unit vector in the tool's frame: the axis, where there is a single one. */
  readonly leastTurned: Float64Array;
}

/**
 * How orientations spread. With R̄ the mean of the rotation matrices, 1 − |R̄ d|² is the directional variance of the tool
 * direction d; its smallest value over d is the smallest eigenvalue of I − R̄ᵀR̄, which is also the information per pose
 * that a pivot holds on the tip along d (the Schur complement of its normal matrix).
 * @param weights one for each pose, ≥ 0; all alike where absent
 */
export function orientationSpread(
  poses: Pick<UsablePoses, 'count' | 'matrices'>,
  weights?: ArrayLike<number>,
): OrientationSpread {
  const meanMatrix = meanRotationMatrix(poses, weights);
  const { s, u, v } = svd3(meanMatrix);
  const mean = nearestRotation(u, v);
  let widest = 0;
  for (let k = 0; k < poses.count; k += 1) {
    if (weights !== undefined && !(at(weights, k) > 0)) continue;
    widest = Math.max(widest, rotationAngleBetween(mean, poses.matrices.subarray(16 * k, 16 * k + 16)));
  }
  return {
    mean,
    meanMatrix,
    widestRad: Math.min(Math.PI, 2 * widest),
    coneRad: coneOf(at(s, 0)),
    secondConeRad: coneOf(at(s, 1)),
    leastTurned: Float64Array.of(at(v, 0), at(v, 3), at(v, 6)),
  };
}

/** The half-angle of an evenly filled cone of directions whose mean has this length: |mean| = (1 + cos α) / 2. */
function coneOf(resultant: number): number {
  return Math.acos(Math.max(-1, Math.min(1, 2 * resultant - 1)));
}

function meanRotationMatrix(poses: Pick<UsablePoses, 'count' | 'matrices'>, weights?: ArrayLike<number>): Float64Array {
  const out = new Float64Array(9);
  let total = 0;
  for (let k = 0; k < poses.count; k += 1) {
    const w = weights === undefined ? 1 : at(weights, k);
    total += w;
    for (let r = 0; r < 3; r += 1) {
      for (let c = 0; c < 3; c += 1) out[3 * r + c] = at(out, 3 * r + c) + w * at(poses.matrices, 16 * k + 4 * c + r);
    }
  }
  return out.map((x) => x / total);
}

/** U · diag(1, 1, ±1) · Vᵀ as a column-major 4×4: the rotation nearest to U S Vᵀ. */
function nearestRotation(u: ArrayLike<number>, v: ArrayLike<number>): Float64Array {
  const sign = determinant(u) * determinant(v) < 0 ? -1 : 1;
  const out = new Float64Array(16);
  out[15] = 1;
  for (let r = 0; r < 3; r += 1) {
    for (let c = 0; c < 3; c += 1) {
      out[4 * c + r] =
        at(u, 3 * r) * at(v, 3 * c) + at(u, 3 * r + 1) * at(v, 3 * c + 1) + sign * at(u, 3 * r + 2) * at(v, 3 * c + 2);
    }
  }
  return out;
}

function determinant(m: ArrayLike<number>): number {
  return determinant3([at(m, 0), at(m, 3), at(m, 6), 0, at(m, 1), at(m, 4), at(m, 7), 0, at(m, 2), at(m, 5), at(m, 8)]);
}
