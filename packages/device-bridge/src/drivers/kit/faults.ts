import type { Clock, NavErrorCode } from '@trocar/core';
import type { PoseSink } from '../../driver.js';

/** The same thing is told again at most this often, ms. */
const AGAIN_AFTER_MS = 1000;

/** Tells faults at a low rate: each code at once, then once a second with how many there were. Nothing is lost: it is counted. */
export class RareFaults {
  readonly #clock: Clock;
  readonly #told = new Map<NavErrorCode, { at: number; since: number }>();
  /** How often each code came. */
  readonly counts: Map<NavErrorCode, number> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Tells `sink` now, or counts it for the next time. */
  tell(sink: PoseSink, code: NavErrorCode, message: string): void {
    this.counts.set(code, (this.counts.get(code) ?? 0) + 1);
    const now = this.#clock.now();
    const before = this.#told.get(code);
    if (before !== undefined && now - before.at < AGAIN_AFTER_MS) {
      before.since += 1;
      return;
    }
    const more = before === undefined || before.since === 0 ? '' : ` (and ${before.since} more since the last report)`;
    this.#told.set(code, { at: now, since: 0 });
    sink.fault({ code, message: `${message}${more}` });
  }
}
