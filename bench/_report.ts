import { appendFileSync } from 'node:fs';

/** One measured figure. */
export interface Row {
  /** What was measured, with its conditions: `packet to guidance, 400 Hz × 8 tools, p50`. */
  readonly name: string;
  /** The median of the runs. */
  readonly median: number;
  readonly unit: string;
  readonly min?: number;
  readonly max?: number;
  readonly runs: number;
  /** What we want it to be, as a sentence: `at most 1.3 × bare ws`. */
  readonly aim?: string;
  /** Whether this run met the aim. */
  readonly met?: boolean;
}

/** The median of a list of figures; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** A row from the figures of several runs. */
export function row(name: string, unit: string, values: readonly number[], aim?: { text: string; met: boolean }): Row {
  return {
    name,
    median: median(values),
    unit,
    min: Math.min(...values),
    max: Math.max(...values),
    runs: values.length,
    ...(aim && { aim: aim.text, met: aim.met }),
  };
}

/** Hands rows to the runner; run by itself, a benchmark prints them. */
export function report(rows: readonly Row[]): void {
  const file = process.env['TROCAR_BENCH_ROWS'];
  if (file === undefined) console.log(table(rows));
  else for (const one of rows) appendFileSync(file, `${JSON.stringify(one)}\n`);
}

const figure = (value: number | undefined): string => {
  if (value === undefined || Number.isNaN(value)) return '–';
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-GB') : String(Number(value.toPrecision(3)));
};

/** Rows as aligned text. */
export function table(rows: readonly Row[]): string {
  const cells = rows.map((r) => [
    r.name,
    figure(r.median),
    r.unit,
    `${figure(r.min)} – ${figure(r.max)}`,
    String(r.runs),
    r.aim === undefined ? '' : `${r.aim}: ${r.met ? 'met' : 'NOT met'}`,
  ]);
  const lines = [['', 'median', 'unit', 'range', 'runs', 'aim'], ...cells];
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const numeric = new Set([1, 4]);
  return lines
    .map((line) =>
      line
        .map((cell, c) => (numeric.has(c) ? cell.padStart(widths[c] ?? 0) : cell.padEnd(widths[c] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
