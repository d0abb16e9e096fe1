/**
 * Prints what docs/recording.md says of speed: poses recorded a second through a recording sink, bytes a pose, and poses
 * replayed a second as fast as it goes; for eight tools a flush and for one. Run by hand.
 */
import { PoseSample, systemClock } from '@trocar/core';
import { bytesInput, memoryOutput, Recorder, Recording } from '@trocar/core/recording';
import { recordingSink } from '../recorder/index.js';
import { replayDriver } from './index.js';

const clock = systemClock();
const POSES = 800_000;
const silent = { tools() {}, pose() {}, flush() {}, connection() {}, fault() {} };

async function measure(tools) {
  const output = memoryOutput();
  const recorder = new Recorder({ output, clock });
  const sink = recordingSink(recorder.device('probe'), silent);
  const sample = new PoseSample();
  sample.status = 'ok';
  sample.values.fill(1.5);
  sink.tools(Array.from({ length: tools }, (_, i) => ({ name: `tool${i}` })));
  let ms = 0;
  for (let told = 0; told < POSES; ) {
    const from = performance.now();
    for (let n = 0; n < 1000; n += 1) {
      for (let tool = 0; tool < tools; tool += 1) sink.pose(tool, sample, n);
      sink.flush();
    }
    ms += performance.now() - from;
    told += 1000 * tools;
    await recorder.flush();
  }
  await recorder.close();
  const bytes = output.bytes();
  const replay = replayDriver({ recording: new Recording(bytesInput(bytes)), clock, rate: Number.POSITIVE_INFINITY });
  const from = performance.now();
  await replay.start(silent);
  const { poses } = await replay.finished;
  const replayMs = performance.now() - from;
  return {
    tools,
    recordedPerSecond: Math.round((1000 * POSES) / ms),
    bytesPerPose: Number((bytes.length / POSES).toFixed(1)),
    replayedPerSecond: Math.round((1000 * poses) / replayMs),
  };
}

await measure(8);
for (const tools of [8, 1]) process.stdout.write(`${JSON.stringify(await measure(tools))}\n`);
