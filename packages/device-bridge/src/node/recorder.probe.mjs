/**
 * Run by recorder.test.ts and killed by it: records a simulated tracker into the file that is its argument until it
 * dies, and says after every flush of the recorder how many poses the file must have by now.
 */
import { writeSync } from 'node:fs';
import { systemClock } from '@trocar/core';
import { Recorder } from '@trocar/core/recording';
import { recordingSink } from '../drivers/recorder/index.js';
import { simulatedDriver } from '../drivers/simulated/index.js';
import { recordingFile } from './recorder-file.js';

const clock = systemClock();
const recorder = new Recorder({ output: await recordingFile(process.argv[2]), clock, chunkBytes: 8192, chunkMs: 40 });
const told = { chunks: -1 };
const silent = { tools() {}, pose() {}, flush: say, connection() {}, fault: ({ code }) => writeSync(1, `${code}\n`) };

/** On a whole line for each chunk that is in the file; the recorder counts it after the write has returned. */
function say() {
  if (recorder.counts.chunks === told.chunks) return;
  told.chunks = recorder.counts.chunks;
  writeSync(1, `${recorder.counts.chunks}\n`);
}

const driver = simulatedDriver({
  clock,
  rateHz: 1000,
  tools: ['a', 'b', 'c', 'd'],
  poseOf: (_, at) => ({ position: [at, 2 * at, 3 * at], rotation: [0, 0, 0, 1] }),
});
await driver.start(recordingSink(recorder.device('sim'), silent));
