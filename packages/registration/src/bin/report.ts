import type { Finding, Outcome } from '../outcome.js';

/** Something that was done to the input, or is true of it, for a person to know. */
export interface Note {
  readonly code: string;
  readonly message: string;
}

/** What a command found out: one object for programs, lines for people. */
export interface Report {
  readonly outcome: Outcome;
  readonly findings: readonly Finding[];
  readonly warnings: readonly Note[];
  /** What only this command knows; NaN and Infinity become null. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** The same for a person, without outcome, findings and warnings. */
  readonly lines: readonly string[];
}

/** Where a command writes its lines. */
export interface CommandOutput {
  readonly out: (line: string) => void;
  readonly error: (line: string) => void;
}

/** The object that `--json` prints. `code` is null where all is well, else that of the refusal or of the first finding. */
export function jsonOf(command: string, report: Report): string {
  const [first] = report.findings;
  return printed({
    command,
    outcome: report.outcome,
    code: first?.code ?? null,
    message: first?.message ?? null,
    ...report.facts,
    findings: report.findings,
    warnings: distinct(report.warnings),
  });
}

/** What `--json` prints of a refusal: the same shape, without a result. */
export function refusalJson(
  command: string,
  refusal: { readonly code: string; readonly message: string; readonly detail: Readonly<Record<string, unknown>> },
  notes: readonly Note[],
): string {
  const { code, message, detail } = refusal;
  return printed({
    command,
    outcome: 'refused' satisfies Outcome,
    code,
    message,
    detail,
    findings: [],
    warnings: distinct(notes),
  });
}

/** JSON with plain arrays for typed ones; what is no finite number is null, as JSON has it. */
function printed(value: unknown): string {
  const plain = (_: string, v: unknown): unknown => {
    if (ArrayBuffer.isView(v) && !(v instanceof DataView)) return Array.from(v as unknown as ArrayLike<number>);
    return typeof v === 'number' && !Number.isFinite(v) ? null : v;
  };
  return JSON.stringify(value, plain, 2);
}

/** The lines of a refusal for a person; the refusal itself goes to standard error. */
export function refusalLines(command: string, notes: readonly Note[]): string[] {
  return [`${command}: refused`, ...distinct(notes).map((w) => `note ${w.code}: ${w.message}`)];
}

/** The lines for a person. */
export function linesOf(command: string, report: Report): string[] {
  return [
    `${command}: ${report.outcome}`,
    ...report.findings.map((f) => `finding ${f.code}: ${f.message}`),
    ...distinct(report.warnings).map((w) => `note ${w.code}: ${w.message}`),
    '',
    ...report.lines,
  ];
}

/** One file may be read for both sides. */
function distinct(notes: readonly Note[]): Note[] {
  return notes.filter((note, k) => notes.findIndex((other) => other.message === note.message) === k);
}

/** Columns of text, the first to the left, all others to the right. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, c) => Math.max(...rows.map((row) => (row[c] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, c) => (c === 0 ? cell.padEnd(widths[c] as number) : cell.padStart(widths[c] as number)))
      .join('  ')
      .trimEnd(),
  );
}

/** A length in mm for a person; a dash where there is none. */
export function mm(value: number): string {
  return number(value, 3);
}

export function number(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '–';
}

/** A column-major 4×4 as four rows. */
export function rowsOf(matrix: ArrayLike<number>): number[][] {
  return [0, 1, 2, 3].map((r) => [0, 4, 8, 12].map((c) => matrix[c + r] as number));
}

/** A matrix's rows for a person. */
export function matrixLines(title: string, matrix: ArrayLike<number>): string[] {
  return [
    title,
    ...rowsOf(matrix).map((row) => row.map((x, c) => x.toFixed(c === 3 ? 4 : 9).padStart(c === 3 ? 13 : 14)).join('')),
  ];
}

/** A 3×3 row-major as three rows. */
export function rows3(matrix: ArrayLike<number>): number[][] {
  return [0, 3, 6].map((r) => [0, 1, 2].map((c) => matrix[r + c] as number));
}
