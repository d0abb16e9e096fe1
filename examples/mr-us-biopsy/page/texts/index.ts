import { type MessageValues, sourceCatalogue, type Texts } from '@trocar/core/text';
import { refusalText as sharedRefusalText } from '../../../suite/page/texts/index.js';
import { inEnglish, speaking, unreviewed } from '../../../suite/page/texts/language.js';
import type { Refusal } from '../../../suite/src/refusal.js';
import { BN } from './bn.js';
import { type BiopsyText, EN } from './en.js';
import { GU } from './gu.js';
import { HI } from './hi.js';

type Said = Texts<{ readonly [K in BiopsyText]: K }>;

const texts: Said = speaking({
  en: sourceCatalogue(EN),
  others: [unreviewed('hi', HI), unreviewed('bn', BN), unreviewed('gu', GU)],
});

/** What this page says, in the language of the moment. */
export const t: Said['say'] = (key, ...values) => texts.say(key, ...values);

/** One of several texts that is chosen while the program runs. */
export function tell(key: BiopsyText, values: MessageValues = {}): string {
  const { text, untranslated } = texts.tell(key, values);
  return untranslated ? inEnglish(text) : text;
}

/** Why something was refused, in the language of the moment; marked as English where no catalogue has it. */
export function refusalText(refusal: Refusal): string {
  const { said } = refusal;
  const ours = said !== undefined && (EN as readonly string[]).includes(said.key);
  return ours ? tell(said.key as BiopsyText, said.values) : sharedRefusalText(refusal);
}
