import type { Status } from '@trocar/core';
import { h, replaceKeepingFocus, setText } from './dom.js';
import { buildShell, type DIALS, type ShellPlan } from './shell.js';
import type { SuiteText } from './texts/en.js';
import { t, worded } from './texts/index.js';

/** A button. */
export interface Action {
  readonly id: string;
  readonly label: string;
  readonly primary?: boolean;
  /** As wide as the panel, without being the one that is meant. */
  readonly wide?: boolean;
  readonly disabled?: boolean;
  readonly pressed?: boolean;
  /** It accepts something: not while an alarm of high priority stands. */
  readonly accepts?: boolean;
  /** What the simulation does, not the person: drawn smaller, below the rest. */
  readonly simulated?: boolean;
  run(): void;
}

/** Text over the images: something the person must know now. */
export interface Banner {
  readonly kind: 'stop' | 'warn';
  readonly text: string;
}

function element(of: HTMLElement, selector: string): HTMLElement {
  const found = of.querySelector<HTMLElement>(selector);
  if (found === null) throw new Error(`The page has no ${selector}.`);
  return found;
}

/** Where the guidance beside the pictures is drawn. */
export interface GuidePlaces {
  readonly bullseye: HTMLElement;
  readonly depth: HTMLElement;
  readonly avoid: HTMLElement;
}

/**
 * The page's words and buttons. Writes to the document only what has changed, so that calling it every frame costs nothing while
 * nothing changes.
 */
export class Panel<S extends string, N extends string> {
  readonly canvas: HTMLCanvasElement;
  /** Where the alarms are shown. */
  readonly alarms: HTMLElement;
  readonly #app: HTMLElement;
  readonly #plan: ShellPlan<S, N>;
  readonly #banner: HTMLElement;
  readonly #busy: HTMLElement;
  readonly #case: HTMLElement;
  readonly #detail: HTMLElement;
  readonly #actions: HTMLElement;
  readonly #blocked: HTMLElement;
  readonly #simulation: HTMLElement;
  readonly #tools: HTMLElement;
  readonly #link: HTMLElement;
  readonly #figures = new Map<string, { readonly box: HTMLElement; readonly figure: HTMLElement }>();
  #step: S | undefined;
  #actionKey = '';
  /** Waits until the newest that is known has come in: what accepts something is judged by that, and not by what was known before a picture. */
  newest: (() => Promise<void>) | undefined;

  /** Builds the page into `app`. */
  constructor(app: HTMLElement, plan: ShellPlan<S, N>) {
    this.#app = app;
    this.#plan = plan;
    buildShell(app, plan);
    const at = (id: string): HTMLElement => element(app, `#${id}`);
    this.canvas = element(app, '#stage') as HTMLCanvasElement;
    this.alarms = at('alarms');
    this.#banner = at('banner');
    this.#busy = at('busy');
    this.#case = at('case');
    this.#detail = at('detail');
    this.#actions = at('actions');
    this.#blocked = at('blocked');
    this.#simulation = at('simulation');
    this.#tools = at('tools');
    this.#link = at('link');
    for (const box of app.querySelectorAll<HTMLElement>('[data-value]')) {
      const figure = box.querySelector<HTMLElement>('.figure');
      if (figure !== null) this.#figures.set(box.dataset['value'] ?? '', { box, figure });
    }
    this.#fitSteps();
  }

  /** Where the guidance is drawn. @throws Error where the page was built without */
  get guide(): GuidePlaces {
    const at = (id: string): HTMLElement => element(this.#app, `#${id}`);
    return { bullseye: at('bullseye'), depth: at('depth'), avoid: at('avoid') };
  }

  /**
   * Which step the person is at; those before it are done.
   * @param guided whether something is guided now: default as the step was declared
   */
  step(now: S, guided: boolean = this.#plan.steps.find(({ id }) => id === now)?.guided === true): void {
    this.#app.toggleAttribute('data-guided', guided);
    if (this.#step === now) return;
    this.#step = now;
    this.#app.dataset['step'] = now;
    const { steps } = this.#plan;
    const at = steps.findIndex((s) => s.id === now);
    for (const item of this.#app.querySelectorAll<HTMLElement>('#steps li')) {
      const index = steps.findIndex((s) => s.id === item.dataset['step']);
      item.toggleAttribute('data-done', index < at);
      if (index === at) item.setAttribute('aria-current', 'step');
      else item.removeAttribute('aria-current');
    }
  }

  /** Whether there is a step at all in this procedure. */
  hasStep(step: S, has: boolean): void {
    element(this.#app, `#steps li[data-step="${step}"]`).hidden = !has;
    this.#fitSteps();
  }

  #fitSteps(): void {
    const steps = element(this.#app, '#steps');
    steps.toggleAttribute('data-many', steps.querySelectorAll('li:not([hidden])').length > 6);
  }

  /** What is on the screen: no patient name. */
  caseName(text: string): void {
    setText(this.#case, text);
    this.#case.title = text;
  }

  /** A line at the top of the panel, by its id; `warn` where it is not as it should be. Empty for nothing. */
  note(id: string, text: string, warn = false): void {
    const at = element(this.#app, `#${id}`);
    setText(at, text);
    const kind = warn ? 'warn' : 'ok';
    if (at.dataset['kind'] !== kind) at.dataset['kind'] = kind;
  }

  /** What the page is waiting for, over the images; empty for nothing. */
  busy(text: string): void {
    setText(this.#busy, text);
  }

  /** One number, already formatted; `known` false for the dash that stands for an unknown one. */
  number(name: N | (typeof DIALS)[number], text: string, known: boolean): void {
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

  /**
   * The buttons; rebuilt only where they differ from those shown.
   * @param blocked why nothing may be accepted now; undefined where it may
   */
  actions(actions: readonly Action[], blocked?: string): void {
    const judged = actions.map((a) => (a.accepts === true ? { ...a, run: () => void this.#byNewest(a) } : a));
    const shown = blocked === undefined ? judged : judged.map((a) => (a.accepts === true ? { ...a, disabled: true } : a));
    const why = blocked !== undefined && actions.some((a) => a.accepts === true) ? blocked : '';
    setText(this.#blocked, why);
    if (this.#blocked.hidden !== (why === '')) this.#blocked.hidden = why === '';
    const key = shown.map((a) => `${a.id}|${a.label}|${a.primary}|${a.disabled}|${a.pressed}|${a.simulated}`).join('\n');
    if (key === this.#actionKey) return;
    this.#actionKey = key;
    replaceKeepingFocus(this.#actions, shown.filter((a) => a.simulated !== true).map(button));
    replaceKeepingFocus(this.#simulation, shown.filter((a) => a.simulated === true).map(button));
  }

  async #byNewest(action: Action): Promise<void> {
    await this.newest?.();
    action.run();
  }

  /** The tools and how they are seen. */
  tools(tools: readonly { readonly name: string; readonly status: Status }[]): void {
    while (this.#tools.children.length > tools.length) this.#tools.lastElementChild?.remove();
    tools.forEach((tool, i) => {
      const item = (this.#tools.children[i] ?? this.#tools.appendChild(document.createElement('li'))) as HTMLElement;
      setText(item, `${worded(tool.name)} ${t(SAYING[tool.status])}`);
      if (item.dataset['status'] !== tool.status) item.dataset['status'] = tool.status;
    });
  }

  /** The state of the link to the bridge. */
  link(text: string): void {
    setText(this.#link, text);
  }
}

/** How each status reads to a person. */
const SAYING = {
  ok: 'visible',
  predicted: 'predicted',
  unknown: 'visibility unknown',
  outOfVolume: 'out of volume',
  stale: 'stale',
  missing: 'not visible',
  disconnected: 'disconnected',
} as const satisfies Readonly<Record<Status, SuiteText>>;

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
