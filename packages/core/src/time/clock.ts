declare const instantBrand: unique symbol;

/**
 * A moment on the host's monotonic clock, in milliseconds from an origin that only its {@link Clock} knows.
 *
 * Only a clock makes one: a device's time stamp or a UTC date does not type-check as an Instant, so nothing is
 * aligned by accident. There is no "0 means latest". Doubles resolve 4 ns after a year.
 */
export type Instant = number & { readonly [instantBrand]: 'Instant' };

/** The one source of time. The real one in use, a manual one in tests and replays. */
export interface Clock {
  /** The current moment; never smaller than an earlier answer. */
  now(): Instant;
  /**
   * A moment a known number of milliseconds from another, as a clock map or a scheduler needs.
   * @param offsetMs signed milliseconds
   */
  plus(at: Instant, offsetMs: number): Instant;
  /** The wall-clock time of a moment, for provenance and display only: it may jump, and never enters a computation. */
  utc(at: Instant): Date;
}

/** The host's clock: `performance.now()`, monotonic in browsers, workers and Node. */
export function systemClock(): Clock {
  return {
    now: () => performance.now() as Instant,
    plus: (at, offsetMs) => (at + offsetMs) as Instant,
    utc: (at) => new Date(performance.timeOrigin + at),
  };
}
