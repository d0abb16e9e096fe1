import { describe, expect, it } from 'vitest';
import { catalogueFaults, TextLanguage } from '../../../text/index.js';
import { ALARM_RULES, type AlarmEvent, Monitor, watched, watchedTool } from '../../index.js';
import { ALARM_TEXT, ALARM_TRANSLATIONS, AlarmTexts } from './alarm-text.js';

const lost = () => {
  const state = watched([{ ...watchedTool('stylus {0}', 16), status: 'missing' }]);
  state.atMs = 0;
  return state;
};

describe('the texts of alarms', () => {
  it('are there for every rule in every language, with the name of what they are about', () => {
    expect(Object.keys(ALARM_TEXT.messages).sort()).toEqual(ALARM_RULES.map(({ id }) => id).sort());
    expect(ALARM_TRANSLATIONS.map(({ language }) => language)).toEqual(['hi', 'bn', 'gu']);
    for (const other of ALARM_TRANSLATIONS) expect(catalogueFaults(ALARM_TEXT, other)).toEqual([]);
  });

  it('are in English what the monitor says', () => {
    const monitor = new Monitor();
    monitor.tick(lost());
    const [alarm] = monitor.alarms;
    expect(alarm?.message).toMatch(/^"stylus \{0\}" is not seen\./);
    expect(alarm && new AlarmTexts(new TextLanguage()).say(alarm)).toBe(alarm?.message);
  });

  it('follow the language while an alarm stands', () => {
    const monitor = new Monitor();
    monitor.tick(lost());
    const alarm = monitor.alarms[0] as NonNullable<(typeof monitor.alarms)[0]>;
    const language = new TextLanguage('hi');
    const texts = new AlarmTexts(language);
    expect(texts.say(alarm)).toMatch(/^"stylus \{0\}" दिखाई नहीं/);
    language.choose('gu');
    expect(texts.say(alarm)).toMatch(/^"stylus \{0\}" દેખાતું નથી/);
    expect(texts.say({ ...alarm, rule: 'own-rule', message: 'Own words.' })).toBe('[en] Own words.');
    language.choose('fr');
    expect(texts.say(alarm)).toBe(`[en] ${alarm.message}`);
    language.choose('en');
    expect(texts.say({ ...alarm, rule: 'own-rule', message: 'Own words.' })).toBe('Own words.');
  });
});

describe('the values of an alarm', () => {
  it('are the figures that its rule saw, in the alarm and in what the log is told', () => {
    const monitor = new Monitor();
    const events: AlarmEvent[] = [];
    monitor.events.subscribe((event) => events.push(event));
    const state = watched([]);
    state.atMs = 0;
    monitor.tick(state);
    Object.assign(state.reference, { movedMm: 1.25, limitMm: 0.5, noiseMm: 0.1 });
    state.atMs = 10;
    monitor.tick(state);
    expect(monitor.alarms[0]).toMatchObject({ rule: 'reference-moved', values: { movedMm: 1.25, limitMm: 0.5 } });
    state.reference.movedMm = 0;
    for (state.atMs = 20; state.atMs < 700; state.atMs += 10) monitor.tick(state);
    state.reference.movedMm = 2;
    monitor.tick(state);
    expect(events.map(({ what, values }) => [what, values])).toEqual([
      ['raised', { movedMm: 1.25, limitMm: 0.5 }],
      ['passed', { movedMm: 1.25, limitMm: 0.5 }],
      ['again', { movedMm: 2, limitMm: 0.5 }],
    ]);
    const { alarms } = monitor.save();
    const again = new Monitor();
    again.restore({ alarms: alarms.map(({ values: _, ...before }) => before as (typeof alarms)[0]) });
    expect(again.alarms[0]?.values).toEqual({});
  });
});
