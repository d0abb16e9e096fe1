import { type Frame, requireSameFrame } from '../frames/index.js';
import type { FiducialMark, PlanMarks } from './model.js';
import type { StageFiducial, StagePlan } from './stage-types.js';

/**
 * A plan in numbers.
 * @throws NavError `frame/mismatch`
 */
export function planMarks<F extends string>(plan: StagePlan<F>, frame: Frame<F>): PlanMarks {
  requireSameFrame(frame, plan.entry.frame, 'Showing a plan');
  requireSameFrame(frame, plan.target.frame, 'Showing a plan');
  return {
    entry: plan.entry.xyz,
    target: plan.target.xyz,
    targetRadiusMm: plan.targetRadiusMm ?? 4,
    corridorRadiusMm: plan.corridorRadiusMm ?? 3,
  };
}

/**
 * Fiducials in numbers.
 * @throws NavError `frame/mismatch`
 */
export function fiducialMarks<F extends string>(fiducials: readonly StageFiducial<F>[], frame: Frame<F>): FiducialMark[] {
  return fiducials.map((f, n) => {
    requireSameFrame(frame, f.point.frame, `Showing fiducial ${n + 1}`);
    return { xyz: f.point.xyz, label: f.label ?? String(n + 1), state: f.state ?? 'pending', offset: f.offset };
  });
}
