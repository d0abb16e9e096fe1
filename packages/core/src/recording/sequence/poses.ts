import { NavError } from '../../base/index.js';
import { hasPose, PoseSample } from '../../frames/index.js';
import { fromQuaternion, identity4, quaternionOf, rigidityError } from '../../math/index.js';
import type { Instant } from '../../time/index.js';
import { PoseTable } from '../pose-table.js';
import type { SequenceField, SequenceTransform, TrackedSequence } from './sequence.js';
import { makeTrackedSequence } from './write.js';

/** Text of six digits leaves a rotation 1e-5 from orthogonal, and trackers that send 16-bit numbers 5e-4. */
const RIGID_WITHIN = 1e-3;

/** The poses of a tracked sequence, and what of it is no pose. */
export interface SequencePoses {
  /** A row for each transform of each frame; the tools are called as the transforms are (`ProbeToTracker`). */
  readonly table: PoseTable;
  /** Transforms said to be valid that do not hold a rotation and a translation; their rows are `missing`. */
  readonly notRigid: number;
  /** Frames without a time, which are left out. */
  readonly withoutTime: number;
}

/**
 * The transforms of a tracked sequence as poses. Times are PLUS's timestamps in ms on PLUS's clock, arrivals its unfiltered
 * ones. Rotations become quaternions: what the file has rounded is made orthogonal again, positions stay as they are. A
 * transform without a status is `unknown`.
 * @param transforms names of those wanted; default all
 */
export function posesOfSequence(sequence: TrackedSequence, transforms?: readonly string[]): SequencePoses {
  const table = new PoseTable();
  const sample = new PoseSample();
  const q = new Float64Array(4);
  let notRigid = 0;
  let withoutTime = 0;
  for (const frame of sequence.frames) {
    if (Number.isNaN(frame.timestamp)) {
      withoutTime += 1;
      continue;
    }
    const wanted = frame.transforms.filter((t) => transforms === undefined || transforms.includes(t.name));
    for (const [i, transform] of wanted.entries()) {
      if (!fill(sample, transform, q)) notRigid += 1;
      sample.measuredAt = (frame.timestamp * 1000) as Instant;
      const arrived = Number.isNaN(frame.unfilteredTimestamp) ? frame.timestamp : frame.unfilteredTimestamp;
      sample.arrivedAt = (arrived * 1000) as Instant;
      table.add(table.toolNumber(transform.name), sample, frame.frameNumber, i === wanted.length - 1);
    }
  }
  return { table, notRigid, withoutTime };
}

function fill(sample: PoseSample, transform: SequenceTransform, q: Float64Array): boolean {
  sample.values.fill(Number.NaN);
  sample.status = transform.status;
  if (!hasPose(transform.status)) return true;
  const m = transform.matrix;
  if (!(rigidityError(m) <= RIGID_WITHIN)) {
    sample.status = 'missing';
    return false;
  }
  quaternionOf(q, m);
  const [x = 0, y = 0, z = 0, w = 1] = q;
  sample.setPose(m[12] as number, m[13] as number, m[14] as number, x, y, z, w);
  return true;
}

/**
 * Poses as a tracked sequence without images, as PLUS and Slicer read it: one frame for each set told together, with the
 * time of its first pose. A tool `stylus` becomes `StylusToTracker`; one that is called `XToY` already stays so. What is
 * not `ok` is INVALID to PLUS; a tool without a pose gets the identity, as PLUS writes it.
 * @throws NavError `sequence/unsupported` for tools whose names cannot be told apart there
 */
export function sequenceOfPoses(table: PoseTable): Promise<TrackedSequence> {
  const names = namesOf(table.tools);
  const sample = new PoseSample();
  const matrix = identity4();
  const frames: SequenceField[][] = [];
  let fields: SequenceField[] = [];
  for (let i = 0; i < table.count; i += 1) {
    table.read(i, sample);
    if (fields.length === 0) fields.push(...timesOf(sample, table.frame(i)));
    const key = `${names[table.tool(i)]}Transform`;
    const v = sample.values;
    const valid = hasPose(sample.status) && v.subarray(3).every((x) => Number.isFinite(x));
    if (valid) fromQuaternion(matrix, v.subarray(6, 10), v.subarray(3, 6));
    else matrix.set(IDENTITY);
    fields.push({ key, value: rows(matrix) }, { key: `${key}Status`, value: valid && sample.status === 'ok' ? 'OK' : 'INVALID' });
    if (!table.flushed(i) && i < table.count - 1) continue;
    fields.push({ key: 'ImageStatus', value: 'INVALID' });
    frames.push(fields);
    fields = [];
  }
  return makeTrackedSequence({ frames });
}

const IDENTITY = identity4();

function timesOf(sample: PoseSample, frame: number): SequenceField[] {
  if (!Number.isFinite(sample.measuredAt)) {
    throw new NavError('sequence/unsupported', 'A pose without a time cannot stand in a tracked sequence.');
  }
  const times = [{ key: 'Timestamp', value: String(sample.measuredAt / 1000) }];
  if (Number.isFinite(sample.arrivedAt)) times.push({ key: 'UnfilteredTimestamp', value: String(sample.arrivedAt / 1000) });
  return frame === 0 ? times : [{ key: 'FrameNumber', value: String(frame) }, ...times];
}

/** Row by row, as the format has it. */
function rows(m: Float64Array): string {
  const cells: string[] = [];
  for (let r = 0; r < 4; r += 1) for (let c = 0; c < 4; c += 1) cells.push(String(m[4 * c + r]));
  return cells.join(' ');
}

/** PLUS's transforms are called XToY, of letters and digits. */
function namesOf(tools: readonly string[]): string[] {
  const names = tools.map((tool) => {
    if (/^[A-Z][A-Za-z0-9]*To[A-Z][A-Za-z0-9]*$/.test(tool)) return tool;
    const plain = tool.replaceAll(/[^A-Za-z0-9]/g, '');
    return `${plain.charAt(0).toUpperCase()}${plain.slice(1)}ToTracker`;
  });
  const twice = names.find((name, i) => names.indexOf(name) !== i || name === 'ToTracker');
  if (twice === undefined) return names;
  throw new NavError(
    'sequence/unsupported',
    `The tools ${tools.map((t) => `"${t}"`).join(', ')} cannot be told apart by letters and digits alone ("${twice}"). Rename them.`,
  );
}
