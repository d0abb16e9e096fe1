import type { FrameGraph, Point, PoseView, Transform } from '@trocar/core';
import type { ShaftGuidance, ShaftState, Side } from '@trocar/core/guidance';
import { expectedTreOf } from '@trocar/registration';
import { keepsLimit, limitLine, whyNotAccepted } from '../../suite/src/acceptance.js';
import { REFERENCE, TIP, TRACKER } from '../../suite/src/frames.js';
import { NOT_AS_ACCEPTED, sameBits } from '../../suite/src/kept-registration.js';
import { isRefusal, type Refusal } from '../../suite/src/refusal.js';
import { type Proposal, RegistrationStep } from '../../suite/src/registration-step.js';
import { type Measured, Sensing } from '../../suite/src/sensing.js';
import { TOUCH_LIMITS, type Touch } from '../../suite/src/touch.js';
import { BurnStep } from './burn-step.js';
import type { AblationCase } from './case.js';
import { ConfirmStep } from './confirm-step.js';
import { CT, TOOLS, type ToolName } from './frames.js';
import { GateStep, gatedEdge } from './gate-step.js';
import { GatedTouch, type MarkKind, type Touching } from './gated-touch.js';
import { GuideStep } from './guide-step.js';
import { type PlannedAblation, PlanStep } from './plan-step.js';
import type { Accepted, ProcedureOptions } from './procedure-options.js';
import type { Stage } from './stages.js';
import { type Pointed, ToolsStep } from './tools-step.js';
import { VerifyStep } from './verify-step.js';
import { WHY_NOT, whyNotBurn } from './why-not.js';

/**
 * The procedure as a state machine without a screen: the page, the headless run and the tests all drive this one. {@link update} is
 * called once per drawn frame, or whenever poses arrived; everything else is what a person does.
 */
export class Procedure {
  readonly case: AblationCase;
  readonly planning: PlanStep;
  readonly calibrating: ToolsStep;
  readonly registration: RegistrationStep<'ct'>;
  readonly verifying: VerifyStep;
  readonly gate = new GateStep();
  readonly burning: BurnStep;
  readonly confirming: ConfirmStep;
  readonly guiding: GuideStep;
  /** What the last update or request had to say, until the next one succeeds. */
  refusal: Refusal | undefined;
  readonly #options: ProcedureOptions;
  /** The tools as they come: what alarms are raised from. */
  readonly sensing: Sensing<ToolName>;
  readonly #stylusTip: Measured;
  readonly #reference: Measured;
  readonly #touch: GatedTouch;
  readonly #probes: PlannedAblation[] = [];
  #stage: Stage = 'plan';
  #proposal: Proposal<'ct'> | undefined;
  #accepted: Accepted | undefined;
  #probe = 0;

  /** @throws NavError `pose/bad-option`, `ablation/bad-target`, `guidance/bad-plan` */
  constructor(options: ProcedureOptions) {
    this.#options = options;
    this.case = options.case;
    this.planning = new PlanStep(options.case, options.demands);
    this.registration = new RegistrationStep(
      CT,
      options.case.fiducials.map((f) => f.at),
    );
    this.verifying = new VerifyStep(options.case.landmarks);
    this.#touch = new GatedTouch(options.touchLimits ?? TOUCH_LIMITS);
    const { target, demands } = this.planning;
    this.burning = new BurnStep(target, demands.marginMm);
    this.confirming = new ConfirmStep(options.case, target, demands.marginMm, options.registerPost);
    this.sensing = new Sensing<ToolName>(TOOLS, options);
    const { graph } = this.sensing;
    this.calibrating = new ToolsStep(this.sensing, options.storedStylus, options.applicatorTipMm);
    this.guiding = new GuideStep(graph, this.planning.shaft, this.planning.structures, options.guidanceLimits);
    this.#reference = this.sensing.measured(graph.path(TRACKER, REFERENCE), 'reference');
    this.#stylusTip = this.sensing.measured(graph.path(REFERENCE, TIP), 'stylus', 'reference');
  }

  get graph(): FrameGraph {
    return this.sensing.graph;
  }
  /** What the tools' poses are pushed into. */
  get buffers(): Sensing<ToolName>['buffers'] {
    return this.sensing.buffers;
  }
  /** How each tool was seen at the last update. */
  get tools(): Sensing<ToolName>['tools'] {
    return this.sensing.tools;
  }
  get stage(): Stage {
    return this.#stage;
  }
  /** The probes that were accepted, and those that were added. */
  get probes(): readonly PlannedAblation[] {
    return this.#probes;
  }
  /** The probe that is led now. */
  get probe(): PlannedAblation | undefined {
    return this.#probes[this.#probe];
  }
  /** Of the applicator from the planned way, and the room to structures, at the last update; undefined before there is guidance. */
  get guide(): ShaftGuidance<'ct'> | undefined {
    return this.guiding.guide;
  }
  get guidance(): ShaftState {
    return this.guiding.guide?.state ?? 'noPose';
  }
  /** The applicator's tip in the image, gated: outside the gate it is stale. */
  get tipInImage(): PoseView {
    return this.guiding.tip;
  }
  /** What is to be accepted, or was. */
  get proposal(): Proposal<'ct'> | undefined {
    return this.#proposal ?? this.#accepted?.proposal;
  }
  get accepted(): Accepted | undefined {
    return this.#accepted;
  }
  /** One per fiducial; undefined until it is touched. */
  get touches(): readonly (Touch | undefined)[] {
    return this.registration.touches;
  }
  /** What is being touched, or waits for the gate. */
  get touching(): Touching | undefined {
    return this.#touch.now(this.#stylusTip.read());
  }
  /**
   * What the error of the liver is expected to stay below at a place while the gate is open, 95 %, mm: registration, tip of the
   * stylus, and what was assumed of the breath. NaN before a registration is proposed.
   */
  bound95Mm(at: Point<'ct'>): number {
    const edge = this.#accepted?.edge ?? (this.#proposal && this.#gated(this.#proposal));
    return edge?.covariance === undefined ? Number.NaN : expectedTreOf(edge, at).p95Mm;
  }

  /** Reads everything for this moment. */
  update(): void {
    this.sensing.update(this.#options.clock.now());
    const phase = this.gate.push(this.#reference.read(), this.graph.at);
    // After a restart tools and registration may be there already: then the registration is verified anew before it leads anything.
    if (this.#stage === 'connect' && this.sensing.sees(...TOOLS)) this.#stage = this.calibrating.isDone ? 'breathe' : 'calibrate';
    if (this.#stage === 'breathe' && phase !== 'unknown') this.#stage = this.#accepted === undefined ? 'collect' : 'verify';
    this.refusal = this.calibrating.record() ?? this.refusal;
    this.#goOnTouching();
    if (this.guiding.update(phase)) this.refusal = WHY_NOT.referenceMoved;
    const ended = this.burning.add(this.tipInImage);
    if (ended === undefined) return;
    this.#stage = 'assess';
    if (ended.outcome !== 'moved') return;
    this.refusal = {
      code: 'applicator-moved',
      message:
        `The applicator moved by ${ended.movedMm.toFixed(1)} mm during the burn, which was stopped: where tissue was burnt is not known. ` +
        'Only a CT can tell.',
    };
  }

  #goOnTouching(): void {
    if (!this.#touch.isBusy) return;
    const ended = this.#touch.add(this.#stylusTip.read(), this.gate.measuredPhase);
    if (ended === undefined) return;
    const { kind, index, answer } = ended;
    if (isRefusal(answer)) this.refusal = answer;
    else if (kind === 'landmark') {
      this.verifying.take(index, answer);
      this.#done();
    } else {
      const not = this.registration.samePlace(index, answer);
      if (not !== undefined) this.refusal = not;
      else this.#change(() => this.registration.setTouch(index, answer));
    }
  }

  // Planning.

  /**
   * Accepts the plan, for the side that a person confirmed at the patient.
   * @param short a person has read that the margin is not reached, and plans it nevertheless
   */
  acceptPlan(side: Side | undefined, short = false): Refusal | undefined {
    if (this.#stage !== 'plan') return this.#wrongStage('The plan is accepted first');
    const set = this.planning.toAccept(side, short);
    if (isRefusal(set)) return this.#refuse(set);
    this.planning.take(set);
    this.#probes.push(...(this.planning.plan?.probes ?? []));
    this.#stage = 'connect';
    return this.#done();
  }

  // Calibrating.

  /** Begins to record the pivoting of a tool in the divot; it ends by itself when enough was seen, or with {@link stopPivot}. */
  startPivot(tool: Pointed): Refusal | undefined {
    if (this.#stage !== 'calibrate') return this.#wrongStage('Tools are calibrated before anything is touched');
    return this.#answer(this.calibrating.start(tool, this.#options.clock.now()));
  }

  stopPivot(tool: Pointed): Refusal | undefined {
    return this.#answer(this.calibrating.stop(tool));
  }

  /** Accepts what was found of a tool; or, of the stylus, its stored calibration. */
  acceptCalibration(tool: Pointed, stored = false): Refusal | undefined {
    if (this.#stage !== 'calibrate') return this.#wrongStage('Tools are calibrated before anything is touched');
    const not = this.calibrating.accept(tool, stored);
    if (not === undefined && this.calibrating.isDone) this.#stage = 'breathe';
    return this.#answer(not);
  }

  // Registering.

  /** Arms a touch of a fiducial: it begins when the gate opens, and ends by itself. */
  touch(index: number): Refusal | undefined {
    if (this.#stage !== 'collect' && this.#stage !== 'review') return this.#wrongStage('Fiducials are touched while collecting');
    return this.#arm('fiducial', index, this.touches.length);
  }

  /** Arms a touch of a landmark: the registration must say where it is, and was not made from it. */
  touchLandmark(index: number): Refusal | undefined {
    if (this.#stage !== 'verify') return this.#wrongStage('Landmarks are touched while verifying');
    return this.#arm('landmark', index, this.verifying.touches.length);
  }

  #arm(kind: MarkKind, index: number, count: number): Refusal | undefined {
    if (!(Number.isInteger(index) && index >= 0 && index < count)) {
      return this.#refuse({ code: 'no-such-fiducial', message: `There is no ${kind} ${index + 1}; there are ${count}.` });
    }
    const unfit = this.#stylusTip.whyNot(this.#options.clock.now());
    if (unfit !== undefined) return this.#refuse(unfit);
    this.#touch.arm(kind, index, this.graph.at);
    return this.#done();
  }

  /** Leaves a fiducial out of the registration, or takes it in again. */
  exclude(index: number, excluded = true): Refusal | undefined {
    if (this.#stage !== 'collect' && this.#stage !== 'review') return this.#wrongStage('Fiducials are left out while collecting');
    return this.#change(() => this.registration.setExcluded(index, excluded));
  }

  #change(make: () => () => void): Refusal | undefined {
    const takeBack = make();
    if (this.#stage !== 'review') return this.#done();
    const proposal = this.#propose();
    if (!isRefusal(proposal)) {
      this.#proposal = proposal;
      return this.#done();
    }
    takeBack();
    return this.#refuse({ code: proposal.code, message: `${proposal.message} Nothing was changed.` });
  }

  #propose(): Proposal<'ct'> | Refusal {
    const { accepted } = this.calibrating.stylus;
    if (accepted === undefined) return { code: 'not-calibrated', message: 'The stylus is not calibrated.' };
    return this.registration.propose(accepted.stylusFromTip, (this.#probes[0] as PlannedAblation).tip);
  }

  /** Registers what was touched, and proposes it for review. */
  register(): Refusal | undefined {
    if (this.#stage !== 'collect' || this.#touch.isBusy) return this.#wrongStage('Registering comes after collecting');
    const proposal = this.#propose();
    if (isRefusal(proposal)) return this.#refuse(proposal);
    this.#proposal = proposal;
    this.#stage = 'review';
    return this.#done();
  }

  /** Rejects the proposal, and goes back to collecting with the touches kept. */
  reject(): Refusal | undefined {
    if (this.#stage !== 'review') return this.#wrongStage('There is no registration to reject');
    this.#proposal = undefined;
    this.#stage = 'collect';
    return this.#done();
  }

  /**
   * Accepts the registration under review. Its bound at every planned tip, breath included, must keep the plan's limit.
   * @param acknowledged a person has read the findings of a suspect registration and takes it nevertheless
   */
  accept(acknowledged = false): Refusal | undefined {
    const not = this.whyNotRegistered(acknowledged);
    if (not !== undefined) return this.#refuse(not);
    const proposal = this.#proposal as Proposal<'ct'>;
    this.#hold({ proposal, edge: this.#gated(proposal) });
    this.#stage = 'verify';
    return this.#done();
  }

  #hold(accepted: Accepted): void {
    const { edge } = accepted;
    this.graph.set(edge);
    this.#accepted = accepted;
    this.#proposal = undefined;
    this.guiding.watch(edge, (this.#probes[0] as PlannedAblation).tip.xyz);
  }

  /** The registration under review as it would hold for the liver; undefined where there is none. */
  get proposed(): Accepted | undefined {
    const proposal = this.#proposal;
    return proposal && { proposal, edge: this.#gated(proposal) };
  }

  /** Why the registration under review may not be accepted. */
  whyNotRegistered(acknowledged = false): Refusal | undefined {
    const proposal = this.#proposal;
    if (this.#stage !== 'review' || proposal === undefined || this.#touch.isBusy) {
      return { code: 'wrong-stage', message: 'There is no registration to accept.' };
    }
    const limit = { maxTre95Mm: this.planning.demands.maxTre95Mm };
    const not = whyNotAccepted(proposal, limit, acknowledged);
    if (not !== undefined) return not;
    const worst = Math.max(...this.#probes.map(({ tip }) => expectedTreOf(this.#gated(proposal), tip).p95Mm));
    if (keepsLimit(limit, worst)) return undefined;
    return {
      code: 'beyond-plan-limit',
      message: `With the breath, the error at the target is too large for this plan: ${limitLine(limit, worst)}. Touch fiducials again.`,
    };
  }

  #gated({ registration, bound }: Proposal<'ct'>): ReturnType<typeof gatedEdge> {
    const tip = (this.#probes[0] as PlannedAblation).tip;
    const known = registration.expectedTre(tip).covariance;
    return gatedEdge(
      registration.edge,
      bound.covariance.map((v, n) => v - (known[n] as number)),
    );
  }

  /** Holds the registration against the landmarks that were touched; where it holds, guidance begins. */
  verify(): Refusal | undefined {
    if (this.#stage !== 'verify' || this.#accepted === undefined)
      return this.#wrongStage('A registration is verified once it is accepted');
    const not = this.verifying.check(this.#accepted.edge);
    if (not !== undefined) return this.#refuse(not);
    const { next } = this;
    if (next === undefined) this.#stage = 'assess';
    else this.#lead(next);
    return this.#done();
  }

  /** Back to the fiducials: what was touched, and what followed from it, is forgotten. */
  registerAgain(): Refusal | undefined {
    if (this.#accepted === undefined || this.#stage === 'burn') return this.#wrongStage('There is nothing to register again');
    this.registration.forgetAll();
    this.verifying.forget();
    this.graph.remove(CT, REFERENCE);
    this.#accepted = undefined;
    this.guiding.forget();
    this.#stage = 'breathe';
    return this.#done();
  }

  // Guiding and burning.

  /** Leads the applicator to a probe of the plan. */
  choose(index: number): Refusal | undefined {
    if (this.#stage !== 'guide' && this.#stage !== 'assess') return this.#wrongStage('A probe is chosen while guiding');
    if (this.#probes[index] === undefined)
      return this.#refuse({ code: 'no-such-probe', message: `There is no probe ${index + 1}.` });
    this.#lead(index);
    return this.#done();
  }

  #lead(index: number): void {
    this.#probe = index;
    const name = (this.#probes[index] as PlannedAblation).name;
    const way = this.planning.ways.find((one) => one.name === name);
    if (way === undefined) throw new Error(`Probe ${name} has no way.`);
    this.guiding.lead(way.plan);
    this.#stage = 'guide';
  }

  /**
   * Begins to burn with the planned setting, or another.
   * @param beside a person burns although the tip does not lie where it was planned: the zone is told where it is tracked
   */
  burn(setting = this.probe?.setting, beside = false): Refusal | undefined {
    const not = this.whyNotBurn(beside);
    if (not !== undefined) return this.#refuse(not);
    const [probe, accepted] = [this.probe as PlannedAblation, this.#accepted as Accepted];
    if (setting === undefined) return this.#wrongStage('There is no setting');
    const ms = setting.minutes * (this.#options.burnMinuteMs ?? 1000);
    const refused = this.burning.start(probe.name, setting, this.tipInImage, accepted.edge, ms);
    if (refused !== undefined) return this.#refuse(refused);
    this.#stage = 'burn';
    return this.#done();
  }

  /** Why nothing may be burnt now; undefined where it may. */
  whyNotBurn(beside = false): Refusal | undefined {
    return whyNotBurn(this, beside);
  }

  /** The generator was not switched on: nothing burns, and nothing was burnt. */
  cancelBurn(): void {
    if (this.burning.cancel()) this.#stage = 'guide';
  }

  /** Breaks the burn off. */
  stopBurn(): Refusal | undefined {
    if (this.burning.stop() === undefined) return this.#wrongStage('Nothing burns');
    this.#stage = 'assess';
    return this.#done();
  }

  /** The next probe of the plan that was not burnt; undefined where all were. */
  get next(): number | undefined {
    const burnt = new Set(this.burning.burns.map((b) => b.name));
    const n = this.#probes.findIndex((p) => !burnt.has(p.name));
    return n < 0 ? undefined : n;
  }

  /** Adds a probe that overlaps what was burnt, where that does not do: it is led next. */
  topUp(): Refusal | undefined {
    if (this.#stage !== 'assess') return this.#wrongStage('A probe is added once it is known what was burnt');
    const more = this.planning.topUp(this.burning, String.fromCharCode(65 + this.#probes.length));
    if (isRefusal(more)) return this.#refuse(more);
    this.#probes.push(more);
    this.#lead(this.#probes.length - 1);
    return this.#done();
  }

  /** Ends the burning: a CT is taken. For that nobody needs the registration of the tracker. */
  finishBurning(): Refusal | undefined {
    const burnt = this.#stage === 'verify' && this.burning.burns.length > 0;
    if (this.#stage !== 'assess' && !burnt) return this.#wrongStage('Burning ends once something was burnt');
    this.guiding.end();
    this.#stage = 'confirm';
    return this.#done();
  }

  /** Accepts the registration of the CT after, tells the margins, and ends the procedure. */
  confirm(): Refusal | undefined {
    if (this.#stage !== 'confirm') return this.#wrongStage('An ablation is confirmed on a CT after it');
    const not = this.confirming.accept();
    if (not !== undefined) return this.#refuse(not);
    this.#stage = 'finished';
    return this.#done();
  }

  // After a restart.

  /**
   * Takes up the probes of a plan that was accepted before the program stopped, once its steps have been restored.
   * @param burnt the burning had ended: only the CT is left
   */
  takeUp(probes: readonly PlannedAblation[], burnt: boolean): void {
    this.#probes.splice(0, this.#probes.length, ...probes);
    this.#stage = burnt ? 'confirm' : 'connect';
  }

  /** Registers again from the touches that were restored: that must be the accepted edge to the last bit. */
  takeUpRegistration(edge: Pick<Transform<string, string>, 'matrix' | 'covariance'>): Refusal | undefined {
    const proposal = this.#propose();
    if (isRefusal(proposal)) return proposal;
    const again = this.#gated(proposal);
    if (!sameBits(again.matrix, edge.matrix) || !sameBits(again.covariance ?? [], edge.covariance ?? [])) {
      this.registration.forgetAll();
      return NOT_AS_ACCEPTED;
    }
    this.#hold({ proposal, edge: again });
    return undefined;
  }

  #wrongStage(what: string): Refusal {
    return this.#refuse({ code: 'wrong-stage', message: `${what}, not in "${this.#stage}".` });
  }

  #answer(not: Refusal | undefined): Refusal | undefined {
    return not === undefined ? this.#done() : this.#refuse(not);
  }

  #refuse(refusal: Refusal): Refusal {
    this.refusal = refusal;
    return refusal;
  }

  #done(): undefined {
    this.refusal = undefined;
  }
}
