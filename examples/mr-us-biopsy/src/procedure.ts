import { type Clock, FrameGraph, type Instant, type PoseBuffer, PoseView, type Transform } from '@trocar/core';
import type { BiopsyMap } from '@trocar/core/guidance';
import type { Volume } from '@trocar/core/volume';
import type { PointObservation, RegistrationVerification } from '@trocar/registration';
import { isRefusal, type Refusal, tried } from '../../suite/src/refusal.js';
import type { BeadFit } from './bead-fit.js';
import type { BiopsyCase, CaseLesion } from './case.js';
import { compound } from './compound.js';
import { type EquipmentChecks, EquipmentStep } from './equipment-step.js';
import { type Aim, FireStep, NO_AIM, type TakenCore } from './fire-step.js';
import { GUIDE, MR, PLANE, PROBE, REFERENCE, TRACKER } from './frames.js';
import type { LiveFrame } from './live-images.js';
import { type GlandDrift, GlandWatch } from './moved-watch.js';
import { BATH_BEADS, storedGuide, storedPlane } from './probe.js';
import { ProbeCalibrationStep } from './probe-calibration.js';
import {
  cutToGland,
  HELD_OUT_MARKS,
  INITIAL_MARKS,
  initialFrom,
  type Marked,
  type Proposal,
  proposalOf,
  type RegisterSweep,
  verified,
  whyNotNavigable,
  whyNotVerified,
} from './register-step.js';
import { SweepStep } from './sweep-step.js';
import { type VerificationCause, whyVerify } from './verification-due.js';

/**
 * Where the procedure stands.
 *
 * - `calibrate`: probe, image and guide are held against what is known; stored calibrations are used only after that.
 * - `sweep`: the gland is swept; gaps, speed and lost tracking are shown as they come.
 * - `register`: places are marked in both images, and the MR is registered to the sweep; a person accepts, or not.
 * - `verify`: landmarks that the registration was not made from are held against it.
 * - `biopsy`: live guidance; cores are recorded.
 * - `finished`: nothing more is taken.
 */
export type Stage = 'calibrate' | 'sweep' | 'register' | 'verify' | 'biopsy' | 'finished';

/** What {@link Procedure} is made with. */
export interface ProcedureOptions {
  readonly clock: Clock;
  readonly case: BiopsyCase;
  readonly register: RegisterSweep;
  /** Of one measurement of a tool, from the tracker's data sheet. */
  readonly trackerNoise?: { readonly positionSdMm: number; readonly rotationSdRad: number };
  /** A pose older than this is not live, ms. Default 150. */
  readonly staleAfterMs?: number;
}

/** What was accepted in a session before, see {@link Procedure.restore}. */
export interface AcceptedBefore {
  readonly plane: Transform<'probe', 'plane'>;
  readonly guide: Transform<'plane', 'guide'>;
  readonly checks: EquipmentChecks;
  readonly us?: Volume<'reference'> | undefined;
  readonly proposal?: Proposal;
  readonly verification?: RegistrationVerification;
  readonly cores: readonly TakenCore[];
}

/** A picture waits so long for a pose that is newer than it, ms. */
const PAIRING_MS = 250;
/** A live image older than this is no live image, ms. */
export const IMAGE_STALE_MS = 350;
/** The probability is worked out so often, ms: it is an integral. A pose that is not live is told at once. */
const AIM_EVERY_MS = 120;

/** A picture with the pose it was taken at. */
export interface PlacedFrame {
  readonly frame: LiveFrame;
  /** Reference from plane when it was taken; look at the status first. */
  readonly view: PoseView;
}

/**
 * The procedure as a state machine without a screen: page, headless run and tests drive this one. {@link update} is called once per drawn
 * frame, {@link take} with every picture; all else is what a person does.
 */
export class Procedure {
  readonly case: BiopsyCase;
  readonly graph = new FrameGraph();
  readonly buffers: { readonly probe: PoseBuffer; readonly reference: PoseBuffer };
  readonly tools = { probe: new PoseView(), reference: new PoseView() };
  readonly equipment = new EquipmentStep();
  readonly calibration = new ProbeCalibrationStep();
  readonly sweep = new SweepStep();
  readonly fire: FireStep;
  /** What the last request had to say, until the next one succeeds. */
  refusal: Refusal | undefined;
  readonly #options: ProcedureOptions;
  readonly #paths;
  readonly #waiting: LiveFrame[] = [];
  readonly #marks = new Map<string, Marked>();
  #stage: Stage = 'calibrate';
  #latest: PlacedFrame | undefined;
  #us: Volume<'reference'> | undefined;
  #registering: AbortController | undefined;
  #progress = 0;
  #proposal: Proposal | undefined;
  #accepted: Transform<'mr', 'reference'> | undefined;
  #verification: RegistrationVerification | undefined;
  #gland: GlandWatch | undefined;
  #aim: Aim = NO_AIM;
  #aimedAtMs = Number.NEGATIVE_INFINITY;
  #due: VerificationCause | undefined;

  /** @throws NavError `pose/bad-option` */
  constructor(options: ProcedureOptions) {
    this.#options = options;
    this.case = options.case;
    const { staleAfterMs = 150, trackerNoise: noise } = options;
    const edge = { staleAfterMs, ...(noise && { noise }) };
    this.buffers = { probe: this.graph.stream(TRACKER, PROBE, edge), reference: this.graph.stream(TRACKER, REFERENCE, edge) };
    this.graph.set(storedPlane());
    this.graph.set(storedGuide());
    this.#paths = {
      plane: this.graph.path(REFERENCE, PLANE),
      planeInMr: this.graph.path(MR, PLANE),
      probe: this.graph.path(TRACKER, PROBE),
      reference: this.graph.path(TRACKER, REFERENCE),
    };
    this.fire = new FireStep(options.case, this.graph.path(MR, GUIDE));
  }

  get stage(): Stage {
    return this.#stage;
  }
  /** The newest picture with the pose it was taken at. */
  get latest(): PlacedFrame | undefined {
    return this.#latest;
  }
  /** How old the newest picture is, ms; NaN before the first. */
  get imageAgeMs(): number {
    return this.graph.at - (this.#latest?.frame.atMs ?? Number.NaN);
  }
  get marks(): ReadonlyMap<string, Marked> {
    return this.#marks;
  }
  /** The swept volume, once there is one. */
  get us(): Volume<'reference'> | undefined {
    return this.#us;
  }
  get proposal(): Proposal | undefined {
    return this.#proposal;
  }
  /** MR from reference, as accepted and verified or on the way to it. */
  get registration(): Transform<'mr', 'reference'> | undefined {
    return this.#accepted;
  }
  get verification(): RegistrationVerification | undefined {
    return this.#verification;
  }
  get isRegistering(): boolean {
    return this.#registering !== undefined;
  }
  get progress(): number {
    return this.#progress;
  }
  /** What the last look at the live image said of the gland; undefined before the first. */
  get drift(): GlandDrift | undefined {
    return this.#gland?.drift;
  }
  /** Why no core is taken until landmarks say that the registration holds; undefined while there is no reason. */
  get verificationDue(): VerificationCause | undefined {
    return this.#due;
  }
  get needsVerification(): boolean {
    return this.#due !== undefined;
  }
  get aim(): Aim {
    return this.#aim;
  }
  get map(): BiopsyMap {
    return this.fire.map();
  }
  /** Which target has the most to gain from another core; undefined where each was sampled well enough. */
  next(): CaseLesion | undefined {
    return this.fire.next();
  }

  /**
   * Takes up what was accepted before, as far as it goes: with calibrations alone the sweep is next, with a sweep the registration, with that
   * its verification. One that was verified is verified again before a core is taken.
   */
  restore({ plane, guide, checks, us, proposal, verification, cores }: AcceptedBefore): Refusal | undefined {
    if (this.#stage !== 'calibrate') return this.#wrongStage('What was accepted before is taken up first of all');
    this.graph.set(plane);
    this.graph.set(guide);
    this.equipment.restore(checks);
    this.fire.restore(cores);
    const next = this.next();
    if (next !== undefined) this.fire.aimAt(next.name);
    this.#us = us;
    this.#stage = us === undefined ? 'sweep' : 'register';
    if (proposal === undefined) return this.#done();
    this.#proposal = proposal;
    const refusal = this.acceptRegistration();
    if (refusal !== undefined || verification === undefined) return refusal;
    this.#verification = verification;
    this.#due = 'restored';
    this.#stage = 'biopsy';
    return this.#done();
  }

  /** Reads everything for this moment. */
  update(): void {
    const now = this.#options.clock.now();
    this.#pair(now);
    this.graph.tick(now);
    this.#paths.probe.read(this.tools.probe);
    this.#paths.reference.read(this.tools.reference);
    if (this.#stage === 'biopsy') this.#watchGland(now);
    // What was not verified is not aimed by.
    if (this.#stage !== 'biopsy' || this.#accepted === undefined || this.#due !== undefined) {
      this.#aim = NO_AIM;
      this.#aimedAtMs = Number.NEGATIVE_INFINITY;
      return;
    }
    if (now - this.#aimedAtMs >= AIM_EVERY_MS || this.tools.probe.status !== 'ok' || this.tools.reference.status !== 'ok') {
      this.#aimedAtMs = now;
      this.#aim = this.fire.aim(this.#accepted);
    }
  }

  /** The plane in the MR at this moment, into `view`: without a pose until a registration is accepted. */
  planeInMr(view: PoseView): PoseView {
    this.#paths.planeInMr.read(view);
    return view;
  }

  /** One picture has come. */
  take(frame: LiveFrame): void {
    this.#waiting.push(frame);
    if (this.#waiting.length > 30) this.#waiting.shift();
  }

  /** Pictures get the pose of their own moment, once newer poses have come; one that waits in vain is one without a pose. */
  #pair(now: Instant): void {
    const newest = Math.min(this.buffers.probe.newestAt, this.buffers.reference.newestAt);
    while (this.#waiting.length > 0) {
      const frame = this.#waiting[0] as LiveFrame;
      const overdue = now - frame.atMs > PAIRING_MS;
      if (!(newest >= frame.atMs) && !overdue) return;
      this.#waiting.shift();
      const view = new PoseView();
      this.graph.tick(frame.atMs as Instant);
      this.#paths.plane.read(view);
      // The same picture again is no newer one.
      if (frame.number === this.#latest?.frame.number) continue;
      this.#latest = { frame, view };
      this.sweep.add(frame, view);
    }
  }

  #watchGland(now: Instant): void {
    const latest = this.#latest;
    if (this.#gland === undefined || latest === undefined || !(this.imageAgeMs <= IMAGE_STALE_MS)) return;
    if (!this.#gland.look(now, latest.frame, latest.view) || this.#due === 'moved') return;
    this.#due = 'moved';
    // What was marked before it moved says nothing of where it lies now.
    this.#forgetLandmarks();
  }

  /** The finger's, a bead's or the needle's check, on the newest picture. */
  check(what: 'side' | 'needle' | number): Refusal | undefined {
    if (this.#stage !== 'calibrate') return this.#wrongStage('The equipment is checked before the sweep');
    const latest = this.#latest;
    if (latest === undefined || this.imageAgeMs > IMAGE_STALE_MS) return this.#refuse(NO_IMAGE);
    const { echoes } = latest.frame;
    const { equipment } = this;
    const answer =
      what === 'side'
        ? equipment.checkSide(echoes)
        : what === 'needle'
          ? equipment.checkNeedle(echoes, this.graph.get(PLANE, GUIDE)?.matrix)
          : equipment.checkBead(what, echoes, latest.view);
    return this.#refuse(answer);
  }

  /** One more view of the bead that the probe is calibrated by, on the newest picture; what comes of the last of them is reviewed. */
  viewBead(): Refusal | undefined {
    if (this.#stage !== 'calibrate') return this.#wrongStage('The probe is calibrated before the sweep');
    const [latest, plane] = [this.#latest, this.graph.get(PROBE, PLANE)];
    if (latest === undefined || plane === undefined || this.imageAgeMs > IMAGE_STALE_MS) return this.#refuse(NO_IMAGE);
    return this.#refuse(this.calibration.take(latest.frame, latest.view, plane.matrix));
  }

  /** A calibration that was worked out of pictures of the bead: for a person to look at, and to accept. */
  reviewProbeCalibration(seen: readonly PointObservation[], fit: BeadFit | Refusal): Refusal | undefined {
    if (this.#stage !== 'calibrate') return this.#wrongStage('The probe is calibrated before the sweep');
    return this.#refuse(this.calibration.review(seen, fit));
  }

  /** Takes the new calibration for the stored one; the beads are checked again with it. */
  acceptProbeCalibration(): Refusal | undefined {
    if (this.#stage !== 'calibrate') return this.#wrongStage('The probe is calibrated before the sweep');
    const edge = this.calibration.accepted();
    if (isRefusal(edge)) return this.#refuse(edge);
    this.graph.set(edge);
    this.equipment.forgetBeads();
    return this.#done();
  }

  /** Accepts the calibrations: every check has held. */
  acceptEquipment(): Refusal | undefined {
    if (this.#stage !== 'calibrate') return this.#wrongStage('The equipment is accepted before the sweep');
    if (!this.equipment.done) {
      const message = `Check the marked side, all ${BATH_BEADS.length} beads and the needle first: what was not checked is not used.`;
      return this.#refuse({ code: 'not-checked', message });
    }
    this.#stage = 'sweep';
    return this.#done();
  }

  startSweep(): Refusal | undefined {
    if (this.#stage !== 'sweep') return this.#wrongStage('Sweeping comes after the checks');
    this.sweep.start();
    return this.#done();
  }

  /** Ends the sweep, and makes a volume of it where it can be used. */
  endSweep(): Refusal | undefined {
    if (this.#stage !== 'sweep') return this.#wrongStage('There is no sweep to end');
    this.sweep.stop();
    const not = this.sweep.whyNot();
    if (not !== undefined) return this.#refuse(not);
    const us = tried(() => compound(this.sweep.frames));
    if (isRefusal(us)) return this.#refuse(us);
    this.#us = us;
    this.#marks.clear();
    this.#stage = 'register';
    return this.#done();
  }

  /** A place was marked in both images. */
  mark(place: Marked): Refusal | undefined {
    if (this.#stage === 'calibrate' || this.#stage === 'sweep')
      return this.#wrongStage('Places are marked once there is a sweep');
    this.#marks.set(place.name, place);
    return this.#done();
  }

  /** What is still to be marked now. */
  get marksWanted(): readonly string[] {
    const names: readonly string[] = this.#stage === 'register' ? INITIAL_MARKS : HELD_OUT_MARKS;
    return names.filter((name) => !this.#marks.has(name));
  }

  /** Registers the MR to the sweep; resolves when it has an answer, which {@link proposal} then holds. */
  async register(): Promise<Refusal | undefined> {
    if (this.#stage !== 'register' || this.#us === undefined) return this.#wrongStage('Registering comes after the sweep');
    if (this.#registering !== undefined) return this.#refuse({ code: 'busy', message: 'The registration is under way.' });
    const marks = [...this.#marks.values()];
    const initial = initialFrom(marks);
    if (isRefusal(initial)) return this.#refuse(initial);
    const us = this.#us;
    const cut = tried(() => cutToGland(us, marks));
    if (isRefusal(cut)) return this.#refuse(cut);
    const stop = new AbortController();
    this.#registering = stop;
    this.#progress = 0;
    this.#proposal = undefined;
    try {
      const progress = (share: number): void => {
        this.#progress = share;
      };
      const result = await this.#options.register(cut, this.case.mr, { initial, signal: stop.signal, progress });
      this.#proposal = proposalOf(this.case, result);
      return this.#done();
    } catch (error) {
      const answer = error as { code?: string; message?: string };
      if (typeof answer.code !== 'string') throw error;
      return this.#refuse({ code: answer.code, message: answer.message ?? '' });
    } finally {
      this.#registering = undefined;
    }
  }

  /** Breaks the registration off. */
  stopRegistering(): void {
    this.#registering?.abort();
  }

  /** Takes the proposal into the graph, to be verified. One that was not found is never taken. */
  acceptRegistration(): Refusal | undefined {
    const proposal = this.#proposal;
    if (this.#stage !== 'register' || proposal === undefined) return this.#wrongStage('There is no registration to accept');
    const not = whyNotNavigable(proposal);
    if (not !== undefined || proposal.edge === undefined) return this.#refuse(not ?? NO_EDGE);
    this.#accepted = proposal.edge;
    this.graph.set(proposal.edge);
    this.#stage = 'verify';
    this.#verification = undefined;
    this.#forgetLandmarks();
    return this.#done();
  }

  /** Holds the registration against landmarks it was not made from, and goes on to the biopsy where it holds. */
  verify(): Refusal | undefined {
    const edge = this.#accepted;
    const due = this.#stage === 'verify' || (this.#stage === 'biopsy' && this.#due !== undefined);
    if (!due || edge === undefined) return this.#wrongStage('There is nothing to verify');
    const check = verified(edge, [...this.#marks.values()]);
    if (isRefusal(check)) return this.#refuse(check);
    this.#verification = check;
    const not = whyNotVerified(check);
    if (not !== undefined) return this.#refuse(not);
    if (this.#us !== undefined) this.#gland ??= new GlandWatch(this.#us);
    this.#gland?.settle();
    this.#due = undefined;
    this.#stage = 'biopsy';
    return this.#done();
  }

  /** Begins the verification again: what was marked before is forgotten. */
  verifyAgain(): Refusal | undefined {
    if (this.#stage !== 'biopsy' && this.#stage !== 'verify') return this.#wrongStage('There is nothing to verify');
    this.#forgetLandmarks();
    this.#due ??= 'asked';
    return this.#done();
  }

  #forgetLandmarks(): void {
    for (const name of HELD_OUT_MARKS) this.#marks.delete(name);
  }

  /** Gives the registration up, and sweeps again. Cores that were taken keep what they were recorded with. */
  sweepAgain(): Refusal | undefined {
    if (this.#stage === 'calibrate' || this.#stage === 'finished') return this.#wrongStage('There is no sweep to repeat');
    this.stopRegistering();
    if (this.#accepted !== undefined) this.graph.remove(MR, REFERENCE);
    this.#accepted = this.#proposal = this.#verification = this.#us = this.#gland = this.#due = undefined;
    this.#marks.clear();
    this.#stage = 'sweep';
    return this.#done();
  }

  /** Why no core can be taken now; undefined where one can. */
  whyNotFire(): Refusal | undefined {
    if (this.#stage !== 'biopsy' || this.#accepted === undefined)
      return { code: 'wrong-stage', message: 'No core can be taken before the registration is verified.' };
    if (this.#due !== undefined) return whyVerify(this.#due, this.drift);
    const message = 'The live image does not change: nobody sees the needle. Wake the scanner before firing.';
    return this.imageAgeMs <= IMAGE_STALE_MS ? undefined : { code: 'image-stale', message };
  }

  /**
   * Fires: records the core from the pose at this very moment.
   * @param by who fired
   * @param insertedMm the depth stop's setting
   */
  takeCore(by: string, insertedMm: number): TakenCore | Refusal {
    const { clock } = this.#options;
    const now = clock.now();
    this.graph.tick(now);
    const not = this.whyNotFire();
    if (not !== undefined) return this.#refuse(not);
    const registration = this.#accepted as Transform<'mr', 'reference'>;
    const utc = clock.utc(now).toISOString();
    const taken = this.fire.fire({ by, utc, insertedMm, registration });
    if (isRefusal(taken)) return this.#refuse(taken);
    this.refusal = undefined;
    return taken;
  }

  finish(): Refusal | undefined {
    if (this.#stage !== 'biopsy') return this.#wrongStage('Nothing can be finished yet');
    this.#stage = 'finished';
    return this.#done();
  }

  #wrongStage(what: string): Refusal {
    return this.#refuse({ code: 'wrong-stage', message: `${what}, not in "${this.#stage}".` });
  }

  /** Keeps a refusal to be shown; undefined, where there is none, takes the last one away. */
  #refuse<R extends Refusal | undefined>(refusal: R): R {
    this.refusal = refusal;
    return refusal;
  }

  #done(): undefined {
    this.refusal = undefined;
  }
}

const NO_IMAGE: Refusal = { code: 'image-stale', message: 'There is no live image. Start the scanner, and check again.' };
const NO_EDGE: Refusal = {
  code: 'bound-too-large',
  message: 'The registration does not know its error and cannot be navigated by.',
};
