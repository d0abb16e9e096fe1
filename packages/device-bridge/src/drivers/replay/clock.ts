import type { Clock, Instant } from '@trocar/core';

/**
 * The clock of a replay: it shows the times of the recording. While something is replayed it stands exactly at the time
 * at which that was recorded; in between it runs with the host's clock at the replay's rate, and never past what comes
 * next. Stepped, or as fast as possible, it only jumps from one to the next.
 */
export class ReplayClock implements Clock {
  readonly #host: Clock;
  readonly #rate: number;
  #utcOffset = Number.NaN;
  #now = 0;
  #next = Number.POSITIVE_INFINITY;
  #hostOrigin = 0;
  #origin = Number.NaN;

  /** @param rate recorded ms per host ms; 0 or infinite where it only jumps */
  constructor(host: Clock, rate: number) {
    this.#host = host;
    this.#rate = rate;
  }

  /** Whether it runs by itself. */
  get runs(): boolean {
    return this.#rate > 0 && Number.isFinite(this.#rate);
  }

  now(): Instant {
    if (this.runs && !Number.isNaN(this.#origin)) {
      const ran = this.#origin + (this.#host.now() - this.#hostOrigin) * this.#rate;
      if (ran > this.#now) this.#now = Math.min(ran, this.#next);
    }
    return this.#now as Instant;
  }

  plus(at: Instant, offsetMs: number): Instant {
    return (at + offsetMs) as Instant;
  }

  /** The date by the recording host; that of the host now where the recording does not say. */
  utc(at: Instant): Date {
    return Number.isFinite(this.#utcOffset) ? new Date(at + this.#utcOffset) : this.#host.utc(this.#host.now());
  }

  /** The replay begins at this recorded time. */
  begin(at: number, utcOffset: number): void {
    this.#now = at;
    this.#next = at;
    this.#origin = at;
    this.#hostOrigin = this.#host.now();
    this.#utcOffset = utcOffset;
  }

  /** Host ms until a recorded time is due; 0 or less where it is. */
  dueInMs(at: number): number {
    if (!this.runs) return 0;
    return (at - this.#origin) / this.#rate - (this.#host.now() - this.#hostOrigin);
  }

  /** The host's time at which a recorded time was, or is to be, replayed. */
  hostTimeOf(at: number): number {
    return this.#hostOrigin + (at - this.#origin) / this.#rate;
  }

  /** Stands at `at` from now on: this is being replayed. A time that lies before does not turn it back. */
  stand(at: number): void {
    if (at > this.#now) this.#now = at;
    this.#next = this.#now;
  }

  /** May run on, up to what comes next; without an end where nothing does. */
  runUpTo(next: number): void {
    this.#next = Math.max(this.#now, next);
  }
}
