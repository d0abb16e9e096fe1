import { NavError, type NavErrorCode } from '../../base/index.js';
import { requireSameFrame } from '../../frames/index.js';
import type { PatientIdentity, Volume } from '../../volume/index.js';
import type { StraightPlan } from '../plan.js';
import type { PlanSet, Side } from './plan-set.js';

/** What a plan of several ways is to be used on: the images, and the side that a person has confirmed at the patient. */
export interface PlanUse<in out F extends string>
  extends Pick<Volume<F>, 'frame' | 'frameOfReferenceUid' | 'patient' | 'series'> {
  /** Confirmed at the patient, not taken from the plan; undefined: nobody has. */
  readonly side: Side | undefined;
}

/** One thing in which a plan and its use do not agree. */
export interface PlanDifference {
  readonly code: Extract<NavErrorCode, `guidance/wrong-${string}`>;
  /** For a person; without a name, an ID or a date of birth. */
  readonly message: string;
}

/**
 * Everything in which a plan differs from what it is to be used on: patient, side, frame of reference, series, in this order. Empty: it may
 * be used. What the plan states and the images do not say counts as different, for unknown is not the same.
 */
export function planDifferences<F extends string>(plan: PlanSet<F>, on: PlanUse<NoInfer<F>>): readonly PlanDifference[] {
  const out: PlanDifference[] = [];
  for (const field of ['id', 'birthDate', 'name', 'sex'] as const) {
    const word = patientDifference(plan.patient, on.patient, field);
    if (word !== undefined) out.push({ code: 'guidance/wrong-patient', message: `${PATIENT_WORDS[field]} ${word}` });
  }
  if (plan.side !== on.side) {
    const confirmed = on.side === undefined ? 'no side was confirmed' : `"${on.side}" was confirmed`;
    out.push({ code: 'guidance/wrong-side', message: `the plan is for "${plan.side}", but ${confirmed} at the patient` });
  }
  const uid = (code: PlanDifference['code'], what: string, planned: string, here: string | undefined): void => {
    if (planned !== here)
      out.push({ code, message: `the plan is of ${what} ${planned}, the images of ${here ?? 'an unnamed one'}` });
  };
  uid('guidance/wrong-frame-of-reference', 'frame of reference', plan.frameOfReferenceUid, on.frameOfReferenceUid);
  uid('guidance/wrong-series', 'series', plan.seriesUid, on.series.seriesUid);
  return out;
}

const PATIENT_WORDS = { id: 'the patient ID', birthDate: 'the date of birth', name: 'the name', sex: 'the sex' } as const;

function patientDifference(plan: PatientIdentity, on: PatientIdentity, field: keyof PatientIdentity): string | undefined {
  // What the plan does not state cannot differ; the ID it always states.
  if (plan[field] === undefined || plan[field] === on[field]) return undefined;
  return on[field] === undefined ? 'is not in the images' : 'is another one in the images';
}

/**
 * Refuses to use a plan on images it was not made on, before anything is accepted. A plan or a volume that does not say which frame of
 * reference it is of is refused too: unknown is not the same. A {@link PlanSet} is also held to its patient, its side and its series.
 * @throws NavError `guidance/wrong-patient`, `guidance/wrong-side`, `guidance/wrong-frame-of-reference` or `guidance/wrong-series`: the first
 * that differs; the message and `detail.differences` name all of them. `frame/mismatch`
 */
export function requirePlanFor<F extends string>(
  plan: StraightPlan<F>,
  on: Pick<Volume<NoInfer<F>>, 'frame' | 'frameOfReferenceUid'>,
): void;
export function requirePlanFor<F extends string>(plan: PlanSet<F>, on: PlanUse<NoInfer<F>>): void;
export function requirePlanFor<F extends string>(
  plan: StraightPlan<F> | PlanSet<F>,
  on: Pick<Volume<F>, 'frame' | 'frameOfReferenceUid'> | PlanUse<F>,
): void {
  requireSameFrame(on.frame, plan.frame, 'Using a plan on a volume');
  if ('trajectories' in plan) requireNoDifference(planDifferences(plan, on as PlanUse<F>));
  else requireFrameOfReference(plan, on);
}

function requireNoDifference(differences: readonly PlanDifference[]): void {
  const first = differences[0];
  if (first === undefined) return;
  throw new NavError(
    first.code,
    `The plan does not belong here: ${differences.map((one) => one.message).join('; ')}. Load what it was made on, or plan again.`,
    { detail: { differences: differences.map((one) => one.code) } },
  );
}

function requireFrameOfReference(
  plan: Pick<StraightPlan<string>, 'frameOfReferenceUid'>,
  on: Pick<Volume<string>, 'frameOfReferenceUid'>,
): void {
  if (plan.frameOfReferenceUid !== undefined && plan.frameOfReferenceUid === on.frameOfReferenceUid) return;
  const say = (uid: string | undefined): string => (uid === undefined ? 'an unnamed frame of reference' : uid);
  throw new NavError(
    'guidance/wrong-frame-of-reference',
    `The plan was made on ${say(plan.frameOfReferenceUid)}, but the volume is of ${say(on.frameOfReferenceUid)}. ` +
      'Plan again on these images, or load those it was made on.',
    { detail: { plan: plan.frameOfReferenceUid, volume: on.frameOfReferenceUid } },
  );
}
