import { formatMm } from '@trocar/core/guidance';
import { formatProbability } from '@trocar/core/render';
import type { Detail } from '../../suite/page/detail.js';
import { h } from '../../suite/page/dom.js';
import { openCases } from '../../suite/page/resumed.js';
import type { HeatPreview } from '../src/heat.js';
import { apart } from '../src/plan-geometry.js';
import type { Procedure } from '../src/procedure.js';
import type { Graphics } from './graphics.js';
import type { Keeping } from './keeping.js';
import { t } from './texts/index.js';
import { facts, lead, marginAnswer } from './words.js';

/** What is known beside the plan. */
export interface PlanState {
  readonly legends: Graphics['legends'];
  readonly keeping: Keeping;
  /** What the heat of the proposed probes is expected to do, where that was asked for. */
  readonly heat: HeatPreview | undefined;
}

/** The plan: from where the tumour can be reached, what is proposed, and what its heat does. */
export function planDetail({ planning }: Procedure, { legends, keeping, heat }: PlanState): Detail {
  const { search, plan, demands, applicator } = planning;
  const illustrative = applicator.illustrative ? t('The applicator’s table is invented, for trying the software.') : '';
  return {
    key: [search !== undefined, planning.entry, plan?.complete, keeping.open.length, keeping.busy, heat?.ml].join('|'),
    build: () => {
      if (search === undefined) {
        return [
          ...openCases(keeping, 'plan'),
          lead(t('From where on the skin can the tumour be reached?')),
          facts([
            [t('Tumour'), `${(planning.target.volumeMm3 / 1000).toFixed(1)} ml`],
            [t('Margin to burn'), formatMm(demands.marginMm, 0)],
            [t('Largest power'), `${demands.maxPowerW} W`],
          ]),
          h('p', { class: 'quiet' }, illustrative),
        ];
      }
      if (plan === undefined) return [lead(t('Entries by how good their way is')), legends.entries];
      const { map } = plan.proposal;
      return [
        ...marginAnswer(map.minimalMarginMm, demands.marginMm),
        facts(
          plan.probes.map(({ name, setting, entry, tip }): [string, string] => [
            t('Probe {name}', { name }),
            t('{powerW} W, {minutes} min, {depth} deep', {
              powerW: setting.powerW,
              minutes: setting.minutes,
              depth: formatMm(apart(entry.xyz, tip.xyz), 0),
            }),
          ]),
        ),
        facts([
          [t('All burnt, if placed with 3 mm'), formatProbability(plan.complete)],
          [t('With {marginMm}', { marginMm: formatMm(demands.marginMm, 0) }), formatProbability(plan.withMargin)],
          [t('Healthy tissue'), `${(plan.proposal.healthyMm3 / 1000).toFixed(0)} ml`],
        ]),
        ...(heat === undefined ? [legends.entries] : heatFacts(heat, plan.proposal.healthyMm3 + planning.target.volumeMm3)),
      ];
    },
  };
}

/** The preview beside what the table says; in place of the legend of entries, which are chosen by then. */
function heatFacts({ ml, boilingMl }: HeatPreview, tableMm3: number): HTMLElement[] {
  return [
    h('p', { class: 'heat' }, t('Heat preview: a dose of 240 CEM43')),
    facts([
      [t('Destroyed, by the preview'), `${ml.toFixed(0)} ml`],
      [t('By the applicator’s table'), `${(tableMm3 / 1000).toFixed(0)} ml`],
      [t('Water boils in'), `${boilingMl.toFixed(0)} ml`],
    ]),
    h(
      'p',
      { class: 'quiet' },
      t(
        'A preview, not a prediction: textbook tissue, a large vessel as heat sink, an assumed antenna. Where water boils it is too hot.',
      ),
    ),
  ];
}
