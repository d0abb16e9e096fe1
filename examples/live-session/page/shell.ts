import { h, live, liveAttribute } from '../../suite/page/dom.js';
import { languageMenu } from '../../suite/page/language-menu.js';
import { t as say } from '../../suite/page/texts/index.js';
import { t } from './texts/index.js';

/** The parts of the page, all there from the beginning, so that nothing jumps when something is said for the first time. */
export interface ObserverShell {
  readonly canvas: HTMLCanvasElement;
  readonly alarms: HTMLElement;
  /** How live what is shown is. */
  readonly standing: HTMLElement;
  readonly title: HTMLElement;
  readonly guidance: HTMLElement;
  readonly readings: HTMLElement;
  readonly tools: HTMLElement;
  readonly propose: HTMLButtonElement;
  readonly proposals: HTMLElement;
  readonly link: HTMLElement;
}

/** Builds the page into an element. */
export function buildObserverShell(app: HTMLElement): ObserverShell {
  const parts: ObserverShell = {
    canvas: liveAttribute(h('canvas', { id: 'stage', tabindex: 0 }), 'aria-label', () =>
      t('Slices of the images that the operator sees: a click moves the crosshair'),
    ),
    alarms: liveAttribute(h('section', { id: 'alarms', 'data-priority': 'none' }), 'aria-label', () => say('Alarms')),
    standing: h('p', { id: 'standing', role: 'status' }),
    title: h('p', { id: 'case' }),
    guidance: h('p', { id: 'guidance' }),
    readings: h('section', { id: 'readout', 'aria-live': 'off' }),
    tools: liveAttribute(h('ul', { id: 'tools' }), 'aria-label', () => say('Tools')),
    propose: h(
      'button',
      { type: 'button', class: 'primary', 'data-action': 'propose' },
      live(() => t('Propose the point under the crosshair')),
    ),
    proposals: liveAttribute(h('ul', { id: 'proposals' }), 'aria-label', () => t('Proposals')),
    link: h('p', { id: 'link' }),
  };
  const pictures = h('div', { id: 'pictures' }, parts.canvas);
  const views = liveAttribute(h('section', { id: 'views' }, parts.alarms, pictures), 'aria-label', () => say('Images'));
  app.replaceChildren(views, panelOf(parts));
  return parts;
}

function panelOf(parts: ObserverShell): HTMLElement {
  const notice = h(
    'p',
    { id: 'notice' },
    live(() => t('Looking on · a simulated operator, not for clinical use')),
  );
  const note = h(
    'p',
    { class: 'quiet' },
    live(() => t('What you propose is part of the session only once the operator accepts it.')),
  );
  return h(
    'aside',
    { id: 'panel' },
    h('header', {}, h('h1', {}, 'Trocar'), parts.title, notice),
    parts.standing,
    parts.guidance,
    parts.readings,
    h('section', { id: 'proposing' }, parts.propose, note, parts.proposals),
    h('footer', {}, parts.tools, parts.link, languageMenu()),
  );
}
