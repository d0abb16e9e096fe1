import { isNavError, NavError } from '../base/index.js';
import type { Catalogue, SourceCatalogue } from './catalogue.js';
import { type TextDigits, type TextLocale, textLocale } from './locale.js';
import { type Message, type MessageValues, readMessage, writeMessage } from './message.js';

/** The placeholders of a message, as far as its type tells: with a plural or a choice in it, any names. */
export type PlaceholdersOf<P extends string> = P extends `${string}, plural,${string}` | `${string}, select,${string}`
  ? string
  : P extends `${string}{${infer N}}${infer R}`
    ? N | PlaceholdersOf<R>
    : never;

/** What has to be handed in with a message: nothing where it has no placeholder. */
export type ValuesOf<P extends string> = [PlaceholdersOf<P>] extends [never]
  ? readonly []
  : readonly [values: { readonly [N in PlaceholdersOf<P>]: string | number }];

/** A message in words. */
export interface Told {
  readonly text: string;
  /** The language of the words. */
  readonly language: string;
  /** Whether the words are English because the language that was asked for does not have them. */
  readonly untranslated: boolean;
}

/** What stands before a text that is English for want of a translation: nobody takes it for one. */
const MARK = '[en] ';

/** Marks a text that is always English, as an error of a library, where it is shown within another language. */
export function markEnglish(text: string, language: string): string {
  return language === 'en' || text === '' || text.startsWith(MARK) ? text : MARK + text;
}

/** Whether a text bears the mark of {@link markEnglish}: for `data-untranslated` and `lang`. */
export function isMarkedEnglish(text: string): boolean {
  return text.startsWith(MARK);
}

/**
 * Says messages in the language that is chosen now. Several catalogues, as a page's and an alarm's, can follow one {@link TextLanguage}.
 *
 * A message that the language lacks, or that cannot be filled in it, is said in English and marked: an alarm is never lost for want of a
 * translation, and nobody is left to guess which language it is in.
 */
export class Texts<M extends Readonly<Record<string, string>>> {
  readonly #source: SourceCatalogue<M>;
  readonly #others = new Map<string, Catalogue>();
  readonly #language: TextLanguage;
  readonly #read = new Map<string, Message>();

  /** @param others may lack messages, as one that is being written does; `requireCatalogue` refuses such */
  constructor(source: SourceCatalogue<M>, others: readonly Catalogue<string & keyof M>[], language: TextLanguage) {
    this.#source = source;
    for (const other of others) this.#others.set(other.language, other);
    this.#language = language;
  }

  /**
   * A message in words; with `[en] ` before them where they are English for want of a translation.
   * @throws NavError `text/missing-value`, `text/bad-message` where the English one is wrong itself
   */
  say<K extends string & keyof M>(key: K, ...values: ValuesOf<M[K]>): string {
    const { text, untranslated } = this.tell(key, (values[0] ?? {}) as MessageValues);
    return untranslated ? MARK + text : text;
  }

  /** A message in words, with their language. @throws NavError as {@link say}, and `text/bad-message` for a key that English does not have */
  tell(key: string & keyof M, values: MessageValues): Told {
    const { locale } = this.#language;
    const english = this.#source.messages[key];
    if (english === undefined) throw new NavError('text/bad-message', `There is no message "${key}".`);
    const pattern = locale.language === this.#source.language ? undefined : this.#others.get(locale.language)?.messages[key];
    if (pattern !== undefined && pattern.trim() !== '') {
      try {
        return { text: writeMessage(this.#message(pattern), values, locale), language: locale.language, untranslated: false };
      } catch (error) {
        if (!isNavError(error)) throw error;
      }
    }
    const { language } = this.#source;
    const text = writeMessage(this.#message(english), values, this.#language.english);
    return { text, language, untranslated: locale.language !== language };
  }

  /** Whether what is said now was released by a clinician whose language it is. */
  get reviewed(): boolean {
    const { language } = this.#language.locale;
    return language === this.#source.language ? this.#source.reviewed : (this.#others.get(language)?.reviewed ?? false);
  }

  #message(pattern: string): Message {
    let message = this.#read.get(pattern);
    if (message === undefined) {
      message = readMessage(pattern);
      this.#read.set(pattern, message);
    }
    return message;
  }
}

/** The language that is chosen now, and who has to know when it changes. */
export class TextLanguage {
  readonly english: TextLocale = textLocale('en');
  readonly #digits: TextDigits;
  readonly #told = new Set<(language: string) => void>();
  #locale: TextLocale;

  /** @throws NavError `text/bad-language` */
  constructor(language = 'en', digits: TextDigits = 'latin') {
    this.#digits = digits;
    this.#locale = textLocale(language, digits);
  }

  get locale(): TextLocale {
    return this.#locale;
  }

  /** Chooses another; whatever listens is told once it is chosen. @throws NavError `text/bad-language`, and nothing has changed */
  choose(language: string): void {
    if (language === this.#locale.language) return;
    this.#locale = textLocale(language, this.#digits);
    for (const told of this.#told) told(language);
  }

  /** @returns what ends it */
  onChange(told: (language: string) => void): () => void {
    this.#told.add(told);
    return () => this.#told.delete(told);
  }
}
