import { attachPointer } from './pointer.js';
import { handleKey, type KeyTargets, STAGE_KEYS } from './stage-keys.js';
import { pointerActions } from './stage-pointer.js';
import type { DrawnWords } from './words.js';

/** Attributes that a stage gives a canvas which has none of them. */
const ATTRIBUTES: readonly (readonly [string, string])[] = [
  ['tabindex', '0'],
  ['role', 'application'],
  [
    'aria-keyshortcuts',
    [...new Set(STAGE_KEYS.flatMap(({ keys, shift }) => keys.map((k) => (shift ? `Shift+${k}` : k))))].join(' '),
  ],
];

/** Calls the canvas otherwise from now on, where it still has the name that the stage gave it. */
export function rename(canvas: HTMLCanvasElement, before: DrawnWords, now: DrawnWords): void {
  if (canvas.getAttribute('aria-label') === before.panels.stage) canvas.setAttribute('aria-label', now.panels.stage);
}

/** Lets a person use a stage with mouse, pen, fingers and keys. Returns what ends it, and leaves the canvas as it was. */
export function listenToPerson(canvas: HTMLCanvasElement, targets: KeyTargets): () => void {
  const end = new AbortController();
  const on = { signal: end.signal } as const;
  const { keyed } = targets.model;
  const named = ['aria-label', targets.model.words.panels.stage] as const;
  const given = [...ATTRIBUTES, named].filter(([name]) => !canvas.hasAttribute(name));
  for (const [name, value] of given) canvas.setAttribute(name, value);
  const detach = attachPointer(canvas, pointerActions(targets));
  // On the document: what an application does with a key on its canvas comes before, and may keep it from us.
  canvas.ownerDocument.addEventListener(
    'keydown',
    (e) => {
      if (e.target === canvas && !e.defaultPrevented && handleKey(targets, e)) e.preventDefault();
    },
    on,
  );
  canvas.addEventListener(
    'focus',
    () => {
      keyed.shown = canvas.matches(':focus-visible');
      if (keyed.shown) keyed.view ??= targets.views()[0];
    },
    on,
  );
  canvas.addEventListener(
    'blur',
    () => {
      keyed.shown = false;
    },
    on,
  );
  return () => {
    end.abort();
    detach();
    for (const [name] of given) canvas.removeAttribute(name);
  };
}
