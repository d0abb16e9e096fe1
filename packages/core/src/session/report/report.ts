import { NavError } from '../../base/index.js';
import type { SessionState } from '../state.js';
import { type Content, type Html, html } from './html.js';
import type { ReportInput, ReportPicture } from './input.js';
import { acceptances, calibrations, events, identity, integrity, plan, records, registration } from './sections.js';
import { pageFooter, REPORT_STYLE } from './style.js';
import { REPORT_TEXT, type ReportText } from './text.js';

/**
 * A procedure as one HTML file: plan, registration and its accuracy, calibrations, pictures, records, events and alarms, who
 * accepted what, and the hash that the audit log ends in. It holds no script, loads nothing, and prints to A4. Every text is
 * escaped. Numbers that are not known are dashes.
 * @throws NavError `session/bad-value` for a picture that is no PNG or JPEG data URL, or where the state is not of this log
 */
export function reportHtml<F extends string>(input: ReportInput<F>): string {
  const text = input.text ?? REPORT_TEXT;
  const { state, audit } = input;
  requireSameLog(state, audit);
  const shownKinds = new Set((input.tables ?? []).map((t) => t.kind));
  const body: Content = [
    heading(input.made, text),
    identity(input, text),
    plan(state, text),
    registration(state, text),
    calibrations(state, text),
    pictures(input.pictures ?? [], text),
    records(
      input.tables ?? [],
      state.records.filter((r) => !shownKinds.has(r.kind)),
      text,
    ),
    events(state.events, text),
    acceptances(audit.entries, text),
    integrity(audit.head, text),
  ];
  const foot = pageFooter(`${text.session} ${state.id}`, text.page);
  const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";
  return html`<!doctype html>
<html lang="${text.language}"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light">
<title>${text.title} · ${state.id}</title><style>${{ html: REPORT_STYLE + foot }}</style></head><body>
${body}</body></html>
`.html;
}

function heading(made: Date, text: ReportText): Html {
  const when = `${made.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return html`<header><h1>${text.title}</h1><p>${text.made} ${when}<br>${text.notCleared}</p></header>\n`;
}

const PICTURE = /^data:image\/(?:png|jpeg);base64,[A-Za-z0-9+/]+={0,2}$/;

function pictures(list: readonly ReportPicture[], text: ReportText): Content {
  if (list.length === 0) return undefined;
  const shown = list.map(({ dataUrl, caption }) => {
    if (!PICTURE.test(dataUrl)) {
      throw new NavError('session/bad-value', `The picture "${caption}" is no PNG or JPEG data URL. A report loads nothing.`);
    }
    return html`<figure><img src="${dataUrl}" alt="${caption}"><figcaption>${caption}</figcaption></figure>\n`;
  });
  return html`<section><h2>${text.pictures}</h2><div class="pictures">${shown}</div></section>\n`;
}

function requireSameLog<F extends string>(state: SessionState<F>, { entries, head }: ReportInput<F>['audit']): void {
  const first = entries[0];
  const payload = first?.payload as { readonly id?: unknown } | null | undefined;
  const last = entries.at(-1);
  if (payload?.id === state.id && last?.sequence === head.count && first?.utc === state.begun.utc) return;
  throw new NavError('session/bad-value', 'State and audit log are not of the same session, or the log is not the whole one.');
}
