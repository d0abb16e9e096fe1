import { type Clock, type FrameGraph, type Path, type Point, PoseView, type Transform } from '@trocar/core';
import {
  Deviation,
  formatMm,
  type GuidanceLimits,
  type GuidanceState,
  guidanceState,
  requirePlanFor,
} from '@trocar/core/guidance';
import { keepsLimit, limitLine, whyNotAccepted } from '../../suite/src/acceptance.js';
import { CalibrationStep, type TipCalibration } from '../../suite/src/calibration-step.js';
import { BODIES, type BodyName, REFERENCE, STYLUS, TIP, TRACKER } from '../../suite/src/frames.js';
import { isRefusal, type Refusal, tried } from '../../suite/src/refusal.js';
import { type Proposal, RegistrationStep } from '../../suite/src/registration-step.js';
import { type Measured, Sensing, type SensingOptions } from '../../suite/src/sensing.js';
import { TOUCH_LIMITS, type Touch, TouchInProgress, type TouchLimits } from '../../suite/src/touch.js';
import { type TouchVerification, verifyTouch } from '../../suite/src/verify-touch.js';
import { type NavigationCase, planOn } from './case.js';
import { CT } from './frames.js';

/**
 * Where the procedure stands.
 *
 * - `connect`: until every tool has been seen once.
 * - `calibrate`: the stylus's tip is found by pivoting, or a stored calibration is taken; a person accepts it.
 * - `collect`: fiducials are touched, in any order, again where wanted.
 * - `review`: a registration is proposed; a person reads residuals and the expected error, leaves fiducials out or touches
 *   them again, and accepts or goes back.
 * - `navigate`: the registration is in the graph and the deviation is live.
 * - `finished`: the target was reached and recorded.
 */
export type Stage = 'connect' | 'calibrate' | 'collect' | 'review' | 'navigate' | 'finished';

/** What touching a landmark again has shown. */
export interface Verification extends TouchVerification {
  /** Which fiducial, from 0. */
  readonly index: number;
}

/** What {@link Procedure} is made with. */
export interface ProcedureOptions extends SensingOptions {
  readonly clock: Clock;
  readonly case: NavigationCase;
  /** A calibration of this stylus from an earlier day, with its covariance: may be used instead of pivoting. */
  readonly storedStylus?: Transform<'stylus', 'tip'>;
  readonly touchLimits?: TouchLimits;
  readonly guidanceLimits?: GuidanceLimits;
}

/**
 * The procedure as a state machine without a screen: the page, the headless run and the calibration study all drive this
 * one. {@link update} is called once per drawn frame, or whenever poses arrived; everything else is what a person does.
 */
export class Procedure {
  readonly case: NavigationCase;
  /** The tip in the image, at the last update: without pose until a registration is accepted. */
  readonly tipInImage = new PoseView();
  readonly calibration: CalibrationStep<'stylus', 'tip'>;
  readonly registration: RegistrationStep<'ct'>;
  /** What the last update or request had to say, until the next one succeeds. */
  refusal: Refusal | undefined;
  readonly #options: ProcedureOptions;
  readonly sensing: Sensing<BodyName>;
  readonly #paths: { readonly tip: Path<'ct', 'tip'>; readonly touched: Measured; readonly stylus: Measured };
  #stage: Stage = 'connect';
  #plan: NavigationCase['plan'];
  #deviation: Deviation<'ct'>;
  #state: GuidanceState = 'noPose';
  #touching: { readonly index: number; readonly touch: TouchInProgress } | undefined;
  #verification: Verification | undefined;
  #proposal: Proposal<'ct'> | undefined;
  #accepted: Proposal<'ct'> | undefined;

  /** @throws NavError `pose/bad-option`, `guidance/wrong-frame-of-reference` */
  constructor(options: ProcedureOptions) {
    this.#options = options;
    this.case = options.case;
    this.#plan = options.case.plan;
    requirePlanFor(this.#plan, options.case.volume);
    this.#deviation = new Deviation(this.#plan);
    this.calibration = new CalibrationStep({ tool: STYLUS, tip: TIP }, options.storedStylus);
    this.registration = new RegistrationStep(CT, options.case.fiducials);
    this.sensing = new Sensing(BODIES, options);
    const { graph } = this.sensing;
    this.#paths = {
      tip: graph.path(CT, TIP),
      touched: this.sensing.measured(graph.path(REFERENCE, TIP), 'stylus', 'reference'),
      stylus: this.sensing.measured(graph.path(TRACKER, STYLUS), 'stylus'),
    };
  }

  get graph(): FrameGraph {
    return this.sensing.graph;
  }
  /** What the tools' poses are pushed into. */
  get buffers(): Sensing<BodyName>['buffers'] {
    return this.sensing.buffers;
  }
  /** How each tool was seen at the last update. */
  get tools(): Sensing<BodyName>['tools'] {
    return this.sensing.tools;
  }
  get stage(): Stage {
    return this.#stage;
  }
  get plan(): NavigationCase['plan'] {
    return this.#plan;
  }
  /** Of the tip from the plan, at the last update. */
  get deviation(): Deviation<'ct'> {
    return this.#deviation;
  }
  get guidance(): GuidanceState {
    return this.#state;
  }
  /** When the tip counts as on the target. */
  get limits(): GuidanceLimits {
    return this.#options.guidanceLimits ?? {};
  }
  /** What is to be accepted, or was. */
  get proposal(): Proposal<'ct'> | undefined {
    return this.#proposal ?? this.#accepted;
  }
  /** One per fiducial; undefined until it is touched. */
  get touches(): readonly (Touch | undefined)[] {
    return this.registration.touches;
  }
  /** What touching a landmark again has shown of the accepted registration; undefined where none was. */
  get verification(): Verification | undefined {
    return this.#verification;
  }
  /** Which fiducial is being touched, and how far the dwell is, 0 … 1. */
  get touching(): { readonly index: number; readonly progress: number } | undefined {
    const t = this.#touching;
    return t && { index: t.index, progress: t.touch.progress(this.graph.at) };
  }

  /** Reads everything for this moment. */
  update(): void {
    this.sensing.update(this.#options.clock.now());
    if (this.#stage === 'connect' && this.sensing.sees('stylus', 'reference')) this.#stage = 'calibrate';
    if (this.calibration.isRecording) {
      const ended = this.calibration.add(this.#paths.stylus.read());
      if (ended !== undefined) this.#take(ended);
    }
    if (this.#touching !== undefined) this.#goOnTouching(this.#touching);
    this.#deviation.read(this.#paths.tip, this.tipInImage);
    this.#state = guidanceState(this.#deviation, this.#state, this.#options.guidanceLimits);
    // Where the tip was when that was refused stands beside no dash, nor beside a tip that is on the target.
    const past = this.#state === 'noPose' || this.#state === 'onTarget';
    if (past && this.refusal?.code === 'not-on-target') this.refusal = undefined;
  }

  #goOnTouching({ index, touch }: { readonly index: number; readonly touch: TouchInProgress }): void {
    const answer = touch.add(this.#paths.touched.read());
    if (answer === undefined) return;
    this.#touching = undefined;
    if (this.#stage === 'navigate' && !isRefusal(answer)) {
      this.#judge(index, answer);
      return;
    }
    const not = isRefusal(answer) ? answer : this.registration.samePlace(index, answer);
    if (not !== undefined) this.refusal = not;
    else this.#change(() => this.registration.setTouch(index, answer as Touch));
  }

  #judge(index: number, touch: Touch): void {
    const [accepted, marked] = [this.#accepted, this.case.fiducials[index]];
    if (accepted === undefined || marked === undefined) return;
    this.#verification = { index, ...verifyTouch(accepted, marked, touch) };
    this.refusal = undefined;
  }

  /** Begins to record the pivoting; it ends by itself when enough was seen, or with {@link stopPivot}. */
  startPivot(): Refusal | undefined {
    if (this.#stage !== 'calibrate') return this.#wrongStage(CALIBRATE_FIRST);
    // A pose that is late or doubtful does not spoil a recording: it is left out, and counted. One that is not there would.
    if (this.#paths.stylus.whyNot(this.#options.clock.now())?.code === 'not-visible') {
      const message = 'The tracker does not see the stylus: nothing was recorded. Make it visible and begin again.';
      return this.#refuse({ code: 'not-visible', message });
    }
    this.calibration.start();
    return this.#done();
  }

  /** Ends the recording, and calibrates with what was recorded. */
  stopPivot(): Refusal | undefined {
    if (!this.calibration.isRecording) return this.#refuse({ code: 'wrong-stage', message: 'Nothing is being recorded.' });
    return this.#take(this.calibration.finish());
  }

  /** Takes the stored calibration for this procedure instead of pivoting. Not checked today: the screen says so. */
  useStoredStylus(): Refusal | undefined {
    if (this.#stage !== 'calibrate') return this.#wrongStage(CALIBRATE_FIRST);
    const stored = this.calibration.takeStored();
    return isRefusal(stored) ? this.#refuse(stored) : this.#calibrated(stored);
  }

  /** Accepts the calibration that was found: from now on the graph knows where the tip is. */
  acceptCalibration(): Refusal | undefined {
    if (this.#stage !== 'calibrate') return this.#wrongStage(CALIBRATE_FIRST);
    const found = this.calibration.accept();
    return isRefusal(found) ? this.#refuse(found) : this.#calibrated(found);
  }

  /** Takes up the calibration that was accepted before the program stopped. */
  restoreStylus(stylusFromTip: Transform<'stylus', 'tip'>): Refusal | undefined {
    if (this.#stage !== 'calibrate') return this.#wrongStage(CALIBRATE_FIRST);
    const restored = this.calibration.takeRestored(stylusFromTip);
    return isRefusal(restored) ? this.#refuse(restored) : this.#calibrated(restored);
  }

  #calibrated({ stylusFromTip }: TipCalibration<'stylus', 'tip'>): undefined {
    this.graph.set(stylusFromTip);
    this.#stage = 'collect';
    this.refusal = undefined;
  }

  /** Back to calibrating: what was touched with the old tip is forgotten. */
  calibrateAgain(): Refusal | undefined {
    if (this.#stage !== 'collect' || this.#touching !== undefined) return this.#wrongStage('This is no time to calibrate');
    this.registration.forgetAll();
    this.calibration.reset();
    this.#stage = 'calibrate';
    return this.#done();
  }

  /**
   * Begins to record a touch of fiducial `index`; it ends by itself in {@link update}, in {@link touches} or a refusal. While
   * a registration is under review it is made anew with the touch; a touch that allows none is refused, and the one before
   * it is kept. Once it is accepted, the touch judges it: see {@link verification}.
   */
  touch(index: number): Refusal | undefined {
    if (!this.canTouch) return this.#wrongStage('Fiducials are touched while collecting and reviewing');
    const wrong = this.#noSuch(index);
    if (wrong !== undefined) return wrong;
    const unfit = this.#paths.touched.whyNot(this.#options.clock.now());
    if (unfit !== undefined) return this.#refuse(unfit);
    this.#touching = { index, touch: new TouchInProgress(this.graph.at, this.#options.touchLimits ?? TOUCH_LIMITS) };
    return this.#done();
  }

  /** Forgets a touch, so that it can be made again or left out. */
  forget(index: number): Refusal | undefined {
    if (this.#stage !== 'collect') return this.#wrongStage('Touches are forgotten while collecting');
    return this.#noSuch(index) ?? this.#change(() => this.registration.setTouch(index, undefined));
  }

  /** Leaves a fiducial out of the registration, which is made anew at once; its touch is kept. */
  exclude(index: number): Refusal | undefined {
    return this.#exclude(index, true);
  }

  /** Takes a fiducial in again that was left out; the registration is made anew at once. */
  restore(index: number): Refusal | undefined {
    return this.#exclude(index, false);
  }

  #exclude(index: number, excluded: boolean): Refusal | undefined {
    if (!this.collects) return this.#wrongStage('Fiducials are left out while collecting and reviewing');
    return this.#noSuch(index) ?? this.#change(() => this.registration.setExcluded(index, excluded));
  }

  /** Whether fiducials can be touched in this step: to register, or to verify. */
  get canTouch(): boolean {
    return this.collects || this.#stage === 'navigate';
  }
  /** Whether fiducials are touched to register in this step. */
  get collects(): boolean {
    return this.#stage === 'collect' || this.#stage === 'review';
  }

  /** Makes a change to what is registered, and registers anew where a proposal stands; takes it back where that fails. */
  #change(make: () => () => void): Refusal | undefined {
    const takeBack = make();
    if (this.#stage !== 'review') return this.#done();
    const proposal = this.#propose();
    if (isRefusal(proposal)) {
      takeBack();
      return this.#refuse({ code: proposal.code, message: `${proposal.message} Nothing was changed.` });
    }
    this.#proposal = proposal;
    return this.#done();
  }

  #propose(): Proposal<'ct'> | Refusal {
    const { accepted } = this.calibration;
    if (accepted === undefined) return { code: 'not-calibrated', message: 'The stylus is not calibrated. Calibrate it first.' };
    return this.registration.propose(accepted.stylusFromTip, this.#plan.target);
  }

  /** Registers what was touched, and proposes it for review. */
  register(): Refusal | undefined {
    if (this.#stage !== 'collect') return this.#wrongStage('Registering comes after collecting');
    if (this.#touching !== undefined) return this.#refuse(STILL_TOUCHING);
    const proposal = this.#propose();
    if (isRefusal(proposal)) return this.#refuse(proposal);
    this.#proposal = proposal;
    this.#stage = 'review';
    return this.#done();
  }

  /** The accepted registration does not hold any more: takes it out of the graph, and begins to touch anew. */
  registerAgain(): Refusal | undefined {
    if (this.#stage !== 'navigate' || this.#touching !== undefined) return this.#wrongStage('There is no accepted registration');
    this.graph.remove(CT, REFERENCE);
    this.#accepted = undefined;
    this.#verification = undefined;
    this.registration.forgetAll();
    this.#stage = 'collect';
    return this.#done();
  }

  /** Rejects the proposal, and goes back to collecting with the touches kept. */
  reject(): Refusal | undefined {
    if (this.#stage !== 'review') return this.#wrongStage('There is no registration to reject');
    this.#proposal = undefined;
    this.#touching = undefined;
    this.#stage = 'collect';
    return this.#done();
  }

  /**
   * Accepts the proposal: from now on the graph joins image and patient.
   * @param acknowledged a person has read the findings of a suspect registration and takes it nevertheless
   */
  accept(acknowledged = false): Refusal | undefined {
    const proposal = this.#proposal;
    if (this.#stage !== 'review' || proposal === undefined) return this.#wrongStage('There is no registration to accept');
    if (this.#touching !== undefined) return this.#refuse(STILL_TOUCHING);
    const not = whyNotAccepted(proposal, this.#plan, acknowledged);
    if (not !== undefined) return this.#refuse(not);
    this.graph.set(proposal.registration.edge);
    this.#accepted = proposal;
    this.#proposal = undefined;
    this.#stage = 'navigate';
    return this.#done();
  }

  /**
   * Plans anew on the same image, before or after registration; the bound follows the new target. A target where an
   * accepted registration does not keep the plan's limit is refused.
   * @param maxTre95Mm the new limit of the error at the target; default that of the plan so far
   */
  planTo(entry: Point<'ct'>, target: Point<'ct'>, maxTre95Mm = this.#plan.maxTre95Mm): Refusal | undefined {
    if (this.#stage === 'finished') return this.#wrongStage('The procedure is finished');
    const plan = tried(() => planOn(this.case.volume, entry, target, maxTre95Mm));
    if ('code' in plan) return this.#refuse(plan);
    const before = this.#plan;
    this.#plan = plan;
    const proposal = this.proposal && this.#propose();
    const not = proposal && (isRefusal(proposal) ? proposal : this.#accepted && beyondLimit(proposal, plan));
    if (not !== undefined) {
      this.#plan = before;
      return this.#refuse(not);
    }
    if (this.#proposal !== undefined) this.#proposal = proposal as Proposal<'ct'>;
    if (this.#accepted !== undefined) this.#accepted = proposal as Proposal<'ct'>;
    this.#deviation = new Deviation(plan);
    this.#state = 'noPose';
    return this.#done();
  }

  /** Records that the target was reached. Refused unless the tip is on it, and seen to be, now. */
  finish(): Refusal | undefined {
    if (this.#stage !== 'navigate') return this.#wrongStage('Nothing can be finished yet');
    if (this.#state !== 'onTarget') {
      if (!this.#deviation.isLive) return this.#refuse({ code: 'not-visible', message: 'Where the tip is is not known now.' });
      const where = formatMm(this.#deviation.distanceToTargetMm);
      return this.#refuse({
        code: 'not-on-target',
        message: `The tip is not on the target: when asked, it was ${where} from it.`,
      });
    }
    this.#stage = 'finished';
    return this.#done();
  }

  #noSuch(index: number): Refusal | undefined {
    const count = this.touches.length;
    if (Number.isInteger(index) && index >= 0 && index < count) return undefined;
    return this.#refuse({ code: 'no-such-fiducial', message: `There is no fiducial ${index + 1}; there are ${count}.` });
  }

  #wrongStage(what: string): Refusal {
    return this.#refuse({ code: 'wrong-stage', message: `${what}, not in "${this.#stage}".` });
  }

  #take(answer: Refusal | object | undefined): Refusal | undefined {
    return answer !== undefined && isRefusal(answer) ? this.#refuse(answer) : this.#done();
  }

  #refuse(refusal: Refusal): Refusal {
    this.refusal = refusal;
    return refusal;
  }

  #done(): undefined {
    this.refusal = undefined;
  }
}

const CALIBRATE_FIRST = 'The stylus is calibrated before fiducials are touched';
const STILL_TOUCHING: Refusal = {
  code: 'still-touching',
  message: 'A fiducial is still being touched: wait until the touch has ended.',
};

function beyondLimit({ bound }: Proposal<'ct'>, plan: NavigationCase['plan']): Refusal | undefined {
  if (keepsLimit(plan, bound.p95Mm)) return undefined;
  const message = `The registration is not good enough for a target there: ${limitLine(plan, bound.p95Mm)}. The plan was not changed.`;
  return { code: 'beyond-plan-limit', message };
}
