import type { ProbeSetting, Side } from '@trocar/core/guidance';
import { type ExactValue, type ReportInput, type ReportPicture, reportHtml, type Session } from '@trocar/core/session';
import { accuracyOf, CHANGED, keepTouches } from '../../suite/src/kept-registration.js';
import { isRefusal, type Refusal } from '../../suite/src/refusal.js';
import { ADDED, BURN, keptBeginning, keptBurn, keptProbe, PROBE, WORTH } from './kept-records.js';
import { type SayTable, tablesOf } from './kept-tables.js';
import type { PlannedAblation } from './plan-step.js';
import type { Procedure } from './procedure.js';
import type { Pointed } from './tools-step.js';

/**
 * A procedure whose acceptances are kept in a session before they hold: what the graph has, a crash cannot take. What follows of itself, as
 * the end of a burn, is kept by {@link keep}.
 */
export class KeptAblation {
  readonly session: Session<'ct'>;
  readonly #procedure: Procedure;
  readonly #by: string;
  readonly #kept = new Set<unknown>();
  #refusal: unknown;
  #running: Promise<void> = Promise.resolve();

  /** @param by who accepts, as the log names them */
  constructor(procedure: Procedure, session: Session<'ct'>, by: string) {
    this.#procedure = procedure;
    this.session = session;
    this.#by = by;
    // What a restored session holds is not kept once more.
    for (const one of this.#facts()) this.#kept.add(one.of);
  }

  /** Accepts the plan, as `Procedure.acceptPlan`. @throws NavError as the session's methods */
  async acceptPlan(side: Side | undefined, short = false): Promise<Refusal | undefined> {
    const { planning, stage } = this.#procedure;
    const { plan } = planning;
    const set = planning.toAccept(side, short);
    // What the procedure would refuse is not kept: it says itself why.
    if (isRefusal(set) || plan === undefined || stage !== 'plan') return this.#procedure.acceptPlan(side, short);
    const { complete, healthyMm3 } = plan.proposal;
    await Promise.all(plan.probes.map((probe, n) => this.#record(PROBE, String(n + 1), keptProbe(probe))));
    await this.#record(WORTH, '1', { complete, healthyMm3 });
    await this.session.acceptPlanSet(set, set.side, this.#by);
    return planning.plan === plan ? this.#procedure.acceptPlan(side, short) : CHANGED;
  }

  /** Accepts what was found of a tool, or its stored calibration, as `Procedure.acceptCalibration`. */
  async acceptCalibration(tool: Pointed, stored = false): Promise<Refusal | undefined> {
    const procedure = this.#procedure;
    const found = procedure.calibrating.found(tool, stored);
    if (!isRefusal(found) && procedure.stage === 'calibrate') await this.session.acceptCalibration(found, this.#by);
    return procedure.acceptCalibration(tool, stored);
  }

  /**
   * Accepts the registration under review: its touches and its edge are kept first, and only then does the graph have it.
   * @param acknowledged as in `Procedure.accept`
   */
  async accept(acknowledged = false): Promise<Refusal | undefined> {
    const procedure = this.#procedure;
    const { proposed } = procedure;
    if (proposed === undefined || procedure.whyNotRegistered(acknowledged) !== undefined) return procedure.accept(acknowledged);
    const { edge, proposal } = proposed;
    const tre95Mm = procedure.bound95Mm((procedure.probes[0] as PlannedAblation).tip);
    await keepTouches(this.session, procedure.registration, this.#by);
    await this.session.acceptRegistration(edge, accuracyOf(proposal, acknowledged, tre95Mm), this.#by);
    const refusal = procedure.proposal === proposal ? procedure.accept(acknowledged) : CHANGED;
    if (refusal !== undefined) await this.session.withdrawRegistration(refusal.message, this.#by);
    return refusal;
  }

  /** Takes the accepted registration back and begins to touch anew: it does not hold any more. */
  async registerAgain(reason: string): Promise<Refusal | undefined> {
    const refusal = this.#procedure.registerAgain();
    if (refusal === undefined) await this.session.withdrawRegistration(reason, this.#by);
    return refusal;
  }

  /**
   * Begins to burn, as `Procedure.burn`, at the pose of this moment. Switch the generator on once this has resolved: that it begins is then kept,
   * for of a burn during which the program stops nobody knows how it ended. Where it cannot be kept, it does not begin.
   */
  async burn(setting: ProbeSetting | undefined = this.#procedure.probe?.setting, beside = false): Promise<Refusal | undefined> {
    const procedure = this.#procedure;
    const { probe } = procedure;
    const id = String(procedure.burning.burns.length + 1);
    const refusal = procedure.burn(setting, beside);
    if (refusal !== undefined || probe === undefined || setting === undefined) return refusal;
    try {
      await this.#record(BURN, id, keptBeginning(probe.name, setting));
    } catch (error) {
      procedure.cancelBurn();
      throw error;
    }
    return undefined;
  }

  /** Keeps what is new: added probes, burns that ended, what they are expected to do, checks, refusals. @throws NavError as the session's methods */
  keep(): Promise<void> {
    this.#running = this.#running.catch(() => undefined).then(() => this.#keep());
    return this.#running;
  }

  /** Whether {@link keep} has something to do. */
  get hasNew(): boolean {
    return this.#procedure.refusal !== this.#refusal || this.#facts().some(({ of }) => !this.#kept.has(of));
  }

  /** Keeps where the procedure stands. */
  async enter(): Promise<void> {
    const { stage } = this.#procedure;
    if (stage !== this.session.state.step) await this.session.enterStep(stage, this.#by);
  }

  async #keep(): Promise<void> {
    for (const { of, kind, id, value } of this.#facts()) {
      if (this.#kept.has(of)) continue;
      await this.#record(kind, id, value());
      this.#kept.add(of);
    }
    const { refusal } = this.#procedure;
    if (refusal !== undefined && refusal !== this.#refusal) {
      await this.session.note('warning', refusal.code, refusal.message, this.#by);
    }
    this.#refusal = refusal;
  }

  /** What the procedure has that is kept as a record, each with the value whose identity says whether that was done. */
  #facts(): Fact[] {
    const { probes, planning, verifying, burning, confirming } = this.#procedure;
    const planned = planning.accepted?.trajectories.length ?? 0;
    const { achieved } = burning;
    const check = verifying.result?.accepted === true ? verifying.result : undefined;
    return [
      ...probes.slice(planned).map((of, n) => fact(of, ADDED, n + 1, keptProbe)),
      ...(check
        ? [fact(check, 'landmark check', 1, (c) => ({ landmarks: c.landmarks.length, rmsMm: c.rmsMm, upperMm: c.upperMm }))]
        : []),
      ...burning.burns.map((of, n) => fact(of, BURN, n + 1, (burn) => keptBurn(burn, burning.shared))),
      ...(achieved ? [fact(achieved, 'expected ablation', burning.burns.length, expectedOf)] : []),
      ...(confirming.confirmation ? [fact(confirming.confirmation, 'confirmed ablation', 1, confirmedOf)] : []),
    ];
  }

  #record(kind: string, id: string, value: ExactValue): Promise<unknown> {
    return this.session.acceptRecord(kind, id, value, this.#by);
  }

  /** The report so far, as HTML, in English. @throws NavError as `Session.audit` */
  async report(made: Date, pictures: readonly ReportPicture[] = []): Promise<string> {
    return reportHtml(await this.reportInput(made, pictures));
  }

  /** What report, summary and handout are made of. @param say the words of the tables; default English. @throws NavError as `Session.audit` */
  async reportInput(made: Date, pictures: readonly ReportPicture[] = [], say?: SayTable): Promise<ReportInput<'ct'>> {
    const audit = await this.session.audit();
    const { patient, modality, series, frameOfReferenceUid } = this.#procedure.case.volume;
    return {
      state: this.session.state,
      audit,
      patient,
      images: {
        modality,
        ...(series.description !== undefined && { description: series.description }),
        ...(frameOfReferenceUid !== undefined && { frameOfReferenceUid }),
      },
      pictures,
      tables: tablesOf(this.#procedure, say),
      made,
    };
  }
}

/** Something that is kept once. */
interface Fact {
  readonly of: object;
  readonly kind: string;
  readonly id: string;
  value(): ExactValue;
}

function fact<T extends object>(of: T, kind: string, id: number, value: (of: T) => ExactValue): Fact {
  return { of, kind, id: String(id), value: () => value(of) };
}

const percent = (share: number | undefined): number => 100 * (share ?? Number.NaN);

function expectedOf({ map, complete, withMargin }: NonNullable<Procedure['burning']['achieved']>): ExactValue {
  return {
    minimalMarginMm: map.minimalMarginMm,
    completePercent: percent(complete.probability),
    withMarginPercent: percent(withMargin.probability),
  };
}

function confirmedOf({ map, complete, withMargin }: NonNullable<Procedure['confirming']['confirmation']>): ExactValue {
  return {
    minimalMarginMm: map.minimalMarginMm,
    below0Percent: percent(map.surfaceBelow.mm0),
    below5Percent: percent(map.surfaceBelow.mm5),
    below10Percent: percent(map.surfaceBelow.mm10),
    completePercent: percent(complete?.probability),
    withMarginPercent: percent(withMargin?.probability),
  };
}
