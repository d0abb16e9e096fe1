import type { Clock } from '@trocar/core';

/** How often it is looked whether a device still speaks, ms. */
const WATCH_MS = 10;

/**
 * Looks regularly whether a device still speaks. Where a look comes late the host was busy, and bytes may wait to be
 * read: they are given one turn before anyone is called silent.
 */
export class Watch {
  readonly #clock: Clock;
  readonly #look: (now: Float64Array) => void;
  readonly #now = new Float64Array(1);
  #timer: ReturnType<typeof setInterval> | undefined;
  #wasLate = false;

  /** @param look gets `[now]`, host ms */
  constructor(clock: Clock, look: (now: Float64Array) => void) {
    this.#clock = clock;
    this.#look = look;
  }

  /** Whether it was ever started. */
  get begun(): boolean {
    return this.#timer !== undefined;
  }

  /** Begins to look. */
  start(): void {
    this.#now[0] = this.#clock.now();
    this.#timer = setInterval(() => this.#turn(), WATCH_MS);
  }

  /** Ends it; {@link begun} stays. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #turn(): void {
    const now = this.#clock.now();
    const late = now - (this.#now[0] as number) > 4 * WATCH_MS && !this.#wasLate;
    this.#now[0] = now;
    this.#wasLate = late;
    if (!late) this.#look(this.#now);
  }
}
