import { sourceCatalogue, type Texts } from '@trocar/core/text';
import { inEnglish, speaking, unreviewed } from '../../../suite/page/texts/language.js';
import { BN } from './bn.js';
import { EN, type LiveText } from './en.js';
import { GU } from './gu.js';
import { HI } from './hi.js';

type Said = Texts<{ readonly [K in LiveText]: K }>;

const texts: Said = speaking({
  en: sourceCatalogue(EN),
  others: [unreviewed('hi', HI), unreviewed('bn', BN), unreviewed('gu', GU)],
});

/** What this page says, in the language of the moment. */
export const t: Said['say'] = (key, ...values) => texts.say(key, ...values);

/** A name that the operator's program gave something, where the catalogue has it; where it has not, as it is, marked as English. */
export function named(name: string, words: Readonly<Record<string, () => string>>): string {
  return Object.hasOwn(words, name) ? (words[name] as () => string)() : inEnglish(name);
}
