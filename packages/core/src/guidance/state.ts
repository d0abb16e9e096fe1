import { NavError } from '../base/index.js';
import { hasPose, isLive } from '../frames/index.js';
import type { Deviation } from './deviation.js';

/**
 * What a deviation means to the hand that holds the tool.
 *
 * - `noPose`: the tool is not seen. Nothing is known.
 * - `notLive`: there is a pose, but not of the present (stale, out of volume, unknown).
 * - `approach`: short of the target, or beside it.
 * - `onTarget`: within the target's radius.
 * - `pastTarget`: deeper than the target, and not on it.
 */
export type GuidanceState = 'noPose' | 'notLive' | 'approach' | 'onTarget' | 'pastTarget';

/** When a tip counts as on target. */
export interface GuidanceLimits {
  /** Within this distance of the target the tip is on it, mm. Default 1. */
  readonly onTargetMm?: number;
  /** How much further it must go to leave a state than to enter it, mm: keeps noise from flickering. Default 0.3. */
  readonly hysteresisMm?: number;
}

const DEFAULTS: GuidanceLimits = {};

/**
 * The state that follows from a deviation and the state before. Allocates nothing.
 * @param before the state of the previous frame, or `noPose`
 * @throws NavError `pose/bad-option` for limits that are negative or not finite
 */
export function guidanceState<F extends string>(
  deviation: Deviation<F>,
  before: GuidanceState,
  limits: GuidanceLimits = DEFAULTS,
): GuidanceState {
  const radius = limits.onTargetMm ?? 1;
  const more = limits.hysteresisMm ?? 0.3;
  if (!(radius >= 0 && more >= 0 && radius + more < Number.POSITIVE_INFINITY)) {
    throw new NavError('pose/bad-option', `Guidance limits must be finite and not negative, got ${radius} and ${more} mm.`);
  }
  if (!hasPose(deviation.status)) return 'noPose';
  if (!isLive(deviation.status)) return 'notLive';
  if (deviation.distanceToTargetMm <= (before === 'onTarget' ? radius + more : radius)) return 'onTarget';
  // A tip that has been past the target must come back a little before it counts as short of it.
  return deviation.depthRemainingMm < (before === 'pastTarget' ? more : 0) ? 'pastTarget' : 'approach';
}
