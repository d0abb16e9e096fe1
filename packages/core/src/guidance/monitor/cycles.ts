/** Peaks and troughs of a periodic signal, and what is usual of them. */
export interface Cycles {
  /** Middle of the last three troughs, and of the last three peaks. */
  readonly low: number;
  readonly high: number;
  /** Mean time from rise to rise over the last three, ms: a trough may be flat and lie anywhere in it. */
  readonly periodMs: number;
  /** How much the last periods differ: (longest − shortest) / mean. */
  readonly unevenness: number;
  /** Standard deviation of the noise. */
  readonly noise: number;
  /** When the signal last turned, ms. */
  readonly lastAtMs: number;
}

/** The signal must come back by this share of the range before an extreme is one. */
const BACK = 0.25;
/** Troughs needed before anything is said: two whole cycles between them, and one to compare. */
const TROUGHS = 4;
const USUAL = 3;
/** Periods that differ by more than this are no rhythm. */
const UNEVEN = 0.35;
/** A range must be this many standard deviations of the noise. */
const CLEAR = 8;

/** Whether cycles are regular enough to go by, and at least of this range. */
export function isRegular(cycles: Cycles, leastRange: number): boolean {
  const range = cycles.high - cycles.low;
  return range >= leastRange && range >= CLEAR * cycles.noise && cycles.unevenness <= UNEVEN;
}

/**
 * Peaks and troughs by coming back: an extreme is one when the signal has left it by a quarter of the range (5 … 95 %).
 * @param times ms, rising
 * @returns undefined where there are fewer than four troughs
 */
export function cyclesOf(times: Float64Array, signal: Float64Array): Cycles | undefined {
  const sorted = Float64Array.from(signal).sort();
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] as number;
  const back = BACK * (at(0.95) - at(0.05));
  if (!(back > 0)) return undefined;
  const { peaks, troughs, rises, lastTurn } = extremes(signal, back);
  if (troughs.length < TROUGHS || peaks.length < USUAL) return undefined;
  const last = rises.slice(-TROUGHS).map((k) => times[k] as number);
  const periods = last.slice(1).map((t, k) => t - (last[k] as number));
  const periodMs = periods.reduce((a, b) => a + b, 0) / periods.length;
  return {
    low: middleOf(troughs.slice(-USUAL).map((k) => signal[k] as number)),
    high: middleOf(peaks.slice(-USUAL).map((k) => signal[k] as number)),
    periodMs,
    unevenness: (Math.max(...periods) - Math.min(...periods)) / periodMs,
    noise: noiseOf(signal),
    lastAtMs: times[lastTurn] as number,
  };
}

/** Sample numbers of the extremes, of where a trough was found to be one, and of the last such place of either kind. */
interface Extremes {
  readonly peaks: number[];
  readonly troughs: number[];
  readonly rises: number[];
  readonly lastTurn: number;
}

function extremes(signal: Float64Array, back: number): Extremes {
  const peaks: number[] = [];
  const rises: number[] = [];
  let lastTurn = 0;
  const troughs: number[] = [];
  let rising: boolean | undefined;
  let [top, bottom] = [0, 0];
  for (let k = 1; k < signal.length; k += 1) {
    const s = signal[k] as number;
    if (s > (signal[top] as number)) top = k;
    if (s < (signal[bottom] as number)) bottom = k;
    if (rising !== false && s < (signal[top] as number) - back) {
      if (rising) peaks.push(top);
      rising = false;
      lastTurn = k;
      bottom = k;
    } else if (rising !== true && s > (signal[bottom] as number) + back) {
      if (rising === false) {
        troughs.push(bottom);
        rises.push(k);
      }
      rising = true;
      lastTurn = k;
      top = k;
    }
  }
  return { peaks, troughs, rises, lastTurn };
}

/** From second differences, which a slow signal hardly has: their standard deviation is √6 of the noise's; by the median of squares' root. */
function noiseOf(signal: Float64Array): number {
  const d = Float64Array.from({ length: signal.length - 2 }, (_, k) =>
    Math.abs((signal[k] as number) - 2 * (signal[k + 1] as number) + (signal[k + 2] as number)),
  ).sort();
  return (d[d.length >> 1] as number) / (NORMAL_MEDIAN * Math.sqrt(6));
}

/** Median of |x| of a standard normal x. */
const NORMAL_MEDIAN = 0.6745;

const middleOf = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number;
