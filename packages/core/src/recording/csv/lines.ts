import { NavError } from '../../base/index.js';

/** One line of a CSV file: its cells, and its number from 1. */
export interface CsvLine {
  readonly cells: readonly string[];
  readonly line: number;
}

/** A cell as it is written: in quotes where it must be (RFC 4180). */
export function csvCell(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * The lines of a CSV file as RFC 4180 has it, with LF or CRLF. Empty lines at the end are none.
 * @throws NavError `csv/bad-row` for quotes that do not close or stand inside a cell
 */
export function* csvLines(text: string, name: string): Generator<CsvLine> {
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    const cells: string[] = [];
    const from = line;
    for (let more = true; more; ) {
      let cell: string;
      if (text[at] === '"') {
        const end = closingQuote(text, at + 1);
        if (end < 0) throw badRow(name, from, 'a quote is not closed');
        cell = text.slice(at + 1, end).replaceAll('""', '"');
        for (let i = text.indexOf('\n', at); i >= 0 && i < end; i = text.indexOf('\n', i + 1)) line += 1;
        at = end + 1;
        if (at < text.length && !',\r\n'.includes(text[at] as string))
          throw badRow(name, from, 'something follows a closing quote');
      } else {
        const end = endOfCell(text, at);
        cell = text.slice(at, end).trim();
        at = end;
      }
      cells.push(cell);
      more = text[at] === ',';
      if (more) at += 1;
    }
    if (text[at] === '\r') at += 1;
    if (text[at] === '\n') at += 1;
    line += 1;
    const blank = cells.length === 1 && cells[0] === '';
    if (!blank) yield { cells, line: from };
    else if (text.slice(at).trim() !== '') throw badRow(name, from, 'the line is empty');
  }
}

function closingQuote(text: string, from: number): number {
  let at = text.indexOf('"', from);
  while (at >= 0 && text[at + 1] === '"') at = text.indexOf('"', at + 2);
  return at;
}

function endOfCell(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== ',' && text[at] !== '\n' && text[at] !== '\r') at += 1;
  return at;
}

/** A refusal that says where. */
export function badRow(name: string, line: number, what: string): NavError {
  return new NavError('csv/bad-row', `${name}, line ${line}: ${what}.`, { detail: { line } });
}
