import { formatBound, formatMm } from '@trocar/core/guidance';
import { type Refusal, refusal } from './refusal.js';
import type { Proposal } from './registration-step.js';

/** The largest error that a plan allows at its target, 95 %, mm: of `StraightPlan`; undefined where it sets no limit. */
export interface Limited {
  readonly maxTre95Mm?: number | undefined;
}

/** Careful touches of divots err by about half a millimetre; by more than this, and patient or reference have moved, mm. */
const LARGEST_FLE_MM = 2.5;

/** Whether the error that is expected at the target keeps the limit of the plan: true where the plan sets none. */
export function keepsLimit(plan: Limited, p95Mm: number): boolean {
  return plan.maxTre95Mm === undefined || p95Mm <= plan.maxTre95Mm;
}

/** The limit and what is expected, in one line: what a person accepts by. */
export function limitLine(plan: Limited, p95Mm: number): string {
  const limit = plan.maxTre95Mm === undefined ? 'the plan sets no limit' : `limit ${formatMm(plan.maxTre95Mm)}`;
  return `${limit}, expected ${formatBound(p95Mm)} (95 %)`;
}

/**
 * Why a proposal may not be accepted, the weightiest reason first; undefined where it may.
 * @param acknowledged a person has read the findings of a suspect registration and takes it nevertheless
 */
export function whyNotAccepted<F extends string>(
  { registration, bound, suggestion }: Proposal<F>,
  plan: Limited,
  acknowledged: boolean,
): Refusal | undefined {
  if (!Number.isFinite(bound.p95Mm)) {
    return refusal(
      'no-bound',
      'The error at the target is unknown, so this registration cannot be used. Calibrate the stylus first.',
    );
  }
  const advice = suggestion === undefined ? '' : ` ${suggestion.message}`;
  const { fleMm } = registration;
  const moved = refusal(
    'moved-between-touches',
    'The touches disagree by {fle} mm, at most {most} mm is credible: the reference moved against the patient, or fiducials were missed. Fix the reference and touch all of them again.',
    { fle: fleMm.toFixed(1), most: LARGEST_FLE_MM },
  );
  // One bad touch is named by itself; only where none is does everything have to be touched again.
  if (fleMm > LARGEST_FLE_MM && suggestion === undefined) return moved;
  if (!keepsLimit(plan, bound.p95Mm)) {
    return {
      code: 'beyond-plan-limit',
      message:
        `The error at the target is too large for this plan: ${limitLine(plan, bound.p95Mm)}.${advice}` +
        (suggestion === undefined ? ' Touch fiducials again, or more of them around the target.' : ''),
    };
  }
  if (registration.outcome !== 'ok' && !acknowledged) {
    const why = suggestion?.message ?? registration.findings.map((f) => f.message).join(' ');
    return { code: 'suspect', message: `The registration is suspect: ${why}` };
  }
  return fleMm > LARGEST_FLE_MM ? moved : undefined;
}
