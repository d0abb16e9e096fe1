import { NavError } from '../../base/index.js';
import type { SessionState } from '../state.js';
import { type Content, type Html, html } from './html.js';
import type { ReportInput } from './input.js';
import { pageFooter, REPORT_STYLE } from './style.js';
import type { ReportText } from './text.js';

/** What a printed document is made of. */
interface Printed {
  readonly language: string;
  readonly title: string;
  /** Of the session. */
  readonly id: string;
  /** What stands at the foot of every page: at the left, and before the page's number. */
  readonly foot: readonly [left: string, page: string];
  readonly body: Content;
}

/** One HTML file that holds no script, loads nothing, and prints to A4. */
export function documentOf({ language, title, id, foot, body }: Printed): string {
  const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";
  return html`<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light">
<title>${title} · ${id}</title><style>${{ html: REPORT_STYLE + pageFooter(...foot) }}</style></head><body>
${body}</body></html>
`.html;
}

/** Title, when it was made, and what it was made by; that nobody has released its words, where nobody has. */
export function heading(title: string, made: Date, text: ReportText): Html {
  const when = `${made.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const notReviewed = text.notReviewed !== '' && html`<p class="unreviewed">${text.notReviewed}</p>\n`;
  return html`<header><h1>${title}</h1><p>${text.made} ${when}<br>${text.notCleared}</p></header>\n${notReviewed}`;
}

/** @throws NavError `session/bad-value` where a state is not of a log, or the log is not whole */
export function requireSameLog<F extends string>(state: SessionState<F>, { entries, head }: ReportInput<F>['audit']): void {
  const first = entries[0];
  const payload = first?.payload as { readonly id?: unknown } | null | undefined;
  const last = entries.at(-1);
  if (payload?.id === state.id && last?.sequence === head.count && first?.utc === state.begun.utc) return;
  throw new NavError('session/bad-value', 'State and audit log are not of the same session, or the log is not the whole one.');
}
