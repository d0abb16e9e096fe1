/** A piece of HTML that needs no escaping any more. */
export interface Html {
  readonly html: string;
}

/** What can be put into HTML: texts are escaped, pieces of HTML are not, and `false` is nothing. */
export type Content = string | number | Html | undefined | false | readonly Content[];

/** A text as HTML shows it, also within an attribute's quotes. Characters that no text should have are made visible. */
export function escapeHtml(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;')
    .replace(CONTROLS, '\ufffd');
}

/** Control characters, and those that turn the direction of what follows: with these a name could rewrite its line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** HTML with every inserted text escaped. */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return { html: parts.map((part, i) => (i === 0 ? part : toHtml(contents[i - 1]) + part)).join('') };
}

function toHtml(content: Content): string {
  if (content === undefined || content === false) return '';
  if (typeof content === 'string') return escapeHtml(content);
  if (typeof content === 'number') return escapeHtml(String(content));
  if ('html' in content) return content.html;
  return content.map(toHtml).join('');
}

/** A column of a table. */
export interface Column {
  readonly label: string;
  readonly unit?: string;
  /** Figures stand to the right, under one another. */
  readonly figures?: boolean;
}

/** A text of up to so many characters is not broken over lines: a longer one may have to be, or it would leave the page. */
const TIGHT = 16;

const cellOf = (content: Content): Content =>
  typeof content === 'string' && content.length <= TIGHT ? html`<span class="tight">${content}</span>` : content;

/** A table with a head that is repeated on every page. */
export function table(columns: readonly Column[], rows: readonly (readonly Content[])[]): Html {
  const side = (column: Column | undefined): Html => html`${column?.figures ? { html: ' class="figures"' } : ''}`;
  const head = columns.map((c) => html`<th${side(c)}>${c.label}${c.unit && html` <span class="unit">${c.unit}</span>`}</th>`);
  const body = rows.map((row) => html`<tr>${row.map((cell, i) => html`<td${side(columns[i])}>${cellOf(cell)}</td>`)}</tr>\n`);
  return html`<table><thead><tr>${head}</tr></thead><tbody>\n${body}</tbody></table>\n`;
}

/** Names and values under one another; those without a value are left out. */
export function facts(list: readonly (readonly [name: string, value: Content])[]): Html {
  const shown = list.filter(([, value]) => value !== undefined && value !== false && value !== '');
  return html`<dl>${shown.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>\n`;
}
