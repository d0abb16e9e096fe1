import { NavError } from '@trocar/core';

/**
 * A time as OpenIGTLink sends it: UTC seconds since 1970 and a binary fraction in units of 2⁻³² s. Both 0 where the
 * sender gave none.
 */
export interface IgtlTimestamp {
  readonly seconds: number;
  readonly fraction: number;
}

const FRACTIONS_PER_MS = 2 ** 32 / 1000;

/** No time given. */
export const NO_TIMESTAMP: IgtlTimestamp = { seconds: 0, fraction: 0 };

/** UTC in milliseconds, exact to 0.25 µs; NaN where the sender gave no time. */
export function utcMsOf({ seconds, fraction }: IgtlTimestamp): number {
  return seconds === 0 && fraction === 0 ? Number.NaN : seconds * 1000 + fraction / FRACTIONS_PER_MS;
}

/**
 * A time for the wire. NaN becomes "none".
 * @param utcMs milliseconds since 1970 UTC
 * @throws NavError `igtl/does-not-fit` before 1970 and after February 2106
 */
export function timestampOf(utcMs: number): IgtlTimestamp {
  const cells = new Uint32Array(2);
  splitTime(cells, Float64Array.of(utcMs));
  return { seconds: cells[0] as number, fraction: cells[1] as number };
}

/**
 * {@link timestampOf} for the pose path: seconds and fraction into `out`, from a cell.
 * @throws NavError `igtl/does-not-fit`
 */
export function splitTime(out: Uint32Array, utcMs: Float64Array): void {
  const ms = utcMs[0] as number;
  if (Number.isNaN(ms)) {
    out[0] = out[1] = 0;
    return;
  }
  let seconds = Math.floor(ms / 1000);
  let fraction = Math.round((ms - seconds * 1000) * FRACTIONS_PER_MS);
  if (fraction >= 2 ** 32) {
    fraction = 0;
    seconds += 1;
  }
  if (!(seconds >= 0 && seconds < 2 ** 32)) {
    throw new NavError('igtl/does-not-fit', `A time of ${ms} ms since 1970 does not fit the 32 bits of seconds of OpenIGTLink.`);
  }
  out[0] = seconds;
  out[1] = fraction;
}
