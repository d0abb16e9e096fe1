/**
 * Host time against device count as a straight line whose slope wanders slowly: a Kalman filter with the state (host time,
 * ms per count), its measurement noise learnt from its own innovations and every innovation limited to three standard
 * deviations, so that a late spike pulls it little and a step cannot lock it out. For {@link ClockMap}. It follows the
 * mean delay, not the least one. Nothing is allocated after construction.
 *
 * Model: x' = x + p d, p' = p + noise, over d counts, with the process noise of a random walk of p
 * (Bar-Shalom, Li and Kirubarajan, Estimation with Applications to Tracking and Navigation, 2001, section 6.2).
 */
export class DriftFilter {
  /** count, host time and slope (ms per count) after the last point. */
  readonly line: Float64Array = new Float64Array(3).fill(Number.NaN);
  /** Variances of host time and slope and their covariance, and of the measurement (ms²). */
  readonly #p = new Float64Array(4);
  /** Mean of the recent innovations, each as a share of its limit: −1 … 1. */
  readonly #trend = new Float64Array(1);
  #begun = false;

  reset(): void {
    this.#begun = false;
    this.line.fill(Number.NaN);
  }

  /**
   * Begins from a line: it knows the slope better than two points do.
   * @param line count, host time, ms per count
   * @param spread variances of host time (ms²) and slope, of the measurement (ms²)
   */
  begin(line: Float64Array, spread: Float64Array): void {
    for (let k = 0; k < 3; k += 1) this.line[k] = line[k] as number;
    this.#p[0] = spread[0] as number;
    this.#p[1] = 0;
    this.#p[2] = spread[1] as number;
    this.#p[3] = spread[2] as number;
    this.#trend[0] = 0;
    this.#begun = true;
  }

  /** Takes a point `[count, arrival]`, its count above all before. */
  push(point: Float64Array): void {
    if (!this.#begun) return;
    const line = this.line;
    const p = this.#p;
    const d = (point[0] as number) - (line[0] as number);
    const slope = line[2] as number;
    const q = slope * slope * Math.abs(slope) * WANDER_PER_MS;
    p[0] = (p[0] as number) + 2 * d * (p[1] as number) + d * d * (p[2] as number) + (q * d * d * d) / 3;
    p[1] = (p[1] as number) + d * (p[2] as number) + (q * d * d) / 2;
    p[2] = (p[2] as number) + q * d;
    const r = p[3] as number;
    const s = (p[0] as number) + r;
    const limit = GATE_SD * Math.sqrt(s);
    const expected = (line[1] as number) + slope * d;
    const off = Math.max(-limit, Math.min(limit, (point[1] as number) - expected));
    this.#trend[0] = (this.#trend[0] as number) + (off / limit - (this.#trend[0] as number)) * TREND_LEARNING;
    const gain = (p[0] as number) / s;
    const slopeGain = (p[1] as number) / s;
    line[0] = point[0] as number;
    line[1] = expected + gain * off;
    line[2] = slope + slopeGain * off;
    p[2] = (p[2] as number) - slopeGain * (p[1] as number);
    p[1] = (p[1] as number) * (1 - gain);
    p[0] = (p[0] as number) * (1 - gain);
    p[3] = Math.max(LEAST_VARIANCE, r + (off * off - s) * LEARNING);
  }

  /** Whether it has not begun, or arrivals have long lain to one side of it by more than it may follow. */
  get isLost(): boolean {
    return !this.#begun || Math.abs(this.#trend[0] as number) > LOST_TREND;
  }

  /** Standard deviation of an arrival about the line, ms: learnt. */
  get noiseMs(): number {
    return Math.sqrt(this.#p[3] as number);
  }

  /** Standard deviation of the host time as the filter knows it, ms. */
  get sdMs(): number {
    return Math.sqrt(this.#p[0] as number);
  }
}

/** How fast two crystals change against each other: a relative 5 ppm after 10 s, squared, per ms. Warming up is slower. */
const WANDER_PER_MS = (5e-6 * 5e-6) / 10_000;
const GATE_SD = 3;
const LEARNING = 0.005;
const TREND_LEARNING = 0.02;
const LOST_TREND = 0.5;
/** A clock that resolves a microsecond, ms². */
const LEAST_VARIANCE = 1e-6;
