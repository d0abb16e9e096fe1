import type { Point } from '@trocar/core';
import { transformPoint } from '@trocar/core/math';
import type { Proposal } from './registration-step.js';
import type { Touch } from './touch.js';

/** A landmark that was touched again, against where the accepted registration puts it. */
export interface TouchVerification {
  /** From where the registration puts the touch to where the landmark is marked, mm. */
  readonly offMm: number;
  /** What is still credible, mm. */
  readonly limitMm: number;
  readonly held: boolean;
}

/** A radius of so many root-mean-square lengths holds 99 % of a Gaussian error in space: √(χ²₃(0.99) / 3). */
const RADIUS_99 = Math.sqrt(11.345 / 3);
/** Nobody touches better than this, mm. */
const LEAST_LIMIT_MM = 1;

/**
 * Judges one touch of a landmark by what the registration expects of it there: its own error and that of one touch. One touch can
 * show that something has moved; that nothing has, it shows at that place alone.
 */
export function verifyTouch<F extends string>(
  { registration }: Proposal<F>,
  marked: Point<F>,
  { point: touched }: Touch,
): TouchVerification {
  const found = transformPoint(new Float64Array(3), registration.edge.matrix, touched.xyz);
  const offMm = Math.hypot(...[0, 1, 2].map((k) => (found[k] as number) - (marked.xyz[k] as number)));
  const expected = Math.hypot(registration.expectedTre(marked).rmsMm, registration.fleMm);
  const limitMm = Math.max(LEAST_LIMIT_MM, RADIUS_99 * expected);
  return { offMm, limitMm, held: offMm <= limitMm };
}
