import { NavError } from '../base/index.js';
import { fromQuaternion, slerpAt } from '../math/index.js';
import type { Instant } from '../time/index.js';
import { poseNoiseCovariance, requireNoise } from './covariance.js';
import { isUsable, type PoseSample, STRIDE } from './pose-sample.js';
import { hasPose, STATUSES, type Status, severity, worstStatus } from './status.js';

/** How a streamed edge is kept and read. */
export interface PoseBufferOptions {
  /** Samples kept; the oldest are overwritten. Default 512. */
  readonly capacity?: number;
  /**
   * A pose older than this is `stale`. Default 115 ms: a silent device is seen within one frame of 60 Hz and 100 ms.
   * Raise it for devices slower than 15 Hz.
   */
  readonly staleAfterMs?: number;
  /** Between two samples further apart than this nothing is interpolated: the tool is `missing` there. Default 100 ms. */
  readonly maxGapMs?: number;
  /** Extrapolate at constant velocity up to this horizon, at most 50 ms. Default 0: never. */
  readonly predictMs?: number;
  /**
   * Standard deviations of the acceleration that prediction does not know of: of the tool's origin per axis (mm/s²), and
   * of its rotation about each axis (rad/s²). They widen the covariance of a predicted pose. Default: a hand at work, 1000
   * and 10.
   */
  readonly motion?: { readonly accelerationMmPerS2: number; readonly angularAccelerationRadPerS2: number };
  /**
   * Standard deviations per axis at the tool's origin: what the covariance of this edge is made of.
   * Absent means unknown, and every chain through this edge then has an unknown covariance.
   */
  readonly noise?: { readonly positionSdMm: number; readonly rotationSdRad: number };
}

/** What arrived that was no pose: shown to people, and never silently dropped. */
export interface PoseFaults {
  /** Claimed to be a pose but held NaN, infinity or a quaternion far from unit length; kept as `missing`. */
  notFinite: number;
  /** Had the same measured time as one already kept; the first pose is kept, with the worse of the two statuses. */
  repeated: number;
  /** Kept as new, until a `stale` sample measured before them said that the device had only repeated itself. */
  takenBack: number;
  /** Older than everything kept. */
  tooOld: number;
  /** Claimed to be measured well after it arrived: a clock is wrong, and one such sample would hide all that follow. */
  fromTheFuture: number;
}

/** Two clocks may be compared this badly; a measurement later than its own arrival by more than this is none, ms. */
const FUTURE_MS = 1000;
/** Velocity is taken over at least this, ms: one frame at 60 Hz. Over less, the noise of two poses is more than the motion. */
const BASE_MS = 12;
/** Accelerations of a hand that moves at 0.5 to 2.5 Hz and 92 mm/s; see bench/clock.ts. */
const HAND = { accelerationMmPerS2: 1000, angularAccelerationRadPerS2: 10 };
/** Longest prediction that is still better than holding the last pose (constant-velocity, hand motion). */
const LONGEST_PREDICTION_MS = 50;

/**
 * The recent poses of one tool: a ring of doubles, sorted by measured time, read at any instant without allocating.
 */
export class PoseBuffer {
  readonly capacity: number;
  readonly staleAfterMs: number;
  readonly maxGapMs: number;
  readonly predictMs: number;
  readonly noise: { readonly positionSdMm: number; readonly rotationSdRad: number } | undefined;
  readonly motion: { readonly accelerationMmPerS2: number; readonly angularAccelerationRadPerS2: number };
  readonly faults: PoseFaults = { notFinite: 0, repeated: 0, takenBack: 0, tooOld: 0, fromTheFuture: 0 };
  readonly #values: Float64Array;
  readonly #statuses: Uint8Array;
  readonly #noiseSds: Float64Array | undefined;
  readonly #scratch = new Float64Array(7);
  /** Of the last reading: how far it was extrapolated, and from how long a base, ms. */
  readonly #ahead = new Float64Array(2);
  readonly #sds = new Float64Array(2);
  #head = 0;
  #size = 0;
  #connected = true;

  /** @throws NavError `pose/bad-option`, `frame/bad-covariance` */
  constructor(options: PoseBufferOptions = {}) {
    this.capacity = options.capacity ?? 512;
    this.staleAfterMs = options.staleAfterMs ?? 115;
    this.maxGapMs = options.maxGapMs ?? 100;
    this.predictMs = options.predictMs ?? 0;
    this.noise = options.noise;
    this.motion = options.motion ?? HAND;
    requireOptions(this);
    if (this.noise) requireNoise(this.noise.positionSdMm, this.noise.rotationSdRad);
    this.#noiseSds = this.noise && Float64Array.of(this.noise.positionSdMm, this.noise.rotationSdRad);
    this.#values = new Float64Array(this.capacity * STRIDE);
    this.#statuses = new Uint8Array(this.capacity);
  }

  /** How many samples are kept now. */
  get size(): number {
    return this.#size;
  }

  /** When the newest sample kept was measured; NaN where there is none. */
  get newestAt(): Instant {
    return (this.#size === 0 ? Number.NaN : (this.#values[this.#base(this.#size - 1)] as number)) as Instant;
  }

  /** Whether the device is there; a driver says so. While it is not, every reading is `disconnected`. */
  get connected(): boolean {
    return this.#connected;
  }
  set connected(yes: boolean) {
    this.#connected = yes;
  }

  /** Forgets every sample: after a clock step, say. */
  clear(): void {
    this.#size = 0;
  }

  /**
   * Copies a sample in, keeping the ring sorted by measured time. Never throws and never allocates: what is wrong
   * with a sample is counted in {@link faults}, and a sample that is no pose is kept as `missing`.
   *
   * A status only ever gets worse for the same measured time. A `stale` sample that arrives after newer ones takes
   * those back: a device that repeats itself is found out only after some repeats (see `freezeGuard`), and then its true
   * last measurement is the newest thing known.
   */
  push(sample: PoseSample): void {
    const v = sample.values;
    let status = sample.status;
    if (!Number.isFinite(v[0] as number)) {
      this.faults.notFinite += 1;
      return;
    }
    if ((v[0] as number) > (v[1] as number) + FUTURE_MS) {
      this.faults.fromTheFuture += 1;
      return;
    }
    if (hasPose(status) && !isUsable(v)) {
      this.faults.notFinite += 1;
      status = 'missing';
    }
    if (status === 'stale') this.#takeBack(v);
    const slot = this.#slotFor(v, status);
    if (slot < 0) return;
    const base = slot * STRIDE;
    for (let i = 0; i < STRIDE; i += 1) this.#values[base + i] = v[i] as number;
    this.#statuses[slot] = severity(status);
  }

  /** Lets go of what was measured after `v[0]` but did not arrive after it. */
  #takeBack(v: Float64Array): void {
    while (this.#size > 0) {
      const newest = this.#base(this.#size - 1);
      if (!((this.#values[newest] as number) > (v[0] as number))) return;
      if ((this.#values[newest + 1] as number) > (v[1] as number)) return;
      this.#size -= 1;
      this.faults.takenBack += 1;
    }
  }

  /** Makes room for a sample measured at `v[0]` and returns its slot, or −1 where it is not to be kept. */
  #slotFor(v: Float64Array, status: Status): number {
    const t = v[0] as number;
    const values = this.#values;
    let at = this.#size;
    while (at > 0 && (values[this.#index(at - 1) * STRIDE] as number) > t) at -= 1;
    if (at > 0 && values[this.#index(at - 1) * STRIDE] === t) {
      const slot = this.#index(at - 1);
      if (severity(status) > (this.#statuses[slot] as number)) this.#statuses[slot] = severity(status);
      this.faults.repeated += 1;
      return -1;
    }
    if (this.#size === this.capacity) {
      if (at === 0) {
        this.faults.tooOld += 1;
        return -1;
      }
      this.#head = (this.#head + 1) % this.capacity;
      at -= 1;
    } else {
      this.#size += 1;
    }
    for (let i = this.#size - 1; i > at; i -= 1) this.#copySlot(this.#index(i - 1), this.#index(i));
    return this.#index(at);
  }

  #copySlot(from: number, to: number): void {
    this.#values.copyWithin(to * STRIDE, from * STRIDE, (from + 1) * STRIDE);
    this.#statuses[to] = this.#statuses[from] as number;
  }

  /** The slot of the i-th oldest sample. */
  #index(i: number): number {
    const slot = this.#head + i;
    return slot >= this.capacity ? slot - this.capacity : slot;
  }

  /**
   * Where the numbers of the i-th oldest sample begin, its measured time first. A place and not the time itself: a
   * double that a method returns is boxed wherever the engine does not inline the call.
   */
  #base(i: number): number {
    return this.#index(i) * STRIDE;
  }

  #status(i: number): Status {
    return STATUSES[this.#statuses[this.#index(i)] as number] as Status;
  }

  /**
   * The pose at the instant in `time[0]`, into `matrix` (16, column-major) and `times` (measured, arrived, error, and
   * where it has a fourth place how far beyond the measurement the pose is predicted, ms).
   *
   * Between samples: lerp and slerp. After the newest: that one, `stale` once too old; or, where asked for, the motion
   * of the last samples carried on, from poses that are neither stale nor missing, and never across a gap. Before the oldest, across a
   * gap, and where a sample is missing, there is no pose: `matrix` becomes NaN.
   * @param time one cell: V8 boxes a double that is an argument of a call it does not inline, so inside this class
   * times and fractions travel in typed arrays
   */
  read(time: Float64Array, matrix: Float64Array, times: Float64Array): Status {
    const t = time[0] as number;
    const newest = this.#size - 1;
    this.#ahead.fill(0);
    times[3] = 0;
    if (!this.#connected) return this.#none(matrix, times, newest, 'disconnected');
    // Before the first tick there is no instant to answer for.
    if (newest < 0 || !Number.isFinite(t)) return this.#none(matrix, times, newest, 'missing');
    if (t >= (this.#values[this.#base(newest)] as number)) return this.#readAfter(time, newest, matrix, times);
    let later = newest;
    while (later > 0 && (this.#values[this.#base(later - 1)] as number) > t) later -= 1;
    if (later === 0) return this.#none(matrix, times, -1, 'missing');
    return this.#readBetween(time, later - 1, later, matrix, times);
  }

  #readAfter(time: Float64Array, newest: number, matrix: Float64Array, times: Float64Array): Status {
    const status = this.#status(newest);
    if (!hasPose(status)) return this.#none(matrix, times, newest, status);
    const age = (time[0] as number) - (this.#values[this.#base(newest)] as number);
    this.#copyTimes(newest, times);
    const from = age > 0 && age <= this.predictMs && age <= this.staleAfterMs ? this.#predictFrom(newest) : -1;
    if (from >= 0) {
      times[3] = age;
      this.#ahead[0] = age;
      this.#ahead[1] = (this.#values[this.#base(newest)] as number) - (this.#values[this.#base(from)] as number);
      this.#blend(from, newest, time, matrix);
      return worstStatus('predicted', status);
    }
    this.#hold(newest, matrix);
    return age > this.staleAfterMs ? worstStatus('stale', status) : status;
  }

  /** The sample before the newest that its velocity is taken from: the nearest at the base's distance; −1 for none. */
  #predictFrom(newest: number): number {
    let i = newest;
    while (severity(this.#status(i)) < STALE) {
      if ((this.#values[this.#base(newest)] as number) - (this.#values[this.#base(i)] as number) >= BASE_MS) return i;
      if (i === 0) return -1;
      const gap = (this.#values[this.#base(i)] as number) - (this.#values[this.#base(i - 1)] as number);
      if (gap > this.maxGapMs) return -1;
      i -= 1;
    }
    return -1;
  }

  #readBetween(time: Float64Array, earlier: number, later: number, matrix: Float64Array, times: Float64Array): Status {
    const t0 = this.#values[this.#base(earlier)] as number;
    const t1 = this.#values[this.#base(later)] as number;
    if (time[0] === t0) {
      const status = this.#status(earlier);
      if (!hasPose(status)) return this.#none(matrix, times, earlier, status);
      this.#copyTimes(earlier, times);
      this.#hold(earlier, matrix);
      return status;
    }
    const status = worstStatus(this.#status(earlier), this.#status(later));
    if (t1 - t0 > this.maxGapMs) return this.#none(matrix, times, earlier, 'missing');
    if (!hasPose(status)) return this.#none(matrix, times, earlier, status);
    this.#blend(earlier, later, time, matrix);
    this.#copyTimes(later, times);
    times[0] = time[0] as number;
    return status;
  }

  #hold(i: number, matrix: Float64Array): void {
    const base = this.#base(i);
    const s = this.#scratch;
    for (let k = 0; k < 7; k += 1) s[k] = this.#values[base + 3 + k] as number;
    this.#compose(matrix);
  }

  /** Position and rotation at `time` on the straight way from sample a to sample b, or beyond b. */
  #blend(a: number, b: number, time: Float64Array, matrix: Float64Array): void {
    const values = this.#values;
    const ia = this.#base(a);
    const ib = this.#base(b);
    const t0 = values[ia] as number;
    const f = ((time[0] as number) - t0) / ((values[ib] as number) - t0);
    fraction[0] = f;
    const s = this.#scratch;
    const qa = quaternionA;
    const qb = quaternionB;
    for (let k = 0; k < 3; k += 1) {
      const p = values[ia + 3 + k] as number;
      s[k] = p + f * ((values[ib + 3 + k] as number) - p);
    }
    for (let k = 0; k < 4; k += 1) {
      qa[k] = values[ia + 6 + k] as number;
      qb[k] = values[ib + 6 + k] as number;
    }
    normalise(qa);
    normalise(qb);
    slerpAt(qa, qa, qb, fraction);
    for (let k = 0; k < 4; k += 1) s[3 + k] = qa[k] as number;
    this.#compose(matrix);
  }

  #compose(matrix: Float64Array): void {
    const s = this.#scratch;
    const q = quaternionA;
    for (let k = 0; k < 4; k += 1) q[k] = s[3 + k] as number;
    normalise(q);
    fromQuaternion(matrix, q, s);
  }

  #copyTimes(i: number, times: Float64Array): void {
    const base = this.#base(i);
    times[0] = this.#values[base] as number;
    times[1] = this.#values[base + 1] as number;
    times[2] = this.#values[base + 2] as number;
  }

  #none(matrix: Float64Array, times: Float64Array, i: number, status: Status): Status {
    matrix.fill(Number.NaN);
    if (i >= 0) this.#copyTimes(i, times);
    else times.fill(Number.NaN);
    return status;
  }

  /**
   * The covariance of the pose last read (as in Transform.covariance), into `out`; false where it is unknown.
   *
   * Of a held pose it is the covariance of its measurement, which says nothing of what the tool did since: its age does.
   * Of a pose predicted h ahead from two measurements b apart, it is their noise times (1 + g)² + g², g = h / b, and the
   * square of what an acceleration of the standard deviation `motion` moves it: h (h + b) / 2.
   */
  covariance(matrix: Float64Array, out: Float64Array): boolean {
    const measured = this.#noiseSds;
    if (measured === undefined) return false;
    const h = this.#ahead[0] as number;
    if (h === 0) {
      poseNoiseCovariance(out, matrix, measured);
      return true;
    }
    const b = this.#ahead[1] as number;
    const g = h / b;
    const noise = (1 + g) * (1 + g) + g * g;
    const moved = (h * (h + b)) / 2e6;
    const sds = this.#sds;
    for (let k = 0; k < 2; k += 1) {
      const sd = measured[k] as number;
      const drift = moved * (k === 0 ? this.motion.accelerationMmPerS2 : this.motion.angularAccelerationRadPerS2);
      sds[k] = Math.sqrt(noise * sd * sd + drift * drift);
    }
    poseNoiseCovariance(out, matrix, sds);
    return true;
  }
}

const STALE = severity('stale');
const fraction = new Float64Array(1);
const quaternionA = new Float64Array(4);
const quaternionB = new Float64Array(4);

function normalise(q: Float64Array): void {
  const x = q[0] as number;
  const y = q[1] as number;
  const z = q[2] as number;
  const w = q[3] as number;
  const scale = 1 / Math.sqrt(x * x + y * y + z * z + w * w);
  q[0] = x * scale;
  q[1] = y * scale;
  q[2] = z * scale;
  q[3] = w * scale;
}

function requireOptions(b: PoseBuffer): void {
  const good =
    Number.isInteger(b.capacity) &&
    b.capacity >= 2 &&
    b.staleAfterMs > 0 &&
    b.maxGapMs > 0 &&
    b.predictMs >= 0 &&
    b.predictMs <= LONGEST_PREDICTION_MS &&
    b.motion.accelerationMmPerS2 >= 0 &&
    b.motion.angularAccelerationRadPerS2 >= 0;
  if (!good) {
    throw new NavError(
      'pose/bad-option',
      `A pose buffer needs capacity ≥ 2, staleAfterMs > 0, maxGapMs > 0, predictMs in 0 … ${LONGEST_PREDICTION_MS} ` +
        `and accelerations ≥ 0; got ${b.capacity}, ${b.staleAfterMs}, ${b.maxGapMs}, ${b.predictMs}, ` +
        `${b.motion.accelerationMmPerS2} and ${b.motion.angularAccelerationRadPerS2}.`,
    );
  }
}
