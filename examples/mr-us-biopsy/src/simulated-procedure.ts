import { PoseSample } from '@trocar/core';
import { type ManualClock, manualClock } from '@trocar/core/testing';
import { isRefusal, type Refusal } from '../../suite/src/refusal.js';
import { fitBead } from './bead-fit.js';
import type { TakenCore } from './fire-step.js';
import { TOOLS } from './frames.js';
import { PACES, type SweepFault } from './hand.js';
import type { PhantomCase } from './phantom-case.js';
import { BATH_BEADS, TRY_NEEDLE_MM } from './probe.js';
import { BEAD_VIEWS, MIDDLE_ROW, PICTURES_A_VIEW } from './probe-calibration.js';
import { Procedure } from './procedure.js';
import { HELD_OUT_MARKS, INITIAL_MARKS, marked, type RegisterSweep } from './register-step.js';
import { registerBy } from './register-sweep.js';
import { type EquipmentFaults, HiddenTruth, type TrueCore, USUAL_ERRORS, type WorldErrors } from './truth.js';

const TRACKER_MS = 1000 / 60;
/** Pictures a second of the simulated scanner. */
export const IMAGES_HZ = 15;

/** How a simulated procedure is set up. */
export interface SimulationOptions {
  readonly errors?: WorldErrors;
  readonly faults?: EquipmentFaults;
  readonly register?: RegisterSweep;
}

/** A core with what it truly sampled. */
export interface ScoredCore {
  readonly taken: TakenCore;
  readonly truth: TrueCore;
}

/** A procedure in a simulated world on a clock that jumps, without sockets: the code that runs live, frame by frame. */
export class SimulatedProcedure {
  readonly clock: ManualClock = manualClock(0);
  readonly truth: HiddenTruth;
  readonly procedure: Procedure;
  readonly scored: ScoredCore[] = [];
  /** Pictures a second: a test that waits needs few of them. */
  imagesHz: number = IMAGES_HZ;
  readonly #sample = new PoseSample();
  #imageAt = 0;

  constructor({ given, body }: PhantomCase, seed: number, options: SimulationOptions = {}) {
    const { errors = USUAL_ERRORS, faults, register = registerBy(0) } = options;
    this.truth = new HiddenTruth(body, seed, errors, faults);
    this.truth.hand.pace = PACES.fast;
    this.procedure = new Procedure({ clock: this.clock, case: given, register, trackerNoise: errors.tracker });
  }

  /** One frame of tracker and screen, and a picture where one is due. */
  frame(withImages = true): void {
    this.clock.advance(TRACKER_MS);
    const now = this.clock.now();
    for (const tool of TOOLS) {
      this.truth.observe(this.#sample, tool, now);
      this.procedure.buffers[tool].push(this.#sample);
    }
    if (withImages && now - this.#imageAt >= 1000 / this.imagesHz) {
      this.#imageAt = now;
      this.procedure.take(this.truth.image(now));
    }
    this.procedure.update();
  }

  /** Frames for a time; pictures only in the last of it, where nobody needs the others. */
  run(ms: number, imagesLastMs: number = ms): void {
    const until = this.clock.now() + ms;
    while (this.clock.now() < until) this.frame(until - this.clock.now() <= imagesLastMs);
  }

  /** Goes where the hand is sent, and waits there for a picture with its pose. */
  arrive(atMs: number): void {
    this.run(Math.max(0, atMs - this.clock.now()) + 200, 180);
  }

  /** Every check of the equipment, and its acceptance; ends with the first refusal. */
  checkEquipment(): Refusal | undefined {
    return this.checks() ?? this.procedure.acceptEquipment();
  }

  /** Every check of the equipment; ends with the first refusal. */
  checks(): Refusal | undefined {
    const { truth, procedure } = this;
    truth.surroundings = 'bath';
    truth.finger = true;
    this.run(200);
    const side = procedure.check('side');
    truth.finger = false;
    if (side !== undefined) return side;
    for (let n = 0; n < BATH_BEADS.length; n += 1) {
      this.arrive(truth.hand.bead(n, this.clock.now()));
      const bead = procedure.check(n);
      if (bead !== undefined) return bead;
    }
    truth.insert(TRY_NEEDLE_MM);
    this.run(200);
    const needle = procedure.check('needle');
    truth.insert(undefined);
    return needle;
  }

  /** The probe calibrated anew, and accepted; ends with the first refusal. */
  calibrateProbe(): Refusal | undefined {
    const { truth, procedure } = this;
    truth.surroundings = 'bath';
    // A bead that is not seen from one side is from the next.
    for (let n = 0; n < 2 * BEAD_VIEWS && !procedure.calibration.done; n += 1) {
      this.arrive(truth.hand.viewBead(n, this.clock.now()));
      for (let k = 0; k < PICTURES_A_VIEW && !procedure.calibration.done; k += 1) {
        const refusal = procedure.viewBead();
        if (refusal !== undefined && refusal.code !== 'no-bead') return refusal;
        this.run(1000 / IMAGES_HZ);
      }
    }
    const { done, seen } = procedure.calibration;
    const refusal = done ? procedure.reviewProbeCalibration(seen, fitBead(seen, MIDDLE_ROW)) : undefined;
    return refusal ?? procedure.acceptProbeCalibration();
  }

  /** The sweep; the refusal of a bad one. */
  sweep(fault?: SweepFault, cover?: { readonly fromMs: number; readonly toMs: number }): Refusal | undefined {
    const { truth, procedure, clock } = this;
    truth.surroundings = 'patient';
    const endsAt = truth.hand.sweep(clock.now(), fault);
    this.run(truth.hand.pace.moveMs, 0);
    const refusal = procedure.startSweep();
    if (refusal !== undefined) return refusal;
    const from = clock.now();
    while (clock.now() < endsAt) {
      truth.cover('probe', cover !== undefined && clock.now() - from >= cover.fromMs && clock.now() - from < cover.toMs);
      this.frame();
    }
    truth.cover('probe', false);
    this.run(100, 0);
    return procedure.endSweep();
  }

  mark(names: readonly string[]): void {
    for (const name of names) {
      const { mr, reference } = this.truth.marked(name);
      this.procedure.mark(marked(name, mr, reference));
    }
  }

  async register(): Promise<Refusal | undefined> {
    this.mark(INITIAL_MARKS);
    return (await this.procedure.register()) ?? this.procedure.acceptRegistration();
  }

  verify(): Refusal | undefined {
    this.mark(HELD_OUT_MARKS);
    return this.procedure.verify();
  }

  /** Aims at a target as the screen says, and waits there. */
  aimAt(name: string): void {
    const { procedure, truth } = this;
    procedure.fire.aimAt(name);
    const target = procedure.fire.target.centre;
    const { registration } = procedure;
    if (registration === undefined) throw new Error('Nothing is registered.');
    const place = inReference(registration.matrix, target.xyz);
    this.arrive(truth.hand.aim(place, this.clock.now()));
  }

  /** Goes so far beside a target, mm along the MR's axes. */
  aimBeside(name: string, by: readonly [number, number, number]): void {
    const { procedure, truth } = this;
    procedure.fire.aimAt(name);
    const place = Array.from(procedure.fire.target.centre.xyz, (v, k) => v + (by[k] as number));
    this.arrive(truth.hand.aim(inReference(procedure.registration?.matrix ?? [], place), this.clock.now()));
  }

  /** Fires with the stop where the screen says. */
  fire(): ScoredCore | Refusal {
    const { procedure } = this;
    const insertedMm = procedure.aim.stop?.settingMm ?? Number.NaN;
    const truth = this.truth.fire(this.clock.now(), insertedMm);
    const taken = procedure.takeCore('script', insertedMm);
    if (isRefusal(taken)) return taken;
    const scored = { taken, truth };
    this.scored.push(scored);
    return scored;
  }

  /** Up to where live guidance begins. @throws Error where a step is refused */
  async toBiopsy(): Promise<void> {
    for (const step of [() => this.checkEquipment(), () => this.sweep(), () => this.register(), () => this.verify()]) {
      const refusal = await step();
      if (refusal !== undefined) throw new Error(`${refusal.code}: ${refusal.message}`);
    }
  }
}

/** A place of the MR in the reference: by the rigid inverse of MR from reference. */
export function inReference(m: ArrayLike<number>, p: ArrayLike<number>): Float64Array {
  const d = [0, 1, 2].map((k) => (p[k] as number) - (m[12 + k] as number));
  return Float64Array.from({ length: 3 }, (_, c) =>
    [0, 1, 2].reduce((sum, k) => sum + (m[4 * c + k] as number) * (d[k] as number), 0),
  );
}
