import { formatMm } from '@trocar/core/guidance';
import { h } from '../../suite/page/dom.js';
import { t } from './texts/index.js';

/** What this step is about. */
export function lead(text: string): HTMLElement {
  return h('p', { class: 'lead' }, text);
}

/** Names and values below each other. */
export function facts(rows: readonly (readonly [name: string, value: string])[]): HTMLElement {
  return h(
    'dl',
    { class: 'facts' },
    ...rows.flatMap(([name, value]) => [h('dt', {}, name), h('dd', { 'data-fact': name }, value)]),
  );
}

/** The least margin, and in words whether that is what was asked for: never by colour alone. */
export function marginAnswer(mm: number, askedMm: number): HTMLElement[] {
  const enough = mm >= askedMm;
  const verdict = enough
    ? t('✓ no less than the {askedMm} asked for', { askedMm: formatMm(askedMm, 0) })
    : t('✕ less than the {askedMm} asked for', { askedMm: formatMm(askedMm, 0) });
  return [
    answer(t('{mm} least margin', { mm: formatMm(mm) }), enough),
    h('p', { class: 'verdict', 'data-kept': String(enough) }, Number.isFinite(mm) ? verdict : t('Nobody knows what was burnt')),
  ];
}

/** The figure that is read first. @param kept whether it is as it should be */
export function answer(text: string, kept: boolean): HTMLElement {
  return h('p', { class: 'answer', 'data-kept': String(kept) }, text);
}
