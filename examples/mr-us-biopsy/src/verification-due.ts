import type { Refusal } from '../../suite/src/refusal.js';
import type { GlandDrift } from './moved-watch.js';

/**
 * Why landmarks must be held against the registration again: the gland was seen elsewhere, the procedure was taken up after a crash, or a
 * person wants it.
 */
export type VerificationCause = 'moved' | 'restored' | 'asked';

/** Why no core can be taken before landmarks were held against the registration again. */
export function whyVerify(cause: VerificationCause, drift: GlandDrift | undefined): Refusal {
  const then = 'Mark landmarks again and verify, or sweep again.';
  if (cause === 'restored')
    return {
      code: 'restored-unverified',
      message: `The procedure was taken up again, and patient or gland may lie otherwise. ${then}`,
    };
  if (cause === 'asked') return { code: 'not-verified', message: `A verification was begun and not ended. ${then}` };
  const moved = drift === undefined || Number.isNaN(drift.mm) ? '' : ` ${drift.mm.toFixed(0)} mm`;
  return { code: 'gland-moved', message: `The live image fits the sweep${moved} elsewhere: the gland has moved. ${then}` };
}
