import { systemClock } from '@trocar/core';
import { imageHash, type LiveState, type Observation, type Triple } from '@trocar/core/session';
import { headPhantom } from '@trocar/core/testing';
import { h, setText } from '../../suite/page/dom.js';
import { startPaced } from '../../suite/page/paced.js';
import { speakWith } from '../../suite/page/speak.js';
import { inEnglish, language } from '../../suite/page/texts/language.js';
import { LookOn } from '../src/look-on.js';
import { AlarmRows } from './alarms.js';
import { Proposals } from './proposals.js';
import { buildObserverShell } from './shell.js';
import { t } from './texts/index.js';
import { ObserverView } from './view.js';
import {
  guidanceText,
  inReadingOrder,
  linkText,
  readingBound,
  readingFigure,
  readingName,
  standingText,
  toolName,
  toolStatus,
} from './words.js';

/** The page of who looks on. What comes from elsewhere is put into the page as text, never as HTML. */

interface Facts {
  readonly relay: string;
  readonly token: string;
}

class Page {
  readonly #clock = systemClock();
  readonly #volume = headPhantom().volume;
  readonly #hash = imageHash(this.#volume);
  readonly #parts = buildObserverShell(document.querySelector<HTMLElement>('#app') as HTMLElement);
  readonly #alarms = new AlarmRows(this.#parts.alarms);
  readonly #proposals: Proposals;
  readonly #view: ObserverView;
  readonly #guest: LookOn;
  #key = '';

  constructor(facts: Facts) {
    this.#guest = new LookOn({ url: facts.relay, token: facts.token, clock: this.#clock });
    this.#view = new ObserverView(this.#parts.canvas, this.#volume);
    speakWith(this.#view.stage);
    this.#proposals = new Proposals(this.#parts.proposals, (proposal) => this.#guest.propose(proposal));
    this.#parts.propose.addEventListener('click', () => {
      const { xyz } = this.#view.stage.crosshair;
      this.#proposals.propose(this.#volume.frameOfReferenceUid ?? '', [xyz[0], xyz[1], xyz[2]] as unknown as Triple);
    });
    startPaced(this.#view.stage, () => this.#draw());
    this.#say();
  }

  /** Over other images than the operator's nothing is drawn: the same numbers would mean other places. */
  #isSame(state: LiveState | undefined): boolean {
    return state?.images.some((one) => one.hash === this.#hash) ?? false;
  }

  #draw(): void {
    const { state } = this.#guest.observe();
    this.#view.show(this.#isSame(state) ? state : undefined, this.#clock.now());
  }

  /** The words, with every frame of the screen: that nothing is live any more is not to wait for a picture. */
  #say(): void {
    const seen = this.#guest.observe();
    const { standing, link } = this.#parts;
    standing.dataset['standing'] = seen.freshness.standing;
    setText(standing, standingText(seen.freshness));
    const { link: how, publisher, reason } = this.#guest.link.state;
    setText(link, linkText(how, publisher));
    link.title = how === 'open' ? '' : inEnglish(reason);
    this.#alarms.show(seen.state?.alarms ?? [], seen.state !== undefined);
    this.#proposals.show(seen.state?.verdicts ?? []);
    this.#numbers(seen);
    requestAnimationFrame(() => this.#say());
  }

  #numbers({ state }: Observation): void {
    const key = JSON.stringify([state?.pseudonym, state?.guidance, state?.readings, state?.tools, language.locale.language]);
    if (key === this.#key) return;
    this.#key = key;
    const { title, guidance, readings, tools } = this.#parts;
    setText(title, state?.pseudonym ?? '');
    const blocked = state?.guidance.blocked === true ? ` ${t('The operator cannot accept anything now.')}` : '';
    const foreign = t('These are not the images of the operator: nothing is drawn over them.');
    if (state === undefined) setText(guidance, '');
    else setText(guidance, this.#isSame(state) ? guidanceText(state.guidance) + blocked : foreign);
    readings.replaceChildren(...inReadingOrder(state?.readings ?? []).map(numberOf));
    tools.replaceChildren(
      ...(state?.tools ?? []).map((one) => h('li', { 'data-status': one.status }, `${toolName(one)}: ${toolStatus(one)}`)),
    );
  }
}

function numberOf(reading: LiveState['readings'][number], n: number): HTMLElement {
  return h(
    'div',
    {
      class: n === 0 ? 'number main' : 'number',
      'data-value': reading.name,
      'data-state': Number.isNaN(reading.value) ? 'unknown' : 'known',
    },
    h('span', { class: 'label' }, readingName(reading)),
    h('span', { class: 'figure' }, readingFigure(reading)),
    h('span', { class: 'bound' }, readingBound(reading)),
  );
}

new Page((await (await fetch('/case')).json()) as Facts);
