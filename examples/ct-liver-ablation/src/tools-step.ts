import { type FrameGraph, frame, type Instant, type PoseView, type Transform } from '@trocar/core';
import { edgeBetween } from '@trocar/core/session';
import { CalibrationStep } from '../../suite/src/calibration-step.js';
import { STYLUS, TIP } from '../../suite/src/frames.js';
import { isRefusal, type Refusal } from '../../suite/src/refusal.js';
import type { Measured, Sensing } from '../../suite/src/sensing.js';
import { APPLICATOR, APPLICATOR_TIP, type ToolName } from './frames.js';

/** A tip in its tool. */
type AnyTip = Transform<string, string>;

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

  /** What is found of a tool, or its stored calibration, as it would be accepted; or why it would not: nothing is taken yet. */
  found(tool: Pointed, stored: boolean): AnyTip | Refusal {
    const step = this[tool];
    const found = stored ? step.stored() : step.found();
    if (isRefusal(found)) return found;
    const other = tool === 'applicator' ? this.#otherApplicator(found.stylusFromTip.matrix) : undefined;
    return other ?? (found.stylusFromTip as unknown as AnyTip);
  }

  /** Accepts what was found of a tool, or its stored calibration: from now on the graph knows where the tip is. */
  accept(tool: Pointed, stored: boolean): Refusal | undefined {
    const found = this.found(tool, stored);
    if (isRefusal(found)) {
      // Another applicator is pivoted anew, or laid away.
      if (found.code === 'tool-swapped') this[tool].reset();
      return found;
    }
    const taken = stored ? this[tool].takeStored() : this[tool].accept();
    if (isRefusal(taken)) return taken;
    this.#graph.set(found);
    return undefined;
  }

  /** Takes up a calibration that was accepted before the program stopped. @throws NavError `frame/mismatch` */
  restore(kept: AnyTip): void {
    const stylus = kept.to.name === STYLUS.name;
    if (stylus) this.stylus.takeRestored(edgeBetween(kept, STYLUS, TIP));
    else this.applicator.takeRestored(edgeBetween(kept, APPLICATOR, APPLICATOR_TIP));
    this.#graph.set(kept);
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
