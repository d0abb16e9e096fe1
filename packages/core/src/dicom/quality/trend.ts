import { NavError } from '../../base/index.js';

/** One measurement on a phantom: accuracy of a tracker in mm, HU of water, and the like. */
export interface QaMeasurement {
  /** Milliseconds since 1970, UTC. */
  readonly time: number;
  readonly value: number;
}

/**
 * Rules of control charts (Western Electric 1956, Statistical Quality Control Handbook), by distance from the baseline's mean:
 * one point beyond 3σ; two of three beyond 2σ on one side; four of five beyond 1σ on one side; eight in a row on one side.
 */
export type QaRule = 'beyond-3-sigma' | 'two-of-three-beyond-2-sigma' | 'four-of-five-beyond-1-sigma' | 'eight-on-one-side';

/** A measurement with what it breaks. */
export interface QaPoint extends QaMeasurement {
  /** Distance from the baseline's mean in its standard deviations. */
  readonly z: number;
  readonly rules: readonly QaRule[];
  readonly baseline: boolean;
}

/** How to judge a trend. */
export interface QaTrendOptions {
  /** How many of the first measurements are the baseline: taken while all was known to be well. At least 8; default 20. */
  readonly baseline?: number;
  /** Chance of calling a drift that is none, for the test of trend. Default 0.01. */
  readonly alpha?: number;
  /** The quantity's own limits, in its unit, whatever the baseline did. */
  readonly tolerance?: { readonly low?: number; readonly high?: number };
}

/** What a series of measurements says. */
export interface QaTrend {
  readonly mean: number;
  /** Standard deviation of the baseline. */
  readonly sigma: number;
  /** Control limits: mean ± 3σ. */
  readonly limits: readonly [number, number];
  readonly points: readonly QaPoint[];
  readonly drift: {
    /** Median of the slopes of all pairs (Sen 1968, J. Am. Stat. Assoc. 63, 1379), per 30 days. */
    readonly perMonth: number;
    /** Two-sided, of no trend (Mann 1945, Econometrica 13, 245; Kendall, with ties). */
    readonly p: number;
    readonly significant: boolean;
  };
  /**
   * `stop`: a point beyond 3σ among the last three, or the last one out of tolerance. `watch`: another rule among the last
   * eight, or a drift. Over months some rule is broken by chance: see the false alarms in the tests.
   */
  readonly verdict: 'steady' | 'watch' | 'stop';
  readonly reasons: readonly string[];
}

const MONTH_MS = 30 * 864e5;
const LEAST_BASELINE = 8;
/** More pairs than this are not needed for a median slope; also bounds the time. */
const MOST_POINTS = 2000;

/**
 * Control chart and drift of a phantom's measurements over months.
 * @throws NavError `dicom/bad-trend` for too few measurements, a value or time that is not finite, times out of order, or a
 *   baseline without spread
 */
export function qaTrend(measurements: readonly QaMeasurement[], options: QaTrendOptions = {}): QaTrend {
  const { baseline = 20, alpha = 0.01, tolerance = {} } = options;
  requireMeasurements(measurements, baseline);
  const first = measurements.slice(0, baseline).map((m) => m.value);
  const mean = first.reduce((a, b) => a + b, 0) / baseline;
  const sigma = Math.sqrt(first.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (baseline - 1));
  if (!(sigma > 1e-12 * Math.max(1, Math.abs(mean)))) {
    throw bad('its baseline does not vary at all, so nothing can be told from chance. Record more digits', { sigma });
  }
  const z = measurements.map((m) => (m.value - mean) / sigma);
  const points = measurements.map((m, n): QaPoint => ({ ...m, z: z[n] as number, rules: rulesAt(z, n), baseline: n < baseline }));
  const p = mannKendall(measurements.map((m) => m.value));
  const drift = { perMonth: senSlope(measurements) * MONTH_MS, p, significant: p < alpha };
  return {
    mean,
    sigma,
    limits: [mean - 3 * sigma, mean + 3 * sigma],
    points,
    drift,
    ...judged(points, drift, tolerance, baseline),
  };
}

function requireMeasurements(list: readonly QaMeasurement[], baseline: number): void {
  if (!Number.isInteger(baseline) || baseline < LEAST_BASELINE)
    throw bad(`a baseline of ${baseline} is too short: take at least ${LEAST_BASELINE}`, { baseline });
  if (list.length < baseline)
    throw bad(`there are ${list.length} measurements, fewer than the baseline of ${baseline}`, { count: list.length });
  if (list.length > MOST_POINTS)
    throw bad(`there are ${list.length} measurements: take the last ${MOST_POINTS}`, { count: list.length });
  const broken = list.findIndex((m) => !Number.isFinite(m.value) || !Number.isFinite(m.time));
  if (broken >= 0) throw bad(`measurement ${broken + 1} has no finite value and time`, { index: broken });
  const back = list.findIndex((m, n) => n > 0 && m.time <= (list[n - 1] as QaMeasurement).time);
  if (back >= 0) throw bad(`measurement ${back + 1} is not later than the one before it`, { index: back });
}

function rulesAt(z: readonly number[], n: number): QaRule[] {
  const rules: QaRule[] = [];
  const here = z[n] as number;
  const side = here < 0 ? -1 : 1;
  /** How many of the last `count` lie beyond `limit` on this point's side. */
  const beyond = (count: number, limit: number): number =>
    z.slice(Math.max(0, n - count + 1), n + 1).filter((x) => side * x > limit).length;
  if (Math.abs(here) > 3) rules.push('beyond-3-sigma');
  if (Math.abs(here) > 2 && beyond(3, 2) >= 2) rules.push('two-of-three-beyond-2-sigma');
  if (Math.abs(here) > 1 && beyond(5, 1) >= 4) rules.push('four-of-five-beyond-1-sigma');
  if (n >= 7 && beyond(8, 0) === 8) rules.push('eight-on-one-side');
  return rules;
}

function senSlope(list: readonly QaMeasurement[]): number {
  const slopes: number[] = [];
  for (let a = 0; a < list.length; a += 1) {
    for (let b = a + 1; b < list.length; b += 1) {
      const [one, other] = [list[a] as QaMeasurement, list[b] as QaMeasurement];
      slopes.push((other.value - one.value) / (other.time - one.time));
    }
  }
  const sorted = Float64Array.from(slopes).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[half] as number) : ((sorted[half - 1] as number) + (sorted[half] as number)) / 2;
}

function mannKendall(values: readonly number[]): number {
  const n = values.length;
  let s = 0;
  for (let a = 0; a < n; a += 1) for (let b = a + 1; b < n; b += 1) s += Math.sign((values[b] as number) - (values[a] as number));
  const ties = new Map<number, number>();
  for (const v of values) ties.set(v, (ties.get(v) ?? 0) + 1);
  const tied = [...ties.values()].reduce((sum, t) => sum + t * (t - 1) * (2 * t + 5), 0);
  const variance = (n * (n - 1) * (2 * n + 5) - tied) / 18;
  if (!(variance > 0)) return 1;
  // Continuity: S moves in steps of 2.
  const z = Math.max(0, Math.abs(s) - 1) / Math.sqrt(variance);
  return erfc(z / Math.SQRT2);
}

/** Complementary error function for x ≥ 0 (Abramowitz & Stegun 7.1.26: absolute error below 1.5e-7). */
function erfc(x: number): number {
  const t = 1 / (1 + 0.3275911 * x);
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.min(1, poly * Math.exp(-x * x));
}

function judged(
  points: readonly QaPoint[],
  drift: QaTrend['drift'],
  tolerance: { readonly low?: number; readonly high?: number },
  baseline: number,
): Pick<QaTrend, 'verdict' | 'reasons'> {
  const last = points[points.length - 1] as QaPoint;
  const stop: string[] = [];
  if (last.value < (tolerance.low ?? Number.NEGATIVE_INFINITY) || last.value > (tolerance.high ?? Number.POSITIVE_INFINITY)) {
    stop.push(`The last measurement, ${last.value}, is out of tolerance.`);
  }
  const after = points.slice(baseline);
  const wild = after.slice(-3).filter((p) => p.rules.includes('beyond-3-sigma')).length;
  if (wild > 0) stop.push(`${wild} of the last three measurements lie beyond 3σ of the baseline.`);
  const watch: string[] = [];
  const rules = new Set(
    after
      .slice(-8)
      .flatMap((p) => p.rules)
      .filter((r) => r !== 'beyond-3-sigma'),
  );
  if (rules.size > 0) watch.push(`Among the last eight measurements: ${[...rules].join(', ')}.`);
  if (drift.significant)
    watch.push(`The values drift by ${drift.perMonth.toPrecision(2)} a month (p = ${drift.p.toPrecision(2)}).`);
  return { verdict: stop.length > 0 ? 'stop' : watch.length > 0 ? 'watch' : 'steady', reasons: [...stop, ...watch] };
}

function bad(what: string, detail: Record<string, unknown>): NavError<'dicom/bad-trend'> {
  return new NavError('dicom/bad-trend', `This series of measurements cannot be judged: ${what}.`, { detail });
}
