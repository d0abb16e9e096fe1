import { h, live, liveAttribute } from './dom.js';
import { languageMenu } from './language-menu.js';
import { t } from './texts/index.js';
import { chooseHere } from './texts/language.js';

/** What is said of something that stays on the page: in the language of the moment, whenever it is asked. */
export type Label = () => string;

/** A step of a procedure, as the bar above the panel names it. */
export interface ShellStep<S extends string> {
  readonly id: S;
  readonly label: Label;
  /** Whether something is guided in it: the guidance beside the pictures and the numbers are shown. */
  readonly guided?: boolean;
}

/** A number that the panel shows in guided steps. */
export interface ShellNumber<N extends string> {
  readonly id: N;
  readonly label: Label;
  /** The one that is read first: as wide as the panel. At most one. */
  readonly main?: boolean;
}

/** What a page is built of. */
export interface ShellPlan<S extends string, N extends string> {
  /** What the images are, and which keys move in them: said of the canvas to who does not see it. */
  readonly canvasLabel?: Label;
  /** What is always said at the top, as that nothing here is for clinical use. */
  readonly notice: Label;
  /** Lines below it that the application fills, by their ids. */
  readonly notes?: readonly string[];
  /** In order. */
  readonly steps: readonly ShellStep<S>[];
  readonly numbers: readonly ShellNumber<N>[];
  /** Whether the page's own texts are there in other languages: then these can be chosen. Without, everything is English. */
  readonly languages?: boolean;
  /** Names of the two dials beside the pictures, and of the list below them; undefined: none. */
  readonly guide?: { readonly lateral: Label; readonly depth: Label; readonly avoid: Label };
}

/** Ids of the two dials' numbers, which are drawn, and spoken to who hears them. */
export const DIALS = ['lateral', 'depth'] as const;

/**
 * Builds a page of slices and 3D view, guidance beside them and a side panel, into an element. The parts carry ids; `Panel` fills
 * them. Everything is there from the beginning, so that nothing jumps when something is said for the first time.
 */
export function buildShell<S extends string, N extends string>(app: HTMLElement, plan: ShellPlan<S, N>): void {
  // Half a page in another language would be worse than none.
  if (plan.languages !== true) void chooseHere('en', false);
  app.dataset['step'] = plan.steps[0]?.id ?? '';
  app.replaceChildren(viewsOf(plan), panelOf(plan));
}

function viewsOf<S extends string, N extends string>({ canvasLabel, guide }: ShellPlan<S, N>): HTMLElement {
  const label = canvasLabel ?? (() => t('Slices: arrow keys and page keys move the crosshair'));
  const pictures = h(
    'div',
    { id: 'pictures' },
    liveAttribute(h('canvas', { id: 'stage', tabindex: 0 }), 'aria-label', label),
    h('div', { id: 'banner', role: 'alert', hidden: true }),
    h('div', { id: 'busy', role: 'status' }),
  );
  const alarms = named(h('section', { id: 'alarms', 'data-priority': 'none' }), () => t('Alarms'));
  const beside =
    guide &&
    named(
      h(
        'section',
        { id: 'guide' },
        dial('lateral', guide.lateral, 'bullseye'),
        dial('depth', guide.depth, 'depth'),
        h('h2', { id: 'avoid-name', class: 'label' }, live(guide.avoid)),
        h('ul', { id: 'avoid', 'aria-labelledby': 'avoid-name' }),
      ),
      () => t('Guidance'),
    );
  return named(h('section', { id: 'views' }, alarms, pictures, beside), () => t('Images'));
}

/** An element with the name that is spoken of it. */
function named<E extends Element>(at: E, label: Label): E {
  return liveAttribute(at, 'aria-label', label);
}

function dial(id: (typeof DIALS)[number], label: Label, drawing: string): HTMLElement {
  return h(
    'div',
    { class: 'number dial', 'data-value': id },
    h('span', { class: 'label' }, live(label)),
    h('span', { class: 'figure spoken' }, '–'),
    h('div', { id: drawing, class: 'drawn' }),
  );
}

function panelOf<S extends string, N extends string>(plan: ShellPlan<S, N>): HTMLElement {
  const notes = (plan.notes ?? []).map((id) => h('p', { id, class: 'note', role: 'note' }));
  const head = h(
    'header',
    {},
    h('h1', {}, 'Trocar'),
    h('p', { id: 'case' }, t('no image')),
    h('p', { id: 'notice' }, live(plan.notice)),
    ...notes,
  );
  const steps = plan.steps.map(({ id, label }) => h('li', { 'data-step': id }, live(label)));
  const numbers = plan.numbers.map(({ id, label, main }) =>
    h(
      'div',
      { class: main === true ? 'number main' : 'number', 'data-value': id },
      h('span', { class: 'label' }, live(label)),
      h('span', { class: 'figure' }, '–'),
    ),
  );
  return h(
    'aside',
    { id: 'panel' },
    head,
    named(h('ol', { id: 'steps' }, ...steps), () => t('Procedure')),
    h('section', { id: 'readout', 'aria-live': 'off' }, ...numbers),
    h('section', { id: 'detail' }),
    named(h('section', { id: 'actions' }), () => t('Actions')),
    h('p', { id: 'blocked', role: 'status', hidden: true }),
    named(h('section', { id: 'simulation' }), () => t('Simulation')),
    h(
      'footer',
      {},
      named(h('ul', { id: 'tools' }), () => t('Tools')),
      h('p', { id: 'link' }, t('not connected')),
      plan.languages === true ? languageMenu() : undefined,
    ),
  );
}
