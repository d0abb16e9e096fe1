import { PoseSample, type Status } from '@trocar/core';
import { type ManualClock, manualClock } from '@trocar/core/testing';
import { BODIES, type BodyName } from '../../suite/src/frames.js';
import { HiddenTruth, storedStylus, USUAL_ERRORS, type WorldErrors } from '../../suite/src/truth.js';
import type { NavigationCase } from './case.js';
import { Procedure, type ProcedureOptions } from './procedure.js';

const FRAME_MS = 1000 / 60;
/** Longer than anything a hand does, in frames. */
const FOREVER = 3000;

/** How a simulated procedure is set up. */
export interface SimulationOptions extends Partial<Omit<ProcedureOptions, 'clock' | 'case' | 'storedStylus'>> {
  /** Default: as exact as the world says; `undefined`: none. */
  readonly storedStylus?: ProcedureOptions['storedStylus'] | undefined;
  readonly errors?: WorldErrors;
}

/**
 * A procedure in a simulated world, on a clock that jumps and without sockets: the code that runs live, driven frame by
 * frame. For tests, and for the study of the bound.
 */
export class SimulatedProcedure {
  readonly clock: ManualClock = manualClock(0);
  readonly truth: HiddenTruth<'ct', NavigationCase>;
  readonly procedure: Procedure;
  /** What the tracker says instead of `ok`, by tool. */
  readonly said = new Map<BodyName, Status>();
  readonly #sample = new PoseSample();

  constructor(given: NavigationCase, seed: number, options: SimulationOptions = {}) {
    const { errors = USUAL_ERRORS, ...rest } = options;
    this.truth = new HiddenTruth<'ct', NavigationCase>(given, seed, errors);
    const stored = 'storedStylus' in options ? options.storedStylus : storedStylus(errors.tipSdMm);
    const { storedStylus: _, ...others } = rest;
    this.procedure = new Procedure({ clock: this.clock, case: given, ...others, ...(stored && { storedStylus: stored }) });
  }

  /** One frame of the tracker, and of the screen. */
  frame(): void {
    this.clock.advance(FRAME_MS);
    for (const tool of BODIES) {
      this.truth.observe(this.#sample, tool, this.clock.now());
      const said = this.said.get(tool);
      if (said !== undefined && this.#sample.status === 'ok') this.#sample.status = said;
      this.procedure.buffers[tool].push(this.#sample);
    }
    this.procedure.update();
  }

  /** Frames until something holds. @throws Error where it never does */
  until(done: () => boolean, frames = FOREVER): void {
    for (let n = 0; !done(); n += 1) {
      if (n === frames) throw new Error(`It never happened. ${this.procedure.refusal?.message ?? ''}`);
      this.frame();
    }
  }

  /** Sees both tools, and takes the stored calibration. */
  beginWithStored(): void {
    this.frame();
    this.procedure.useStoredStylus();
  }

  /** Sees both tools, and pivots the stylus in the divot until the recording ends; the person ends it when the hand has done. */
  pivot(coneDeg?: number): void {
    this.frame();
    const doneAt = this.truth.hand.pivot(this.clock.now(), coneDeg);
    this.procedure.startPivot();
    this.until(() => !this.procedure.calibration.isRecording || this.clock.now() >= doneAt);
    if (this.procedure.calibration.isRecording) this.procedure.stopPivot();
  }

  /** Rests in a fiducial, and touches it. */
  touch(index: number, besideMm = 0): void {
    this.truth.hand.placeAt(index, besideMm);
    this.frame();
    this.procedure.touch(index);
    this.until(() => this.procedure.touching === undefined);
  }

  touchAll(): void {
    for (let i = 0; i < this.procedure.touches.length; i += 1) this.touch(i);
  }
}
