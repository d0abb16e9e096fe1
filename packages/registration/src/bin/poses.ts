import { basename } from 'node:path';
import { type Frame, isNavError, NavError, PoseSample } from '@trocar/core';
import { invertRigid, multiply4 } from '@trocar/core/math';
import {
  bytesInput,
  isMcap,
  isTrackedSequence,
  type PoseTable,
  posesOfSequence,
  poseTableOf,
  Recording,
  readPoseCsv,
  readTrackedSequence,
} from '@trocar/core/recording';
import { type CalibrationPose, calibrationPose, type PoseList } from '../calibration/poses.js';
import type { Arguments } from './arguments.js';
import { bytesOf } from './files.js';
import type { Note } from './report.js';

/** Recorded poses of one tool, and what was done to have them. */
export interface RecordedTool<To extends string, From extends string> {
  readonly list: PoseList<To, From>;
  /** What the file calls the tool. */
  readonly tool: string;
  readonly notes: readonly Note[];
}

/** Which options say what of a recording. */
export interface PoseOptions {
  /** The option with the file: `poses`, `hand`, `eye`. */
  readonly file: string;
  /** The option with the tool's name. */
  readonly tool: string;
  /** The option that says that the file has its poses the other way round. */
  readonly inverted?: string;
}

/**
 * One tool's poses from CSV, a tracked sequence of PLUS or Slicer (`.igs.mha`, `.igs.nrrd`) or a recording (`.mcap`), in the tracker's
 * frame, or with `--reference NAME` in that tool's. Trackers have no patient axes: nothing is turned.
 * @throws NavError `csv/…`, `sequence/…`, `recording/…`, `io/not-found`, `calibration/bad-option`
 */
export async function posesOf<To extends string, From extends string>(
  args: Arguments,
  options: PoseOptions,
  to: Frame<To>,
  from: Frame<From>,
): Promise<RecordedTool<To, From>> {
  const path = args.required(options.file);
  const { table, notes } = await tableOf(args, path);
  if (table.count === 0) {
    const message = `"${basename(path)}" holds no poses, only a header. Record again.`;
    throw new NavError('calibration/too-few-poses', message, { detail: { file: basename(path) } });
  }
  const tool = toolIn(table, args.text(options.tool), options.tool, basename(path));
  const reference = args.text('reference');
  const rows = rowsOf(table, tool);
  const poses =
    reference === undefined ? rows : relativeTo(rows, rowsOf(table, toolIn(table, reference, 'reference', basename(path))));
  const scale = args.choice('unit', ['mm', 'm']) === 'm' ? 1000 : 1;
  const untold = poses.every((p) => p.status === 'unknown');
  const name = basename(path);
  const vouched = untold || args.flag('accept-unknown') ? poses.map(vouchedFor) : poses;
  const more: Note[] = [];
  if (untold) {
    more.push({
      code: 'status-unknown',
      message: `"${name}" does not say whether the tool was seen; all its poses were taken as measured.`,
    });
  }
  if (scale !== 1) more.push({ code: 'unit-converted', message: `"${name}" is in m; its positions were made mm.` });
  const all = [...notes, ...more];
  args.notes.push(...all);
  const timed = args.choice('time-unit', ['ms', 's']) === 's' ? vouched.map(inMilliseconds) : vouched;
  const lengthened = scale === 1 ? timed : timed.map((p) => scaled(p, scale));
  const turned = options.inverted !== undefined && args.flag(options.inverted);
  return {
    list: { to, from, poses: turned ? lengthened.map(inverse) : lengthened },
    tool: table.tools[tool] as string,
    notes: all,
  };
}

/** A pose whose status nobody told, taken on the word of whoever gave the file. */
function vouchedFor({ status, ...pose }: CalibrationPose): CalibrationPose {
  return status === undefined || status === 'unknown' ? pose : { ...pose, status };
}

async function tableOf(args: Arguments, path: string): Promise<{ table: PoseTable; notes: Note[] }> {
  const name = basename(path);
  const bytes = await bytesOf(path);
  if (bytes.length === 0)
    throw new NavError('csv/bad-header', `"${name}" is empty. Transfer it again.`, { detail: { file: name } });
  if (isMcap(bytes)) {
    const table = await poseTableOf(new Recording(bytesInput(bytes, name)), args.text('device'));
    if (table.count > 0) return { table, notes: [] };
    throw new NavError('recording/unsupported', `"${name}" is a recording without poses.`, { detail: { file: name } });
  }
  if (isTrackedSequence(bytes)) return sequenceTable(bytes, name);
  const { table, ignored } = csvTable(new TextDecoder().decode(bytes), `"${name}"`);
  const notes =
    ignored.length === 0
      ? []
      : [{ code: 'ignored-columns', message: `"${name}": the columns ${ignored.join(', ')} were not read.` }];
  return { table, notes };
}

function sequenceTable(bytes: Uint8Array, name: string): { table: PoseTable; notes: Note[] } {
  const { table, notRigid, withoutTime } = posesOfSequence(readTrackedSequence(bytes, `"${name}"`));
  if (table.count === 0)
    throw new NavError('sequence/not-a-sequence', `"${name}" has no transforms.`, { detail: { file: name } });
  const notes: Note[] = [];
  if (notRigid > 0)
    notes.push({
      code: 'not-rigid',
      message: `"${name}": ${notRigid} transforms that are no rotation and translation were left out.`,
    });
  if (withoutTime > 0)
    notes.push({ code: 'without-time', message: `"${name}": ${withoutTime} frames without a time were left out.` });
  return { table, notes };
}

const COLUMNS = 't_ms,x,y,z,qx,qy,qz,qw';

/** Without a header the columns are those that are written, in that order. */
function csvTable(text: string, name: string): { table: PoseTable; ignored: readonly string[] } {
  const first = text.replace(/^\ufeff/, '').split(/\r?\n/, 1)[0] ?? '';
  const cells = first.split(',').map((cell) => cell.trim());
  const numeric = cells.filter((cell) => cell !== '' && Number.isFinite(Number(cell))).length;
  if (numeric < 8 || (cells.length !== 8 && cells.length !== 9)) return readPoseCsv(text, name);
  try {
    return readPoseCsv(`${COLUMNS}${cells.length === 9 ? ',status' : ''}\n${text.replace(/^\ufeff/, '')}`, name);
  } catch (error) {
    if (!isNavError(error, 'csv/bad-row') || typeof error.detail['line'] !== 'number') throw error;
    const line = error.detail['line'] - 1;
    throw new NavError('csv/bad-row', error.message.replace(/line \d+/, `line ${line}`), { detail: { line } });
  }
}

/** A tool's number: by its name, or by what stands before `To` in PLUS's names (`Stylus` is `StylusToTracker`). */
function toolIn(table: PoseTable, wanted: string | undefined, option: string, file: string): number {
  const { tools } = table;
  const all = tools.map((_, k) => k);
  const found =
    wanted === undefined
      ? all
      : [
          all.filter((k) => tools[k] === wanted),
          all.filter((k) => tools[k]?.toLowerCase() === wanted.toLowerCase()),
          all.filter((k) => tools[k]?.toLowerCase().startsWith(`${wanted.toLowerCase()}to`)),
        ].find((some) => some.length > 0);
  if (found?.length === 1) return found[0] as number;
  const names = tools.map((t) => `"${t}"`).join(', ');
  throw new NavError(
    'calibration/bad-option',
    found === undefined
      ? `"${file}" holds no tool "${wanted}"; its tools are ${names}.`
      : `"${file}" holds ${found.length} tools that may be meant (${names}). Say which one with --${option}.`,
    { detail: { file, tools } },
  );
}

function rowsOf(table: PoseTable, tool: number): CalibrationPose[] {
  const sample = new PoseSample();
  const poses: CalibrationPose[] = [];
  for (let i = 0; i < table.count; i += 1) {
    if (table.tool(i) !== tool) continue;
    table.read(i, sample);
    poses.push(calibrationPose(sample));
  }
  return poses;
}

/** reference-from-tool, where both were told at the same time; missing where the reference was not seen. */
function relativeTo(tool: readonly CalibrationPose[], reference: readonly CalibrationPose[]): CalibrationPose[] {
  const at = new Map(reference.map((pose) => [pose.timeMs, pose]));
  return tool.map((pose) => {
    const other = at.get(pose.timeMs);
    if (other === undefined || !isSeen(other) || !isSeen(pose)) return { ...pose, status: 'missing' as const };
    const inverse = invertRigid(new Float64Array(16), other.matrix);
    const status = other.status === 'ok' ? pose.status : other.status;
    return { ...pose, matrix: multiply4(new Float64Array(16), inverse, pose.matrix), ...(status !== undefined && { status }) };
  });
}

const isSeen = ({ status }: CalibrationPose): boolean => status === 'ok' || status === 'unknown';

function inverse(pose: CalibrationPose): CalibrationPose {
  return { ...pose, matrix: invertRigid(new Float64Array(16), pose.matrix) };
}

function inMilliseconds(pose: CalibrationPose): CalibrationPose {
  return pose.timeMs === undefined ? pose : { ...pose, timeMs: 1000 * pose.timeMs };
}

function scaled(pose: CalibrationPose, by: number): CalibrationPose {
  const matrix = Float64Array.from(pose.matrix, (x, i) => (i >= 12 && i < 15 ? x * by : x));
  return { ...pose, matrix };
}
