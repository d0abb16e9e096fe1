/**
 * Run by allocation.test.ts in a process of its own with a small nursery: OpenIGTLink messages through the driver to pose
 * buffers and paths, and how many garbage collections that took. Plain JavaScript, so that nothing but tsx's loader
 * stands between the engine and the code. Argument: transform, plus (header version 2 with metadata), position, tdata.
 */
import { encodeIgtl, plusMetadata, TrackingDataPacker, TransformPacker } from '../../codec/igtl/index.js';
import { poseBufferSink } from '../../driver.js';
import { TrackedTools } from '../../test-support/tracked-tools.mjs';
import { igtlDriver } from './index.js';

const what = process.argv[2];
const TOOLS = 8;
const POSES = 400_000;

const tools = new TrackedTools(TOOLS, { noise: { positionSdMm: 0.2, rotationSdRad: 0.002 } });
const { now } = tools;
const clock = { now: () => now[0], plus: (at, ms) => at + ms, utc: (at) => new Date(at) };

let handler;
const transport = {
  label: 'probe',
  open: async (to) => {
    handler = to;
  },
  write: () => undefined,
  close: async () => undefined,
};
const driver = igtlDriver({ transport, clock, onSilence: 'stale', silentMs: 1e9, withoutStatus: 'ok' });
await driver.start(poseBufferSink(Object.fromEntries(tools.buffers.map((buffer, i) => [`tool${i}`, buffer]))));

const matrices = new Float64Array(16 * TOOLS);
for (let i = 0; i < TOOLS; i += 1) matrices.set([0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 10, -20, i, 1], 16 * i);
const views = Array.from({ length: TOOLS }, (_, i) => matrices.subarray(16 * i, 16 * i + 16));
const time = new Float64Array(1);
const names = Array.from({ length: TOOLS }, (_, i) => ({ name: `tool${i}` }));
const list = new TrackingDataPacker('Tracker', names);
const options = what === 'plus' ? { headerVersion: 2, metadata: plusMetadata('ok') } : {};
const packers = names.map(({ name }) => new TransformPacker(name, options));
/** Of POSITION there is no packer: two frames that take turns, without stamp. */
const positions = [0, 1].map((k) =>
  Buffer.concat(
    names.map(({ name }, i) => {
      const content = { kind: 'position', position: Float64Array.of(k, i, 3), orientation: Float64Array.of(0, 0.6, 0, 0.8) };
      return encodeIgtl({ type: 'POSITION', device: name, content });
    }),
  ),
);
const sizes = { tdata: list.pack(matrices, time).length, position: positions[0].length };
const size = sizes[what] ?? TOOLS * packers[0].pack(views[0], time).length;
const chunk = new Uint8Array(size);

/** All tools in one chunk, as a server sends a frame. */
function receive(n) {
  if (what === 'position') {
    chunk.set(positions[n & 1]);
    handler.data(chunk);
    return;
  }
  time[0] = 1.7e12 + n * 16;
  for (let i = 0; i < TOOLS; i += 1) matrices[16 * i + 12] = n & 0xff;
  if (what === 'tdata') {
    chunk.set(list.pack(matrices, time));
  } else {
    for (let i = 0; i < TOOLS; i += 1) {
      const message = packers[i].pack(views[i], time);
      chunk.set(message, i * message.length);
    }
  }
  handler.data(chunk);
}

let frames = 0;
function run(poses) {
  for (let n = 0; n < poses / TOOLS; n += 1) {
    now[0] += 16;
    receive(frames);
    frames += 1;
    tools.readAll();
  }
}

await tools.report(run, POSES);
await driver.stop();
