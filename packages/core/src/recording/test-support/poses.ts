import { PoseSample, STATUSES, type Status } from '../../frames/index.js';
import type { Random } from '../../math/index.js';
import type { RecordedEntry } from '../entries.js';

/** Fills a sample with doubles that use every bit, now and then with the odd ones: NaN, infinities, −0, subnormals. */
export function wildSample(random: Random, sample: PoseSample): PoseSample {
  const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 5e-324, -1.7976931348623157e308];
  for (let i = 0; i < 10; i += 1) {
    sample.values[i] =
      random.below(12) === 0 ? (odd[random.below(odd.length)] as number) : random.normal() * 10 ** random.below(9);
  }
  sample.status = STATUSES[random.below(STATUSES.length)] as Status;
  return sample;
}

/** What was recorded, as text that differs where a single bit does. */
export function textOf(entries: readonly RecordedEntry[]): string[] {
  const sample = new PoseSample();
  return entries.map((entry) => {
    if (entry.kind !== 'poses') return JSON.stringify({ ...entry, ...('bytes' in entry && { bytes: [...entry.bytes] }) });
    const poses: string[] = [];
    for (let i = 0; i < entry.count; i += 1) {
      entry.read(i, sample);
      poses.push(poseText(entry.tool(i), sample, entry.frame(i)));
    }
    return `${entry.device} ${entry.at} ${entry.flushed} ${poses.join(' ')}`;
  });
}

/** A pose as text that differs where a single bit does. */
export function poseText(tool: number, sample: PoseSample, frame: number): string {
  const bits = new BigUint64Array(sample.values.slice().buffer);
  return `${tool}#${frame}:${sample.status}:${[...bits].map((b) => b.toString(16)).join(',')}`;
}
