import { isMarkedEnglish } from '@trocar/core/text';
import { language } from './texts/language.js';

/** What an element is made with: attributes as in HTML, and what happens on a click. */
export interface Props {
  readonly class?: string | undefined;
  readonly onclick?: () => void;
  /** Anything else, by its HTML name; `undefined` and `false` leave it out. */
  readonly [attribute: string]: string | number | boolean | (() => void) | undefined;
}

type Child = Node | string | undefined;

const SVG = 'http://www.w3.org/2000/svg';

/** An HTML element with attributes and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return filled(document.createElement(tag), props, children);
}

/** An SVG element with attributes and children. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  return filled(document.createElementNS(SVG, tag), props, children);
}

function filled<E extends Element>(made: E, { onclick, ...attributes }: Props, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false || typeof value === 'function') continue;
    made.setAttribute(name, value === true ? '' : String(value));
  }
  if (onclick !== undefined) made.addEventListener('click', onclick);
  made.append(...children.filter((c) => c !== undefined));
  if (children.some((c) => typeof c === 'string' && isMarkedEnglish(c))) markUntranslated(made, true);
  return made;
}

/** Shows an element's text as English for want of a translation, to eyes and to a screen reader. */
function markUntranslated(at: Element, is: boolean): void {
  if (at.hasAttribute('data-untranslated') === is) return;
  at.toggleAttribute('data-untranslated', is);
  if (is) at.setAttribute('lang', 'en');
  else at.removeAttribute('lang');
}

/** A text of something that is built once and stays: it follows the language. */
export function live(say: () => string): Text {
  const text = document.createTextNode(say());
  language.onChange(() => {
    text.data = say();
    if (text.parentElement !== null) markUntranslated(text.parentElement, isMarkedEnglish(text.data));
  });
  return text;
}

/** An attribute that people read or hear, of something that is built once and stays. */
export function liveAttribute<E extends Element>(at: E, name: 'aria-label' | 'title', say: () => string): E {
  at.setAttribute(name, say());
  language.onChange(() => at.setAttribute(name, say()));
  return at;
}

/** Sets a text only where it changed: cheap to call in every frame. */
export function setText(at: Element, text: string): void {
  if (at.textContent === text) return;
  at.textContent = text;
  markUntranslated(at, isMarkedEnglish(text));
}

/**
 * Puts new content in place of the old, and the keyboard's focus back on the button that had it, or on that which took its
 * `data-slot`: someone who works without a mouse must not be thrown to the top of the page by every change.
 */
export function replaceKeepingFocus(at: Element, content: readonly Node[]): void {
  const active = document.activeElement;
  const held = active instanceof HTMLElement && at.contains(active) ? active.dataset : undefined;
  const same =
    held === undefined
      ? waiting.get(at)
      : held['slot'] === undefined
        ? `[data-action="${held['action']}"]`
        : `[data-slot="${held['slot']}"]`;
  waiting.delete(at);
  at.replaceChildren(...content);
  // Somebody who went elsewhere meanwhile is left there.
  if (same === undefined || (held === undefined && active !== null && active !== document.body)) return;
  const again = at.querySelector<HTMLElement>(same);
  if (again instanceof HTMLButtonElement && again.disabled) {
    // Out of use for a moment, as while something is being kept: the focus comes back with it.
    waiting.set(at, same);
    return;
  }
  // Where that button is gone, the focus goes to the first one that came: never back to the top of the page.
  (again ?? at.querySelector<HTMLElement>('button:not([disabled])'))?.focus();
}

/** The button that had the focus when it went out of use, by what it stands in. */
const waiting = new WeakMap<Element, string>();
