import type { PoseView } from '@trocar/core';
import type { ShaftGuidance, ShaftState } from '@trocar/core/guidance';
import { type Refusal, refusal } from '../../suite/src/refusal.js';
import type { GateStep } from './gate-step.js';
import type { GuideStep } from './guide-step.js';
import type { Stage } from './stages.js';

/** Why something may not be done now, where it is always the same. */
export const WHY_NOT = {
  noGate: refusal(
    'no-gate',
    'No regular breathing is seen, so nobody knows when the patient lies as in the CT. Let the patient breathe quietly, then touch again.',
  ),
  gateClosed: refusal(
    'gate-closed',
    'The patient is not at the end of expiration: the liver is elsewhere than in the CT. Wait until the gate is open.',
  ),
  referenceMoved: refusal(
    'reference-moved',
    'The reference was pushed against the patient: nothing is where it is shown. Fix it, and register again.',
  ),
} as const satisfies Record<string, Refusal>;

/** What {@link whyNotBurn} looks at, of a procedure. */
interface Burning {
  readonly stage: Stage;
  readonly guiding: Pick<GuideStep, 'referenceMoved'>;
  readonly tipInImage: PoseView;
  readonly gate: Pick<GateStep, 'phase'>;
  readonly guidance: ShaftState;
  readonly guide: ShaftGuidance<'ct'> | undefined;
}

/**
 * Why nothing may be burnt now; undefined where it may.
 * @param beside a person burns although the tip does not lie where it was planned
 */
export function whyNotBurn({ stage, guiding, tipInImage, gate, guidance, guide }: Burning, beside: boolean): Refusal | undefined {
  if (stage !== 'guide') return { code: 'wrong-stage', message: `Burning follows guiding, not "${stage}".` };
  if (guiding.referenceMoved) return WHY_NOT.referenceMoved;
  if (!tipInImage.isLive) {
    const gated = gate.phase !== 'open' && tipInImage.hasPose;
    return gated ? WHY_NOT.gateClosed : refusal('not-visible', 'Where the applicator’s tip is is not known now.');
  }
  if (guidance === 'breach') {
    return refusal('too-near', 'The shaft may be nearer to a structure than its margin. Lay it otherwise.');
  }
  if (guidance === 'onTarget' || beside) return undefined;
  const off = guide?.deviation.distanceToTargetMm.toFixed(1);
  return refusal('not-on-target', 'The tip lies {off} mm from where it was planned. Correct it, or say that you burn here.', {
    off: off ?? '–',
  });
}
