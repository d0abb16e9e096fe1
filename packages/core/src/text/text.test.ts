import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  type Catalogue,
  catalogueFaults,
  chooseLanguage,
  isMarkedEnglish,
  markEnglish,
  requireCatalogue,
  sourceCatalogue,
  TextLanguage,
  Texts,
  textLocale,
  type ValuesOf,
} from './index.js';
import { readMessage, writeMessage } from './message.js';

const EN = sourceCatalogue([
  'Find entries',
  'Accept {tool}',
  '{n, plural, =0 {no core} one {# core} other {# cores}} of {whole}',
  '{side, select, left {left side} other {right side}}',
]);
type Key = keyof typeof EN.messages;

const HI: Catalogue<Key> = {
  language: 'hi',
  name: 'हिन्दी',
  reviewed: false,
  messages: {
    'Find entries': 'प्रवेश खोजें',
    'Accept {tool}': '{tool} स्वीकारें',
    '{n, plural, =0 {no core} one {# core} other {# cores}} of {whole}':
      '{whole} में से {n, plural, =0 {कोई कोर नहीं} one {# कोर} other {# कोर}}',
    '{side, select, left {left side} other {right side}}': '{side, select, left {बायीं ओर} other {दायीं ओर}}',
  },
};

describe('a message', () => {
  const rules = textLocale('en');
  const said = (pattern: string, values: Record<string, string | number> = {}): string =>
    writeMessage(readMessage(pattern), values, rules);

  it('is filled with values, plurals and choices', () => {
    const pattern = '{n, plural, =0 {nothing} one {# core, {who}} other {# cores, {side, select, left {L#} other {R#}}}}.';
    expect(said(pattern, { n: 0, who: 'a', side: 'left' })).toBe('nothing.');
    expect(said(pattern, { n: 1, who: 'a', side: 'left' })).toBe('1 core, a.');
    expect(said(pattern, { n: 12000, who: 'a', side: 'left' })).toBe('12000 cores, L12000.');
    expect(said(pattern, { n: 2, who: 'a', side: 'right' })).toBe('2 cores, R2.');
    expect([...readMessage(pattern).names].sort()).toEqual(['n', 'side', 'who']);
  });

  it('takes values as they are, whatever they hold', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(said('<{a}|{a}>', { a: value })).toBe(`<${value}|${value}>`);
      }),
    );
  });

  it('without a brace is itself, and with one too few or too many is refused', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (!/[{}]/.test(text)) expect(said(text)).toBe(text);
      }),
    );
    for (const bad of [
      '{',
      '}',
      'a {b',
      'a b}',
      '{}',
      '{ }',
      '{a b}',
      '{1}',
      '{n, plural}',
      '{n, plural,}',
      '{n, plural, one {#}}',
    ])
      expect(() => readMessage(bad), bad).toThrow(expect.objectContaining({ code: 'text/bad-message' }));
    for (const bad of [
      '{n, plural, other {#}',
      '{n, plural, other {#} other {#}}',
      '{n, date, other {#}}',
      '{n, plural, other #}',
    ])
      expect(() => readMessage(bad), bad).toThrow(expect.objectContaining({ code: 'text/bad-message' }));
  });

  it('never hangs or throws anything else on torn patterns', () => {
    const piece = fc.constantFrom('{', '}', ',', '#', ' ', 'n', 'plural', 'select', 'one', 'other', '=1', 'x');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
        try {
          readMessage(pieces.join(''));
        } catch (error) {
          expect(error).toMatchObject({ code: 'text/bad-message' });
        }
      }),
    );
  });

  it('is not said with a hole', () => {
    expect(() => said('{a}')).toThrow(expect.objectContaining({ code: 'text/missing-value' }));
    expect(() => said('{toString}')).toThrow(expect.objectContaining({ code: 'text/missing-value' }));
    expect(() => said('{n, plural, other {#}}', { n: Number.NaN })).toThrow(
      expect.objectContaining({ code: 'text/missing-value' }),
    );
    expect(said('{n}', { n: Number.NaN })).toBe('–');
  });
});

describe('a locale', () => {
  it('writes Latin digits, a point and no mark between thousands in every language', () => {
    for (const language of ['en', 'hi', 'bn', 'gu', 'bn-BD', 'hi-IN']) {
      const locale = textLocale(language);
      expect(locale.decimal(1234567.891, 1)).toBe('1234567.9');
      expect(locale.decimal(-0.04, 1)).toBe('0.0');
      expect(locale.decimal(-8.25, 2)).toBe('−8.25');
      expect(locale.decimal(Number.NaN, 1)).toBe('–');
      expect(locale.number(12)).toBe('12');
      expect(locale.day(new Date(Date.UTC(2026, 10, 27)), 'UTC')).toMatch(/27.*2026/);
      expect(locale.moment(new Date(Date.UTC(2026, 10, 27, 18, 5)), 'UTC')).toMatch(/27.*2026.*18:05.* UTC/);
    }
  });

  it('writes native digits where they are asked for', () => {
    expect(textLocale('hi', 'native').decimal(12.5, 1)).toBe('१२.५');
    expect(textLocale('bn', 'native').decimal(12.5, 1)).toBe('১২.৫');
    expect(textLocale('gu', 'native').number(1205)).toBe('૧૨૦૫');
    expect(textLocale('en', 'native').number(1205)).toBe('1205');
  });

  it('says a day with its month in words, and in the zone that is named', () => {
    const late = new Date(Date.UTC(2026, 10, 27, 20));
    expect(textLocale('en').day(late, 'UTC')).toBe('27 November 2026');
    expect(textLocale('en').day(late, 'Asia/Kolkata')).toBe('28 November 2026');
    expect(textLocale('hi').day(late, 'UTC')).toBe('27 नवंबर 2026');
    expect(textLocale('en').day(new Date(Number.NaN), 'UTC')).toBe('–');
  });

  it('is refused for no tag, and for a language that is written the other way', () => {
    for (const bad of ['', 'x_y', 'ur', 'ar-EG', '<b>'])
      expect(() => textLocale(bad), bad).toThrow(expect.objectContaining({ code: 'text/bad-language' }));
  });

  it('is chosen by what is asked for, and never by half a name', () => {
    const have = ['en', 'hi', 'bn', 'gu'] as const;
    expect(chooseLanguage(['hi-IN'], [...have])).toBe('hi');
    expect(chooseLanguage([undefined, null, 'BN'], [...have])).toBe('bn');
    expect(chooseLanguage(['hindi', 'g', '', 'gu-Latn'], [...have])).toBe('gu');
    expect(chooseLanguage(['fr', '../hi'], [...have])).toBe('en');
  });
});

describe('texts', () => {
  it('are said in the language of the moment', () => {
    const language = new TextLanguage();
    const texts = new Texts(EN, [HI], language);
    const heard: string[] = [];
    const end = language.onChange((now) => heard.push(now));
    expect(texts.say('Accept {tool}', { tool: 'stylus' })).toBe('Accept stylus');
    language.choose('hi');
    expect(texts.say('Accept {tool}', { tool: 'stylus' })).toBe('stylus स्वीकारें');
    const cores = '{n, plural, =0 {no core} one {# core} other {# cores}} of {whole}';
    expect(texts.say(cores, { n: 3, whole: 12 })).toBe('12 में से 3 कोर');
    expect(texts.reviewed).toBe(false);
    expect(() => language.choose('ur')).toThrow(expect.objectContaining({ code: 'text/bad-language' }));
    expect(language.locale.language).toBe('hi');
    end();
    language.choose('en');
    expect(heard).toEqual(['hi']);
    expect(texts.reviewed).toBe(true);
  });

  it('are marked where they are English for want of a translation', () => {
    const torn = { ...HI, messages: { ...HI.messages, 'Find entries': '', 'Accept {tool}': '{what} स्वीकारें' } };
    const texts = new Texts(EN, [torn], new TextLanguage('hi'));
    expect(texts.say('Find entries')).toBe('[en] Find entries');
    expect(texts.say('Accept {tool}', { tool: 'stylus' })).toBe('[en] Accept stylus');
    expect(texts.tell('Find entries', {})).toEqual({ text: 'Find entries', language: 'en', untranslated: true });
    expect(texts.tell('{side, select, left {left side} other {right side}}', { side: 'left' }).untranslated).toBe(false);
    expect(isMarkedEnglish(texts.say('Find entries'))).toBe(true);
    expect(markEnglish(markEnglish('a', 'hi'), 'hi')).toBe('[en] a');
    expect(markEnglish('a', 'en')).toBe('a');
    expect(new Texts(EN, [HI], new TextLanguage('gu')).say('Find entries')).toBe('[en] Find entries');
  });

  it('do not compile without their values, with others, or for a message that there is not', () => {
    expectTypeOf<ValuesOf<'Find'>>().toEqualTypeOf<readonly []>();
    expectTypeOf<ValuesOf<'{a} of {b}'>>().toEqualTypeOf<
      readonly [values: { readonly a: string | number; readonly b: string | number }]
    >();
    const texts = new Texts(EN, [], new TextLanguage());
    // @ts-expect-error no value
    expect(() => texts.say('Accept {tool}')).toThrow(expect.objectContaining({ code: 'text/missing-value' }));
    // @ts-expect-error another value
    expect(() => texts.say('Accept {tool}', { tol: 'x' })).toThrow(expect.objectContaining({ code: 'text/missing-value' }));
    // @ts-expect-error no such message
    expect(() => texts.say('Find exits')).toThrow(expect.objectContaining({ code: 'text/bad-message' }));
    // @ts-expect-error a catalogue that lacks messages
    const lacking: Catalogue<Key>['messages'] = { 'Find entries': 'x' };
    expect(Object.keys(lacking)).toHaveLength(1);
  });
});

describe('a catalogue', () => {
  const faults = (messages: Record<string, string>): string[] =>
    catalogueFaults(EN, { ...HI, messages: { ...HI.messages, ...messages } }).map(
      ({ kind, key }) => `${kind} ${key.slice(0, 6)}`,
    );

  it('is held against English', () => {
    expect(catalogueFaults(EN, HI)).toEqual([]);
    expect(faults({ 'Find entries': ' ' })).toEqual(['missing Find e']);
    expect(faults({ 'Find entries': 'Find entries' })).toEqual(['untranslated Find e']);
    expect(faults({ 'Find exits': 'x' })).toEqual(['extra Find e']);
    expect(faults({ 'Accept {tool}': 'स्वीकारें' })).toEqual(['placeholder Accept']);
    expect(faults({ 'Accept {tool}': '{tool} {side}' })).toEqual(['placeholder Accept']);
    expect(faults({ 'Accept {tool}': '{tool' })).toEqual(['unreadable Accept']);
    expect(faults({ '{side, select, left {left side} other {right side}}': '{side, select, lef {x} other {y}}' })).toEqual([
      'form {side,',
    ]);
    expect(faults({ [Object.keys(EN.messages)[2] as string]: '{whole} {n, plural, other {#}}' })).toEqual(['form {n, pl']);
    expect(() => requireCatalogue(EN, { ...HI, messages: {} as never })).toThrow(
      expect.objectContaining({ code: 'text/bad-catalogue', message: expect.stringContaining('(and 3 more)') }),
    );
    expect(() => requireCatalogue(EN, HI)).not.toThrow();
  });
});
