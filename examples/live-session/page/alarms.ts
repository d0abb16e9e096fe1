import { AlarmTexts } from '@trocar/core/guidance';
import type { LiveAlarm } from '@trocar/core/session';
import { h, setText } from '../../suite/page/dom.js';
import { t as say } from '../../suite/page/texts/index.js';
import { language } from '../../suite/page/texts/language.js';
import { t } from './texts/index.js';
import { figuresText } from './words.js';

const texts = new AlarmTexts(language);

/** As at the operator's: form and word say the priority as well as colour does. */
const SIGNS = { high: '!!!', medium: '!!', low: '!' } as const;
const WORDS = { high: () => say('High'), medium: () => say('Medium'), low: () => say('Low') } as const;

/**
 * The operator's alarms as this observer reads them: made here from rule, subject and figures, in the language of this page. There is nothing
 * to press: only the operator answers an alarm.
 */
export class AlarmRows {
  readonly #at: HTMLElement;
  #key = '';

  constructor(at: HTMLElement) {
    this.#at = at;
  }

  /** Shows these, the most urgent first; costs nothing while nothing changes. @param known whether there is a state: without, nothing is said */
  show(alarms: readonly LiveAlarm[], known: boolean): void {
    const key = JSON.stringify([alarms, known, language.locale.language]);
    if (key === this.#key) return;
    this.#key = key;
    this.#at.dataset['priority'] = alarms[0]?.priority ?? 'none';
    if (alarms.length > 0) this.#at.replaceChildren(...alarms.map(rowOf));
    else this.#at.replaceChildren(h('p', { class: 'quiet' }, known ? say('No alarms') : t('Nothing known')));
  }
}

function rowOf(alarm: LiveAlarm): HTMLElement {
  const sign = h('span', { class: 'sign', 'aria-hidden': 'true' }, SIGNS[alarm.priority]);
  const message = h('p', { class: 'message', role: 'alert' });
  setText(message, texts.say(alarm));
  const parts = [
    t('{word} priority · {phase} · {answer}', {
      word: WORDS[alarm.priority](),
      phase: alarm.phase === 'latched' ? say('passed, to be reset') : say('stands'),
      answer: alarm.acknowledgedAtMs === undefined ? say('not acknowledged') : t('acknowledged'),
    }),
    figuresText(alarm.values),
  ];
  const who = h('p', { class: 'who' }, parts.filter((part) => part !== '').join(' · '));
  const { rule, priority, phase } = alarm;
  return h(
    'div',
    { class: 'alarm', 'data-rule': rule, 'data-priority': priority, 'data-phase': phase },
    sign,
    h('div', {}, message, who),
  );
}
