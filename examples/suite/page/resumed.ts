import { h } from './dom.js';
import { deed } from './review.js';
import type { OpenCase } from './session-folder.js';
import { t, worded } from './texts/index.js';
import { inEnglish } from './texts/language.js';

/** Cases that can be taken up again, and how. */
export interface Resumable {
  /** The newest first. */
  readonly open: readonly OpenCase[];
  readonly busy: boolean;
  resume(name: string): void;
}

/** More are not listed. */
const MOST_CASES = 4;

/**
 * Cases that were begun and not finished: the newest is resumed by the page's own button, the others here.
 * @param first how the step is called that a case is at before it has entered one
 */
export function openCases(of: Resumable, first: string): HTMLElement[] {
  const { open, busy } = of;
  if (open.length === 0) return [];
  const rows = open.slice(0, MOST_CASES).map((c, n) => {
    const when = `${c.begun.slice(0, 10)} ${clockTime(c.begun)}`;
    const said = t('{when}, {step}, {n} lines', { when, step: worded(c.step === '' ? first : c.step), n: c.lines });
    const broken = c.whole ? '' : `, ${t('damaged')}`;
    return h(
      'li',
      {},
      `${said}${broken} `,
      n === 0 ? undefined : deed(`resume-${n}`, t('Resume'), busy, () => of.resume(c.name)),
    );
  });
  const lead = h('p', {}, t('A procedure on these images was not finished:'));
  return [h('div', { class: 'resumed', id: 'open-cases' }, lead, h('ul', {}, ...rows))];
}

/**
 * What was taken up again, and what must be done before it is followed.
 * @param then what to do first; empty for nothing
 */
export function resumedNote(message: string, then: string): HTMLElement {
  return h(
    'div',
    { class: 'resumed', id: 'resumed', role: 'status' },
    h('p', {}, inEnglish(message)),
    then === '' ? undefined : h('p', {}, then),
  );
}

/** The time of day of a moment, UTC. */
export function clockTime(utc: string): string {
  return utc === '' ? t('at an unknown time') : `${utc.slice(11, 16)} UTC`;
}

/** In words: where a session is kept, and since when it goes on. */
export function sessionNote(kept: {
  readonly trouble: string;
  readonly keeps: boolean;
  /** When it was begun, UTC; undefined before. */
  readonly begun: string | undefined;
  readonly resumed: boolean;
}): { readonly text: string; readonly warn: boolean } {
  const { trouble, keeps, begun, resumed } = kept;
  if (trouble !== '') return { text: t('Session: {trouble}', { trouble: inEnglish(trouble) }), warn: true };
  if (!keeps) return { text: t('Session: not kept, this page has no folder of its own'), warn: true };
  if (begun === undefined) return { text: '', warn: false };
  return {
    text: resumed ? t('Session: resumed, begun {begun}', { begun: clockTime(begun) }) : t('Session: kept in this browser'),
    warn: false,
  };
}
