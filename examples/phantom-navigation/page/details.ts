import { formatMm, UNKNOWN } from '@trocar/core/guidance';
import { calibrateDetail } from '../../suite/page/calibrate.js';
import type { Detail } from '../../suite/page/detail.js';
import { h, setText } from '../../suite/page/dom.js';
import { openCases, resumedNote } from '../../suite/page/resumed.js';
import { type ReviewDeeds, type ReviewState, reviewDetail } from '../../suite/page/review.js';
import { refusalText } from '../../suite/page/texts/index.js';
import { inEnglish } from '../../suite/page/texts/language.js';
import type { Procedure } from '../src/procedure.js';
import { type ImagesPlace, imagesDetail } from './images.js';
import type { Keeping } from './keeping.js';
import { t } from './texts/index.js';

/** The detail of the step that the procedure is at. */
export function detailOf(
  procedure: Procedure,
  keeping: Keeping,
  images: ImagesPlace,
  state: ReviewState,
  deeds: ReviewDeeds,
): Detail {
  const { planned, message } = keeping;
  if (planned && images.images.isOpen) return imagesDetail(images);
  const { stage } = procedure;
  const refusal = procedure.refusal === undefined ? '' : refusalText(procedure.refusal);
  const step = planned ? stepDetail(procedure, state, deeds) : planDetail(procedure, keeping);
  return {
    key: `${planned}|${stage}|${refusal}|${message}|${keeping.asksForTouch}|${step.key}`,
    build: () => {
      const content = step.build();
      if (message !== '') content.unshift(resumedNote(message, keeping.asksForTouch ? touchFirst() : ''));
      if (planned && refusal !== '') content.push(refused(refusal));
      return content;
    },
  };
}

function stepDetail(procedure: Procedure, state: ReviewState, deeds: ReviewDeeds): Detail {
  switch (procedure.stage) {
    case 'calibrate':
      return calibrateDetail(procedure.calibration);
    case 'collect':
      return collectDetail(procedure);
    case 'review':
      return {
        key: [revision(procedure.proposal), state.selected, state.busy, touchingKey(procedure)].join('|'),
        build: () => reviewDetail(procedure, state, deeds),
      };
    case 'navigate':
      return navigateDetail(procedure);
    case 'finished':
      return { key: '', build: () => [h('p', { class: 'big' }, t('Tip on target, recorded'))] };
    default:
      return { key: '', build: () => [] };
  }
}

const revisions = new WeakMap<object, number>();
let latest = 0;

/** A number that is another for every object. */
function revision(of: object | undefined): number {
  if (of === undefined) return 0;
  const known = revisions.get(of);
  if (known !== undefined) return known;
  latest += 1;
  revisions.set(of, latest);
  return latest;
}

function touchingKey({ touching }: Procedure): string {
  return touching === undefined ? '' : `${touching.index} ${touching.progress.toFixed(1)}`;
}

const touchFirst = (): string => t('Touch a landmark before the tip is followed: patient or reference may lie otherwise now.');

/** What touching a landmark again has shown. */
function navigateDetail({ verification, touching }: Procedure): Detail {
  const now =
    touching === undefined
      ? ''
      : t('Touching landmark {n}: {percent} %', { n: touching.index + 1, percent: String(Math.round(100 * touching.progress)) });
  const { index = 0, offMm, limitMm, held } = verification ?? {};
  return {
    key: `${now}|${index}|${offMm}`,
    build: () => {
      if (now !== '') return [h('p', { class: 'quiet' }, now)];
      if (offMm === undefined || limitMm === undefined) return [];
      const verdict = held === true ? t('✓ as registered') : t('✕ the registration has shifted');
      const said = t('Landmark {n}: {offMm} off, up to {limitMm} is credible · {verdict}', {
        n: index + 1,
        offMm: formatMm(offMm),
        limitMm: formatMm(limitMm),
        verdict,
      });
      return [h('p', { class: held === true ? 'verified' : 'refused', id: 'verification', role: 'status' }, said)];
    },
  };
}

function planDetail(procedure: Procedure, keeping: Keeping): Detail {
  const { plan } = procedure;
  return {
    key: `${plan.lengthMm}|${keeping.open.length}|${keeping.busy}|${keeping.trouble}`,
    build: () => [
      ...openCases({ open: keeping.open, busy: keeping.busy, resume: (name) => keeping.resume(name) }, 'plan'),
      ...(keeping.trouble === '' ? [] : [refused(keeping.trouble)]),
      h('p', { class: 'quiet' }, t('Length of the planned way')),
      h('p', { class: 'big' }, formatMm(plan.lengthMm)),
      limitField(procedure),
      h(
        'p',
        { class: 'quiet' },
        t('Click a slice to move the crosshair; the target can be put there. Right-drag changes the window.'),
      ),
      ...procedure.case.warnings.map((w) => h('p', { class: 'refused' }, inEnglish(w))),
    ],
  };
}

/** The limit of the plan, to be changed here and nowhere later. */
function limitField(procedure: Procedure): HTMLElement {
  const input = h('input', { type: 'number', id: 'limit', min: 0.1, max: 50, step: 0.1, inputmode: 'decimal' });
  input.value = procedure.plan.maxTre95Mm?.toFixed(1) ?? '';
  const said = h('p', { class: 'refused', role: 'alert', hidden: true });
  input.addEventListener('change', () => {
    const { entry, target } = procedure.plan;
    const refusal = procedure.planTo(entry, target, Number(input.value));
    said.hidden = refusal === undefined;
    setText(said, inEnglish(refusal?.message ?? ''));
    if (refusal !== undefined) input.value = procedure.plan.maxTre95Mm?.toFixed(1) ?? '';
  });
  return h(
    'div',
    { class: 'field' },
    h('label', { for: 'limit' }, t('Largest error allowed at the target, 95 %')),
    h('p', { class: 'row' }, input, h('span', {}, 'mm')),
    said,
  );
}

function collectDetail(procedure: Procedure): Detail {
  const marks = procedure.touches.map((t, i) => (t === undefined ? '-' : procedure.registration.isExcluded(i) ? 'o' : '+'));
  return {
    key: `${marks.join('')}|${touchingKey(procedure)}`,
    build: () => [
      h(
        'table',
        { 'aria-label': t('Fiducials') },
        h('thead', {}, h('tr', {}, ...[t('Fiducial'), '', t('Scatter of the tip')].map((t) => h('th', { scope: 'col' }, t)))),
        h('tbody', {}, ...procedure.touches.map((_, i) => touchRow(procedure, i))),
      ),
    ],
  };
}

function touchRow({ touches, touching, registration }: Procedure, i: number): HTMLElement {
  const touch = touches[i];
  const now =
    touching?.index === i ? t('touching {percent} %', { percent: String(Math.round(100 * touching.progress)) }) : undefined;
  const state = touch === undefined ? t('to touch') : registration.isExcluded(i) ? t('touched, left out') : t('touched');
  const cells = [String(i + 1), now ?? state, touch === undefined ? UNKNOWN : formatMm(touch.rmsMm, 2)];
  return h('tr', { 'data-fiducial': i + 1 }, ...cells.map((t) => h('td', {}, t)));
}

/** A refusal, read out at once. */
export function refused(message: string): HTMLElement {
  return h('p', { class: 'refused', role: 'alert' }, inEnglish(message));
}
