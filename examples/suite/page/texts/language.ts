import { type Catalogue, chooseLanguage, markEnglish, type SourceCatalogue, TextLanguage, Texts } from '@trocar/core/text';
import { fetchLetters, hasLetters } from './fonts.js';

/** What can be chosen, by tags and by the names that the languages have for themselves. */
export const LANGUAGES = { en: 'English', hi: 'हिन्दी', bn: 'বাংলা', gu: 'ગુજરાતી' } as const;

/** A language of the pages. */
export type PageLanguage = keyof typeof LANGUAGES;

const TAGS = Object.keys(LANGUAGES) as [PageLanguage, ...PageLanguage[]];
const KEPT_AS = 'trocar-language';

/** What was chosen before; nothing where the browser keeps nothing. */
function kept(): string | null {
  try {
    return localStorage.getItem(KEPT_AS);
  } catch {
    return null;
  }
}

/**
 * The language of the page: of `?lang=`, else as chosen here before, else English. Never taken from the machine's own: whoever sits down
 * at a station reads what its last user chose, not what its operating system was installed in.
 */
export const language: TextLanguage = new TextLanguage(
  chooseLanguage([new URLSearchParams(location.search).get('lang'), kept()], TAGS),
);

// Before the page says a word.
await fetchLetters(language.locale.language);

document.documentElement.lang = language.locale.language;
language.onChange((now) => {
  document.documentElement.lang = now;
});

/** What was asked for last: letters that come late for an earlier choice change nothing any more. */
let asked = 0;

/**
 * Another language, without loading the page anew: at once, or as soon as its letters have come; the promise is kept then.
 * @param keep whether it is for the next time as well: default true
 */
export async function chooseHere(tag: string, keep = true): Promise<void> {
  const chosen = chooseLanguage([tag], TAGS);
  asked += 1;
  const mine = asked;
  keepChoice(chosen, keep);
  if (!hasLetters(chosen)) await fetchLetters(chosen);
  if (mine === asked) language.choose(chosen);
}

function keepChoice(chosen: string, keep: boolean): void {
  if (!keep) return;
  try {
    localStorage.setItem(KEPT_AS, chosen);
  } catch {
    // Then it holds until the page is left.
  }
}

/** What is English in every language, as an error of a library: marked where it stands within another one. */
export function inEnglish(text: string): string {
  return markEnglish(text, language.locale.language);
}

/** The messages of one page: English as their keys, and the others. */
export interface PageMessages<K extends string> {
  readonly en: SourceCatalogue<{ readonly [P in K]: P }>;
  readonly others: readonly Catalogue<K>[];
}

/** What a page says, of its own messages. */
export function speaking<K extends string>({ en, others }: PageMessages<K>): Texts<{ readonly [P in K]: P }> {
  return new Texts(en, others, language);
}

/** A catalogue that nobody has released yet. */
export function unreviewed<K extends string>(
  tag: Exclude<PageLanguage, 'en'>,
  messages: Readonly<Record<K, string>>,
): Catalogue<K> {
  return { language: tag, name: LANGUAGES[tag], reviewed: false, messages };
}
