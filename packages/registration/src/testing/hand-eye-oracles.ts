import { fromQuaternion, invertRigid, multiply4, type Random, rotationVectorOf } from '@trocar/core/math';
import { withTranslation } from '../calibration/hand-eye-closed.js';
import { type Motions, type PosePairs, poseAt } from '../calibration/hand-eye-motions.js';
import type { CalibrationPose } from '../calibration/poses.js';

/** Slow or plain counterparts of the hand-eye calibration, and scores that it shares no code with. */

/**
 * Tsai & Lenz 1989 (IEEE Trans. Robotics and Automation 5:345): modified Rodrigues vectors 2 sin(θ/2) n, the linear system
 * [p_A + p_B]× p′ = p_B − p_A, then the translations. Fails for motions near a half-turn, whose vectors may point either way, and near
 * a half-turn of X itself, where p′ grows without bound.
 */
export function tsaiLenz(motions: Motions): Float64Array | undefined {
  const normal = new Float64Array(9);
  const right = new Float64Array(3);
  const modified = (v: Float64Array): number[] => {
    const angle = Math.hypot(...v);
    return Array.from(v, (c) => (2 * Math.sin(angle / 2) * c) / angle);
  };
  for (let k = 0; k < motions.count; k += 1) {
    const p = modified(motions.alpha.subarray(3 * k, 3 * k + 3));
    const q = modified(motions.beta.subarray(3 * k, 3 * k + 3));
    const [x, y, z] = [0, 1, 2].map((i) => (p[i] as number) + (q[i] as number)) as [number, number, number];
    const rows = [
      [0, -z, y],
      [z, 0, -x],
      [-y, x, 0],
    ];
    rows.forEach((row, r) => {
      const d = (q[r] as number) - (p[r] as number);
      for (let i = 0; i < 3; i += 1) {
        right[i] = (right[i] as number) + (row[i] as number) * d;
        for (let j = 0; j < 3; j += 1)
          normal[3 * i + j] = (normal[3 * i + j] as number) + (row[i] as number) * (row[j] as number);
      }
    });
  }
  const v = solve3(normal, right);
  const size = Math.hypot(...v);
  const angle = 2 * Math.atan(size);
  const s = size > 0 ? Math.sin(angle / 2) / size : 0;
  const x = fromQuaternion(new Float64Array(16), [...v.map((c) => s * c), Math.cos(angle / 2)], [0, 0, 0]);
  return withTranslation(x, motions);
}

function solve3(m: Float64Array, b: Float64Array): number[] {
  const det = (c: readonly number[]): number => {
    const [a, d, g, e, h, k, f, i, l] = c as [number, number, number, number, number, number, number, number, number];
    return a * (h * l - k * i) - d * (e * l - k * f) + g * (e * i - h * f);
  };
  const whole = det([...m]);
  return [0, 1, 2].map((column) => {
    const replaced = [...m];
    for (let r = 0; r < 3; r += 1) replaced[3 * r + column] = b[r] as number;
    return det(replaced) / whole;
  });
}

/** Pose lists as stacks. */
export function stacked(a: readonly CalibrationPose[], b: readonly CalibrationPose[]): PosePairs {
  const stack = (poses: readonly CalibrationPose[]): Float64Array =>
    Float64Array.from(poses.flatMap((p) => Array.from(p.matrix)));
  return { count: a.length, a: stack(a), b: stack(b) };
}

/** Root mean square misfits of A X = X B over motions between random pairs of poses that turn by 10° and more: X alone is judged. */
export function motionMisfit(
  pairs: PosePairs,
  x: ArrayLike<number>,
  random: Random,
  motions: number,
): { readonly deg: number; readonly mm: number } {
  const [left, right, v] = [new Float64Array(16), new Float64Array(16), new Float64Array(3)];
  let [deg, mm, n] = [0, 0, 0];
  for (let tries = 0; n < motions && tries < 100 * motions; tries += 1) {
    const i = random.below(pairs.count);
    const j = random.below(pairs.count);
    multiply4(left, invertRigid(left, poseAt(pairs.a, j)), poseAt(pairs.a, i));
    if (Math.hypot(...rotationVectorOf(v, left)) < Math.PI / 18) continue;
    multiply4(right, poseAt(pairs.b, j), invertRigid(right, poseAt(pairs.b, i)));
    multiply4(left, left, x);
    multiply4(right, x, right);
    mm += [12, 13, 14].reduce((sum, k) => sum + ((left[k] as number) - (right[k] as number)) ** 2, 0);
    rotationVectorOf(v, multiply4(right, invertRigid(left, left), right));
    deg += ((Math.hypot(...v) * 180) / Math.PI) ** 2;
    n += 1;
  }
  return { deg: Math.sqrt(deg / n), mm: Math.sqrt(mm / n) };
}

// The closed forms that the calibration starts from, to be set beside it.
export { closures, daniilidis, kronecker, parkMartin } from '../calibration/hand-eye-closed.js';
export { motionsOf, type PosePairs } from '../calibration/hand-eye-motions.js';
