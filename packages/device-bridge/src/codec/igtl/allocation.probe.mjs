/**
 * Run by allocation.test.ts in a process of its own with a small nursery: poses packed, framed, checked and read, and
 * how many garbage collections that took. Plain JavaScript, so that nothing but tsx's loader stands between the engine
 * and the code. Argument: transform, plus (header version 2 with metadata) or tdata.
 */
import { PoseSample } from '@trocar/core';
import { countCollections } from '../../test-support/collections.mjs';
import {
  IgtlFramer,
  plusMetadata,
  plusStatus,
  readTransformPose,
  ToolPoses,
  TrackingDataPacker,
  TransformPacker,
} from './index.js';

const what = process.argv[2];
const TOOLS = 8;
const POSES = 400_000;

const matrices = new Float64Array(16 * TOOLS);
for (let i = 0; i < TOOLS; i += 1) matrices.set([0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 10, -20, 30, 1], 16 * i);
const matrix = matrices.subarray(0, 16);
const time = new Float64Array(1);
const sample = new PoseSample();
const poses = new ToolPoses();
const received = new Float64Array(1);
const sum = new Float64Array(1);
let live = 0;

const names = Array.from({ length: TOOLS }, (_, i) => ({ name: `tool ${i}` }));
const packer =
  what === 'tdata'
    ? new TrackingDataPacker('Tracker', names)
    : new TransformPacker('ProbeToTracker', what === 'plus' ? { headerVersion: 2, metadata: plusMetadata('ok') } : {});

function take() {
  live += 1;
  sum[0] += sample.values[3] + sample.values[9] + received[0];
}

const framer = new IgtlFramer({
  message: (frame) => {
    frame.readTime(received);
    if (frame.type === 'TDATA') {
      poses.read(frame);
      for (let i = 0; i < poses.count; i += 1) if (poses.pose(i, sample) === 'ok') take();
    } else if (readTransformPose(frame, sample) === 'ok') {
      sample.status = plusStatus(frame);
      if (sample.status === (what === 'plus' ? 'ok' : 'unknown') && frame.device === 'ProbeToTracker') take();
    }
  },
  fault: (fault) => {
    throw new Error(fault.message);
  },
});

/** Whole, and cut in two: the second way goes through the framer's own buffer. */
const size = packer.pack(matrices, time).length;
const chunk = new Uint8Array(size);
const first = chunk.subarray(0, 70);
const second = chunk.subarray(70);

function run(count) {
  const step = what === 'tdata' ? TOOLS : 1;
  for (let n = 0; n < count; n += step) {
    time[0] = 1.7e12 + n;
    matrices[12] = n & 0xff;
    chunk.set(packer.pack(what === 'tdata' ? matrices : matrix, time));
    if ((n / step) % 2 === 0) {
      framer.feed(chunk);
    } else {
      framer.feed(first);
      framer.feed(second);
    }
  }
}

const { collections, control } = await countCollections(
  () => run(50_000),
  () => {
    live = 0;
    run(POSES);
  },
);
process.stdout.write(`${JSON.stringify({ poses: POSES, live, collections, control, sum: sum[0] })}\n`);
