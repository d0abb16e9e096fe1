import { sourceCatalogue, type Texts } from '@trocar/core/text';
import { speaking, unreviewed } from '../../../suite/page/texts/language.js';
import { BN } from './bn.js';
import { EN, type NavigationText } from './en.js';
import { GU } from './gu.js';
import { HI } from './hi.js';

type Said = Texts<{ readonly [K in NavigationText]: K }>;

const texts: Said = speaking({
  en: sourceCatalogue(EN),
  others: [unreviewed('hi', HI), unreviewed('bn', BN), unreviewed('gu', GU)],
});

/** What this page says, in the language of the moment. */
export const t: Said['say'] = (key, ...values) => texts.say(key, ...values);
