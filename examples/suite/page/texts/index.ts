import { sourceCatalogue, type Texts } from '@trocar/core/text';
import type { Refusal } from '../../src/refusal.js';
import { BN } from './bn.js';
import { EN, type SuiteText } from './en.js';
import { GU } from './gu.js';
import { HI } from './hi.js';
import { inEnglish, speaking, unreviewed } from './language.js';

/** What says the messages of the suite. */
export type Said = Texts<{ readonly [K in SuiteText]: K }>;

const texts: Said = speaking({
  en: sourceCatalogue(EN),
  others: [unreviewed('hi', HI), unreviewed('bn', BN), unreviewed('gu', GU)],
});

/** What the parts that all pages share say, in the language of the moment. */
export const t: Said['say'] = (key, ...values) => texts.say(key, ...values);

/** Whether a clinician whose language it is has released what is said now. */
export const isReviewed = (): boolean => texts.reviewed;

/** What a tool, an image or a step is called in the language of the moment; one that the catalogue does not have is called as it is. */
export function calledHere(name: string): string {
  return (EN as readonly string[]).includes(name) ? t(name as 'plan') : name;
}

/** A word of the program, as the name of a tool or a step, where the catalogue has it; where it has not, as it is, marked as English. */
export function worded(word: string): string {
  return (EN as readonly string[]).includes(word) ? t(word as 'plan') : inEnglish(word);
}

/** Why something was refused, in the language of the moment; marked as English where no catalogue has it. */
export function refusalText({ message, said }: Refusal): string {
  if (said === undefined || !(EN as readonly string[]).includes(said.key)) return inEnglish(message);
  const { text, untranslated } = texts.tell(said.key as SuiteText, said.values);
  return untranslated ? inEnglish(text) : text;
}
