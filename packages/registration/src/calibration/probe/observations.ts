import { NavError } from '@trocar/core';
import { fromQuaternion, invertRigid, multiply4, quaternionOf, rigidityError, rotationAngleBetween } from '@trocar/core/math';
import { median } from '../../accuracy/robust.js';
import type { Dot, WireDots } from './dots.js';

/** One image of the phantom: where the wires show, where the probe was, and when. */
export interface WireObservation {
  /** As findWires() gives them: column and row for each wire, patterns from top to bottom, wires from left to right. */
  readonly dots: WireDots;
  /** All bright spots of the image, as detectDots() gives them, the wires' among them: calibrateProbe() may choose others of them once it knows where the wires are. */
  readonly spots?: readonly Dot[];
  /** p_phantom = m · p_probe: 16 doubles, column-major, mm: the tracked pose, through the reference and the phantom's registration. */
  readonly phantomFromProbe: ArrayLike<number>;
  /** When the image was stamped and, by the same clock, the pose; ms. Needed where a lag is estimated. */
  readonly timeMs?: number;
}

/** A pose of the probe while an image was not looked at, or showed no wires. */
export interface TimedProbePose {
  readonly phantomFromProbe: ArrayLike<number>;
  readonly timeMs: number;
}

/** More than this is no rigid pose. Recordings have six digits. */
const RIGID_WITHIN = 1e-3;
/** Poses farther apart in time are not interpolated between. */
const LONGEST_GAP_MS = 400;

/**
 * Poses of the probe over time. At the images' own times (`measured`), or between them (`smoothed`): by cubic B-spline weights of the four poses
 * around a time. They smooth nearly alike wherever between two poses it lies; linear interpolation halves the noise in the middle
 * and leaves it at the poses, so that a fit of the lag would be drawn to the middle.
 */
export class ProbeTrack {
  readonly #poses: ReadonlyArray<{ readonly t: Float64Array; readonly q: Float64Array }>;
  /** Of the poses, and of the images. */
  readonly #times: Float64Array | undefined;
  readonly #imageTimes: Float64Array;
  readonly #smoothed: boolean;
  readonly #weights = new Float64Array(4);
  readonly #q = new Float64Array(4);
  readonly #t = new Float64Array(3);

  /**
   * @param kind `smoothed` needs times
   * @param poses all that were measured, by their times, where they are more than those of the images; `smoothed` reads them
   */
  constructor(observations: readonly WireObservation[], kind: 'measured' | 'smoothed', poses?: readonly TimedProbePose[]) {
    this.#smoothed = kind === 'smoothed';
    const read: readonly { readonly phantomFromProbe: ArrayLike<number>; readonly timeMs?: number }[] =
      this.#smoothed && poses !== undefined ? poses : observations;
    this.#poses = read.map(({ phantomFromProbe: m }) => ({
      t: Float64Array.of(m[12] as number, m[13] as number, m[14] as number),
      q: quaternionOf(new Float64Array(4), m),
    }));
    this.#imageTimes = Float64Array.from(observations, ({ timeMs }) => timeMs ?? Number.NaN);
    this.#times = this.#smoothed ? Float64Array.from(read, ({ timeMs }) => timeMs as number) : undefined;
  }

  /** Whether there is a pose `lagMs` after an image's time: with two measured ones on both of its sides, close enough. */
  covers(image: number, lagMs: number): boolean {
    const times = this.#times;
    if (times === undefined) return true;
    const n = this.#before(image, lagMs);
    const time = (this.#imageTimes[image] as number) + lagMs;
    if (n < 1 || n + 2 >= times.length || time < (times[n] as number) || time > (times[n + 1] as number)) return false;
    return (times[n + 2] as number) - (times[n - 1] as number) <= LONGEST_GAP_MS;
  }

  /**
   * Probe from phantom `lagMs` after an image's time. Where covers() says no, the nearest that can be read: such images must not
   * count.
   */
  probeFromPhantom(out: Float64Array, image: number, lagMs: number): void {
    if (this.#smoothed) this.#smooth(image, lagMs);
    else {
      const { t, q } = this.#poses[image] as { t: Float64Array; q: Float64Array };
      this.#t.set(t);
      this.#q.set(q);
    }
    fromQuaternion(out, this.#q, this.#t);
    invertRigid(out, out);
  }

  /** The other way round. */
  referenceFromProbe(out: Float64Array, image: number, lagMs: number): void {
    this.probeFromPhantom(out, image, lagMs);
    invertRigid(out, out);
  }

  /** The last pose not after a time, but the last one; or the first. */
  #before(image: number, lagMs: number): number {
    const times = this.#times as Float64Array;
    const time = (this.#imageTimes[image] as number) + lagMs;
    let [low, high] = [0, times.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((times[middle] as number) <= time) low = middle;
      else high = middle;
    }
    return low;
  }

  #smooth(image: number, lagMs: number): void {
    const times = this.#times as Float64Array;
    const last = times.length - 1;
    const n = Math.max(1, Math.min(last - 2, this.#before(image, lagMs)));
    this.#weigh(n, (this.#imageTimes[image] as number) + lagMs);
    const w = this.#weights;
    this.#t.fill(0);
    this.#q.fill(0);
    const near = (this.#poses[n] as { q: Float64Array }).q;
    for (let k = 0; k < 4; k += 1) {
      const { t, q } = this.#poses[n - 1 + k] as { t: Float64Array; q: Float64Array };
      const sign = q.reduce((sum, x, c) => sum + x * (near[c] as number), 0) < 0 ? -1 : 1;
      for (let c = 0; c < 3; c += 1) this.#t[c] = (this.#t[c] as number) + (w[k] as number) * (t[c] as number);
      for (let c = 0; c < 4; c += 1) this.#q[c] = (this.#q[c] as number) + sign * (w[k] as number) * (q[c] as number);
    }
    const length = Math.hypot(...this.#q);
    for (let c = 0; c < 4; c += 1) this.#q[c] = (this.#q[c] as number) / length;
  }

  /** Weights of poses n − 1 … n + 2 whose mean time is `time`, also where they are not evenly spaced. */
  #weigh(n: number, time: number): void {
    const times = this.#times as Float64Array;
    const w = this.#weights;
    const gap = (times[n + 1] as number) - (times[n] as number);
    let f = (time - (times[n] as number)) / gap;
    for (let round = 0; round < 4; round += 1) {
      const g = 1 - f;
      w[0] = (g * g * g) / 6;
      w[1] = (3 * f * f * f - 6 * f * f + 4) / 6;
      w[2] = (3 * g * g * g - 6 * g * g + 4) / 6;
      w[3] = (f * f * f) / 6;
      let mean = 0;
      for (let k = 0; k < 4; k += 1) mean += (w[k] as number) * ((times[n - 1 + k] as number) - time);
      f -= mean / gap;
    }
  }
}

/** @throws NavError `calibration/too-few-poses`, `calibration/not-finite`, `calibration/not-rigid`, `calibration/bad-option` */
export function requireObservations(observations: readonly WireObservation[], wires: number, least: number): void {
  if (observations.length < least) {
    throw new NavError(
      'calibration/too-few-poses',
      `A probe needs at least ${least} images of the wires; there are ${observations.length}.`,
    );
  }
  let last = Number.NEGATIVE_INFINITY;
  observations.forEach(({ dots, phantomFromProbe, timeMs }, n) => {
    if (dots.length !== 2 * wires) {
      throw new NavError('calibration/bad-option', `Image ${n} has ${dots.length / 2} dots and the phantom ${wires} wires.`);
    }
    const finite = [...dots, ...Array.from(phantomFromProbe), timeMs ?? 0].every((x) => Number.isFinite(x));
    if (!finite) throw new NavError('calibration/not-finite', `Image ${n} has a dot, a pose or a time that is not finite.`);
    if (phantomFromProbe.length !== 16 || !(rigidityError(phantomFromProbe) <= RIGID_WITHIN)) {
      throw new NavError(
        'calibration/not-rigid',
        `The pose of image ${n} is no rigid motion. Check that it is column-major and in mm.`,
      );
    }
    if (timeMs !== undefined && timeMs <= last) {
      throw new NavError(
        'calibration/bad-option',
        `Image ${n} is not later than the one before it: sort them, and remove repeated ones.`,
      );
    }
    last = timeMs ?? last;
  });
}

/** @throws NavError `calibration/not-finite`, `calibration/not-rigid`, `calibration/bad-option` */
export function requirePoses(poses: readonly TimedProbePose[]): void {
  let last = Number.NEGATIVE_INFINITY;
  poses.forEach(({ phantomFromProbe: m, timeMs }, n) => {
    if (!Number.isFinite(timeMs) || !Array.from(m).every((x) => Number.isFinite(x)))
      throw new NavError('calibration/not-finite', `Pose ${n} has a number or a time that is not finite.`);
    if (m.length !== 16 || !(rigidityError(m) <= RIGID_WITHIN))
      throw new NavError('calibration/not-rigid', `Pose ${n} is no rigid motion. Check that it is column-major and in mm.`);
    if (timeMs <= last)
      throw new NavError(
        'calibration/bad-option',
        `Pose ${n} is not later than the one before it: sort them, and remove repeated ones.`,
      );
    last = timeMs;
  });
}

/**
 * Poses near enough to each other in time that one can be read between them.
 * @param lagMs about which it is read
 * @throws NavError `calibration/too-few-poses`
 */
export function requireReadable(
  observations: readonly WireObservation[],
  poses: readonly TimedProbePose[],
  track: ProbeTrack,
  lagMs: number,
  least: number,
): void {
  const covered = observations.filter((_, n) => track.covers(n, lagMs)).length;
  if (covered >= least) return;
  const times = (poses.length > 0 ? poses : observations).map(({ timeMs }) => timeMs as number);
  const gap = median(Float64Array.from(times.slice(1), (t, n) => t - (times[n] as number)));
  const message = `Only ${covered} of ${observations.length} images have poses around them to read one at a lag of ${lagMs} ms (${least} are needed): poses are ${gap.toFixed(0)} ms apart, and four within ${LONGEST_GAP_MS} ms are read. Record faster, or give the lag as 0 where the probe stood still.`;
  throw new NavError('calibration/too-few-poses', message, { detail: { covered, apartMs: gap } });
}

/** Whether all images have times, so that a lag can be looked for. */
export function haveTimes(observations: readonly WireObservation[]): boolean {
  return observations.every(({ timeMs }) => timeMs !== undefined);
}

/** Less than this, mm and rad, is no motion. */
const LEAST_MOTION = [2, 0.02] as const;

/** @throws NavError `calibration/motionless` */
export function requireMotion(observations: readonly WireObservation[]): void {
  const first = (observations[0] as WireObservation).phantomFromProbe;
  const moves = observations.some(({ phantomFromProbe: m }) => {
    const shift = Math.hypot(...[12, 13, 14].map((n) => (m[n] as number) - (first[n] as number)));
    return shift > LEAST_MOTION[0] || rotationAngleBetween(m, first) > LEAST_MOTION[1];
  });
  if (moves) return;
  throw new NavError(
    'calibration/motionless',
    'The probe did not move over the phantom. Slide it along the wires, and tilt it both ways.',
  );
}

/** phantom-from-probe of a chain: (reference-from-phantom)⁻¹ · (reference-from-probe). */
export function phantomFromProbeOf(referenceFromPhantom: ArrayLike<number>, referenceFromProbe: ArrayLike<number>): Float64Array {
  const m = invertRigid(new Float64Array(16), referenceFromPhantom);
  return multiply4(m, m, referenceFromProbe);
}
