import { describe, expect, it } from 'vitest';
import { formatBound } from '../../guidance/index.js';
import { Random } from '../../math/index.js';
import { catalogueFaults } from '../../text/index.js';
import {
  beginSession,
  handoutHtml,
  REPORT_TEXTS,
  type ReportInput,
  type ReportLanguage,
  reportHtml,
  summaryHtml,
} from '../index.js';
import { CT, parts, REFERENCE, wildAccuracy, wildEdge, wildPlan } from '../test-support/procedure.js';
import { HANDOUT_TEXT, HANDOUT_TRANSLATIONS } from './handout-text.js';

const LANGUAGES = Object.keys(REPORT_TEXTS) as readonly ReportLanguage[];
/** A letter of each script. */
const SCRIPT = { en: /\p{Script=Latin}/u, hi: /\p{Script=Devanagari}/u, bn: /\p{Script=Bengali}/u, gu: /\p{Script=Gujarati}/u };

interface Case {
  readonly tre95Mm: number;
  readonly limitMm?: number;
  readonly name?: string;
}

async function procedure({ tre95Mm, limitMm, name = 'Doe^Jo' }: Case): Promise<ReportInput<'ct'>> {
  const random = new Random(7);
  const session = await beginSession({ ...parts(), by: '7', software: '8', id: '9' });
  await session.acceptPlan({ ...wildPlan(random), maxTre95Mm: limitMm }, '7');
  const accuracy = { ...wildAccuracy(random), findings: [], residuals: [], tre95Mm };
  await session.acceptRegistration(wildEdge(CT, REFERENCE, random), accuracy, '7');
  for (const what of ['raised', 'acknowledged', 'passed', 'again', 'reset']) {
    await session.note('alarm', `alarm/${what}`, 'reference-moved', '7', { rule: 'reference-moved', subject: '' });
  }
  return { state: session.state, audit: await session.audit(), made: new Date(0), patient: { name }, images: { modality: 'CT' } };
}

const visible = (document: string): string =>
  document
    .replace(/<style>.*?<\/style>|<title>.*?<\/title>/gs, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');

/** Words of Latin letters that are no names, units or abbreviations. */
const latin = (document: string): string[] => [
  ...new Set(
    visible(document)
      .replace(/\b[0-9a-f]{8}\b/g, ' ')
      .match(/\p{Script=Latin}{4,}/gu) ?? [],
  ),
];

describe('reports, summaries and handouts', () => {
  it('are there in every language, and say so where nobody has released the words', async () => {
    const input = await procedure({ tre95Mm: 1.2, limitMm: 2 });
    for (const language of LANGUAGES) {
      const text = REPORT_TEXTS[language];
      const documents = [
        reportHtml({ ...input, text }),
        summaryHtml({ ...input, text }),
        handoutHtml(input, { language, timeZone: 'Asia/Kolkata' }),
      ];
      for (const document of documents) {
        expect(document).toContain(`<html lang="${language}">`);
        expect(visible(document)).toMatch(SCRIPT[language]);
        expect(document.includes('class="unreviewed"')).toBe(language !== 'en');
        expect(document).not.toMatch(/https?:|url\(|<script|\{who\}|\[en\]/);
      }
      if (language === 'en') continue;
      const [report, summary, handout] = documents as [string, string, string];
      // What is left are names of the session, of methods and of frames.
      const names = new Set([...latin(reportHtml({ ...input, text: REPORT_TEXTS.hi }))]);
      expect([...names].sort()).toEqual(['paired', 'points', 'reference']);
      expect(latin(report).filter((word) => !names.has(word))).toEqual([]);
      expect(latin(summary).filter((word) => !names.has(word))).toEqual([]);
      expect(latin(handout)).toEqual([]);
    }
  });

  it('say an alarm in the language of the report, from what the log keeps of it', async () => {
    const input = await procedure({ tre95Mm: 1.2 });
    expect(visible(reportHtml(input))).toContain('The reference has moved against the patient. Stop;');
    expect(visible(reportHtml({ ...input, text: REPORT_TEXTS.gu }))).toContain('રેફરન્સ દર્દીની સાપેક્ષે ખસી ગયું છે');
  });

  it('have feet that keep the letters of their language', async () => {
    const input = await procedure({ tre95Mm: 1.2 });
    for (const language of LANGUAGES)
      expect(reportHtml({ ...input, text: REPORT_TEXTS[language] })).toContain(`content: "${REPORT_TEXTS[language].page}" " "`);
  });

  it('keep who accepted, wherever a language puts it', () => {
    for (const language of LANGUAGES) expect(REPORT_TEXTS[language].acceptedBy).toContain('{who}');
    for (const other of HANDOUT_TRANSLATIONS) expect(catalogueFaults(HANDOUT_TEXT, other)).toEqual([]);
  });
});

describe('a handout', () => {
  const said = async (given: Case, language: ReportLanguage = 'en'): Promise<string> =>
    visible(handoutHtml(await procedure(given), { language })).replaceAll('\u202f', ' ');

  it('says how exact it was, whether that was within the limit, and where that is not known', async () => {
    const within = await said({ tre95Mm: 1.23, limitMm: 2 });
    expect(within).toContain(`may have been off: ${formatBound(1.23).replaceAll('\u202f', ' ')}`);
    expect(within).toContain('limit of 2.0 mm for this. It was kept.');
    expect(await said({ tre95Mm: 2.01, limitMm: 2 })).toContain('It was not kept');
    expect(await said({ tre95Mm: 1.23 })).toContain('No limit for this was set beforehand.');
    const elsewhere = { planned: false, limitMm: 4 };
    const biopsy = visible(handoutHtml(await procedure({ tre95Mm: 1.23 }), elsewhere)).replaceAll('\u202f', ' ');
    expect(biopsy).toContain('limit of 4.0 mm for this. It was kept.');
    expect(visible(handoutHtml(await procedure({ tre95Mm: 4.01 }), elsewhere))).toContain('It was not kept');
    const input = await procedure({ tre95Mm: 1.23 });
    const unplanned = { ...input, state: { ...input.state, plan: undefined } };
    expect(visible(handoutHtml(unplanned))).toContain('No plan was accepted');
    expect(visible(handoutHtml(unplanned, elsewhere))).not.toContain('No plan');
    const unknown = await said({ tre95Mm: Number.NaN, limitMm: 2 });
    expect(unknown).toContain('is not known. Beforehand a limit of 2.0 mm was set for this. Whether it was kept is not known.');
    expect(unknown).not.toMatch(/NaN|It was kept/);
  });

  it('counts alarms that were raised, not what was done about them', async () => {
    expect(await said({ tre95Mm: 1 })).toContain('The computer raised an alarm 2 times.');
    expect(await said({ tre95Mm: 1 }, 'hi')).toContain('कंप्यूटर ने 2 बार अलार्म दिया।');
  });

  it('tells the day where the patient is', async () => {
    const input = await procedure({ tre95Mm: 1 });
    const late = { ...input, state: { ...input.state, begun: { ...input.state.begun, utc: '2026-11-27T20:00:00.000Z' } } };
    const audit = {
      ...input.audit,
      entries: input.audit.entries.map((e, i) => (i === 0 ? { ...e, utc: late.state.begun.utc } : e)),
    };
    expect(visible(handoutHtml({ ...late, audit }))).toContain('on 27 November 2026');
    expect(visible(handoutHtml({ ...late, audit }, { timeZone: 'Asia/Kolkata', language: 'bn' }))).toContain('28 নভেম্বর, 2026');
  });

  it('shows no text as anything but text, and is refused of another log', async () => {
    const input = await procedure({ tre95Mm: 1, name: '<b>{day}</b>' });
    const document = handoutHtml(input, { done: ['<i>12</i>'] });
    expect(document).toContain('&lt;b&gt;{day}&lt;/b&gt;');
    expect(document).toContain('&lt;i&gt;12&lt;/i&gt;');
    const other = { ...input, audit: { ...input.audit, entries: input.audit.entries.slice(0, -1) } };
    for (const make of [handoutHtml, summaryHtml])
      expect(() => make(other)).toThrow(expect.objectContaining({ code: 'session/bad-value' }));
  });
});
