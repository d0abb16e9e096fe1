import { h } from './dom.js';

/** A step of a procedure, as the bar above the panel names it. */
export interface ShellStep<S extends string> {
  readonly id: S;
  readonly label: string;
  /** Whether something is guided in it: the guidance beside the pictures and the numbers are shown. */
  readonly guided?: boolean;
}

/** A number that the panel shows in guided steps. */
export interface ShellNumber<N extends string> {
  readonly id: N;
  readonly label: string;
  /** The one that is read first: as wide as the panel. At most one. */
  readonly main?: boolean;
}

/** What a page is built of. */
export interface ShellPlan<S extends string, N extends string> {
  /** What the images are, and which keys move in them: said of the canvas to who does not see it. */
  readonly canvasLabel?: string;
  /** What is always said at the top, as that nothing here is for clinical use. */
  readonly notice: string;
  /** Lines below it that the application fills, by their ids. */
  readonly notes?: readonly string[];
  /** In order. */
  readonly steps: readonly ShellStep<S>[];
  readonly numbers: readonly ShellNumber<N>[];
  /** Names of the two dials beside the pictures, and of the list below them; undefined: none. */
  readonly guide?: { readonly lateral: string; readonly depth: string; readonly avoid: string };
}

/** Ids of the two dials' numbers, which are drawn, and spoken to who hears them. */
export const DIALS = ['lateral', 'depth'] as const;

/**
 * Builds a page of slices and 3D view, guidance beside them and a side panel, into an element. The parts carry ids; `Panel` fills
 * them. Everything is there from the beginning, so that nothing jumps when something is said for the first time.
 */
export function buildShell<S extends string, N extends string>(app: HTMLElement, plan: ShellPlan<S, N>): void {
  app.dataset['step'] = plan.steps[0]?.id ?? '';
  app.replaceChildren(viewsOf(plan), panelOf(plan));
}

function viewsOf<S extends string, N extends string>({ canvasLabel, guide }: ShellPlan<S, N>): HTMLElement {
  const label = canvasLabel ?? 'Slices: arrow keys and page keys move the crosshair';
  const pictures = h(
    'div',
    { id: 'pictures' },
    h('canvas', { id: 'stage', tabindex: 0, 'aria-label': label }),
    h('div', { id: 'banner', role: 'alert', hidden: true }),
    h('div', { id: 'busy', role: 'status' }),
  );
  const alarms = h('section', { id: 'alarms', 'aria-label': 'Alarms', 'data-priority': 'none' });
  const beside =
    guide &&
    h(
      'section',
      { id: 'guide', 'aria-label': 'Guidance' },
      dial('lateral', guide.lateral, 'bullseye'),
      dial('depth', guide.depth, 'depth'),
      h('h2', { id: 'avoid-name', class: 'label' }, guide.avoid),
      h('ul', { id: 'avoid', 'aria-labelledby': 'avoid-name' }),
    );
  return h('section', { id: 'views', 'aria-label': 'Images' }, alarms, pictures, beside);
}

function dial(id: (typeof DIALS)[number], label: string, drawing: string): HTMLElement {
  return h(
    'div',
    { class: 'number dial', 'data-value': id },
    h('span', { class: 'label' }, label),
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
    h('p', { id: 'case' }, 'no image'),
    h('p', { id: 'notice' }, plan.notice),
    ...notes,
  );
  const steps = plan.steps.map(({ id, label }) => h('li', { 'data-step': id }, label));
  const numbers = plan.numbers.map(({ id, label, main }) =>
    h(
      'div',
      { class: main === true ? 'number main' : 'number', 'data-value': id },
      h('span', { class: 'label' }, label),
      h('span', { class: 'figure' }, '–'),
    ),
  );
  return h(
    'aside',
    { id: 'panel' },
    head,
    h('ol', { id: 'steps', 'aria-label': 'Procedure' }, ...steps),
    h('section', { id: 'readout', 'aria-live': 'off' }, ...numbers),
    h('section', { id: 'detail' }),
    h('section', { id: 'actions', 'aria-label': 'Actions' }),
    h('p', { id: 'blocked', role: 'status', hidden: true }),
    h('section', { id: 'simulation', 'aria-label': 'Simulation' }),
    h('footer', {}, h('ul', { id: 'tools', 'aria-label': 'Tools' }), h('p', { id: 'link' }, 'not connected')),
  );
}
