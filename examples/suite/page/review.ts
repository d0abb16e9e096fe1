import { formatBound, formatMm, formatNumber } from '@trocar/core/guidance';
import { keepsLimit, type Limited } from '../src/acceptance.js';
import type { FiducialFit, FitFlag, Proposal } from '../src/registration-step.js';
import { h } from './dom.js';
import type { SuiteText } from './texts/en.js';
import { t } from './texts/index.js';
import { inEnglish } from './texts/language.js';

/** What is reviewed: a proposal of a procedure, and what may be done to it. */
export interface Reviewed<F extends string> {
  readonly proposal: Proposal<F> | undefined;
  readonly plan: Limited;
  /** Which fiducial is being touched, and how far that is, 0 … 1. */
  readonly touching: { readonly index: number; readonly progress: number } | undefined;
  exclude(index: number): unknown;
  restore(index: number): unknown;
}

/** What a person can do with a fiducial under review. */
export interface ReviewDeeds {
  select(index: number | undefined): void;
  touchAgain(index: number): void;
}

/** What the review shows beside the procedure. */
export interface ReviewState {
  readonly selected: number | undefined;
  /** The hand is on its way. */
  readonly busy: boolean;
}

/** Each word with a sign of its own: never colour alone. */
const FLAGS = {
  fits: { sign: '✓', text: 'fits' },
  watch: { sign: '◐', text: 'look again' },
  suspect: { sign: '✕', text: 'suspect' },
  leftOut: { sign: '○', text: 'left out' },
  untold: { sign: '?', text: 'cannot tell' },
} as const satisfies Readonly<Record<FitFlag, { readonly sign: string; readonly text: SuiteText }>>;

/** The review: what is expected at the target against the plan's limit, what is suspect, and every fiducial. */
export function reviewDetail<F extends string>(procedure: Reviewed<F>, state: ReviewState, deeds: ReviewDeeds): HTMLElement[] {
  const { proposal } = procedure;
  if (proposal === undefined) return [];
  return [
    expectation(procedure, proposal),
    ...suggestion(procedure, proposal, state, deeds),
    fitTable(procedure, proposal, state, deeds),
    health(proposal),
    ...others(proposal),
  ];
}

/** The number that counts, large, and where it lies below or above the limit. */
function expectation<F extends string>(procedure: Reviewed<F>, { bound }: Proposal<F>): HTMLElement {
  const { plan } = procedure;
  const kept = Number.isFinite(bound.p95Mm) && keepsLimit(plan, bound.p95Mm);
  const verdict = kept
    ? plan.maxTre95Mm === undefined
      ? t('– no limit set')
      : t('✓ within the limit')
    : t('✕ beyond the limit');
  return h(
    'div',
    { class: 'expectation', 'data-kept': String(kept) },
    h('p', { class: 'quiet' }, t('Expected error at the target, 95 %')),
    h(
      'p',
      { class: 'row' },
      h('span', { class: 'big' }, formatBound(bound.p95Mm)),
      h('span', { class: 'verdict', role: 'status' }, verdict),
    ),
    limitBar(plan.maxTre95Mm, bound.p95Mm),
    h('p', { class: 'limit-line' }, limitText(plan, bound.p95Mm)),
  );
}

/** The limit and what is expected, in one line: in English as `limitLine` of the refusals has it. */
export function limitText({ maxTre95Mm }: Limited, p95Mm: number): string {
  const expected = formatBound(p95Mm);
  return maxTre95Mm === undefined
    ? t('the plan sets no limit, expected {expected} (95 %)', { expected })
    : t('limit {limit}, expected {expected} (95 %)', { limit: formatMm(maxTre95Mm), expected });
}

/** A bar from 0 to beyond the limit, filled to what is expected, with a mark at the limit. */
function limitBar(limitMm: number | undefined, p95Mm: number): HTMLElement | undefined {
  if (limitMm === undefined || !Number.isFinite(p95Mm)) return undefined;
  const whole = Math.max(1.5 * limitMm, 1.1 * p95Mm);
  const percent = (mm: number): string => `${((100 * mm) / whole).toFixed(2)}%`;
  return h(
    'div',
    {
      class: 'limit-bar',
      role: 'meter',
      'aria-label': t('Expected error at the target against the limit of the plan, mm'),
      'aria-valuemin': 0,
      'aria-valuemax': whole.toFixed(2),
      'aria-valuenow': p95Mm.toFixed(2),
      'aria-valuetext': t('expected {p95Mm}, limit {limitMm}', { p95Mm: formatBound(p95Mm), limitMm: formatMm(limitMm) }),
    },
    h('div', { class: 'fill', style: `width:${percent(p95Mm)}` }),
    h('div', { class: 'mark', style: `left:${percent(limitMm)}` }),
  );
}

function suggestion<F extends string>(
  procedure: Reviewed<F>,
  proposal: Proposal<F>,
  state: ReviewState,
  deeds: ReviewDeeds,
): HTMLElement[] {
  const { suggestion: s } = proposal;
  if (s === undefined) return [];
  const without = Number.isFinite(s.without95Mm)
    ? t('Without it: {without95Mm} at the target.', { without95Mm: formatBound(s.without95Mm) })
    : undefined;
  return [
    h(
      'div',
      { class: 'suggestion', role: 'alert', 'data-fiducial': s.index + 1 },
      h('p', {}, inEnglish(s.finding)),
      without === undefined ? undefined : h('p', { class: 'quiet' }, without),
      h(
        'p',
        { class: 'buttons' },
        deed('suggested-touch', t('Touch {n} again', { n: s.index + 1 }), state.busy, () => deeds.touchAgain(s.index)),
        without === undefined
          ? undefined
          : deed('suggested-exclude', t('Leave {n} out', { n: s.index + 1 }), state.busy, () => void procedure.exclude(s.index)),
      ),
    ),
  ];
}

function fitTable<F extends string>(
  procedure: Reviewed<F>,
  proposal: Proposal<F>,
  state: ReviewState,
  deeds: ReviewDeeds,
): HTMLElement {
  const head = h(
    'tr',
    {},
    h('th', { scope: 'col' }, t('No.')),
    h('th', { scope: 'col', title: t('From where it is marked to where its touch came to lie') }, t('Residual, mm')),
    h('th', { scope: 'col', title: t('What the residual should be when all is well') }, t('Expected')),
    h('th', { scope: 'col', title: t('From where all the others put it: what shows a missed one best') }, t('By others')),
    h('th', { scope: 'col' }, t('Fit')),
  );
  const rows = proposal.fits.flatMap((fit) => rowsOf(procedure, fit, state, deeds));
  return h('table', { class: 'fits', 'aria-label': t('Residuals, mm') }, h('thead', {}, head), h('tbody', {}, ...rows));
}

function rowsOf<F extends string>(
  procedure: Reviewed<F>,
  fit: FiducialFit,
  state: ReviewState,
  deeds: ReviewDeeds,
): HTMLElement[] {
  const { index } = fit;
  const open = state.selected === index;
  const touching = procedure.touching?.index === index ? procedure.touching.progress : undefined;
  const { sign, text } = FLAGS[fit.flag];
  // The unit stands in the head: numbers below each other are compared more easily without.
  const mm = (v: number): string => formatNumber(v, 2);
  const select = (): void => deeds.select(open ? undefined : index);
  const number = h(
    'button',
    { type: 'button', class: 'pick', 'data-action': `pick-${index + 1}`, 'aria-expanded': String(open), onclick: select },
    String(index + 1),
  );
  const cells = [fit.residualMm, fit.expectedMm, fit.leaveOneOutMm].map((v) => h('td', {}, mm(v)));
  const said =
    touching === undefined ? `${sign} ${t(text)}` : t('touching {percent} %', { percent: String(Math.round(100 * touching)) });
  const row = h(
    'tr',
    { 'data-fiducial': index + 1, 'data-flag': fit.flag, 'data-open': open },
    h('td', {}, number),
    ...cells,
    h('td', { class: 'flag', title: flagTitle(fit) }, said),
  );
  return open ? [row, deedsRow(procedure, fit, state, deeds)] : [row];
}

function flagTitle({ zScore, leaveOneOutExpectedMm }: FiducialFit): string {
  if (Number.isNaN(zScore)) return t('The others alone fix no registration, so they say nothing of this one.');
  return t('{leaveOneOutExpectedMm} from the others is usual; this is {zScore} standard deviations.', {
    leaveOneOutExpectedMm: formatMm(leaveOneOutExpectedMm, 2),
    zScore: zScore.toFixed(1),
  });
}

function deedsRow<F extends string>(
  procedure: Reviewed<F>,
  fit: FiducialFit,
  state: ReviewState,
  deeds: ReviewDeeds,
): HTMLElement {
  const { index } = fit;
  const n = index + 1;
  const out = fit.flag === 'leftOut';
  const inOrOut = out
    ? deed('restore', t('Take {n} in again', { n }), state.busy, () => void procedure.restore(index))
    : deed('exclude', t('Leave {n} out', { n }), state.busy, () => void procedure.exclude(index));
  inOrOut.dataset['slot'] = 'in-or-out';
  const buttons = [deed('touch-again', t('Touch {n} again', { n }), state.busy, () => deeds.touchAgain(index)), inOrOut];
  return h('tr', { class: 'deeds' }, h('td', { colspan: 5 }, h('div', { class: 'buttons' }, ...buttons)));
}

/** A small button within the detail. */
export function deed(action: string, label: string, disabled: boolean, onclick: () => void): HTMLButtonElement {
  return h('button', { type: 'button', 'data-action': action, disabled, onclick }, label);
}

/** FRE and FLE: for the health of the touches, and said so. */
function health<F extends string>({ registration }: Proposal<F>): HTMLElement {
  const fre = `FRE ${formatMm(registration.freMm, 2)} · FLE ${formatMm(registration.fleMm, 2)}`;
  return h('p', { class: 'quiet health' }, t('{fre}: health, not accuracy', { fre }));
}

/** What else was found, beside the fiducial that the suggestion names. */
function others<F extends string>({ registration, suggestion: named }: Proposal<F>): HTMLElement[] {
  return registration.findings
    .filter((f) => !(named !== undefined && f.code === 'outlier'))
    .map((f) => h('p', { class: 'refused' }, inEnglish(f.message)));
}
