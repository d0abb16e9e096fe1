import { NavError } from '../base/index.js';

/** What a message's placeholders are filled with. A number within a plural chooses its form; elsewhere it is written in the message's digits. */
export type MessageValues = Readonly<Record<string, string | number>>;

/** A piece of a message. */
type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly name: string }
  | { readonly kind: 'count' }
  | { readonly kind: 'plural' | 'select'; readonly name: string; readonly forms: ReadonlyMap<string, readonly Part[]> };

/** A message that was read: what {@link writeMessage} fills. */
export interface Message {
  readonly pattern: string;
  readonly parts: readonly Part[];
  /** Every placeholder, wherever it stands. */
  readonly names: ReadonlySet<string>;
}

const NAME = /^[a-zA-Z][a-zA-Z0-9]*$/;
const FORM = /^(?:=\d+|[a-zA-Z]+)$/;

/**
 * Reads a message in the small part of ICU's MessageFormat that the catalogues use: `{name}`, `{n, plural, one {# core} other {# cores}}`
 * (also `=0 {…}`), `{kind, select, left {…} other {…}}`, nested at will; `#` is the plural's number. There are no quotes: a message
 * cannot hold a brace.
 * @throws NavError `text/bad-message` that names what stands where
 */
export function readMessage(pattern: string): Message {
  const reader = new Reader(pattern);
  const parts = reader.parts(false);
  if (!reader.atEnd) reader.fail('a brace that was never opened');
  const names = new Set<string>();
  collect(parts, names);
  return { pattern, parts, names };
}

function collect(parts: readonly Part[], names: Set<string>): void {
  for (const part of parts) {
    if ('name' in part) names.add(part.name);
    if ('forms' in part) for (const form of part.forms.values()) collect(form, names);
  }
}

/** Every plural and every choice in a message: by what, and its forms. For checking a translation. */
export function formsOf(message: Message): readonly { readonly kind: 'plural' | 'select'; readonly forms: readonly string[] }[] {
  const found: { readonly kind: 'plural' | 'select'; readonly forms: readonly string[] }[] = [];
  const look = (parts: readonly Part[]): void => {
    for (const part of parts) {
      if (!('forms' in part)) continue;
      found.push({ kind: part.kind, forms: [...part.forms.keys()] });
      for (const form of part.forms.values()) look(form);
    }
  };
  look(message.parts);
  return found;
}

/** How a message is written: which plural a number takes (CLDR), and how a number looks. */
export interface MessageRules {
  readonly plural: (n: number) => string;
  readonly number: (n: number) => string;
}

/**
 * Fills a message.
 * @throws NavError `text/missing-value` where a placeholder has no value, or a plural no finite number: a sentence with a hole says something else
 */
export function writeMessage(message: Message, values: MessageValues, rules: MessageRules): string {
  return written(message.parts, values, rules, message.pattern, '');
}

function written(parts: readonly Part[], values: MessageValues, rules: MessageRules, pattern: string, count: string): string {
  let text = '';
  for (const part of parts) {
    if (part.kind === 'text') text += part.text;
    else if (part.kind === 'count') text += count;
    else {
      const value = givenFor(values, part.name, pattern);
      if (part.kind === 'value') text += typeof value === 'number' ? rules.number(value) : value;
      else text += chosen(part, value, values, rules, pattern, count);
    }
  }
  return text;
}

function chosen(
  part: Part & { readonly kind: 'plural' | 'select' },
  value: string | number,
  values: MessageValues,
  rules: MessageRules,
  pattern: string,
  count: string,
): string {
  const other = part.forms.get('other') as readonly Part[];
  if (part.kind === 'select') return written(part.forms.get(String(value)) ?? other, values, rules, pattern, count);
  if (typeof value !== 'number' || !Number.isFinite(value)) throw missing(part.name, pattern, 'a finite number');
  const form = part.forms.get(`=${value}`) ?? part.forms.get(rules.plural(value)) ?? other;
  return written(form, values, rules, pattern, rules.number(value));
}

function givenFor(values: MessageValues, name: string, pattern: string): string | number {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined) throw missing(name, pattern, 'a value');
  return value;
}

function missing(name: string, pattern: string, what: string): NavError {
  return new NavError('text/missing-value', `The message "${pattern}" needs ${what} for {${name}}.`);
}

class Reader {
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  get atEnd(): boolean {
    return this.#at >= this.#pattern.length;
  }

  fail(what: string): never {
    throw new NavError('text/bad-message', `The message "${this.#pattern}" has ${what} at character ${this.#at + 1}.`);
  }

  /** Up to the end, or to the brace that closes the form. */
  parts(inPlural: boolean): Part[] {
    const parts: Part[] = [];
    let text = '';
    const flush = (): void => {
      if (text !== '') parts.push({ kind: 'text', text });
      text = '';
    };
    while (!this.atEnd && this.#pattern[this.#at] !== '}') {
      const c = this.#pattern[this.#at] as string;
      if (c !== '{' && !(c === '#' && inPlural)) {
        text += c;
        this.#at += 1;
        continue;
      }
      flush();
      if (c === '#') {
        this.#at += 1;
        parts.push({ kind: 'count' });
      } else parts.push(this.#placeholder(inPlural));
    }
    flush();
    return parts;
  }

  #placeholder(inPlural: boolean): Part {
    this.#at += 1;
    const name = this.#word(/[^,{}]/).trim();
    if (!NAME.test(name)) this.fail(`"${name}" where a placeholder's name should stand`);
    if (this.#take('}')) return { kind: 'value', name };
    if (!this.#take(',')) this.fail('a placeholder that is not closed');
    const kind = this.#word(/[^,{}]/).trim();
    if ((kind !== 'plural' && kind !== 'select') || !this.#take(',')) this.fail(`"${kind}" where plural or select should stand`);
    return { kind, name, forms: this.#forms(inPlural || kind === 'plural') };
  }

  #forms(inPlural: boolean): ReadonlyMap<string, readonly Part[]> {
    const forms = new Map<string, readonly Part[]>();
    while (!this.#take('}')) {
      const form = this.#word(/[^{}]/).trim();
      if (this.atEnd) this.fail('a choice that is not closed');
      if (form === '' && this.#take('}')) break;
      if (!FORM.test(form) || forms.has(form) || !this.#take('{')) this.fail(`"${form}" where a new form should stand`);
      forms.set(form, this.parts(inPlural));
      if (!this.#take('}')) this.fail('a form that is not closed');
    }
    if (!forms.has('other')) this.fail('a choice without "other"');
    return forms;
  }

  #word(of: RegExp): string {
    const from = this.#at;
    while (!this.atEnd && of.test(this.#pattern[this.#at] as string)) this.#at += 1;
    return this.#pattern.slice(from, this.#at);
  }

  #take(c: string): boolean {
    if (this.#pattern[this.#at] !== c) return false;
    this.#at += 1;
    return true;
  }
}
