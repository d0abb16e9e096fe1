import { NavError } from '../base/index.js';
import type { Clock, Instant } from '../time/index.js';

/** A clock that moves only when told to: for tests, replays and simulations in which a minute takes no time. */
export interface ManualClock extends Clock {
  /**
   * Moves time forward.
   * @param ms at least 0
   * @throws NavError `time/backwards`
   */
  advance(ms: number): void;
  /**
   * Sets the time, in milliseconds from this clock's origin.
   * @throws NavError `time/backwards` where it lies before now
   */
  set(ms: number): void;
}

/** The date a manual clock gives to its origin: any fixed one, so that runs repeat exactly. */
const ORIGIN_UTC = Date.UTC(2026, 0, 1);

/** A manual clock. @param startMs its first moment, ms from its origin; default 0 */
export function manualClock(startMs = 0): ManualClock {
  let current = startMs;
  const set = (ms: number): void => {
    if (!(ms >= current)) {
      throw new NavError('time/backwards', `A clock never goes back: it stands at ${current} ms and was set to ${ms} ms.`);
    }
    current = ms;
  };
  return {
    now: () => current as Instant,
    plus: (at, offsetMs) => (at + offsetMs) as Instant,
    utc: (at) => new Date(ORIGIN_UTC + at),
    advance: (ms) => set(current + ms),
    set,
  };
}
