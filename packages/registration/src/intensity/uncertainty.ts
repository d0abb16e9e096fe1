import { aboutOrigin } from '../accuracy/pose-covariance.js';
import type { Motion } from './motion.js';

/** Errors that more samples do not lessen, by interpolation and by bins, as a share of the coarser image's voxel: measured. */
const SYSTEMATIC = 0.05;
/** The samples' own error is counted so many times: neighbouring samples share voxels, and so their noise. */
const SHARED = 2;

/**
 * Covariance of a rigid result, 6×6 row-major as in Transform.covariance of moving-from-fixed: what the samples say, plus an
 * isotropic part for what they cannot.
 * @param steps covariance of the steps of `moved`, 6×6, mm²; not finite where the optimum is flat
 * @param spacingMm mean voxel edge of the coarser image
 */
export function poseCovariance(
  steps: ArrayLike<number>,
  motion: Motion,
  radiusMm: number,
  spacingMm: number,
): Float64Array | undefined {
  const own = (SYSTEMATIC * spacingMm) ** 2;
  const c = new Float64Array(36);
  for (let i = 0; i < 6; i += 1) {
    for (let j = 0; j < 6; j += 1) {
      const unit = (i < 3 ? 1 : 1 / radiusMm) * (j < 3 ? 1 : 1 / radiusMm);
      c[6 * i + j] = (SHARED * (steps[6 * i + j] as number) + (i === j ? own : 0)) * unit;
    }
  }
  if (!c.every((x) => Number.isFinite(x))) return undefined;
  return aboutOrigin(c, motion.at);
}
