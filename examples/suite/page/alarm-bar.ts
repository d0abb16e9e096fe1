import { isNavError } from '@trocar/core';
import { type Alarm, type AlarmPriority, AlarmTexts, type Monitor } from '@trocar/core/guidance';
import { h, live, setText } from './dom.js';
import { calledHere, t } from './texts/index.js';
import { language } from './texts/language.js';

const texts = new AlarmTexts(language);

/**
 * How each priority is told apart: by form and word as well as by colour (IEC 60601-1-8, 6.3.2: high red, medium yellow, low cyan).
 * Only the sign flashes, never the words.
 */
const SIGNS: Readonly<Record<AlarmPriority, { readonly sign: string; readonly word: 'High' | 'Medium' | 'Low' }>> = {
  high: { sign: '!!!', word: 'High' },
  medium: { sign: '!!', word: 'Medium' },
  low: { sign: '!', word: 'Low' },
};

/** What a person may press while nothing is being typed. */
const KEYS = { acknowledge: 'a', reset: 'r' } as const;

/** One alarm in words. */
interface Row {
  readonly element: HTMLElement;
  readonly sign: HTMLElement;
  readonly message: HTMLElement;
  readonly who: HTMLElement;
}

/**
 * The alarms in a row of their own above the pictures: it covers no picture, and is there when there is none, so that nothing jumps. The most
 * urgent one stands in full, the others behind their count. Every alarm can be acknowledged and, once its cause has passed, reset.
 */
export class AlarmBar {
  readonly #monitor: Monitor;
  readonly #by: string;
  readonly #at: HTMLElement;
  readonly #first = rowOf();
  readonly #others = h('ul', { id: 'other-alarms', hidden: true });
  readonly #count: HTMLButtonElement;
  readonly #acknowledge: HTMLButtonElement;
  readonly #reset: HTMLButtonElement;
  readonly #none = h(
    'p',
    { class: 'quiet' },
    live(() => t('No alarms')),
  );
  #shown: readonly Alarm[] | undefined;
  #shownIn = '';
  #open = false;

  /** @param by who acknowledges and resets, as the log names them */
  constructor(at: HTMLElement, monitor: Monitor, by: string) {
    this.#at = at;
    this.#monitor = monitor;
    this.#by = by;
    this.#count = small('more-alarms', undefined, () => this.#toggle());
    this.#acknowledge = small(
      'acknowledge',
      live(() => t('Acknowledge')),
      () => this.acknowledge(),
    );
    this.#reset = small(
      'reset-alarm',
      live(() => t('Reset')),
      () => this.reset(),
    );
    this.#acknowledge.setAttribute('aria-keyshortcuts', KEYS.acknowledge);
    this.#reset.setAttribute('aria-keyshortcuts', KEYS.reset);
    const buttons = h('div', { class: 'answers' }, this.#count, this.#acknowledge, this.#reset);
    at.replaceChildren(this.#none, this.#first.element, buttons, this.#others);
    document.addEventListener('keydown', (event) => this.#key(event));
    this.show();
  }

  /** Brings the bar up to date: once per frame; costs nothing while nothing changes. */
  show(): void {
    const { alarms } = this.#monitor;
    const shownIn = language.locale.language;
    if (alarms === this.#shown && shownIn === this.#shownIn) return;
    this.#shown = alarms;
    this.#shownIn = shownIn;
    const [first, ...others] = alarms;
    this.#at.dataset['priority'] = first?.priority ?? 'none';
    this.#none.hidden = first !== undefined;
    this.#first.element.hidden = first === undefined;
    if (first !== undefined) fill(this.#first, first);
    setText(this.#count, t('{count} more', { count: String(others.length) }));
    this.#count.hidden = others.length === 0;
    if (others.length === 0) this.#open = false;
    // Hidden, a button would drop the keyboard's focus to the top of the page: it is only out of use.
    this.#acknowledge.disabled = !alarms.some(isUnanswered);
    this.#reset.disabled = !alarms.some((a) => a.phase === 'latched');
    for (const button of [this.#acknowledge, this.#reset]) button.hidden = first === undefined;
    this.#others.replaceChildren(...others.map((alarm) => listed(alarm)));
    this.#settle();
  }

  /** Somebody knows of the most urgent alarm that nobody has acknowledged. */
  acknowledge(): void {
    const alarm = this.#monitor.alarms.find(isUnanswered);
    if (alarm !== undefined) this.#answer(() => this.#monitor.acknowledge(alarm.rule, alarm.subject, this.#by));
  }

  /** Ends the most urgent alarm whose cause has passed. */
  reset(): void {
    const alarm = this.#monitor.alarms.find((a) => a.phase === 'latched');
    if (alarm !== undefined) this.#answer(() => this.#monitor.reset(alarm.rule, alarm.subject, this.#by));
  }

  #answer(act: () => void): void {
    try {
      act();
    } catch (error) {
      // It ended, or came back, between the look and the press: what stands now is shown.
      if (!isNavError(error, 'guidance/bad-option')) throw error;
    }
    this.show();
  }

  #toggle(): void {
    this.#open = !this.#open;
    this.#settle();
  }

  #settle(): void {
    this.#others.hidden = !this.#open;
    this.#count.setAttribute('aria-expanded', String(this.#open));
  }

  #key(event: KeyboardEvent): void {
    const typing = event.target instanceof HTMLInputElement && event.target.type !== 'radio' && event.target.type !== 'checkbox';
    if (typing || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.key === KEYS.acknowledge) this.acknowledge();
    else if (event.key === KEYS.reset) this.reset();
  }
}

/** An alarm in words, of the tool or image as it is called on the screen. */
function sayAlarm(alarm: Alarm): string {
  return texts.say({ ...alarm, subject: calledHere(alarm.subject) });
}

function isUnanswered(alarm: Alarm): boolean {
  return alarm.acknowledged === undefined;
}

function small(action: string, label: Text | undefined, onclick: () => void): HTMLButtonElement {
  return h('button', { type: 'button', 'data-action': action, onclick }, label);
}

function rowOf(): Row {
  const sign = h('span', { class: 'sign', 'aria-hidden': 'true' });
  const message = h('p', { class: 'message', role: 'alert' });
  const who = h('p', { class: 'who' });
  return { element: h('div', { class: 'alarm' }, sign, h('div', {}, message, who)), sign, message, who };
}

function listed(alarm: Alarm): HTMLElement {
  const row = rowOf();
  row.message.removeAttribute('role');
  fill(row, alarm);
  return h('li', {}, row.element);
}

function fill({ element, sign, message, who }: Row, alarm: Alarm): void {
  element.dataset['rule'] = alarm.rule;
  element.dataset['priority'] = alarm.priority;
  element.dataset['phase'] = alarm.phase;
  const { sign: form, word } = SIGNS[alarm.priority];
  setText(sign, form);
  const said = sayAlarm(alarm);
  setText(message, said);
  message.title = said;
  const by = alarm.acknowledged === undefined ? t('not acknowledged') : t('acknowledged by {by}', { by: alarm.acknowledged.by });
  setText(
    who,
    t('{word} priority · {phase} · {by}', {
      word: t(word),
      phase: alarm.phase === 'latched' ? t('passed, to be reset') : t('stands'),
      by,
    }),
  );
}

/** Why nothing can be accepted now, in the language of the moment; undefined where it can. */
export function blockedText(monitor: Monitor): string | undefined {
  if (!monitor.blocks) return undefined;
  const high = monitor.alarms.filter((a) => a.priority === 'high');
  return t('Nothing can be accepted while {n, plural, one {this alarm stands} other {these alarms stand}}: {alarms}', {
    n: high.length,
    alarms: high.map(sayAlarm).join(' '),
  });
}
