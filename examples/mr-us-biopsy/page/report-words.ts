import type { ReportTable } from '@trocar/core/session';
import { type BiopsyText, EN } from './texts/en.js';

/** Says a message of the catalogue. */
type Tell = (key: BiopsyText, values: Readonly<Record<string, string>>) => string;

/** Messages of the report's tables that are made with figures or names: what was made is recognised by its fixed words. */
const MADE = [
  'Cores ({gun}: throw {throwMm} mm, notch {notchMm} mm)',
  'What was sampled: the probability that {mm} mm or more of any core lay within',
  'Registration at "{name}", 95 %, with {tissueMm} mm per axis for tissue; limit {limitMm} mm',
  'Landmarks that it was not made from, rms; limit {limitMm} mm',
  'Bead {n}, off its known place',
  'Length, of {frames} frames',
] as const satisfies readonly BiopsyText[];

const PATTERNS: readonly (readonly [BiopsyText, RegExp])[] = MADE.map((key) => {
  const escaped = key.replace(/[.*+?^$()|[\]\\]/g, '\\$&');
  return [key, new RegExp(`^${escaped.replace(/\{(\w+)\}/g, '(?<$1>.+)')}$`)];
});

/**
 * A text of the report's tables as `tell` says it. What no catalogue has is a name, of a target, a person or a method, and stays as it is.
 * @param text in English, as `tablesOf` makes it
 */
export function saidText(text: string, tell: Tell): string {
  if ((EN as readonly string[]).includes(text)) return tell(text as BiopsyText, {});
  for (const [key, pattern] of PATTERNS) {
    const groups = pattern.exec(text)?.groups;
    if (groups !== undefined) return tell(key, groups);
  }
  return text;
}

/** A table of the report with its words as `tell` says them; figures and units stay. */
export function saidTable(table: ReportTable, tell: Tell): ReportTable {
  const say = (text: string): string => saidText(text, tell);
  return {
    ...table,
    title: say(table.title),
    columns: table.columns.map((c) => ({ ...c, label: say(c.label) })),
    rows: table.rows.map((row) => row.map((cell) => (typeof cell === 'string' ? say(cell) : cell))),
  };
}
