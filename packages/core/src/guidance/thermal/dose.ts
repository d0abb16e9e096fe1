import { NavError } from '../../base/index.js';

/**
 * Thermal dose as cumulative equivalent minutes at 43 °C (Sapareto & Dewey 1984, Int. J. Radiat. Oncol. Biol. Phys. 10:787):
 * CEM43 = ∫ R^(43 − T) dt, R = 0.5 above 43 °C and 0.25 below.
 */

/** The temperature that doses are equivalent to, °C. */
const REFERENCE_C = 43;

/** Which of the conventions in use a dose is counted by. Say which with every figure: they differ below 43 °C. */
export interface DoseConvention {
  /** Where R changes, °C. Default 43. The rate stays continuous there, and is 1 at 43 °C for every choice. */
  readonly breakpointC?: number;
  /** R above the breakpoint: each degree shortens the time by this factor. Default 0.5. */
  readonly rAbove?: number;
  /** R below the breakpoint. Default 0.25. */
  readonly rBelow?: number;
  /**
   * Below this nothing is counted, °C. Default 39 (van Rhoon et al. 2013, Eur. Radiol. 23:2215). 37 is in use as well;
   * −Infinity counts everything, as the paper of 1984 does.
   */
  readonly floorC?: number;
}

/** A {@link DoseConvention} made ready: checked, and its logarithms taken. */
export class DoseRate {
  readonly breakpointC: number;
  readonly floorC: number;
  readonly #above: number;
  readonly #below: number;
  /** ln of the rate at the breakpoint. */
  readonly #atBreak: number;

  /** @throws NavError `thermal/bad-option` for an R that is not between 0 and 1, or a temperature that is none */
  constructor(convention: DoseConvention = {}) {
    const { breakpointC = 43, rAbove = 0.5, rBelow = 0.25, floorC = 39 } = convention;
    const inside = (r: number): boolean => r > 0 && r < 1;
    if (!inside(rAbove) || !inside(rBelow) || !Number.isFinite(breakpointC) || !(floorC <= breakpointC)) {
      throw new NavError(
        'thermal/bad-option',
        `A dose convention needs R between 0 and 1 and a floor not above its breakpoint, got R ${rAbove} above and ${rBelow} ` +
          `below ${breakpointC} °C, floor ${floorC} °C.`,
        { detail: { breakpointC, rAbove, rBelow, floorC } },
      );
    }
    this.breakpointC = breakpointC;
    this.floorC = floorC;
    this.#above = -Math.log(rAbove);
    this.#below = -Math.log(rBelow);
    this.#atBreak = (breakpointC - REFERENCE_C) * (breakpointC >= REFERENCE_C ? this.#below : this.#above);
  }

  /** Equivalent minutes at 43 °C per minute at this temperature (°C); NaN for NaN. */
  at(celsius: number): number {
    if (celsius < this.floorC) return 0;
    const beyond = celsius - this.breakpointC;
    return Math.exp(this.#atBreak + beyond * (beyond > 0 ? this.#above : this.#below));
  }

  /**
   * Equivalent minutes gathered while the temperature goes in a straight line from one value to another: exact, in closed
   * form, with floor and breakpoint crossed where the line crosses them.
   * @param fromC °C
   * @param toC °C
   * @param seconds how long that takes
   */
  overLine(fromC: number, toC: number, seconds: number): number {
    const low = Math.min(fromC, toC);
    const high = Math.max(fromC, toC);
    if (high < this.floorC) return 0;
    const minutes = seconds / 60;
    if (low === high) return minutes * this.at(low);
    const perDegree = minutes / (high - low);
    const start = Math.max(low, this.floorC);
    const middle = Math.max(start, Math.min(high, this.breakpointC));
    return perDegree * (this.#integral(start, middle, this.#below) + this.#integral(middle, high, this.#above));
  }

  /** ∫ rate dT between two temperatures on one side of the breakpoint: r₀ (e^(aΔ) − 1) / a. */
  #integral(fromC: number, toC: number, slope: number): number {
    if (!(toC > fromC)) return Number.isNaN(toC - fromC) ? Number.NaN : 0;
    return (Math.exp(this.#atBreak + (fromC - this.breakpointC) * slope) * Math.expm1((toC - fromC) * slope)) / slope;
  }
}

/** How a series of temperatures is turned into a dose. */
export interface DoseOptions extends DoseConvention {
  /** Samples further apart than this leave a gap between them: nothing is assumed of it, s. Default 10. */
  readonly maxGapS?: number;
}

/** A span without a known temperature, s. */
export interface DoseGap {
  readonly fromS: number;
  readonly toS: number;
}

/** The dose of one place. */
export interface ProbeDose {
  /** Equivalent minutes at 43 °C over all that was measured: where there are gaps, a LOWER BOUND of the dose. */
  readonly cem43Min: number;
  /** Whether the temperature was known all the time from the first sample to the last. */
  readonly complete: boolean;
  /** Where it was not. */
  readonly gaps: readonly DoseGap[];
  /** How long it was known, s. */
  readonly measuredS: number;
}

/**
 * The thermal dose at a probe, from temperatures at any times, taken as straight between samples and integrated exactly.
 * A sample that is NaN (probe lost), and samples too far apart, leave a gap: unknown, not cold. The dose is then a lower bound,
 * and `complete` is false.
 * @param timesS seconds, rising
 * @param celsius °C, one for each time; NaN where it is not known
 * @throws NavError `thermal/bad-series` where the two differ in length, there are fewer than two samples, or time does not rise;
 * `thermal/bad-option`
 */
export function probeDose(timesS: ArrayLike<number>, celsius: ArrayLike<number>, options: DoseOptions = {}): ProbeDose {
  const rate = new DoseRate(options);
  const maxGapS = requireGap(options.maxGapS);
  if (timesS.length !== celsius.length || timesS.length < 2) {
    throw new NavError(
      'thermal/bad-series',
      `A dose needs at least two temperatures with a time each, got ${celsius.length} temperatures and ${timesS.length} times.`,
    );
  }
  let cem43Min = 0;
  let measuredS = 0;
  const gaps: { fromS: number; toS: number }[] = [];
  for (let n = 1; n < timesS.length; n += 1) {
    const fromS = timesS[n - 1] as number;
    const toS = timesS[n] as number;
    requireRising(fromS, toS, n);
    const a = celsius[n - 1] as number;
    const b = celsius[n] as number;
    const last = gaps.at(-1);
    if (toS - fromS <= maxGapS && Number.isFinite(a) && Number.isFinite(b)) {
      cem43Min += rate.overLine(a, b, toS - fromS);
      measuredS += toS - fromS;
    } else if (last !== undefined && last.toS === fromS) last.toS = toS;
    else gaps.push({ fromS, toS });
  }
  return { cem43Min, complete: gaps.length === 0, gaps, measuredS };
}

/** The longest gap bridged, s. @throws NavError `thermal/bad-option` */
export function requireGap(maxGapS = 10): number {
  if (maxGapS > 0) return maxGapS;
  throw new NavError('thermal/bad-option', `The longest gap between temperatures must be above 0 s, got ${maxGapS}.`);
}

/** @throws NavError `thermal/bad-series` where time stands still, goes back or is not finite */
export function requireRising(fromS: number, toS: number, n: number): void {
  if (toS > fromS && Number.isFinite(toS - fromS)) return;
  throw new NavError('thermal/bad-series', `Temperature ${n} is of ${toS} s, after one of ${fromS} s. Sort them by time.`, {
    detail: { n, fromS, toS },
  });
}
