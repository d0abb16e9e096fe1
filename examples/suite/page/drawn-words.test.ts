import { ENGLISH_WORDS } from '@trocar/core/render';
import { sourceCatalogue, TextLanguage, Texts } from '@trocar/core/text';
import { describe, expect, it } from 'vitest';
import { drawnWords } from './drawn-words.js';
import { BN } from './texts/bn.js';
import { EN, type SuiteText } from './texts/en.js';
import { GU } from './texts/gu.js';
import { HI } from './texts/hi.js';

const OTHERS = { hi: HI, bn: BN, gu: GU };
const SCRIPTS = { hi: /\p{Script=Devanagari}/u, bn: /\p{Script=Bengali}/u, gu: /\p{Script=Gujarati}/u };

function wordsIn(language: string) {
  const others = Object.entries(OTHERS).map(([tag, messages]) => ({ language: tag, name: tag, reviewed: false, messages }));
  const texts = new Texts<{ readonly [K in SuiteText]: K }>(sourceCatalogue(EN), others, new TextLanguage(language));
  return drawnWords((key, ...values) => texts.say(key, ...values));
}

/** What functions of numbers are asked, as render asks them. */
const ASKED: Readonly<Record<string, readonly unknown[]>> = {
  errorsDrawn: [20],
  every: ['4.2\u202fs'],
  around: ['5\u202fmm'],
  spare: ['3.1\u202fmm'],
  toSkin: ['12°'],
  below: ['90\u202f%'],
  named: ['Vessels'],
};

/** Every text of a record, by where it stands in it. */
function said(words: object, at = ''): Record<string, string> {
  return Object.fromEntries(
    Object.entries(words).flatMap(([name, value]: [string, unknown]) => {
      const place = `${at}${name}`;
      if (typeof value === 'string') return [[place, value] as const];
      if (typeof value === 'object') return Object.entries(said(value as object, `${place}.`));
      const ask = value as (...given: readonly unknown[]) => string;
      return (name === 'model' ? [[1], [0.25]] : [ASKED[name] ?? []]).map(
        (given) => [`${place}(${given})`, ask(...given)] as const,
      );
    }),
  );
}

describe('the words that are drawn', () => {
  it('are those of render itself in English', () => {
    expect(said(wordsIn('en'))).toEqual(said(ENGLISH_WORDS));
    expect(Object.keys(said(ENGLISH_WORDS)).length).toBeGreaterThan(70);
  });

  for (const language of ['hi', 'bn', 'gu'] as const) {
    it(`hold no English in ${language}, and what is put into them as it is`, () => {
      const english = said(ENGLISH_WORDS);
      for (const [place, text] of Object.entries(said(wordsIn(language)))) {
        expect(text, place).not.toMatch(/\[en\]|undefined|\{/);
        if (english[place] === '' || /^(?:[\d –]+mm|MIP|MinIP)$/.test(text)) continue;
        expect(text, place).toMatch(SCRIPTS[language]);
        // Units and figures are those of the English text.
        expect(text.match(/[A-Za-z]+/g) ?? [], place).toEqual(english[place]?.match(/\bmm\b|(?<=\u202f)s\b|(?<=3)D\b/g) ?? []);
        expect(text.match(/[\d.]+/g) ?? [], place).toEqual(english[place]?.match(/[\d.]+/g) ?? []);
      }
    });
  }
});
