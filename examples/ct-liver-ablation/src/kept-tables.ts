import { formatMm } from '@trocar/core/guidance';
import type { ReportTable } from '@trocar/core/session';
import { BURN } from './kept-records.js';
import type { Procedure } from './procedure.js';

/** What was burnt, what that was expected to do, and what the CT afterwards shows. */
export function tablesOf({ probes, burning, confirming, planning }: Procedure): ReportTable[] {
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
    kind: BURN,
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
