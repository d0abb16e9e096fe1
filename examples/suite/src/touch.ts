import { type Instant, type Point, type PoseView, point, type Status } from '@trocar/core';
import { fromQuaternion, quaternionOf } from '@trocar/core/math';
import { REFERENCE } from './frames.js';
import { type Refusal, refusal } from './refusal.js';

/** When a touch counts. */
export interface TouchLimits {
  /** How long the tip must rest in the divot at least, ms. */
  readonly dwellMs: number;
  /** At least this many different measurements are needed; with a slow tracker the dwell grows, to {@link PATIENCE} times. */
  readonly minSamples: number;
  /** Largest scatter of the tip while it rests, rms length, mm: more is a hand that moves. */
  readonly maxRmsMm: number;
  /** Largest way between the means of the first and the second half, mm: more is a hand that slides. */
  readonly maxDriftMm: number;
}

/** A dwell may grow this much while measurements are too few. */
export const PATIENCE = 3;

/** Defaults for a tracker of 60 Hz with about 0.3 mm of noise. */
export const TOUCH_LIMITS: TouchLimits = { dwellMs: 800, minSamples: 24, maxRmsMm: 0.8, maxDriftMm: 0.5 };

/** A fiducial as it was touched: the mean over the dwell. */
export interface Touch {
  readonly point: Point<'reference'>;
  readonly samples: number;
  /** Rms distance of the measurements from their mean, mm. */
  readonly rmsMm: number;
  /** Mean orientation of the stylus tip: a 4×4 with the tip's place, column-major, reference from tip. */
  readonly referenceFromTip: Float64Array;
}

/** Why a touch was not taken. */
export interface TouchRefusal extends Refusal {
  readonly code: 'not-visible' | 'not-live' | 'moved' | 'too-few-samples';
}

/**
 * One touch being made: measurements of the tip in the reference frame are added until the dwell is over. Everything that
 * is not a plain measurement ends it: a mean over a gap, or over a pose that was held or predicted, would look as good as
 * a real one.
 */
export class TouchInProgress {
  readonly #limits: TouchLimits;
  readonly #startedAt: Instant;
  readonly #positions: number[] = [];
  readonly #quaternion = new Float64Array(4);
  readonly #sum = new Float64Array(4);
  #measuredAt = Number.NaN;

  constructor(startedAt: Instant, limits: TouchLimits = TOUCH_LIMITS) {
    this.#startedAt = startedAt;
    this.#limits = limits;
  }

  /** How much of the dwell is done at a moment, 0 … 1. */
  progress(at: Instant): number {
    return Math.min(1, Math.max(0, (at - this.#startedAt) / this.#limits.dwellMs));
  }

  /** Adds what the tip's path says now; the same measurement twice counts once. */
  add(view: PoseView): Touch | TouchRefusal | undefined {
    const unfit = unfitToTouch(view.status);
    if (unfit !== undefined) return unfit;
    if (view.measuredAt !== this.#measuredAt && view.measuredAt >= this.#startedAt) {
      this.#measuredAt = view.measuredAt;
      this.#take(view.matrix);
    }
    const { dwellMs, minSamples } = this.#limits;
    const spent = view.at - this.#startedAt;
    const enough = this.#positions.length / 3 >= minSamples;
    return spent >= (enough ? dwellMs : PATIENCE * dwellMs) ? this.#finish() : undefined;
  }

  #take(m: Float64Array): void {
    this.#positions.push(m[12] as number, m[13] as number, m[14] as number);
    const q = quaternionOf(this.#quaternion, m);
    const same = q.reduce((dot, v, k) => dot + v * (this.#sum[k] as number), 0) >= 0 ? 1 : -1;
    for (let k = 0; k < 4; k += 1) this.#sum[k] = (this.#sum[k] as number) + same * (q[k] as number);
  }

  #finish(): Touch | TouchRefusal {
    const { minSamples, maxRmsMm, maxDriftMm } = this.#limits;
    const samples = this.#positions.length / 3;
    if (samples < minSamples) {
      return refusal(
        'too-few-samples',
        "Only {samples} measurements arrived during the touch, {minSamples} are needed. Check the tracker's rate, then touch again.",
        { samples, minSamples },
      );
    }
    const mean = meanOf(this.#positions, 0, samples);
    const rmsMm = scatterOf(this.#positions, mean);
    const half = Math.floor(samples / 2);
    const drift = distance(meanOf(this.#positions, 0, half), meanOf(this.#positions, half, samples));
    if (rmsMm > maxRmsMm || drift > maxDriftMm) {
      return refusal(
        'moved',
        'The tip moved during the touch (scatter {rms} mm, drift {drift} mm; at most {maxRmsMm} and {maxDriftMm} mm). Hold it still in the divot and touch again.',
        { rms: rmsMm.toFixed(2), drift: drift.toFixed(2), maxRmsMm, maxDriftMm },
      );
    }
    const length = Math.hypot(...this.#sum);
    const quaternion = this.#sum.map((v) => v / length);
    return {
      point: point(REFERENCE, mean),
      samples,
      rmsMm,
      referenceFromTip: fromQuaternion(new Float64Array(16), quaternion, mean),
    };
  }
}

/** Why nothing can be recorded with a pose of this status; undefined for a plain measurement. */
export function unfitToTouch(status: Status): TouchRefusal | undefined {
  if (status === 'ok') return undefined;
  if (status === 'missing' || status === 'disconnected') {
    return refusal(
      'not-visible',
      status === 'missing'
        ? 'The tracker does not see the stylus or the reference: nothing was recorded. Make both visible and touch again.'
        : 'The tracker is not connected: nothing was recorded. Make both visible and touch again.',
    );
  }
  return refusal(
    'not-live',
    'The stylus pose is "{status}", not a plain measurement: nothing was recorded. Touch again when it is live.',
    { status },
  );
}

function meanOf(positions: readonly number[], from: number, to: number): [number, number, number] {
  const mean: [number, number, number] = [0, 0, 0];
  for (let n = from; n < to; n += 1) {
    for (const k of [0, 1, 2] as const) mean[k] += (positions[3 * n + k] as number) / (to - from);
  }
  return mean;
}

function scatterOf(positions: readonly number[], mean: readonly number[]): number {
  let sum = 0;
  positions.forEach((v, n) => {
    sum += (v - (mean[n % 3] as number)) ** 2;
  });
  return Math.sqrt((3 * sum) / positions.length);
}

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(...a.map((v, k) => v - (b[k] as number)));
}
