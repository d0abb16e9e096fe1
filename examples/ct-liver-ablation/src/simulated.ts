import { PoseSample } from '@trocar/core';
import { type ManualClock, manualClock } from '@trocar/core/testing';
import type { AblationCase } from './case.js';
import { TOOLS } from './frames.js';
import { simulatePostCt } from './post-ct.js';
import { Procedure } from './procedure.js';
import type { ProcedureOptions } from './procedure-options.js';
import { registerPost } from './register-post.js';
import { APPLICATOR_TIP_MM, HiddenTruth, storedStylus, USUAL_ERRORS, type WorldErrors } from './truth.js';

const FRAME_MS = 1000 / 60;
/** Longer than anything a hand or a breath does, in frames. */
const FOREVER = 6000;

/** How a simulated procedure is set up. */
export interface SimulationOptions extends Partial<Omit<ProcedureOptions, 'clock' | 'case'>> {
  readonly errors?: WorldErrors;
  readonly breathingMs?: number;
}

/**
 * A procedure in a simulated world, on a clock that jumps and without sockets: the code that runs live, driven frame by frame, by
 * a person who does as the procedure asks.
 */
export class SimulatedAblation {
  readonly clock: ManualClock = manualClock(0);
  readonly truth: HiddenTruth;
  readonly procedure: Procedure;
  readonly seed: number;
  readonly #sample = new PoseSample();

  constructor(given: AblationCase, seed: number, options: SimulationOptions = {}) {
    const { errors = USUAL_ERRORS, breathingMs = 3000, ...rest } = options;
    this.seed = seed;
    this.truth = new HiddenTruth(given, seed, errors, { periodMs: breathingMs });
    this.procedure = new Procedure({
      clock: this.clock,
      case: given,
      registerPost,
      applicatorTipMm: APPLICATOR_TIP_MM,
      storedStylus: storedStylus(errors.tipSdMm),
      trackerNoise: errors.tracker,
      ...rest,
    });
  }

  /** One frame of the tracker, and of the screen. */
  frame(): void {
    this.clock.advance(FRAME_MS);
    for (const tool of TOOLS) {
      this.truth.observe(this.#sample, tool, this.clock.now());
      this.procedure.buffers[tool].push(this.#sample);
    }
    this.procedure.update();
  }

  /** Frames until something holds. @throws Error where it never does */
  until(done: () => boolean, frames = FOREVER): void {
    for (let n = 0; !done(); n += 1) {
      if (n === frames)
        throw new Error(`It never happened in "${this.procedure.stage}". ${this.procedure.refusal?.message ?? ''}`);
      this.frame();
    }
  }

  /** Frames until the hand has arrived. */
  arrive(atMs: number): void {
    this.until(() => this.clock.now() >= atMs + 500);
  }

  /** Plans as the search and the optimiser propose, for the side of the case. */
  async plan(): Promise<void> {
    const { planning } = this.procedure;
    await planning.findEntries();
    await planning.propose();
    this.procedure.acceptPlan(this.procedure.case.side, true);
  }

  /** Sees all tools, takes the stored stylus and pivots the applicator. */
  calibrate(): void {
    const { procedure } = this;
    this.until(() => procedure.stage === 'calibrate');
    procedure.acceptCalibration('stylus', true);
    this.pivot();
    procedure.acceptCalibration('applicator');
  }

  /** Pivots the applicator in the divot: what was found is to be accepted. */
  pivot(): void {
    const { procedure, truth } = this;
    truth.take('applicator');
    this.arrive(truth.goToDivot(this.clock.now()));
    procedure.startPivot('applicator');
    const doneAt = truth.hand.pivot(this.clock.now());
    this.until(() => !procedure.calibrating.applicator.isRecording || this.clock.now() >= doneAt);
    if (procedure.calibrating.applicator.isRecording) procedure.stopPivot('applicator');
  }

  /** Waits for the gate, touches every fiducial, registers, accepts, and verifies at the landmarks. */
  register(): void {
    this.collect();
    this.procedure.accept();
    this.verify();
  }

  /** Waits for the gate, touches every fiducial and registers: that is to be accepted. */
  collect(): void {
    const { procedure, truth } = this;
    this.until(() => procedure.stage === 'collect');
    truth.take('stylus');
    for (let n = 0; n < procedure.touches.length; n += 1) this.touch(n, () => procedure.touch(n));
    procedure.register();
  }

  /** Touches every landmark and verifies. */
  verify(): void {
    const { procedure, truth } = this;
    truth.take('stylus');
    const first = procedure.touches.length;
    for (let n = 0; n < procedure.verifying.touches.length; n += 1) this.touch(first + n, () => procedure.touchLandmark(n));
    procedure.verify();
  }

  /** Rests in a mark and touches it. @param index of the fiducials, then of the landmarks */
  touch(index: number, ask: () => void, besideMm = 0): void {
    this.arrive(this.truth.touch(index, this.clock.now(), besideMm));
    ask();
    this.until(() => this.procedure.touching === undefined);
  }

  /** Leads the applicator to the chosen probe's tip, and waits for the gate. */
  insert(besideMm = 0): void {
    const { procedure, truth } = this;
    const way = procedure.planning.ways.find(({ name }) => name === procedure.probe?.name);
    if (way === undefined)
      throw new Error(`There is nothing to lead to in "${procedure.stage}". ${procedure.refusal?.message ?? ''}`);
    truth.take('applicator');
    this.arrive(truth.insert(way.plan, this.clock.now(), besideMm));
    this.until(() => procedure.tipInImage.isLive);
  }

  /** Burns with the planned setting, to the end. The world burns where the applicator truly is. */
  burn(beside = false): void {
    const { procedure } = this;
    const setting = procedure.probe?.setting;
    if (procedure.burn(setting, beside) !== undefined || setting === undefined) return;
    this.truth.burn(setting, this.clock.now());
    this.until(() => procedure.stage !== 'burn');
  }

  /** Burns every planned probe. */
  ablate(): void {
    const { procedure } = this;
    for (let n: number | undefined = 0; n !== undefined; n = procedure.next) {
      procedure.choose(n);
      this.insert();
      this.burn(true);
      this.arrive(this.truth.hand.retract(this.clock.now()));
    }
  }

  /** Takes a CT afterwards and confirms on it. */
  async confirm(): Promise<void> {
    const { procedure, truth } = this;
    procedure.finishBurning();
    const not = await procedure.confirming.take(simulatePostCt(procedure.case, truth.destroyed(), this.seed));
    if (not === undefined) procedure.confirm();
    else procedure.refusal = not;
  }
}
