import type { Frame, PoseView, Transform } from '@trocar/core';
import { radiusQuantile } from '@trocar/core/math';
import { type CoverageGauge, type PivotCalibration, PivotCollector } from '@trocar/registration';
import { TRACKER } from './frames.js';
import { isRefusal, type Refusal, tried } from './refusal.js';
import { tipCovariance } from './tip-covariance.js';

/** A tool's tip as this procedure takes it. */
export interface TipCalibration<Tool extends string, Tip extends string> {
  /** Found today; on an earlier day and not checked since; or accepted in this procedure before the program stopped. */
  readonly source: 'pivot' | 'stored' | 'restored';
  readonly stylusFromTip: Transform<Tool, Tip>;
  /** The tip's error stays below this with 95 % probability, mm; NaN where nothing is known of it. */
  readonly tip95Mm: number;
}

/** A calibration, of whichever tool: what a page shows of it. */
export interface AnyCalibration {
  readonly isRecording: boolean;
  readonly hasStored: boolean;
  readonly gauge: CoverageGauge;
  readonly poses: { readonly given: number; readonly seen: number };
  readonly result: PivotFacts | undefined;
}

/** What a page shows of a pivoting: all but its frames. */
export type PivotFacts = Pick<
  PivotCalibration<'tracker', string, string>,
  'outcome' | 'findings' | 'counts' | 'rmsMm' | 'tipMm' | 'tip95Mm' | 'spread'
>;

/** What a pivoting found, good or not. */
export type PivotResult<Tool extends string, Tip extends string> = PivotCalibration<'tracker', Tool, Tip>;

/** The frames of a tool whose tip is looked for. */
export interface TipFrames<Tool extends string, Tip extends string> {
  /** The tool as the tracker sees it. */
  readonly tool: Frame<Tool>;
  readonly tip: Frame<Tip>;
}

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
 * The calibration of a pointed tool: poses are recorded while its tip turns in a divot, until the gauge is full or the person
 * ends it; what follows is accepted, or recorded again. Narrow, motionless and hidden recordings are refused.
 */
export class CalibrationStep<Tool extends string, Tip extends string> {
  readonly #stored: Transform<Tool, Tip> | undefined;
  readonly #collector: PivotCollector<'tracker', Tool, Tip>;
  #recording = false;
  #startedAt = Number.NaN;
  #lastAt = Number.NaN;
  #result: PivotResult<Tool, Tip> | undefined;
  #accepted: TipCalibration<Tool, Tip> | undefined;

  /** @param stored a calibration of this tool from an earlier day */
  constructor({ tool, tip }: TipFrames<Tool, Tip>, stored?: Transform<Tool, Tip>) {
    this.#collector = new PivotCollector(
      { to: TRACKER, from: tool, tip },
      { capacity: CAPACITY, maxTip95Mm: MOST_TIP95_MM, maxRmsMm: MOST_RMS_MM },
    );
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
  get result(): PivotResult<Tool, Tip> | undefined {
    return this.#result;
  }
  /** What the procedure goes on with. */
  get accepted(): TipCalibration<Tool, Tip> | undefined {
    return this.#accepted;
  }

  /** Begins a recording; what was found before is forgotten. */
  start(): void {
    this.reset();
    this.#recording = true;
  }

  /** Adds what the tracker says of the stylus now; the same moment counts once. Returns the outcome when it is complete. */
  add(view: PoseView): PivotResult<Tool, Tip> | Refusal | undefined {
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
  finish(): PivotResult<Tool, Tip> | Refusal {
    this.#recording = false;
    const found = tried(() => this.#collector.finish());
    if (!isRefusal(found)) this.#result = found;
    return found;
  }

  /** What was found as a calibration, or why it does not hold: nothing is taken yet. */
  found(): TipCalibration<Tool, Tip> | Refusal {
    const found = this.#result;
    if (found === undefined) return { code: 'not-calibrated', message: 'Nothing was found yet. Pivot the stylus in the divot.' };
    if (found.outcome !== 'ok') {
      return { code: 'calibration-failed', message: found.findings.map((f) => f.message).join(' ') };
    }
    return { source: 'pivot', stylusFromTip: found.stylusFromTip, tip95Mm: found.tip95Mm };
  }

  /** Takes what was found, unless it does not hold. */
  accept(): TipCalibration<Tool, Tip> | Refusal {
    return this.#take(this.found());
  }

  /** The stored calibration, or that there is none: nothing is taken yet. */
  stored(): TipCalibration<Tool, Tip> | Refusal {
    if (this.#stored === undefined) {
      return { code: 'no-stored-calibration', message: 'No calibration of this stylus is stored. Pivot it in the divot.' };
    }
    return known('stored', this.#stored);
  }

  /** Takes the stored calibration. */
  takeStored(): TipCalibration<Tool, Tip> | Refusal {
    return this.#take(this.stored());
  }

  /** Takes up the calibration that was accepted before the program stopped: of this procedure, and not checked since. */
  takeRestored(stylusFromTip: Transform<Tool, Tip>): TipCalibration<Tool, Tip> | Refusal {
    return this.#take(known('restored', stylusFromTip));
  }

  #take(calibration: TipCalibration<Tool, Tip> | Refusal): TipCalibration<Tool, Tip> | Refusal {
    if (isRefusal(calibration)) return calibration;
    this.#recording = false;
    this.#accepted = calibration;
    return calibration;
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

/** A calibration that was not found just now: its bound follows from its covariance. */
function known<Tool extends string, Tip extends string>(
  source: 'stored' | 'restored',
  stylusFromTip: Transform<Tool, Tip>,
): TipCalibration<Tool, Tip> {
  const tip95Mm = radiusQuantile(tipCovariance(stylusFromTip), 0.95, stylusFromTip.degreesOfFreedom);
  return { source, stylusFromTip, tip95Mm };
}
