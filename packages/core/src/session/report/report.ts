import { NavError } from '../../base/index.js';
import { documentOf, heading, requireSameLog } from './document.js';
import { type Content, html } from './html.js';
import type { ReportInput, ReportPicture } from './input.js';
import { acceptances, calibrations, events, identity, integrity, plan, records, registration } from './sections.js';
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
    heading(text.title, input.made, text),
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
  return documentOf({
    language: text.language,
    title: text.title,
    id: state.id,
    foot: [`${text.session} ${state.id}`, text.page],
    body,
  });
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
