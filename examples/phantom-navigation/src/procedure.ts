import {
  type Clock,
  FrameGraph,
  type Instant,
  isNavError,
  type Point,
  type PoseBuffer,
  PoseView,
  type Transform,
} from '@trocar/core';
import { Deviation, type GuidanceLimits, type GuidanceState, guidanceState, requirePlanFor } from '@trocar/core/guidance';
import { type PointRegistration, registerPoints } from '@trocar/registration';
import { type TargetBound, targetBound } from './bound.js';
import { type NavigationCase, planOn } from './case.js';
import { CT, REFERENCE, STYLUS, TIP, TRACKER } from './frames.js';
import { isRefusal, TOUCH_LIMITS, type Touch, TouchInProgress, type TouchLimits, unfitToTouch } from './touch.js';

/**
 * Where the procedure stands.
 *
 * - `connect`: until every tool has been seen once.
 * - `collect`: fiducials are touched, in any order, again where wanted.
 * - `review`: a registration is proposed; a person reads residuals and the expected error, and accepts or goes back.
 * - `navigate`: the registration is in the graph and the deviation is live.
 * - `finished`: the target was reached and recorded.
 */
export type Stage = 'connect' | 'collect' | 'review' | 'navigate' | 'finished';

/** Why something asked for was not done: for a person to read, and for a test to branch on. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** What {@link Procedure} is made with. */
export interface ProcedureOptions {
  readonly clock: Clock;
  readonly case: NavigationCase;
  /** The stylus's calibration, with its covariance. */
  readonly stylusFromTip: Transform<'stylus', 'tip'>;
  /** What the tracker's data sheet says of a tool's noise: for the tip's error, never told to the registration. */
  readonly trackerNoise?: { readonly positionSdMm: number; readonly rotationSdRad: number };
  readonly touchLimits?: TouchLimits;
  readonly guidanceLimits?: GuidanceLimits;
  /** A pose older than this is no longer live, ms. Default 150. */
  readonly staleAfterMs?: number;
}

/** A registration that waits to be accepted. */
export interface Proposal {
  readonly registration: PointRegistration<'ct', 'reference'>;
  /** Which fiducials went in, in the order of the residuals. */
  readonly fiducials: readonly number[];
  /** Of the error at the plan's target. */
  readonly bound: TargetBound;
}

/** With nothing measured for this long, a touch is over, ms. */
const SILENT_MS = 500;

/** Fewer than this leave the noise level a guess. */
const FEWEST_FIDUCIALS = 4;
/** Careful touches of divots err by about half a millimetre; by more than this, and patient or reference have moved, mm. */
const LARGEST_FLE_MM = 2.5;

/**
 * The procedure as a state machine without a screen: the page, the headless run and the calibration study all drive this
 * one. {@link update} is called once per drawn frame, or whenever poses arrived; everything else is what a person does.
 */
export class Procedure {
  readonly case: NavigationCase;
  readonly graph = new FrameGraph();
  /** What the tools' poses are pushed into. */
  readonly buffers: { readonly stylus: PoseBuffer; readonly reference: PoseBuffer };
  /** The tip in the image, at the last update: without pose until a registration is accepted. */
  readonly tipInImage = new PoseView();
  /** One per fiducial; undefined until it is touched. */
  readonly touches: (Touch | undefined)[];
  /** What the last update or request had to say, until the next one succeeds. */
  refusal: Refusal | undefined;
  readonly #options: ProcedureOptions;
  readonly #tipInReference = new PoseView();
  readonly #toolViews = { stylus: new PoseView(), reference: new PoseView() };
  readonly #paths;
  #stage: Stage = 'connect';
  #plan: NavigationCase['plan'];
  #deviation: Deviation<'ct'>;
  #state: GuidanceState = 'noPose';
  #touching: { readonly index: number; readonly touch: TouchInProgress } | undefined;
  #proposal: Proposal | undefined;
  #accepted: Proposal | undefined;

  /** @throws NavError `frame/bad-covariance`, `pose/bad-option`, `guidance/wrong-frame-of-reference` */
  constructor(options: ProcedureOptions) {
    this.#options = options;
    this.case = options.case;
    this.#plan = options.case.plan;
    requirePlanFor(this.#plan, options.case.volume);
    this.#deviation = new Deviation(this.#plan);
    this.touches = options.case.fiducials.map(() => undefined);
    const edge = { staleAfterMs: options.staleAfterMs ?? 150, ...(options.trackerNoise && { noise: options.trackerNoise }) };
    this.buffers = { stylus: this.graph.stream(TRACKER, STYLUS, edge), reference: this.graph.stream(TRACKER, REFERENCE, edge) };
    this.graph.set(options.stylusFromTip);
    this.#paths = {
      tipInReference: this.graph.path(REFERENCE, TIP),
      tipInImage: this.graph.path(CT, TIP),
      stylus: this.graph.path(TRACKER, STYLUS),
      reference: this.graph.path(TRACKER, REFERENCE),
    };
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
  /** What is to be accepted, or was. */
  get proposal(): Proposal | undefined {
    return this.#proposal ?? this.#accepted;
  }
  /** Which fiducial is being touched, and how far the dwell is, 0 … 1. */
  get touching(): { readonly index: number; readonly progress: number } | undefined {
    const t = this.#touching;
    return t && { index: t.index, progress: t.touch.progress(this.graph.at) };
  }
  /** How each tool was seen at the last update. */
  get tools(): { readonly stylus: PoseView; readonly reference: PoseView } {
    return this.#toolViews;
  }

  /** Reads everything for this moment. */
  update(): void {
    this.graph.tick(this.#options.clock.now());
    this.#paths.stylus.read(this.#toolViews.stylus);
    this.#paths.reference.read(this.#toolViews.reference);
    if (this.#stage === 'connect' && this.#toolViews.stylus.status === 'ok' && this.#toolViews.reference.status === 'ok') {
      this.#stage = 'collect';
    }
    if (this.#touching !== undefined) this.#goOnTouching(this.#touching);
    this.#deviation.read(this.#paths.tipInImage, this.tipInImage);
    this.#state = guidanceState(this.#deviation, this.#state, this.#options.guidanceLimits);
  }

  #goOnTouching({ index, touch }: { readonly index: number; readonly touch: TouchInProgress }): void {
    this.#readTip();
    const answer = touch.add(this.#tipInReference);
    if (answer === undefined) return;
    this.#touching = undefined;
    if (isRefusal(answer)) {
      this.refusal = answer;
    } else {
      this.touches[index] = answer;
      this.refusal = undefined;
    }
  }

  /**
   * Reads the tip for a touch: at the time of the newest measurement, not at the time of drawing, for a screen that is
   * slow to draw does not make the measurements any older. A tracker that has gone silent is read now, and found stale.
   */
  #readTip(): void {
    const now = this.graph.at;
    const newest = Math.min(this.buffers.stylus.newestAt, this.buffers.reference.newestAt) as Instant;
    if (now - newest <= SILENT_MS) this.graph.tick(newest);
    this.#paths.tipInReference.read(this.#tipInReference);
    this.graph.tick(now);
  }

  /** Begins to record a touch of fiducial `index`; it ends by itself in {@link update}, in {@link touches} or a refusal. */
  touch(index: number): Refusal | undefined {
    if (this.#stage !== 'collect') return this.#refuse('wrong-stage', `Fiducials are not collected while in "${this.#stage}".`);
    if (this.touches.length <= index || index < 0 || !Number.isInteger(index)) {
      return this.#refuse('no-such-fiducial', `There is no fiducial ${index + 1}; there are ${this.touches.length}.`);
    }
    this.graph.tick(this.#options.clock.now());
    this.#readTip();
    const unfit = unfitToTouch(this.#tipInReference.status);
    if (unfit !== undefined) return this.#refuse(unfit.code, unfit.message);
    this.#touching = { index, touch: new TouchInProgress(this.graph.at, this.#options.touchLimits ?? TOUCH_LIMITS) };
    return this.#done();
  }

  /** Forgets a touch, so that it can be made again or left out. */
  forget(index: number): Refusal | undefined {
    if (this.#stage !== 'collect') return this.#refuse('wrong-stage', `Touches cannot be changed while in "${this.#stage}".`);
    this.touches[index] = undefined;
    return this.#done();
  }

  /** Registers what was touched, and proposes it for review. */
  register(): Refusal | undefined {
    if (this.#stage !== 'collect')
      return this.#refuse('wrong-stage', `Registering comes after collecting, not in "${this.#stage}".`);
    if (this.#touching !== undefined)
      return this.#refuse('still-touching', 'A fiducial is still being touched: wait for it, then register.');
    const fiducials = this.touches.flatMap((t, i) => (t === undefined ? [] : [i]));
    if (fiducials.length < FEWEST_FIDUCIALS) {
      return this.#refuse(
        'too-few-fiducials',
        `${fiducials.length} fiducials were touched; at least ${FEWEST_FIDUCIALS} are needed.`,
      );
    }
    try {
      this.#proposal = this.#propose(fiducials);
    } catch (error) {
      if (isNavError(error)) return this.#refuse(error.code, error.message);
      throw error;
    }
    this.#stage = 'review';
    return this.#done();
  }

  #propose(fiducials: readonly number[]): Proposal {
    const marked = fiducials.map((i) => this.case.fiducials[i] as Point<'ct'>);
    const touches = fiducials.map((i) => this.touches[i] as Touch);
    // The noise level is deliberately not told: it is estimated from the residuals, and the bound allows for that.
    const registration = registerPoints(
      CT,
      REFERENCE,
      marked,
      touches.map((t) => t.point),
    );
    const bound = targetBound(registration, marked, touches, this.#options.stylusFromTip, this.#plan.target);
    return { registration, fiducials, bound };
  }

  /** Rejects the proposal, and goes back to collecting with the touches kept. */
  reject(): Refusal | undefined {
    if (this.#stage !== 'review') return this.#refuse('wrong-stage', 'There is no registration to reject.');
    this.#proposal = undefined;
    this.#stage = 'collect';
    return this.#done();
  }

  /**
   * Accepts the proposal: from now on the graph joins image and patient.
   * @param acknowledged a person has read the findings of a suspect registration and takes it nevertheless
   */
  accept(acknowledged = false): Refusal | undefined {
    const proposal = this.#proposal;
    if (this.#stage !== 'review' || proposal === undefined)
      return this.#refuse('wrong-stage', 'There is no registration to accept.');
    if (!Number.isFinite(proposal.bound.p95Mm)) {
      return this.#refuse(
        'no-bound',
        'The error at the target is unknown, so this registration cannot be used. Calibrate the stylus first.',
      );
    }
    if (proposal.registration.outcome !== 'ok' && !acknowledged) {
      const why = proposal.registration.findings.map((f) => f.message).join(' ');
      return this.#refuse('suspect', `The registration is suspect: ${why} Touch again, or accept it knowingly.`);
    }
    const { fleMm } = proposal.registration;
    if (fleMm > LARGEST_FLE_MM) {
      return this.#refuse(
        'moved-between-touches',
        `The touches disagree by ${fleMm.toFixed(1)} mm, at most ${LARGEST_FLE_MM} mm is credible: the reference moved against the ` +
          'patient, or fiducials were missed. Fix the reference and touch all of them again.',
      );
    }
    this.graph.set(proposal.registration.edge);
    this.#accepted = proposal;
    this.#proposal = undefined;
    this.#stage = 'navigate';
    return this.#done();
  }

  /**
   * Plans anew on the same image, before or after registration; the bound follows the new target.
   * @throws nothing: what is wrong with the plan is the refusal
   */
  planTo(entry: Point<'ct'>, target: Point<'ct'>): Refusal | undefined {
    if (this.#stage === 'finished') return this.#refuse('wrong-stage', 'The procedure is finished.');
    try {
      this.#plan = planOn(this.case.volume, entry, target);
    } catch (error) {
      if (isNavError(error)) return this.#refuse(error.code, error.message);
      throw error;
    }
    this.#deviation = new Deviation(this.#plan);
    this.#state = 'noPose';
    if (this.#proposal !== undefined) this.#proposal = this.#propose(this.#proposal.fiducials);
    if (this.#accepted !== undefined) this.#accepted = this.#propose(this.#accepted.fiducials);
    return this.#done();
  }

  /** Records that the target was reached. Refused unless the tip is on it, and seen to be, now. */
  finish(): Refusal | undefined {
    if (this.#stage !== 'navigate') return this.#refuse('wrong-stage', `Nothing can be finished in "${this.#stage}".`);
    if (this.#state !== 'onTarget') {
      const where = this.#deviation.isLive ? `${this.#deviation.distanceToTargetMm.toFixed(1)} mm from it` : 'not seen';
      return this.#refuse('not-on-target', `The tip is not on the target: it is ${where}.`);
    }
    this.#stage = 'finished';
    return this.#done();
  }

  #refuse(code: string, message: string): Refusal {
    this.refusal = { code, message };
    return this.refusal;
  }

  #done(): undefined {
    this.refusal = undefined;
  }
}
