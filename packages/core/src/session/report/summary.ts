import { documentOf, heading, requireSameLog } from './document.js';
import { type Content, facts, html } from './html.js';
import type { ReportInput } from './input.js';
import { alarmsRaised } from './raised.js';
import { bound, identity, integrity, plan, records, section } from './sections.js';
import { REPORT_TEXT } from './text.js';

/**
 * The report on one page, for a meeting of several disciplines: who and which images, the plan, the error to expect at the target, the
 * application's tables, how many alarms there were, and the hash that leads back to the log. It holds no pictures and no residuals.
 * Whether it keeps to one page is for the application's tables to see to.
 * @throws NavError `session/bad-value` where the state is not of this log
 */
export function summaryHtml<F extends string>(input: ReportInput<F>): string {
  const text = input.text ?? REPORT_TEXT;
  const { state, audit, tables = [] } = input;
  requireSameLog(state, audit);
  const { registration } = state;
  const body: Content = [
    heading(text.summary, input.made, text),
    html`<p class="soft">${text.summaryNote}</p>\n`,
    identity(input, text),
    plan(state, text),
    section(
      text.registration,
      registration === undefined
        ? html`<p>${text.noRegistration}</p>`
        : bound(registration.accuracy.tre95Mm, state.plan?.plan.maxTre95Mm, text),
      registration?.accuracy.acknowledged === true && html`<p class="warning">${text.acknowledged}</p>`,
    ),
    records(tables, [], text),
    section(
      text.events,
      facts([
        [text.alarmsRaised, String(alarmsRaised(state.events))],
        [text.warningsNoted, String(state.events.filter((e) => e.level === 'warning' && !e.name.startsWith('alarm/')).length)],
        [text.recordsAccepted, String(state.records.length)],
      ]),
    ),
    integrity(audit.head, text),
  ];
  const foot = [`${text.session} ${state.id}`, text.page] as const;
  return documentOf({ language: text.language, title: text.summary, id: state.id, foot, body });
}
