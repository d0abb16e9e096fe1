import { isNavError, NavError } from '../base/index.js';
import { textLocale } from './locale.js';
import { formsOf, type Message, readMessage } from './message.js';

/** The messages of one language. */
export interface Catalogue<K extends string = string> {
  /** A BCP 47 tag, as HTML's `lang` has it. */
  readonly language: string;
  /** The language's own name: what a menu shows. */
  readonly name: string;
  /** Whether a clinician whose language it is has read and released it. What was not is said to the person who reads it. */
  readonly reviewed: boolean;
  readonly messages: Readonly<Record<K, string>>;
}

/** English, from which keys and placeholders of every other language come. */
export type SourceCatalogue<M extends Readonly<Record<string, string>>> = Catalogue<string & keyof M> & { readonly messages: M };

/** English messages that are their own keys: code that says them can be read without the catalogue. */
export function sourceCatalogue<const T extends readonly string[]>(texts: T): SourceCatalogue<{ readonly [K in T[number]]: K }> {
  const messages = Object.fromEntries(texts.map((text) => [text, text])) as { readonly [K in T[number]]: K };
  return { language: 'en', name: 'English', reviewed: true, messages };
}

/** What a {@link CatalogueFault} is about. */
export type CatalogueFaultKind =
  /** The other language lacks the message, or it is empty. */
  | 'missing'
  /** English has no such message. */
  | 'extra'
  /** It cannot be read. */
  | 'unreadable'
  /** A placeholder is missing, or is one that English does not have. */
  | 'placeholder'
  /** A plural lacks a form that the language has, or a choice has other forms than English. */
  | 'form'
  /** It is the English text, though it has words. */
  | 'untranslated';

/** Something that is wrong with a catalogue. */
export interface CatalogueFault {
  readonly kind: CatalogueFaultKind;
  readonly key: string;
  /** What is wrong, for a person. */
  readonly message: string;
}

/**
 * What is wrong with a catalogue, held against English: for a test, and for catalogues that are loaded. An empty list: nothing.
 * @param same keys whose text may be English: names, abbreviations
 */
export function catalogueFaults(source: Catalogue, other: Catalogue, same: ReadonlySet<string> = new Set()): CatalogueFault[] {
  const faults: CatalogueFault[] = [];
  const found = (kind: CatalogueFaultKind, key: string, what: string): void => {
    faults.push({ kind, key, message: `${other.language}, "${key}": ${what}` });
  };
  for (const key of Object.keys(other.messages))
    if (!Object.hasOwn(source.messages, key)) found('extra', key, 'English has no such message.');
  for (const [key, english] of Object.entries(source.messages)) {
    const text = other.messages[key];
    if (text === undefined || text.trim() === '') found('missing', key, 'it is not translated.');
    else {
      if (text === english && !same.has(key) && /\p{L}{3,}/u.test(english)) found('untranslated', key, 'it is the English text.');
      compare(english, text, other.language, (kind, what) => found(kind, key, what));
    }
  }
  return faults;
}

function compare(english: string, text: string, language: string, found: (kind: CatalogueFaultKind, what: string) => void): void {
  let read: readonly [Message, Message];
  try {
    read = [readMessage(english), readMessage(text)];
  } catch (error) {
    if (!isNavError(error)) throw error;
    found('unreadable', error.message);
    return;
  }
  const [from, to] = read;
  for (const name of from.names) if (!to.names.has(name)) found('placeholder', `{${name}} is missing.`);
  for (const name of to.names) if (!from.names.has(name)) found('placeholder', `English has no {${name}}.`);
  const selects = (m: Message): string =>
    formsOf(m)
      .flatMap(({ kind, forms }) => (kind === 'select' ? [[...forms].sort().join()] : []))
      .sort()
      .join(' ');
  if (selects(from) !== selects(to)) found('form', 'its choices have other forms than English.');
  const needed = new Intl.PluralRules(textLocale(language).tag).resolvedOptions().pluralCategories;
  for (const { kind, forms } of formsOf(to)) {
    const lacks = kind === 'plural' ? needed.filter((form) => !forms.includes(form)) : [];
    if (lacks.length > 0) found('form', `a plural lacks ${lacks.join(', ')}.`);
  }
}

/** @throws NavError `text/bad-catalogue` that names the first of what is wrong, and how many things are */
export function requireCatalogue(source: Catalogue, other: Catalogue, same?: ReadonlySet<string>): void {
  const faults = catalogueFaults(source, other, same);
  if (faults.length === 0) return;
  const more = faults.length === 1 ? '' : ` (and ${faults.length - 1} more)`;
  throw new NavError('text/bad-catalogue', `${faults[0]?.message}${more} Mend the catalogue, or leave the language out.`, {
    detail: { faults },
  });
}
