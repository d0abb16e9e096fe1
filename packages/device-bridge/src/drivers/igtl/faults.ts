import type { NavErrorCode } from '@trocar/core';
import type { PoseSink } from '../../driver.js';

/** One fault of a code in so many milliseconds is told; the others are counted. */
const APART_MS = 1000;

interface Heard {
  toldAt: number;
  untold: number;
}

/**
 * Tells faults at a rate that a log can bear: a damaged line has one bad CRC after another. Each code at most once a
 * second; the next one told says how many there were in between, and {@link counts} knows all of them.
 */
export class FaultTeller {
  /** How often each code came up. */
  readonly counts: Map<NavErrorCode, number> = new Map<NavErrorCode, number>();
  readonly #heard = new Map<NavErrorCode, Heard>();

  /** @param now host ms */
  tell(sink: PoseSink, code: NavErrorCode, message: string, now: number): void {
    this.counts.set(code, (this.counts.get(code) ?? 0) + 1);
    const heard = this.#heard.get(code);
    if (heard !== undefined && now - heard.toldAt < APART_MS) {
      heard.untold += 1;
      return;
    }
    const untold = heard?.untold ?? 0;
    this.#heard.set(code, { toldAt: now, untold: 0 });
    sink.fault({ code, message: untold === 0 ? message : `${message} (${untold} more of these since the last was told)` });
  }
}
