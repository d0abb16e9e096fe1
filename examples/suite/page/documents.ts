import { type Alarm, AlarmTexts } from '@trocar/core/guidance';
import {
  type HandoutOptions,
  handoutHtml,
  REPORT_TEXTS,
  type ReportInput,
  type ReportTable,
  reportHtml,
  type SessionState,
  summaryHtml,
} from '@trocar/core/session';
import { ALARMS } from './case-keeper.js';
import { h, live } from './dom.js';
import type { Action } from './panel.js';
import { t } from './texts/index.js';
import { language, type PageLanguage } from './texts/language.js';

/** What can be made of a session for people: all of it, one page for a meeting, one for the patient. */
export type DocumentKind = 'report' | 'summary' | 'handout';

/**
 * Report, summary or handout as HTML, in the language of the moment; the days in a handout are those where the browser is.
 * @param done what the patient's page says of what was done, whole sentences in that language
 * @param facts what the patient's page takes from elsewhere than a plan
 * @throws NavError `session/bad-value` where the state is not of this log
 */
export function documentHtml<F extends string>(
  kind: DocumentKind,
  input: ReportInput<F>,
  done: readonly string[],
  facts: Pick<HandoutOptions, 'planned' | 'limitMm'> = {},
): string {
  const tag = language.locale.language as PageLanguage;
  const said = { ...input, text: REPORT_TEXTS[tag] };
  if (kind === 'report') return reportHtml({ ...said, tables: [...(input.tables ?? []), standingAlarms(input.state)] });
  if (kind === 'summary') return summaryHtml(said);
  return handoutHtml(said, { ...facts, language: tag, done, timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone });
}

/** The alarms that stood when the session was last kept, in words. */
function standingAlarms<F extends string>({ records }: SessionState<F>): ReportTable {
  const texts = new AlarmTexts(language);
  const kept = records.find(({ kind }) => kind === ALARMS)?.value as { readonly alarms?: readonly Alarm[] } | undefined;
  const rows = (kept?.alarms ?? []).map((alarm) => [
    texts.say(alarm),
    alarm.phase === 'latched' ? t('passed, to be reset') : t('stands'),
    alarm.acknowledged === undefined ? t('not acknowledged') : t('acknowledged by {by}', { by: alarm.acknowledged.by }),
  ]);
  const columns = [{ label: '' }, { label: '' }, { label: '' }];
  return { title: t('Alarms'), kind: ALARMS, columns, rows: rows.length === 0 ? [[t('No alarms'), '', '']] : rows };
}

/** What each is called above its link. */
const NAMED: Readonly<Record<DocumentKind, () => string>> = {
  report: () => t('The report of this procedure'),
  summary: () => t('Summary for the meeting'),
  handout: () => t('Page for the patient'),
};

/** The buttons that ask for them, the report first. */
export function documentActions(write: (kind: DocumentKind) => void): Action[] {
  return [
    { id: 'report', label: t('Report'), primary: true, run: () => write('report') },
    { id: 'summary', label: t('Summary for the meeting'), run: () => write('summary') },
    { id: 'handout', label: t('Page for the patient'), run: () => write('handout') },
  ];
}

/**
 * Hands a document over as a file. @param application one word, the file's name
 * @returns for the panel: what it is, and the link to it, for a browser that asks first or refuses
 */
export function handOver(html: string, kind: DocumentKind, application: string): HTMLElement[] {
  const url = URL.createObjectURL(new Blob([html], { type: 'text/html' }));
  const name = kind === 'report' ? `${application}.html` : `${application}-${kind}.html`;
  const link = h('a', { href: url, download: name }, name);
  link.click();
  const heading = h('p', { class: 'lead' }, live(NAMED[kind]));
  return [heading, h('p', { id: 'report' }, link)];
}
