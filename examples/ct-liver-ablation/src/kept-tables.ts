import { formatMm } from '@trocar/core/guidance';
import type { ReportTable } from '@trocar/core/session';
import { BURN } from './kept-records.js';
import type { Procedure } from './procedure.js';

/** The words of the tables: what a page has in other languages. */
export type TableText =
  | 'Probe'
  | 'Applicator'
  | 'Power'
  | 'Ablations'
  | 'Time'
  | 'Tip moved'
  | 'Outcome'
  | 'Margins about the tumour (asked for: {margin}, {n} probes)'
  | 'From'
  | 'Least margin'
  | 'Surface below 0 mm'
  | 'below 5 mm'
  | 'below 10 mm'
  | 'All covered'
  | 'with margin'
  | 'Plan'
  | 'Tracked poses'
  | 'CT afterwards';

/** Says a word of the tables. */
export type SayTable = (text: TableText, values?: Readonly<Record<string, string | number>>) => string;

const inEnglish: SayTable = (text, values = {}) => text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));

/** What was burnt, what that was expected to do, and what the CT afterwards shows. */
export function tablesOf({ probes, burning, confirming, planning }: Procedure, say: SayTable = inEnglish): ReportTable[] {
  const { demands } = planning;
  const rows = burning.burns.map(({ name, setting, outcome, movedMm }) => [
    name,
    setting.applicator.name,
    setting.powerW,
    setting.minutes,
    movedMm,
    outcome,
  ]);
  const probe = [{ label: say('Probe') }, { label: say('Applicator') }, { label: say('Power'), unit: 'W', decimals: 0 }];
  const burns: ReportTable = {
    title: say('Ablations'),
    kind: BURN,
    columns: [
      ...probe,
      { label: say('Time'), unit: 'min', decimals: 0 },
      { label: say('Tip moved'), unit: 'mm' },
      { label: say('Outcome') },
    ],
    rows,
  };
  const percent = (share: number | undefined): number => 100 * (share ?? Number.NaN);
  const { plan } = planning;
  const { achieved } = burning;
  const { confirmation } = confirming;
  const margins: ReportTable = {
    title: say('Margins about the tumour (asked for: {margin}, {n} probes)', {
      margin: formatMm(demands.marginMm, 0),
      n: probes.length,
    }),
    columns: [
      { label: say('From') },
      { label: say('Least margin'), unit: 'mm' },
      { label: say('Surface below 0 mm'), unit: '%' },
      { label: say('below 5 mm'), unit: '%' },
      { label: say('below 10 mm'), unit: '%' },
      { label: say('All covered'), unit: '%' },
      { label: say('with margin'), unit: '%' },
    ],
    rows: [
      ...(plan ? [marginRow(say('Plan'), plan.proposal.map, percent(plan.complete), percent(plan.withMargin))] : []),
      ...(achieved
        ? [
            marginRow(
              say('Tracked poses'),
              achieved.map,
              percent(achieved.complete.probability),
              percent(achieved.withMargin.probability),
            ),
          ]
        : []),
      ...(confirmation
        ? [
            marginRow(
              say('CT afterwards'),
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
