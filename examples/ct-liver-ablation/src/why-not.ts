import type { Refusal } from '../../suite/src/refusal.js';

/** Why something may not be done now, where it is always the same. */
export const WHY_NOT = {
  noGate: {
    code: 'no-gate',
    message:
      'No regular breathing is seen, so nobody knows when the patient lies as in the CT. Let the patient breathe quietly, then touch again.',
  },
  gateClosed: {
    code: 'gate-closed',
    message: 'The patient is not at the end of expiration: the liver is elsewhere than in the CT. Wait until the gate is open.',
  },
  referenceMoved: {
    code: 'reference-moved',
    message: 'The reference was pushed against the patient: nothing is where it is shown. Fix it, and register again.',
  },
} as const satisfies Record<string, Refusal>;
