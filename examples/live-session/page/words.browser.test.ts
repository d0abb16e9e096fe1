import type { LiveAlarm } from '@trocar/core/session';
import { afterEach, describe, expect, it } from 'vitest';
import { LANGUAGES, language, type PageLanguage } from '../../suite/page/texts/language.js';
import { AlarmRows } from './alarms.js';
import { buildObserverShell } from './shell.js';
import { figuresText, guidanceText, inReadingOrder, readingBound, readingFigure, readingName, standingText } from './words.js';

const MOVED: LiveAlarm = {
  rule: 'reference-moved',
  subject: '',
  priority: 'high',
  phase: 'active',
  message: 'The reference has moved.',
  values: { limitMm: 1.5, movedMm: 3.21 },
  raisedAtMs: 0,
  passedAtMs: undefined,
  acknowledgedAtMs: undefined,
};
const OTHERS = Object.keys(LANGUAGES).filter((tag) => tag !== 'en') as PageLanguage[];
/** Latin letters that stand in every language. */
const SYMBOLS = /\b(?:mm|ms|s|Trocar)\b/g;
const english = (text: string): string =>
  text
    .replace(SYMBOLS, '')
    .replace(/[^a-z]+/gi, ' ')
    .trim();

afterEach(() => {
  language.choose('en');
  document.body.replaceChildren();
});

describe('an alarm of the operator', () => {
  const section = (): HTMLElement => document.body.appendChild(document.createElement('section'));

  it.each(OTHERS)('is read in %s, with what its rule saw, whatever language the operator works in', (tag) => {
    const at = section();
    const rows = new AlarmRows(at);
    rows.show([MOVED], true);
    expect(at.querySelector('.message')?.textContent).toMatch(/^The reference has moved against the patient/);
    expect(at.querySelector('.who')?.textContent).toContain('limit 1.5\u202fmm · moved 3.2\u202fmm');
    language.choose(tag);
    rows.show([MOVED], true);
    const said = at.textContent ?? '';
    expect(english(said)).toBe('');
    expect(said).toContain('3.2\u202fmm');
    expect(at.querySelectorAll('[data-untranslated]')).toHaveLength(0);
  });

  it('of a rule that is not known here keeps its words, marked as English, and shows its figures', () => {
    const at = section();
    const rows = new AlarmRows(at);
    language.choose('hi');
    rows.show([{ ...MOVED, rule: 'another', message: 'Something else.', values: { depthMm: Number.NaN } }], true);
    expect(at.querySelector('.message')?.textContent).toBe('[en] Something else.');
    expect(at.querySelector('[data-untranslated]')).not.toBeNull();
    expect(at.querySelector('.who')?.textContent).toContain('[en] depthMm –');
  });

  it('is there or not, and where nothing is known neither is said', () => {
    const at = section();
    const rows = new AlarmRows(at);
    rows.show([], false);
    expect(at.textContent).toBe('Nothing known');
    rows.show([], true);
    expect(at.textContent).toBe('No alarms');
    rows.show([MOVED, { ...MOVED, rule: 'pose-lost', subject: 'needle', priority: 'medium' }], true);
    expect([...at.children].map((one) => (one as HTMLElement).dataset['rule'])).toEqual(['reference-moved', 'pose-lost']);
    expect(at.querySelectorAll('button')).toHaveLength(0);
  });
});

describe('the page of who looks on', () => {
  it('says everything in the language that is chosen, without being built anew', () => {
    const app = document.body.appendChild(document.createElement('main'));
    buildObserverShell(app);
    const inEnglish = app.textContent ?? '';
    expect(inEnglish).toContain('Propose the point under the crosshair');
    for (const tag of OTHERS) {
      language.choose(tag);
      // The names of the languages themselves stand as they are.
      const said = (app.textContent ?? '').replace(Object.values(LANGUAGES).join(''), '');
      expect(english(said), tag).toBe('');
      for (const named of app.querySelectorAll('[aria-label]'))
        expect(english(named.getAttribute('aria-label') ?? ''), tag).toBe('');
    }
  });

  it('says of what is old that it is not live, and shows what is not known as such', () => {
    const asOf = new Date(0);
    expect(standingText({ standing: 'stale', asOf, ageMs: 1234, ageBoundMs: 50 })).toMatch(
      /^Not live · as of \d\d:00:00, 1.2\u202fs old$/,
    );
    expect(standingText({ standing: 'unknown', asOf: undefined, ageMs: Number.NaN, ageBoundMs: Number.NaN })).toBe(
      'Nothing known',
    );
    const reading = { name: 'distance', unit: 'mm', value: Number.NaN, bound95: Number.NaN } as const;
    expect([readingName(reading), readingFigure(reading), readingBound(reading)]).toEqual(['Distance to target', '–', 'error –']);
    expect(readingBound({ name: 'angle', unit: 'deg', value: 1, bound95: 0.81 })).toBe('error ≤\u202f0.9°');
    expect(inReadingOrder([{ ...reading, name: 'x' }, { ...reading, name: 'angle' }, reading]).map((one) => one.name)).toEqual([
      'distance',
      'angle',
      'x',
    ]);
    expect(guidanceText({ state: 'notLive', blocked: false })).toBe('Guidance: not live');
    expect(figuresText({})).toBe('');
  });
});
