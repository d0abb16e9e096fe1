import { point } from '@trocar/core';
import type { ExactValue, RegistrationAccuracy, Session, SessionState } from '@trocar/core/session';
import { REFERENCE } from './frames.js';
import { isRefusal, type Refusal, tried } from './refusal.js';
import type { Proposal, RegistrationStep } from './registration-step.js';
import type { Touch } from './touch.js';

/** The kind of the records that hold what was touched; by the fiducials' numbers, from 1 as people count them. */
const TOUCH = 'touch';

/**
 * Keeps what a registration was made from: every touch, and whether a person left it out. Reference frame, mm. A touch that was kept of a
 * registration before, and is not made again, is taken back.
 * @throws NavError as `Session.acceptRecord`
 */
export async function keepTouches<F extends string, G extends string>(
  session: Session<G>,
  registration: RegistrationStep<F>,
  by: string,
): Promise<void> {
  const before = new Set(session.state.records.flatMap(({ kind, id }) => (kind === TOUCH ? [id] : [])));
  const values = registration.touches.map((touch, n) => (touch === undefined ? null : kept(touch, registration.isExcluded(n))));
  const named = values.map((value, n) => ({ id: String(n + 1), value }));
  const changed = named.filter(({ id, value }) => value !== null || before.has(id));
  await Promise.all(changed.map(({ id, value }) => session.acceptRecord(TOUCH, id, value, by)));
}

function kept({ point: at, samples, rmsMm, referenceFromTip }: Touch, leftOut: boolean): ExactValue {
  return { atMm: Float64Array.from(at.xyz), samples, rmsMm, referenceFromTip, leftOut };
}

/** Puts every kept touch where it was; why not, where one is none. */
export function restoreTouches<F extends string, G extends string>(
  registration: RegistrationStep<F>,
  { records }: Pick<SessionState<G>, 'records'>,
): Refusal | undefined {
  for (const { id, value } of records.filter((r) => r.kind === TOUCH && r.value !== null)) {
    const touch = tried(() => touchFrom(value));
    if (isRefusal(touch)) return touch;
    registration.setTouch(Number(id) - 1, touch);
    registration.setExcluded(Number(id) - 1, (value as { readonly leftOut?: ExactValue }).leftOut === true);
  }
  return undefined;
}

/** @throws NavError `pose/not-finite` */
function touchFrom(value: ExactValue): Touch {
  const { atMm, samples, rmsMm, referenceFromTip } = value as unknown as Touch & { readonly atMm: readonly number[] };
  return { point: point(REFERENCE, atMm), samples, rmsMm, referenceFromTip: Float64Array.from(referenceFromTip) };
}

/**
 * What was known of a proposal's accuracy when it was accepted.
 * @param acknowledged a person has read its findings, and takes it nevertheless
 * @param tre95Mm at the target, 95 %, mm: where more goes into it than the proposal knows
 */
export function accuracyOf<F extends string>(
  { registration, bound, fits }: Proposal<F>,
  acknowledged: boolean,
  tre95Mm: number = bound.p95Mm,
): RegistrationAccuracy {
  return {
    tre95Mm,
    freMm: registration.freMm,
    fleMm: registration.fleMm,
    residuals: fits.map(({ index, residualMm, expectedMm, flag }) => {
      return { label: String(index + 1), residualMm, expectedMm, used: flag !== 'leftOut' };
    }),
    findings: registration.findings.map((f) => f.message),
    acknowledged: acknowledged && registration.outcome !== 'ok',
  };
}

/** Where what was kept gives another registration than the one that was accepted. */
export const NOT_AS_ACCEPTED: Refusal = {
  code: 'not-as-accepted',
  message: 'What was touched does not give the registration that was accepted. Touch again.',
};

/** Where something changed while it was being written. */
export const CHANGED: Refusal = {
  code: 'changed-meanwhile',
  message: 'The registration changed while it was being kept: look at it again, then accept.',
};

/** Whether two lists of numbers have the same bits. */
export function sameBits(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return a.length === b.length && Array.from(a).every((v, i) => Object.is(v, b[i]));
}
