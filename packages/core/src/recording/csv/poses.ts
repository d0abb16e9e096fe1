import { NavError } from '../../base/index.js';
import { hasPose, PoseSample, STATUSES, type Status } from '../../frames/index.js';
import type { Instant } from '../../time/index.js';
import { PoseTable } from '../pose-table.js';
import type { Recording } from '../read.js';
import { badRow, type CsvLine, csvCell, csvLines } from './lines.js';
import { numberOfText, textOfNumber } from './numbers.js';

/** The header that is written. */
const HEADER = 't_ms,tool,x,y,z,qx,qy,qz,qw,error_mm,status,frame';
const POSE = ['x', 'y', 'z', 'qx', 'qy', 'qz', 'qw'] as const;
const REQUIRED = ['t_ms', ...POSE] as const;
const OPTIONAL = ['tool', 'error_mm', 'status', 'frame', 'arrived_ms'] as const;
type Column = (typeof REQUIRED)[number] | (typeof OPTIONAL)[number];
/** A quaternion further from unit length than this is none; PoseBuffer's limit. */
const UNIT_TOLERANCE = 0.01;

/** How poses are written as CSV. */
export interface PoseCsvOptions {
  /** Add a last column `arrived_ms`, without which arrivals are lost. Default false. */
  readonly arrived?: boolean;
}

/** What a CSV of poses held. */
export interface PoseCsv {
  readonly table: PoseTable;
  /** Columns that are none of ours and were not read. */
  readonly ignored: readonly string[];
}

/**
 * Poses as CSV: a header, then one pose a line. Times in ms on the recording's clock (when the pose was true), positions
 * in mm in the tracker's frame, unit quaternions; every number is the shortest text that reads as the same double. What
 * is NaN is an empty cell.
 */
export function writePoseCsv(table: PoseTable, options: PoseCsvOptions = {}): string {
  const lines = [headerOf(options)];
  const sample = new PoseSample();
  for (let i = 0; i < table.count; i += 1) {
    table.read(i, sample);
    lines.push(rowOf(table.tools[table.tool(i)] ?? '', sample, table.frame(i), options));
  }
  return `${lines.join('\n')}\n`;
}

/**
 * The same line by line straight out of a recording of any length. Poses of a tool that was never named are those of
 * `tool-N`.
 * @param device default: the first that has tools
 * @throws NavError as Recording.entries
 */
export async function* poseCsvLines(
  recording: Recording,
  options: PoseCsvOptions & { readonly device?: string } = {},
): AsyncGenerator<string> {
  let { device } = options;
  let names: readonly string[] = [];
  const sample = new PoseSample();
  yield headerOf(options);
  for await (const entries of recording.entries()) {
    for (const entry of entries) {
      if (entry.kind === 'tools') {
        device ??= entry.device;
        if (entry.device === device) names = entry.tools.map((tool) => tool.name);
      }
      if (entry.kind !== 'poses' || entry.device !== device) continue;
      for (let i = 0; i < entry.count; i += 1) {
        entry.read(i, sample);
        yield rowOf(names[entry.tool(i)] ?? `tool-${entry.tool(i)}`, sample, entry.frame(i), options);
      }
    }
  }
}

const headerOf = (options: PoseCsvOptions): string => (options.arrived === true ? `${HEADER},arrived_ms` : HEADER);

function rowOf(tool: string, sample: PoseSample, frame: number, options: PoseCsvOptions): string {
  const v = sample.values;
  const pose = POSE.map((_, i) => textOfNumber(v[3 + i] as number));
  const cells = [
    textOfNumber(v[0] as number),
    csvCell(tool),
    ...pose,
    textOfNumber(v[2] as number),
    sample.status,
    String(frame),
  ];
  if (options.arrived === true) cells.push(textOfNumber(v[1] as number));
  return cells.join(',');
}

/**
 * Reads poses from CSV. The header says which columns there are and in which order: `t_ms,x,y,z,qx,qy,qz,qw` must be
 * there; `tool`, `error_mm`, `status`, `frame` and `arrived_ms` may be. Without a tool column every row is of the tool
 * `tool`; without a status column every status is `unknown`, since the file does not say; without arrivals a pose
 * arrived when it was measured. Rows of one time and different tools count as told together.
 *
 * Capital letters in the header and in a status make no difference. Nothing is repaired: a row that is not what it claims
 * is refused with its line.
 * @param name what messages call the file
 * @throws NavError `csv/bad-header`, `csv/bad-row` (with `detail.line`)
 */
export function readPoseCsv(text: string, name: string = 'the CSV'): PoseCsv {
  const lines = csvLines(text, name);
  const first = lines.next();
  if (first.done === true)
    throw new NavError('csv/bad-header', `${name} is empty: it should begin with a header such as "${HEADER}".`);
  const { columns, ignored } = columnsOf(first.value.cells, name);
  const table = new PoseTable();
  const sample = new PoseSample();
  const together = new Set<number>();
  let last = Number.NaN;
  for (const line of lines) {
    if (line.cells.length !== first.value.cells.length) {
      throw badRow(name, line.line, `it has ${line.cells.length} cells and the header ${first.value.cells.length}`);
    }
    const row = new Row(line, columns, name);
    row.fill(sample);
    const tool = table.toolNumber(row.text('tool') ?? 'tool');
    if (tool > 65_535) throw badRow(name, line.line, 'it names one tool more than the 65536 that there may be');
    if (table.count > 0 && (sample.measuredAt !== last || together.has(tool))) {
      table.setFlushed(table.count - 1);
      together.clear();
    }
    together.add(tool);
    last = sample.measuredAt;
    table.add(tool, sample, row.frame(), false);
  }
  if (table.count > 0) table.setFlushed(table.count - 1);
  return { table, ignored };
}

function columnsOf(cells: readonly string[], name: string): { columns: Map<Column, number>; ignored: string[] } {
  const known = new Set<string>([...REQUIRED, ...OPTIONAL]);
  const columns = new Map<Column, number>();
  const ignored: string[] = [];
  for (const [i, given] of cells.entries()) {
    const cell = given.trim().toLowerCase();
    if (!known.has(cell)) ignored.push(given);
    else if (columns.has(cell as Column)) throw new NavError('csv/bad-header', `${name}: two columns are called "${cell}".`);
    else columns.set(cell as Column, i);
  }
  const missing = REQUIRED.filter((column) => !columns.has(column));
  if (missing.length > 0) {
    throw new NavError(
      'csv/bad-header',
      `${name}: no column ${missing.map((m) => `"${m}"`).join(', ')}. A header of poses is "${HEADER}", or at least "${REQUIRED.join(',')}".`,
      { detail: { missing } },
    );
  }
  return { columns, ignored };
}

/** A line as a pose. */
class Row {
  readonly #line: CsvLine;
  readonly #columns: ReadonlyMap<Column, number>;
  readonly #name: string;

  constructor(line: CsvLine, columns: ReadonlyMap<Column, number>, name: string) {
    this.#line = line;
    this.#columns = columns;
    this.#name = name;
  }

  text(column: Column): string | undefined {
    const i = this.#columns.get(column);
    return i === undefined ? undefined : this.#line.cells[i];
  }

  #number(column: Column, absent: number): number {
    const text = this.text(column);
    if (text === undefined) return absent;
    const value = numberOfText(text);
    if (value === undefined) throw this.#bad(`"${column}" is "${text.slice(0, 40)}", which is no number`);
    return value;
  }

  #bad(what: string): NavError {
    return badRow(this.#name, this.#line.line, what);
  }

  frame(): number {
    const frame = this.#number('frame', 0);
    if (!(Number.isInteger(frame) && frame >= 0 && frame <= 0xffffffff)) {
      throw this.#bad(`"frame" is "${this.text('frame')}", not a whole number of 0 … 4294967295`);
    }
    return frame;
  }

  fill(sample: PoseSample): void {
    const v = sample.values;
    const at = this.#number('t_ms', Number.NaN);
    if (!Number.isFinite(at)) throw this.#bad('"t_ms" is no time');
    sample.measuredAt = at as Instant;
    sample.arrivedAt = this.#number('arrived_ms', at) as Instant;
    sample.errorMm = this.#number('error_mm', Number.NaN);
    for (const [i, column] of POSE.entries()) v[3 + i] = this.#number(column, Number.NaN);
    sample.status = this.#status();
    if (hasPose(sample.status)) this.#requirePose(v);
  }

  #status(): Status {
    const text = this.text('status');
    if (text === undefined) return 'unknown';
    const word = text.trim().toLowerCase();
    const status = STATUSES.find((s) => s.toLowerCase() === word);
    if (status === undefined) throw this.#bad(`"status" is "${text.slice(0, 40)}", and not one of ${STATUSES.join(', ')}`);
    return status;
  }

  #requirePose(v: Float64Array): void {
    for (const [i, column] of POSE.entries()) {
      if (!Number.isFinite(v[3 + i]))
        throw this.#bad(`its status says that there is a pose, and "${column}" is no finite number`);
    }
    const length = Math.hypot(v[6] as number, v[7] as number, v[8] as number, v[9] as number);
    if (!(Math.abs(length - 1) <= UNIT_TOLERANCE)) throw this.#bad(`its quaternion has the length ${length}, and not 1`);
  }
}
