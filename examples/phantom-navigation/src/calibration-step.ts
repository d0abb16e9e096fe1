import type { PoseView, Transform } from '@trocar/core';
import { radiusQuantile } from '@trocar/core/math';
import { type CoverageGauge, type PivotCalibration, PivotCollector } from '@trocar/registration';
import { STYLUS, TIP, TRACKER } from './frames.js';
import { isRefusal, type Refusal, tried } from './refusal.js';
import { tipCovariance } from './tip-covariance.js';

/** The stylus's tip as this procedure takes it. */
export interface StylusCalibration {
  /** Found today, or on an earlier day and not checked since. */
  readonly source: 'pivot' | 'stored';
  readonly stylusFromTip: Transform<'stylus', 'tip'>;
  /** The tip's error stays below this with 95 % probability, mm; NaN where nothing is known of it. */
  readonly tip95Mm: number;
}

/** What a pivoting found, good or not. */
export type PivotResult = PivotCalibration<'tracker', 'stylus', 'tip'>;

/** A tip that is known less well than this makes no navigation, mm. */
const MOST_TIP95_MM = 0.5;
/** Tips that keep their place less well than this were not in the divot, mm. */
const MOST_RMS_MM = 1;
/** A recording that has not become full by then is not going to, ms. */
const LONGEST_MS = 60_000;
/** The gauge is full when every sector is, and when so many poses have come. */
const FULL = { sector: 0.9, poses: 240 } as const;
/** Poses kept: more would tell little that is new, and take longer to work through. */
const CAPACITY = 400;

/**
 * The calibration of the stylus: poses are recorded while its tip turns in a divot, until the gauge is full or the person
 * ends it; what follows is accepted, or recorded again. Narrow, motionless and hidden recordings are refused.
 */
export class CalibrationStep {
  readonly #stored: Transform<'stylus', 'tip'> | undefined;
  readonly #collector = new PivotCollector(
    { to: TRACKER, from: STYLUS, tip: TIP },
    { capacity: CAPACITY, maxTip95Mm: MOST_TIP95_MM, maxRmsMm: MOST_RMS_MM },
  );
  #recording = false;
  #startedAt = Number.NaN;
  #lastAt = Number.NaN;
  #result: PivotResult | undefined;
  #accepted: StylusCalibration | undefined;

  /** @param stored a calibration of this stylus from an earlier day */
  constructor(stored: Transform<'stylus', 'tip'> | undefined) {
    this.#stored = stored;
  }

  get hasStored(): boolean {
    return this.#stored !== undefined;
  }
  get isRecording(): boolean {
    return this.#recording;
  }
  /** How full the recording is, how well its poses agree, and where to tilt next: reused by the next call. */
  get gauge(): CoverageGauge {
    return this.#collector.gauge();
  }
  /** How many poses were recorded, and in how many of them the stylus was seen. */
  get poses(): { readonly given: number; readonly seen: number } {
    return this.#collector;
  }
  /** What the last recording gave, to be accepted or not. */
  get result(): PivotResult | undefined {
    return this.#result;
  }
  /** What the procedure goes on with. */
  get accepted(): StylusCalibration | undefined {
    return this.#accepted;
  }

  /** Begins a recording; what was found before is forgotten. */
  start(): void {
    this.reset();
    this.#recording = true;
  }

  /** Adds what the tracker says of the stylus now; the same moment counts once. Returns the outcome when it is complete. */
  add(view: PoseView): PivotResult | Refusal | undefined {
    if (!this.#recording || view.at === this.#lastAt) return undefined;
    if (Number.isNaN(this.#startedAt)) this.#startedAt = view.at;
    this.#lastAt = view.at;
    this.#collector.add(view.matrix, view.status, view.at);
    return this.#isFull() || view.at - this.#startedAt > LONGEST_MS ? this.finish() : undefined;
  }

  #isFull(): boolean {
    // The gauge is worked out anew each time it is asked: not for every pose.
    if (this.#collector.seen < FULL.poses || this.#collector.given % 10 !== 0) return false;
    return this.#collector.gauge().sectors.every((s) => s >= FULL.sector);
  }

  /** Ends the recording and calibrates: what was found, or why nothing was. */
  finish(): PivotResult | Refusal {
    this.#recording = false;
    const found = tried(() => this.#collector.finish());
    if (!isRefusal(found)) this.#result = found;
    return found;
  }

  /** Takes what was found, unless it does not hold. */
  accept(): StylusCalibration | Refusal {
    const found = this.#result;
    if (found === undefined) return { code: 'not-calibrated', message: 'Nothing was found yet. Pivot the stylus in the divot.' };
    if (found.outcome !== 'ok') {
      return { code: 'calibration-failed', message: found.findings.map((f) => f.message).join(' ') };
    }
    this.#accepted = { source: 'pivot', stylusFromTip: found.stylusFromTip, tip95Mm: found.tip95Mm };
    return this.#accepted;
  }

  /** Takes the stored calibration. */
  takeStored(): StylusCalibration | Refusal {
    if (this.#stored === undefined) {
      return { code: 'no-stored-calibration', message: 'No calibration of this stylus is stored. Pivot it in the divot.' };
    }
    const { degreesOfFreedom } = this.#stored;
    const tip95Mm = radiusQuantile(tipCovariance(this.#stored), 0.95, degreesOfFreedom);
    this.#recording = false;
    this.#accepted = { source: 'stored', stylusFromTip: this.#stored, tip95Mm };
    return this.#accepted;
  }

  /** Begins anew. */
  reset(): void {
    this.#collector.reset();
    this.#recording = false;
    this.#startedAt = Number.NaN;
    this.#lastAt = Number.NaN;
    this.#result = undefined;
    this.#accepted = undefined;
  }
}
