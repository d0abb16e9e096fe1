import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Frame } from '@trocar/core';
import { fromQuaternion } from '@trocar/core/math';
import type { CalibrationPose, PoseList } from '../../calibration/poses.js';
import { base, eye, hand, invertedPose, target } from '../hand-eye.js';

/** A real robot arm that carries a camera past a calibration target, for tests: TROCAR_DATA/tracking/hand-eye. */

/** Where the recording is expected. */
export const robotArmFolder: string = resolve(
  process.env['TROCAR_DATA'] ?? resolve(import.meta.dirname, '../../../../../../shared/data'),
  'tracking/hand-eye/robot_arm_w_color_camera_real/robot_arm',
);

/** Rows of seconds, metres and a quaternion x, y, z, w without a header, as poses in ms (of the recording) and mm. */
function readPoses<A extends string, B extends string>(name: string, to: Frame<A>, from: Frame<B>): PoseList<A, B> {
  const rows = readFileSync(resolve(robotArmFolder, name), 'utf8')
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split(',').map(Number));
  const poses = rows.map(([t = 0, x = 0, y = 0, z = 0, ...q]): CalibrationPose => {
    const size = Math.hypot(...q);
    const unit = q.map((c) => c / size);
    return {
      matrix: fromQuaternion(new Float64Array(16), unit, [1000 * x, 1000 * y, 1000 * z]),
      timeMs: 1000 * (t - 1487321560),
    };
  });
  return { to, from, poses };
}

/** The two recordings, each on its own times: the hand at 50 Hz, the camera's view of the target at 30 Hz. */
export function readRobotArm(): {
  readonly baseFromHand: PoseList<'base', 'hand'>;
  readonly eyeFromTarget: PoseList<'eye', 'target'>;
} {
  const baseFromHand = readPoses('robot_arm_complete_bag_color_and_ir_base_link_sr300_hinge.csv', base, hand);
  // The file holds the camera's pose in the target's frame.
  const seen = readPoses('robot_arm_complete_bag_color_and_ir_target_ir.csv', target, eye);
  return { baseFromHand, eyeFromTarget: { to: eye, from: target, poses: seen.poses.map(invertedPose) } };
}
