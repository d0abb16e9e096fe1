import { type FrameGraph, frame, type Instant, type PoseView, type Transform } from '@trocar/core';
import { CalibrationStep } from '../../suite/src/calibration-step.js';
import { STYLUS, TIP } from '../../suite/src/frames.js';
import { isRefusal, type Refusal } from '../../suite/src/refusal.js';
import type { Measured, Sensing } from '../../suite/src/sensing.js';
import { APPLICATOR, APPLICATOR_TIP, type ToolName } from './frames.js';

/** What has a tip. */
export type Pointed = 'stylus' | 'applicator';

/** A calibrated tip lies within this of its drawing, mm. */
const DRAWN_TIP_MM = 3;

/** The calibration of stylus and applicator, and whether the applicator is the one that was planned with. */
export class ToolsStep {
  readonly stylus: CalibrationStep<'stylus', 'tip'>;
  readonly applicator: CalibrationStep<'applicator', 'applicator-tip'>;
  readonly #graph: FrameGraph;
  readonly #seen: Readonly<Record<Pointed, Measured>>;
  readonly #drawn: readonly [number, number, number] | undefined;

  /**
   * @param stored a calibration of the stylus from an earlier day
   * @param drawn where the planned applicator's tip is by its drawing, mm
   */
  constructor(
    sensing: Sensing<ToolName>,
    stored: Transform<'stylus', 'tip'> | undefined,
    drawn: readonly [number, number, number] | undefined,
  ) {
    this.stylus = new CalibrationStep({ tool: STYLUS, tip: TIP }, stored);
    this.applicator = new CalibrationStep({ tool: APPLICATOR, tip: APPLICATOR_TIP });
    this.#graph = sensing.graph;
    const tracker = frame('tracker');
    this.#seen = {
      stylus: sensing.measured(sensing.graph.path(tracker, STYLUS), 'stylus'),
      applicator: sensing.measured(sensing.graph.path(tracker, APPLICATOR), 'applicator'),
    };
    this.#drawn = drawn;
  }

  /** Whether both may be used. */
  get isDone(): boolean {
    return this.stylus.accepted !== undefined && this.applicator.accepted !== undefined;
  }

  /** Takes what the tracker says while a tool is pivoted. */
  record(): Refusal | undefined {
    const step = this.stylus.isRecording ? this.stylus : this.applicator.isRecording ? this.applicator : undefined;
    if (step === undefined) return undefined;
    const view: PoseView = this.#seen[step === this.stylus ? 'stylus' : 'applicator'].read();
    const ended = step.add(view);
    return ended !== undefined && isRefusal(ended) ? ended : undefined;
  }

  /** Begins to record; it ends by itself when enough was seen, or with {@link stop}. */
  start(tool: Pointed, now: Instant): Refusal | undefined {
    if (this.#seen[tool].whyNot(now)?.code === 'not-visible') {
      return { code: 'not-visible', message: `The tracker does not see the ${tool}. Make it visible and begin again.` };
    }
    this[tool].start();
    return undefined;
  }

  stop(tool: Pointed): Refusal | undefined {
    if (!this[tool].isRecording) return { code: 'wrong-stage', message: 'Nothing is being recorded.' };
    const ended = this[tool].finish();
    return isRefusal(ended) ? ended : undefined;
  }

  /** Accepts what was found of a tool, or its stored calibration: from now on the graph knows where the tip is. */
  accept(tool: Pointed, stored: boolean): Refusal | undefined {
    if (tool === 'stylus') {
      const taken = stored ? this.stylus.takeStored() : this.stylus.accept();
      if (isRefusal(taken)) return taken;
      this.#graph.set(taken.stylusFromTip);
      return undefined;
    }
    const taken = stored ? this.applicator.takeStored() : this.applicator.accept();
    if (isRefusal(taken)) return taken;
    const other = this.#otherApplicator(taken.stylusFromTip.matrix);
    if (other === undefined) this.#graph.set(taken.stylusFromTip);
    else this.applicator.reset();
    return other;
  }

  /** A tip that is not where the drawing of the planned applicator has it is bent, or another applicator's. */
  #otherApplicator(m: ArrayLike<number>): Refusal | undefined {
    if (this.#drawn === undefined) return undefined;
    const off = Math.hypot(...this.#drawn.map((v, k) => v - (m[12 + k] as number)));
    if (off <= DRAWN_TIP_MM) return undefined;
    return {
      code: 'tool-swapped',
      message:
        `The tip is ${off.toFixed(1)} mm from where the planned applicator has it: this is another applicator, it is bent, or its ` +
        'marker sits otherwise. Take the planned one.',
    };
  }
}
