import { formatMm } from '@trocar/core/guidance';
import { type ExactValue, type ReportPicture, type ReportTable, reportHtml, type Session } from '@trocar/core/session';
import type { PlannedAblation } from './plan-step.js';
import type { Procedure } from './procedure.js';

/**
 * Keeps in a session what a procedure has accepted: call {@link keep} after every acceptance, and go on once it has resolved. What was
 * kept is not kept again.
 */
export class KeptAblation {
  readonly session: Session<'ct'>;
  readonly #procedure: Procedure;
  readonly #by: string;
  readonly #kept = new Set<unknown>();
  #step = '';
  #refusal: unknown;
  #running: Promise<void> = Promise.resolve();

  /** @param by who accepts, as the log names them */
  constructor(procedure: Procedure, session: Session<'ct'>, by: string) {
    this.#procedure = procedure;
    this.session = session;
    this.#by = by;
  }

  /** Keeps what is new. @throws NavError as the session's methods */
  keep(): Promise<void> {
    this.#running = this.#running.then(() => this.#keep());
    return this.#running;
  }

  async #keep(): Promise<void> {
    const { session } = this;
    const { planning, calibrating, accepted, verifying, burning, confirming, stage, refusal } = this.#procedure;
    const plan = planning.accepted;
    await this.#once(plan, (p) => session.acceptPlanSet(p, planning.case.side, this.#by));
    for (const { accepted: tip } of [calibrating.stylus, calibrating.applicator]) {
      if (tip === undefined || this.#kept.has(tip)) continue;
      this.#kept.add(tip);
      await session.acceptCalibration(tip.stylusFromTip as never, this.#by);
    }
    await this.#once(accepted, ({ edge, proposal: { registration, fits } }) =>
      session.acceptRegistration(
        edge,
        {
          tre95Mm: this.#procedure.bound95Mm((this.#procedure.probes[0] as PlannedAblation).tip),
          freMm: registration.freMm,
          fleMm: registration.fleMm,
          residuals: fits.map(({ index, residualMm, expectedMm, flag }) => {
            return { label: String(index + 1), residualMm, expectedMm, used: flag !== 'leftOut' };
          }),
          findings: registration.findings.map((f) => f.message),
          acknowledged: registration.outcome !== 'ok',
        },
        this.#by,
      ),
    );
    const check = verifying.result;
    await this.#once(check?.accepted ? check : undefined, ({ rmsMm, upperMm, landmarks }) =>
      this.#record('landmark check', '1', { landmarks: landmarks.length, rmsMm, upperMm }),
    );
    for (const [n, burn] of burning.burns.entries()) {
      await this.#once(burn, ({ name, setting, outcome, movedMm }) =>
        this.#record('burn', String(n + 1), { probe: name, powerW: setting.powerW, minutes: setting.minutes, outcome, movedMm }),
      );
    }
    await this.#once(stage === 'assess' || stage === 'confirm' ? burning.achieved : undefined, ({ map, complete, withMargin }) =>
      this.#record('expected ablation', String(burning.burns.length), {
        minimalMarginMm: map.minimalMarginMm,
        completePercent: 100 * complete.probability,
        withMarginPercent: 100 * withMargin.probability,
      }),
    );
    await this.#once(confirming.confirmation, ({ map, complete, withMargin }) =>
      this.#record('confirmed ablation', '1', {
        minimalMarginMm: map.minimalMarginMm,
        below0Percent: 100 * map.surfaceBelow.mm0,
        below5Percent: 100 * map.surfaceBelow.mm5,
        below10Percent: 100 * map.surfaceBelow.mm10,
        completePercent: 100 * (complete?.probability ?? Number.NaN),
        withMarginPercent: 100 * (withMargin?.probability ?? Number.NaN),
      }),
    );
    if (stage !== this.#step) {
      this.#step = stage;
      await session.enterStep(stage, this.#by);
    }
    if (refusal !== undefined && refusal !== this.#refusal)
      await session.note('warning', refusal.code, refusal.message, this.#by);
    this.#refusal = refusal;
  }

  async #once<T>(value: T | undefined, keep: (value: T) => Promise<unknown>): Promise<void> {
    if (value === undefined || this.#kept.has(value)) return;
    await keep(value);
    this.#kept.add(value);
  }

  #record(kind: string, id: string, value: ExactValue): Promise<unknown> {
    return this.session.acceptRecord(kind, id, value, this.#by);
  }

  /** The report, as HTML. */
  async report(made: Date, pictures: readonly ReportPicture[] = []): Promise<string> {
    const audit = await this.session.audit();
    const { patient, modality, series, frameOfReferenceUid } = this.#procedure.case.volume;
    return reportHtml({
      state: this.session.state,
      audit,
      patient,
      images: {
        modality,
        ...(series.description !== undefined && { description: series.description }),
        ...(frameOfReferenceUid !== undefined && { frameOfReferenceUid }),
      },
      pictures,
      tables: tablesOf(this.#procedure),
      made,
    });
  }
}

/** What was burnt, what that was expected to do, and what the CT afterwards shows. */
function tablesOf({ probes, burning, confirming, planning }: Procedure): ReportTable[] {
  const { demands } = planning;
  const rows = burning.burns.map(({ name, setting, outcome, movedMm }) => [
    name,
    setting.applicator.name,
    setting.powerW,
    setting.minutes,
    movedMm,
    outcome,
  ]);
  const probe = [{ label: 'Probe' }, { label: 'Applicator' }, { label: 'Power', unit: 'W', decimals: 0 }];
  const burns: ReportTable = {
    title: 'Ablations',
    kind: 'burn',
    columns: [...probe, { label: 'Time', unit: 'min', decimals: 0 }, { label: 'Tip moved', unit: 'mm' }, { label: 'Outcome' }],
    rows,
  };
  const percent = (share: number | undefined): number => 100 * (share ?? Number.NaN);
  const { plan } = planning;
  const { achieved } = burning;
  const { confirmation } = confirming;
  const margins: ReportTable = {
    title: `Margins about the tumour (asked for: ${formatMm(demands.marginMm, 0)}, ${probes.length} probes)`,
    columns: [
      { label: 'From' },
      { label: 'Least margin', unit: 'mm' },
      { label: 'Surface below 0 mm', unit: '%' },
      { label: 'below 5 mm', unit: '%' },
      { label: 'below 10 mm', unit: '%' },
      { label: 'All covered', unit: '%' },
      { label: 'with margin', unit: '%' },
    ],
    rows: [
      ...(plan ? [marginRow('Plan', plan.proposal.map, percent(plan.complete), percent(plan.withMargin))] : []),
      ...(achieved
        ? [
            marginRow(
              'Tracked poses',
              achieved.map,
              percent(achieved.complete.probability),
              percent(achieved.withMargin.probability),
            ),
          ]
        : []),
      ...(confirmation
        ? [
            marginRow(
              'CT afterwards',
              confirmation.map,
              percent(confirmation.complete?.probability),
              percent(confirmation.withMargin?.probability),
            ),
          ]
        : []),
    ],
  };
  return [burns, margins];
}

type Map = NonNullable<Procedure['burning']['achieved']>['map'];

function marginRow(
  from: string,
  { minimalMarginMm, surfaceBelow: b }: Map,
  complete: number,
  withMargin: number,
): (string | number)[] {
  return [from, minimalMarginMm, 100 * b.mm0, 100 * b.mm5, 100 * b.mm10, complete, withMargin];
}
