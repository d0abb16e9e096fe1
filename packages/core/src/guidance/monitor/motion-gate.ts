import { NavError } from '../../base/index.js';
import { type Status, worstStatus } from '../../frames/index.js';
import { symmetricEigen } from '../../math/index.js';
import { type Cycles, cyclesOf, isRegular } from './cycles.js';

/** Whether the patient is where the images have it: `unknown` where nothing periodic is there to go by. */
export type GatePhase = 'open' | 'closed' | 'unknown';

/** How a gate is set. */
export interface MotionGateOptions {
  /** Open in this lowest share of the usual range, 0 … 1. Default 0.25. */
  readonly openBelow?: number;
  /** Closes so much of the range higher than it opens. Default 0.1. */
  readonly hysteresis?: number;
  /** A smaller range than this is no breathing, in the signal's own unit (mm for a marker). Default 0.5. */
  readonly leastRange?: number;
  /** A direction that points towards expiration, where the mounting says it. Default: the end where the signal dwells longer. */
  readonly expirationAlong?: readonly [number, number, number];
}

/** Samples kept, and how far apart at least: 20 s. */
const KEPT = 400;
const APART_MS = 50;
/** The axis and the cycles are found anew after so many samples. */
const EVERY = 5;
/** Since the last extreme this share of a period may pass before the patient has stopped. */
const LATEST = 1.6;
/** Outside this, the range is not the usual one: a deep breath, a cough. */
const LOWEST = -0.35;

/**
 * A gate on breathing (or on the heart), from the motion of a marker on the body or from a sensor's channel. Causal: nothing that was said
 * is taken back. The signal is the first principal component of the last 20 s; its peaks and troughs are found by coming back a quarter of the
 * range; the level is the place between the middles of the last three of each.
 */
export class MotionGate {
  readonly #open: number;
  readonly #close: number;
  readonly #least: number;
  readonly #towards: readonly [number, number, number] | undefined;
  /** Time, x, y, z of each; a ring. */
  readonly #ring = new Float64Array(4 * KEPT);
  readonly #signal = new Float64Array(KEPT);
  readonly #times = new Float64Array(KEPT);
  readonly #axis = new Float64Array(3);
  #hasSign = false;
  #size = 0;
  #head = 0;
  #since = 0;
  #cycles: Cycles | undefined;
  #isOpen = false;
  #level = Number.NaN;

  /** @throws NavError `guidance/bad-option` */
  constructor(options: MotionGateOptions = {}) {
    const { openBelow = 0.25, hysteresis = 0.1, leastRange = 0.5, expirationAlong } = options;
    if (!(openBelow > 0 && hysteresis >= 0 && openBelow + hysteresis < 1 && leastRange > 0)) {
      throw new NavError(
        'guidance/bad-option',
        `A gate opens in a share above 0 that is below 1 with its hysteresis, and needs leastRange > 0; got ${openBelow}, ${hysteresis} and ${leastRange}.`,
      );
    }
    this.#open = openBelow;
    this.#close = openBelow + hysteresis;
    this.#least = leastRange;
    this.#towards = expirationAlong;
  }

  /** Usual time from trough to trough, ms; NaN where there is none. */
  get periodMs(): number {
    return this.#cycles?.periodMs ?? Number.NaN;
  }

  /** Usual range, in the signal's unit; NaN where there is none. */
  get range(): number {
    return this.#cycles === undefined ? Number.NaN : this.#cycles.high - this.#cycles.low;
  }

  /** Where in the usual range the last sample lay: 0 the end of expiration, 1 of inspiration; NaN where it is not known. */
  get level(): number {
    return this.#level;
  }

  /** Forgets: the patient was moved. */
  reset(): void {
    this.#size = 0;
    this.#head = 0;
    this.#since = 0;
    this.#cycles = undefined;
    this.#hasSign = false;
    this.#isOpen = false;
    this.#level = Number.NaN;
  }

  /**
   * Takes a measurement. Those nearer than 50 ms to the one before are passed over.
   * @param sample `[ms, x, y, z]` of a marker, mm in a frame that stands still; `[ms, value, 0, 0]` of a sensor
   */
  push(sample: Float64Array): void {
    const last = this.#size === 0 ? Number.NEGATIVE_INFINITY : (this.#ring[4 * ((this.#head + KEPT - 1) % KEPT)] as number);
    if (!((sample[0] as number) - last >= APART_MS) || !sample.subarray(1, 4).every(Number.isFinite)) return;
    this.#ring.set(sample.subarray(0, 4), 4 * this.#head);
    this.#head = (this.#head + 1) % KEPT;
    this.#size = Math.min(KEPT, this.#size + 1);
    this.#since += 1;
    if (this.#since >= EVERY) {
      this.#since = 0;
      this.#learn();
    }
    this.#follow(sample);
  }

  /** What the gate says at a moment. */
  phase(atMs: number): GatePhase {
    const c = this.#cycles;
    if (c === undefined || !isRegular(c, this.#least)) return 'unknown';
    const newest = this.#ring[4 * ((this.#head + KEPT - 1) % KEPT)] as number;
    if (atMs - c.lastAtMs > LATEST * c.periodMs || atMs - newest > c.periodMs / 4) return 'unknown';
    return this.#isOpen ? 'open' : 'closed';
  }

  #follow(sample: Float64Array): void {
    const c = this.#cycles;
    if (c === undefined) return;
    const [ax = 0, ay = 0, az = 0] = this.#axis;
    const s = ax * (sample[1] as number) + ay * (sample[2] as number) + az * (sample[3] as number);
    const level = (s - c.low) / (c.high - c.low);
    this.#level = level;
    this.#isOpen = level > LOWEST && level < (this.#isOpen ? this.#close : this.#open);
  }

  #learn(): void {
    if (this.#size < LEAST_SAMPLES) return;
    this.#findAxis();
    const [ax = 0, ay = 0, az = 0] = this.#axis;
    for (let k = 0; k < this.#size; k += 1) {
      const i = 4 * ((this.#head + KEPT - this.#size + k) % KEPT);
      this.#times[k] = this.#ring[i] as number;
      this.#signal[k] =
        ax * (this.#ring[i + 1] as number) + ay * (this.#ring[i + 2] as number) + az * (this.#ring[i + 3] as number);
    }
    this.#cycles = cyclesOf(this.#times.subarray(0, this.#size), this.#signal.subarray(0, this.#size));
  }

  /** The first principal component; its sign so that expiration is low, and kept once cycles were seen by it. */
  #findAxis(): void {
    const mean = [0, 0, 0];
    const n = this.#size;
    for (let k = 0; k < n; k += 1)
      for (let a = 0; a < 3; a += 1) mean[a] = (mean[a] as number) + (this.#ring[4 * k + 1 + a] as number) / n;
    const spread = new Float64Array(9);
    for (let k = 0; k < n; k += 1) {
      for (let a = 0; a < 9; a += 1) {
        const [r, c] = [Math.floor(a / 3), a % 3];
        const d = (this.#ring[4 * k + 1 + r] as number) - (mean[r] as number);
        spread[a] = (spread[a] as number) + (d * ((this.#ring[4 * k + 1 + c] as number) - (mean[c] as number))) / n;
      }
    }
    const { values, vectors } = symmetricEigen(spread, 3);
    let first = 0;
    for (let k = 1; k < 3; k += 1) if ((values[k] as number) > (values[first] as number)) first = k;
    const axis = [0, 1, 2].map((r) => vectors[3 * r + first] as number);
    const dot = (v: ArrayLike<number>): number => axis.reduce((s, a, k) => s + a * (v[k] as number), 0);
    const flip = this.#hasSign
      ? dot(this.#axis) < 0
      : this.#towards === undefined
        ? this.#dwellsHigh(axis)
        : dot(this.#towards) > 0;
    for (let k = 0; k < 3; k += 1) this.#axis[k] = (flip ? -1 : 1) * (axis[k] as number);
    this.#hasSign ||= this.#cycles !== undefined && isRegular(this.#cycles, this.#least);
  }

  /** Whether the signal along an axis is longer near its upper end. */
  #dwellsHigh(axis: readonly number[]): boolean {
    const s = Float64Array.from({ length: this.#size }, (_, k) =>
      axis.reduce((sum, a, c) => sum + a * (this.#ring[4 * k + 1 + c] as number), 0),
    );
    s.sort();
    const at = (share: number): number => s[Math.floor(share * (s.length - 1))] as number;
    return at(0.5) - at(0.05) > at(0.95) - at(0.5);
  }
}

/** 5 s. */
const LEAST_SAMPLES = 100;

/** A tool's status as it may be drawn under a gate: live only while the gate is open. */
export function gatedStatus(status: Status, phase: GatePhase): Status {
  return phase === 'open' ? status : worstStatus(status, 'stale');
}
