import type { Status } from '@trocar/core';
import { h, replaceKeepingFocus, setText } from './dom.js';
import type { GuidePlaces } from './guide.js';

/** The numbers that the panel shows while navigating, by their `data-value`. */
export type NumberName = 'distance' | 'depth' | 'lateral' | 'angle' | 'age' | 'tipError' | 'targetError';

/** The steps of the procedure, in order. */
export const STEPS = ['load', 'plan', 'images', 'calibrate', 'register', 'review', 'navigate'] as const;
export type Step = (typeof STEPS)[number];

/** A button. */
export interface Action {
  readonly id: string;
  readonly label: string;
  readonly primary?: boolean;
  /** As wide as the panel, without being the one that is meant. */
  readonly wide?: boolean;
  readonly disabled?: boolean;
  readonly pressed?: boolean;
  /** What the simulation does, not the person: drawn smaller, below the rest. */
  readonly simulated?: boolean;
  run(): void;
}

/** Text over the images: something the person must know now. */
export interface Banner {
  readonly kind: 'stop' | 'warn';
  readonly text: string;
}

function element<T extends Element>(selector: string, of: new () => T): T {
  const found = document.querySelector(selector);
  if (!(found instanceof of)) throw new Error(`The page has no ${selector}.`);
  return found;
}

/**
 * The page's words and buttons. Writes to the document only what has changed, so that calling it every frame costs
 * nothing while nothing changes.
 */
export class Panel {
  /** Where the guidance of the navigation step is drawn. */
  readonly guide: GuidePlaces = {
    bullseye: element('#bullseye', HTMLElement),
    depth: element('#depth', HTMLElement),
    avoid: element('#avoid', HTMLElement),
  };
  readonly #app = element('#app', HTMLElement);
  readonly #case = element('#case', HTMLElement);
  readonly #banner = element('#banner', HTMLElement);
  readonly #stylus = element('#stylus', HTMLElement);
  readonly #images = element('#images', HTMLElement);
  readonly #busy = element('#busy', HTMLElement);
  readonly #detail = element('#detail', HTMLElement);
  readonly #actions = element('#actions', HTMLElement);
  readonly #simulation = element('#simulation', HTMLElement);
  readonly #tools = element('#tools', HTMLElement);
  readonly #link = element('#link', HTMLElement);
  readonly #figures = new Map<string, { readonly box: HTMLElement; readonly figure: HTMLElement }>();
  #actionKey = '';

  constructor() {
    for (const box of document.querySelectorAll<HTMLElement>('[data-value]')) {
      const figure = box.querySelector<HTMLElement>('.figure');
      if (figure !== null) this.#figures.set(box.dataset['value'] ?? '', { box, figure });
    }
  }

  /** Which step the person is at; those before it are done. */
  step(now: Step): void {
    if (this.#app.dataset['step'] === now && this.#app.dataset['shown'] === 'yes') return;
    this.#app.dataset['step'] = now;
    this.#app.dataset['shown'] = 'yes';
    const at = STEPS.indexOf(now);
    for (const item of document.querySelectorAll<HTMLElement>('#steps li')) {
      const index = STEPS.indexOf(item.dataset['step'] as Step);
      item.toggleAttribute('data-done', index < at);
      if (index === at) item.setAttribute('aria-current', 'step');
      else item.removeAttribute('aria-current');
    }
  }

  /** What is on the screen: no patient name. */
  caseName(text: string): void {
    setText(this.#case, text);
    this.#case.title = text;
  }

  /** Which calibration the tip rests on; a `warn` one was not checked today. Empty while there is none. */
  stylus(text: string, warn: boolean): void {
    setText(this.#stylus, text);
    const kind = warn ? 'warn' : 'ok';
    if (this.#stylus.dataset['kind'] !== kind) this.#stylus.dataset['kind'] = kind;
  }

  /** On what grounds the second image is shown; empty where nothing was decided. */
  images(text: string, warn: boolean): void {
    setText(this.#images, text);
    const kind = warn ? 'warn' : 'ok';
    if (this.#images.dataset['kind'] !== kind) this.#images.dataset['kind'] = kind;
  }

  /** Whether there is a step of the second image. */
  hasImages(has: boolean): void {
    this.#app.toggleAttribute('data-images', has);
  }

  /** What the page is waiting for, over the images; empty for nothing. */
  busy(text: string): void {
    setText(this.#busy, text);
  }

  /** One number, already formatted; `known` false for the dash that stands for an unknown one. */
  number(name: NumberName, text: string, known: boolean): void {
    const at = this.#figures.get(name);
    if (at === undefined) return;
    setText(at.figure, text);
    const state = known ? 'known' : 'unknown';
    if (at.box.dataset['state'] !== state) at.box.dataset['state'] = state;
  }

  /** The line over the images, or none. */
  banner(banner: Banner | undefined): void {
    const text = banner?.text ?? '';
    setText(this.#banner, text);
    if (banner !== undefined) this.#banner.dataset['kind'] = banner.kind;
    if (this.#banner.hidden !== (banner === undefined)) this.#banner.hidden = banner === undefined;
  }

  /** The free part of the panel. */
  detail(...content: readonly Node[]): void {
    replaceKeepingFocus(this.#detail, content);
  }

  /** The buttons; rebuilt only where they differ from those shown. */
  actions(actions: readonly Action[]): void {
    const key = actions.map((a) => `${a.id}|${a.label}|${a.primary}|${a.disabled}|${a.pressed}|${a.simulated}`).join('\n');
    if (key === this.#actionKey) return;
    this.#actionKey = key;
    replaceKeepingFocus(this.#actions, actions.filter((a) => a.simulated !== true).map(button));
    replaceKeepingFocus(this.#simulation, actions.filter((a) => a.simulated === true).map(button));
  }

  /** The tools and how they are seen. */
  tools(tools: readonly { readonly name: string; readonly status: Status }[]): void {
    while (this.#tools.children.length > tools.length) this.#tools.lastElementChild?.remove();
    tools.forEach((tool, i) => {
      const item = (this.#tools.children[i] ?? this.#tools.appendChild(document.createElement('li'))) as HTMLElement;
      setText(item, `${tool.name} ${SAYING[tool.status]}`);
      if (item.dataset['status'] !== tool.status) item.dataset['status'] = tool.status;
    });
  }

  /** The state of the link to the bridge. */
  link(text: string): void {
    setText(this.#link, text);
  }
}

/** How each status reads to a person. */
const SAYING: Readonly<Record<Status, string>> = {
  ok: 'visible',
  predicted: 'predicted',
  unknown: 'visibility unknown',
  outOfVolume: 'out of volume',
  stale: 'stale',
  missing: 'not visible',
  disconnected: 'disconnected',
};

function button(action: Action): HTMLButtonElement {
  return h(
    'button',
    {
      type: 'button',
      'data-action': action.id,
      class: action.primary ? 'primary' : action.wide ? 'wide' : undefined,
      disabled: action.disabled,
      'aria-pressed': action.pressed === undefined ? undefined : String(action.pressed),
      onclick: () => action.run(),
    },
    action.label,
  );
}
