import { systemClock } from '@trocar/core';
import { formatBound, formatMm, formatNumber } from '@trocar/core/guidance';
import { asOfText, imageHash, type LiveReading, type Observation, type Proposal } from '@trocar/core/session';
import { headPhantom } from '@trocar/core/testing';
import { LookOn } from '../src/look-on.js';
import { ObserverView } from './view.js';

/** The page of who looks on. What comes from elsewhere is put into the page as text, never as HTML. */

const app = document.querySelector<HTMLElement>('#app') as HTMLElement;

function element<K extends keyof HTMLElementTagNameMap>(tag: K, text = '', className = ''): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

function rows(of: ReadonlyArray<readonly [string, string]>): HTMLTableElement {
  const table = element('table');
  for (const [name, value] of of) {
    const row = element('tr');
    row.append(element('td', name), element('td', value));
    table.append(row);
  }
  return table;
}

function reading({ unit, value, bound95 }: LiveReading): string {
  if (unit === 'mm') return `${formatMm(value)} ${formatBound(bound95)}`;
  return `${formatNumber(value, 1)} ${unit}`;
}

/** 64 random bits: what a proposal is known by. */
const randomId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('');

interface Facts {
  readonly relay: string;
  readonly token: string;
}

class Page {
  readonly #clock = systemClock();
  readonly #volume = headPhantom().volume;
  readonly #hash = imageHash(this.#volume);
  readonly #standing = element('p', '', 'standing');
  readonly #body = element('div');
  readonly #sent = element('p');
  readonly #view: ObserverView;
  readonly #guest: LookOn;
  #key = '';

  constructor(facts: Facts) {
    const [canvas, aside, propose] = [
      element('canvas'),
      element('aside'),
      element('button', 'Propose the point under the crosshair'),
    ];
    aside.append(this.#standing, this.#body, propose, this.#sent);
    app.append(canvas, aside);
    propose.addEventListener('click', () => this.#propose());
    this.#guest = new LookOn({ url: facts.relay, token: facts.token, clock: this.#clock });
    this.#view = new ObserverView(canvas, this.#volume);
    this.#frame();
  }

  #frame(): void {
    const seen = this.#guest.observe();
    // Over other images than the operator's nothing is drawn: the same numbers would mean other places.
    const same = seen.state?.images.some((one) => one.hash === this.#hash) ?? false;
    this.#view.show(same ? seen.state : undefined, this.#clock.now());
    this.#words(seen, same);
    requestAnimationFrame(() => this.#frame());
  }

  #words({ state, freshness }: Observation, same: boolean): void {
    const link = this.#guest.link.state;
    const standing = freshness.standing === 'live' ? 'Live' : freshness.standing === 'stale' ? 'Not live' : 'Nothing known';
    this.#standing.dataset['standing'] = freshness.standing;
    this.#standing.textContent = `${standing}, ${asOfText(freshness)}${link.link === 'open' ? '' : ` · ${link.reason}`}`;
    const key = JSON.stringify([state && { ...state, tools: state.tools.map((t) => t.status), views: 0 }, same]);
    if (key === this.#key) return;
    this.#key = key;
    this.#body.replaceChildren();
    if (state === undefined) return;
    const alarms = state.alarms.map((one) => {
      const made = element('p', one.message, 'alarm');
      made.dataset['priority'] = one.priority;
      return made;
    });
    this.#body.append(
      element('h1', state.pseudonym),
      element(
        'p',
        same ? `Guidance: ${state.guidance.state}` : 'These are not the images of the operator: nothing is drawn over them.',
      ),
      ...alarms,
      rows(state.readings.map((one) => [one.name, reading(one)])),
      rows(state.tools.map((one) => [one.name, one.status])),
      rows(state.verdicts.map((one) => [one.id.slice(0, 6), one.accepted ? 'accepted' : `not accepted ${one.reason}`])),
    );
  }

  #propose(): void {
    const { xyz } = this.#view.stage.crosshair;
    const at = [xyz[0], xyz[1], xyz[2]] as Proposal['points'][number];
    const proposal: Proposal = {
      id: randomId(),
      kind: 'point',
      frameOfReferenceUid: this.#volume.frameOfReferenceUid ?? '',
      points: [at],
      text: 'Look here',
    };
    const went = this.#guest.propose(proposal);
    this.#sent.textContent = went ? `Proposed as ${proposal.id.slice(0, 6)}.` : 'Not sent: there is no operator.';
  }
}

new Page((await (await fetch('/case')).json()) as Facts);
