import { median, type Row } from './_report.js';

/** Ours against its peers, as a benchmark of pages compares them. */

const isRate = (unit: string): boolean => unit === '1/s';

/** Ours over the best of its peers: the highest of what is counted in a second, the least of everything else. */
function toBest(ours: number, peers: readonly number[], unit: string): number {
  return ours / (isRate(unit) ? Math.max(...peers) : Math.min(...peers));
}

/**
 * The row that says how ours does against the best of its peers.
 * @param unit of the figures: `1/s` is the better the higher, everything else the lower
 * @param runs of ours
 * @param limit what is aimed at; without: 1.5 of what is counted in a second, 1 of what takes ms, 1.1 of bytes
 */
export function ratioRow(name: string, unit: string, runs: number, ours: number, peers: readonly number[], limit?: number): Row {
  const more = isRate(unit);
  const ratio = toBest(ours, peers, unit);
  const aimed = limit ?? (more ? 1.5 : unit === 'ms' ? 1 : 1.1);
  const met = more ? ratio >= aimed : ratio <= aimed;
  return { name, median: ratio, unit: '×', runs, aim: `at ${more ? 'least' : 'most'} ${Number(aimed.toFixed(2))}`, met };
}

/** {@link toBest} as a table of a document has it: two digits. */
export function ratioText(ours: number, peers: readonly number[], unit: string): string {
  return String(Number(toBest(ours, peers, unit).toPrecision(2)));
}

/** A figure as a table of a document has it: three digits, or all before the point. */
export function figureText(x: number): string {
  return x >= 100 ? x.toFixed(0) : String(Number(x.toPrecision(3)));
}

/** One row of a document's table. */
export function tableRow(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** The median, over each contender's runs, of one of their figures. */
export function medianOf<Who, Result>(
  runs: ReadonlyMap<Who, readonly Result[]>,
  take: (result: Result) => number,
): (who: Who) => number {
  return (who) => median((runs.get(who) ?? []).map(take));
}
