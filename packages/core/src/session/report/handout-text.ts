import type { Catalogue, SourceCatalogue } from '../../text/index.js';
import { BN_HANDOUT } from './handout-bn.js';
import { HANDOUT_MESSAGES, type HandoutMessages } from './handout-en.js';
import { GU_HANDOUT } from './handout-gu.js';
import { HI_HANDOUT } from './handout-hi.js';

export type { HandoutMessages } from './handout-en.js';

/** What a handout says, in English. */
export const HANDOUT_TEXT: SourceCatalogue<HandoutMessages> = {
  language: 'en',
  name: 'English',
  reviewed: true,
  messages: HANDOUT_MESSAGES,
};

/** What it says in every other language. */
export const HANDOUT_TRANSLATIONS: readonly Catalogue<keyof HandoutMessages>[] = [HI_HANDOUT, BN_HANDOUT, GU_HANDOUT];
