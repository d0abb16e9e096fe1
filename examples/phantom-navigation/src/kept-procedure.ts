import type { Transform } from '@trocar/core';
import { edgeBetween, type Session, type SessionState } from '@trocar/core/session';
import { whyNotAccepted } from '../../suite/src/acceptance.js';
import { STYLUS, TIP } from '../../suite/src/frames.js';
import {
  accuracyOf,
  CHANGED,
  keepTouches,
  NOT_AS_ACCEPTED,
  restoreTouches,
  sameBits,
} from '../../suite/src/kept-registration.js';
import { isRefusal, type Refusal } from '../../suite/src/refusal.js';
import type { Procedure } from './procedure.js';

/** What the calibration of the stylus is kept as. */
const STYLUS_FROM_TIP = 'stylus from tip';

/**
 * A procedure whose acceptances are kept in a session before they hold: what the graph has, a crash cannot take. Everything else is
 * asked of the procedure itself.
 */
export class KeptProcedure {
  readonly procedure: Procedure;
  readonly session: Session<'ct'>;
  readonly #by: string;

  /** @param by who accepts, as the log names them */
  constructor(procedure: Procedure, session: Session<'ct'>, by: string) {
    this.procedure = procedure;
    this.session = session;
    this.#by = by;
  }

  /** Accepts the plan of the case. @throws NavError as `Session.acceptPlan` */
  async acceptPlan(): Promise<void> {
    await this.session.acceptPlan(this.procedure.plan, this.#by);
  }

  /** Accepts the calibration that was found, or the stored one. */
  async acceptCalibration(stored = false): Promise<Refusal | undefined> {
    const { procedure } = this;
    const take = (): Refusal | undefined => (stored ? procedure.useStoredStylus() : procedure.acceptCalibration());
    const found = stored ? procedure.calibration.stored() : procedure.calibration.found();
    // What the procedure would refuse is not kept: it says itself why.
    if (isRefusal(found) || procedure.stage !== 'calibrate') return take();
    await this.session.acceptCalibration(found.stylusFromTip, this.#by);
    return take();
  }

  /**
   * Accepts the registration under review: its touches and its edge are kept first, and only then does the graph have it.
   * @param acknowledged as in {@link Procedure.accept}
   */
  async accept(acknowledged = false): Promise<Refusal | undefined> {
    const { procedure, session } = this;
    const { proposal } = procedure;
    const under = procedure.stage === 'review' && procedure.touching === undefined ? proposal : undefined;
    // What the procedure would refuse is not kept: it says itself why.
    if (under === undefined || whyNotAccepted(under, procedure.plan, acknowledged)) return procedure.accept(acknowledged);
    await keepTouches(session, procedure.registration, this.#by);
    await session.acceptRegistration(under.registration.edge, accuracyOf(under, acknowledged), this.#by);
    const refusal = procedure.proposal === under ? procedure.accept(acknowledged) : CHANGED;
    if (refusal !== undefined) await session.withdrawRegistration(refusal.message, this.#by);
    return refusal;
  }

  /** Takes the accepted registration back and begins to touch anew: it does not hold any more. */
  async registerAgain(reason: string): Promise<Refusal | undefined> {
    const refusal = this.procedure.registerAgain();
    if (refusal === undefined) await this.session.withdrawRegistration(reason, this.#by);
    return refusal;
  }

  /** Records that the target was reached, with what was shown of the tip at that moment. */
  async finish(): Promise<Refusal | undefined> {
    const { distanceToTargetMm, lateralMm, angleDeg, tipError95Mm, ageMs } = this.procedure.deviation;
    const refusal = this.procedure.finish();
    if (refusal !== undefined) return refusal;
    const shown = { distanceToTargetMm, lateralMm, angleDeg, tipError95Mm, ageMs };
    await this.session.acceptRecord('target reached', '1', shown, this.#by);
    return undefined;
  }
}

/** The calibration of the stylus that a session holds. */
export function keptStylus(state: SessionState<'ct'>): Transform<'stylus', 'tip'> | undefined {
  const kept = state.calibrations[STYLUS_FROM_TIP];
  return kept && edgeBetween(kept.edge, STYLUS, TIP);
}

/**
 * Takes a procedure up where its session left it: planned, calibrated, touched, registered. Both tools have been seen. What was registered follows again from what was touched, and must be the accepted edge to the last bit.
 */
export function resume(procedure: Procedure, state: SessionState<'ct'>): Refusal | undefined {
  if (state.plan !== undefined) {
    const { entry, target, maxTre95Mm } = state.plan.plan;
    const planned = procedure.planTo(entry, target, maxTre95Mm);
    if (planned !== undefined) return planned;
  }
  const stylus = keptStylus(state);
  if (stylus === undefined) return undefined;
  const calibrated = procedure.restoreStylus(stylus);
  if (calibrated !== undefined || state.registration === undefined) return calibrated;
  const unread = restoreTouches(procedure.registration, state);
  if (unread !== undefined) return unread;
  const refusal = procedure.register();
  if (refusal !== undefined) return refusal;
  const edge = procedure.proposal?.registration.edge;
  if (edge === undefined || !sameBits(state.registration.edge.matrix, edge.matrix)) {
    procedure.reject();
    return NOT_AS_ACCEPTED;
  }
  return procedure.accept(state.registration.accuracy.acknowledged);
}
