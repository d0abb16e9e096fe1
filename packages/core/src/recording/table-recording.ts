import { PoseSample } from '../frames/index.js';
import type { Clock, Instant } from '../time/index.js';
import type { RecordingOutput } from './output.js';
import type { PoseTable } from './pose-table.js';
import { Recorder } from './recorder.js';

/** How poses of other origin become a recording. */
export interface TableRecordingOptions {
  /** What the device is called in it. Default `import`. */
  readonly device?: string;
  /** Kept with the recording. */
  readonly facts?: Readonly<Record<string, string>>;
}

/**
 * Writes poses of other origin (CSV, a tracked sequence) as a recording, at the times at which they arrived. The recording
 * is on the clock of the poses and knows no date.
 * @returns whether everything was written
 */
export async function recordPoseTable(
  table: PoseTable,
  output: RecordingOutput,
  options: TableRecordingOptions = {},
): Promise<boolean> {
  const sample = new PoseSample();
  let now = 0;
  if (table.count > 0) {
    table.read(0, sample);
    now = timeOf(sample, 0);
  }
  const clock: Clock = {
    now: () => now as Instant,
    plus: (at, offsetMs) => (at + offsetMs) as Instant,
    utc: () => new Date(Number.NaN),
  };
  const recorder = new Recorder({ output, clock, chunkMs: 2_000_000_000, facts: options.facts ?? {} });
  const device = recorder.device(options.device ?? 'import');
  device.tools(table.tools.map((name) => ({ name })));
  device.connection('connected', 'Imported.');
  for (let i = 0; i < table.count; i += 1) {
    table.read(i, sample);
    now = Math.max(now, timeOf(sample, now));
    device.pose(table.tool(i), sample, table.frame(i));
    if (table.flushed(i)) device.flush();
    // The output is waited for now and then: nothing here is live, and nothing is to be lost.
    if (i % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) await recorder.flush();
  }
  return recorder.close();
}

const ROWS_AT_ONCE = 4096;

const timeOf = (sample: PoseSample, otherwise: number): number => {
  if (Number.isFinite(sample.arrivedAt)) return sample.arrivedAt;
  return Number.isFinite(sample.measuredAt) ? sample.measuredAt : otherwise;
};
