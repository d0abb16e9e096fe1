/**
 * Run by allocation.test.ts in a process of its own with a small nursery: poses and raw bytes into a recorder whose
 * output takes them at once, and how many garbage collections and bytes that took. Plain JavaScript, so that nothing but
 * tsx's loader stands between the engine and the code.
 */
import { setImmediate } from 'node:timers/promises';
import { PoseSample } from '../frames/index.js';
import { countCollections } from '../test-support/collections.mjs';
import { systemClock } from '../time/index.js';
import { Recorder } from './index.js';

const TOOLS = 8;
const POSES = 400_000;
/** Flushes between two turns of the event loop, in which chunks are written. */
const IN_A_ROW = 500;

let bytes = 0;
const clock = systemClock();
const output = {
  append: async (part) => {
    bytes += part.length;
  },
  close: async () => undefined,
};
const recorder = new Recorder({ output, clock });
const device = recorder.device('ndi');
const sample = new PoseSample();
const raw = new Uint8Array(413).fill(7);
/** A double that changes in a plain variable is boxed. */
const at = Float64Array.of(clock.now());
device.tools([{ name: 'a' }]);

function flushes(count) {
  for (let n = 0; n < count; n += 1) {
    at[0] += 1;
    device.raw('received', at, raw);
    for (let tool = 0; tool < TOOLS; tool += 1) {
      sample.values[0] = at[0];
      sample.values[1] = at[0];
      sample.values[2] = 0.25;
      sample.setPose(0.5, tool, 3, 0, 0, 0, 1);
      sample.status = tool === 3 ? 'missing' : 'ok';
      device.pose(tool, sample, n);
    }
    device.flush();
  }
}

async function run(poses) {
  let inside = 0;
  for (let n = 0; n < poses / TOOLS; n += IN_A_ROW) {
    const from = performance.now();
    flushes(IN_A_ROW);
    inside += performance.now() - from;
    await setImmediate();
  }
  return inside;
}

let before = { bytes, chunks: 0 };
let ms = 0;
const { collections, control } = await countCollections(
  () => run(50_000),
  async () => {
    before = { bytes, chunks: recorder.counts.chunks };
    ms = await run(POSES);
    await recorder.flush();
  },
);
process.stdout.write(
  `${JSON.stringify({
    poses: POSES,
    lost: recorder.counts.lostPoses,
    chunks: recorder.counts.chunks - before.chunks,
    collections,
    control,
    bytesPerPose: (bytes - before.bytes) / POSES,
    microsecondsPerPose: (1000 * ms) / POSES,
  })}\n`,
);
