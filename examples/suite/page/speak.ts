import type { DrawnWords } from '@trocar/core/render';
import { drawnWords } from './drawn-words.js';
import { t } from './texts/index.js';
import { language } from './texts/language.js';

/** Something that says its words in pictures: a stage and with it all graphics on it, or a readout by itself. */
interface Speaker {
  setWords(words: DrawnWords): void;
}

/** Has it say everything in the language of the page, from now on and whenever that changes. */
export function speakWith(speaker: Speaker): void {
  const say = (): void => speaker.setWords(drawnWords(t));
  say();
  language.onChange(say);
}
