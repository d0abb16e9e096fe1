import { formatBound, formatMm, UNKNOWN } from '../../guidance/index.js';
import { TextLanguage, Texts } from '../../text/index.js';
import type { SessionState } from '../state.js';
import { documentOf, requireSameLog } from './document.js';
import { HANDOUT_TEXT, HANDOUT_TRANSLATIONS, type HandoutMessages } from './handout-text.js';
import { type Content, type Html, html } from './html.js';
import type { ReportInput } from './input.js';
import { alarmsRaised } from './raised.js';
import type { ReportLanguage } from './texts.js';

/** What a handout is made of, beside what its report is. */
export interface HandoutOptions {
  /** Default English. */
  readonly language?: ReportLanguage;
  /** What else was done, in plain sentences of that language: "Twelve samples were taken." The application knows; a session does not. */
  readonly done?: readonly string[];
  /** Where the patient is: decides which day it was. An IANA name, as `Asia/Kolkata`. Default `UTC`. */
  readonly timeZone?: string;
  /** False for a procedure that plans no way of a tool, as a biopsy guided by eye: then nothing is said of a plan. Default true. */
  readonly planned?: boolean;
  /** The largest bound at the target that was allowed, 95 %, mm, for a procedure that has it elsewhere than in a plan. */
  readonly limitMm?: number;
}

type Say = Texts<HandoutMessages>['say'];

/**
 * A page for the patient, from the facts of the report: in plain words what was done, how exact it was and what that number means, and
 * what the page does not say. It holds no diagnosis. A number that is not known is said to be not known.
 * @throws NavError `session/bad-value` where the state is not of this log
 */
export function handoutHtml<F extends string>(input: ReportInput<F>, options: HandoutOptions = {}): string {
  const { state, audit } = input;
  requireSameLog(state, audit);
  const language = new TextLanguage(options.language ?? 'en');
  const texts = new Texts(HANDOUT_TEXT, HANDOUT_TRANSLATIONS, language);
  const say: Say = (key, ...values) => texts.say(key, ...values);
  const day = language.locale.day(new Date(state.begun.utc), options.timeZone ?? 'UTC');
  const name = input.patient?.name?.replaceAll('^', ' ').trim() || UNKNOWN;
  const body: Content = [
    html`<header><h1>${say('title')}</h1><p>${say('for', { name })}<br>${say('notCleared')}</p></header>\n`,
    !texts.reviewed && html`<p class="unreviewed">${say('notReviewed')}</p>\n`,
    html`<p>${say('intro', { day })}</p>\n`,
    part(say('doneTitle'), [...doneIn(state, input.images?.modality, options.planned ?? true, say), ...(options.done ?? [])]),
    part(say('exactTitle'), exactness(state, options.limitMm, say)),
    part(say('alarmsTitle'), [
      say('alarms', { n: alarmsRaised(state.events) }),
      say('alarmMeans'),
      ...(state.restores.length > 0 ? [say('restored', { n: state.restores.length })] : []),
    ]),
    part(say('notTitle'), [say('notDiagnosis'), say('notSuccess'), say('notCare')]),
    part(say('askTitle'), [say('ask')]),
  ];
  const foot = [say('record', { id: state.id }), say('page')] as const;
  return documentOf({ language: language.locale.language, title: say('title'), id: state.id, foot, body });
}

const part = (title: string, sentences: readonly string[]): Html =>
  html`<section><h2>${title}</h2>\n${sentences.map((s) => html`<p>${s}</p>\n`)}</section>\n`;

function doneIn<F extends string>(
  { plan, registration }: SessionState<F>,
  modality: string | undefined,
  planned: boolean,
  say: Say,
): string[] {
  const way = plan === undefined ? say('noPlan') : say('planned', { length: formatMm(plan.plan.lengthMm, 0) });
  return [
    modality === undefined ? say('guidedUnknown') : say('guided', { modality }),
    ...(planned || plan !== undefined ? [way] : []),
    registration === undefined ? say('notMatched') : say('matched'),
  ];
}

function exactness<F extends string>({ plan, registration }: SessionState<F>, otherMm: number | undefined, say: Say): string[] {
  if (registration === undefined) return [say('unknownBound')];
  const { tre95Mm } = registration.accuracy;
  const limitMm = plan?.plan.maxTre95Mm ?? otherMm;
  const known = Number.isFinite(tre95Mm);
  const limit = limitMm === undefined ? UNKNOWN : formatMm(limitMm);
  return [
    ...(known ? [say('bound', { bound: formatBound(tre95Mm) }), say('compare')] : [say('unknownBound')]),
    limitMm === undefined
      ? say('noLimit')
      : !known
        ? say('limitUnknown', { limit })
        : say(tre95Mm <= limitMm ? 'withinLimit' : 'beyondLimit', { limit }),
  ];
}
