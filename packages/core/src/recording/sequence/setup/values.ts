import { NavError } from '../../../base/index.js';
import type { SetupRectangle } from './setup.js';
import type { XmlElement } from './xml.js';

/** The attributes of one element, read by name; faults name the element, its line and the attribute. */
export class Values {
  readonly element: XmlElement;
  readonly #file: string;

  constructor(element: XmlElement, file: string) {
    this.element = element;
    this.#file = file;
  }

  fault(what: string): NavError {
    const { name, line } = this.element;
    return new NavError('setup/corrupt', `${this.#file}, line ${line}: "${name}" ${what}.`, { detail: { element: name, line } });
  }

  missing(attribute: string, why: string): NavError {
    const { name, line } = this.element;
    const message = `${this.#file}, line ${line}: "${name}" has no ${attribute}${why}.`;
    return new NavError('setup/missing', message, { detail: { element: name, attribute, line } });
  }

  contradiction(what: string): NavError {
    const { name, line } = this.element;
    return new NavError('setup/contradictory', `${this.#file}, line ${line}: "${name}" ${what}.`, {
      detail: { element: name, line },
    });
  }

  unsupported(what: string): NavError {
    const { name, line } = this.element;
    return new NavError('setup/unsupported', `${this.#file}, line ${line}: "${name}" ${what}.`, {
      detail: { element: name, line },
    });
  }

  text(attribute: string): string | undefined {
    const value = this.element.attributes.get(attribute)?.trim();
    return value === undefined || value === '' ? undefined : value;
  }

  /** So many finite numbers. @throws NavError `setup/corrupt` */
  numbers(attribute: string, count: number): number[] | undefined {
    const text = this.text(attribute);
    if (text === undefined) return undefined;
    const values = text
      .split(/[\s,]+/)
      .map((part) => (/^[+-]?(\d|\.\d)/.test(part) && !/0x/i.test(part) ? Number(part) : Number.NaN));
    if (values.length === count && values.every((x) => Number.isFinite(x))) return values;
    throw this.fault(
      `has the ${attribute} "${text.slice(0, 80)}", which is not ${count === 1 ? 'a number' : `${count} numbers`}`,
    );
  }

  number(attribute: string): number | undefined {
    return this.numbers(attribute, 1)?.[0];
  }

  /** A number in a range, ends included. @throws NavError `setup/corrupt` */
  within(attribute: string, least: number, most: number): number | undefined {
    const value = this.number(attribute);
    if (value === undefined || (value >= least && value <= most)) return value;
    throw this.fault(`has ${attribute}="${value}"; ${least} … ${most} can be`);
  }

  pair(attribute: string): [number, number] | undefined {
    return this.numbers(attribute, 2) as [number, number] | undefined;
  }

  triple(attribute: string): [number, number, number] | undefined {
    return this.numbers(attribute, 3) as [number, number, number] | undefined;
  }

  /** One of some words, whatever their case. @throws NavError `setup/unsupported` */
  word<T>(attribute: string, words: Readonly<Record<string, T>>): T | undefined {
    const text = this.text(attribute)?.toUpperCase();
    if (text === undefined) return undefined;
    if (Object.hasOwn(words, text)) return words[text] as T;
    throw this.unsupported(`has ${attribute}="${text}"; known are ${Object.keys(words).join(', ')}`);
  }
}

/** All elements of a name, at any depth. */
export function elementsOf(root: XmlElement, name: string): XmlElement[] {
  const found: XmlElement[] = [];
  const walk = (element: XmlElement): void => {
    if (element.name.toLowerCase() === name.toLowerCase()) found.push(element);
    for (const child of element.children) walk(child);
  };
  walk(root);
  return found;
}

/**
 * `ClipRectangleOrigin` and `ClipRectangleSize`; a size of zero is PLUS's word for none.
 * @throws NavError `setup/missing` where only one of them is there
 */
export function rectangleOf(values: Values): SetupRectangle | undefined {
  const [origin, size] = [values.pair('ClipRectangleOrigin'), values.pair('ClipRectangleSize')];
  if (origin === undefined && size === undefined) return undefined;
  if (origin === undefined || size === undefined) {
    throw values.missing(origin === undefined ? 'ClipRectangleOrigin' : 'ClipRectangleSize', ', and the other half of the clip');
  }
  if (Math.min(...size) < 0) throw values.fault(`has a ClipRectangleSize below zero`);
  return Math.min(...size) === 0 ? undefined : { origin, size };
}

/** The same without the keys whose value is undefined. */
export function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
