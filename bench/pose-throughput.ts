// node: --max-semi-space-size=1
import { PerformanceObserver, performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { FrameGraph, frame, type Instant, type Path, type PoseBuffer, PoseView, point, transform } from '@trocar/core';
import { Deviation, straightPlan } from '@trocar/core/guidance';
import { Random } from '@trocar/core/math';
import { decodeBx, encodeBx, NdiFrame, NdiReplyFramer, NdiTracking, type PoseSink } from '@trocar/device-bridge';
import { report, row } from './_report.js';

/**
 * Poses per second on one core, from the bytes of NDI BX replies to the guidance numbers: framing, both CRCs, decoding,
 * clock map, pose buffer, one path with two calibrated edges per tool, deviation from a plan; and the garbage
 * collections that 2 million poses take, in a nursery of 1 MB. `--poses N` changes the count.
 */

const POSES = Number(process.argv[process.argv.indexOf('--poses') + 1]) || 2_000_000;
const TOOLS = 8;
const OPTIONS = 0x0801;
const PERIOD_MS = 1000 / 60;

let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ['gc'] });

/** Replies of different poses; their frame numbers are written over, and their CRC made anew, as they are used. */
function makeReplies(random: Random, count: number): Uint8Array[] {
  const one = new NdiFrame();
  const rotation = new Float64Array(4);
  return Array.from({ length: count }, () => {
    one.begin(OPTIONS);
    for (let tool = 0; tool < TOOLS; tool += 1) {
      const i = one.addHandle(tool + 1, 1);
      const [x = 0, y = 0, z = 0, w = 1] = random.rotation(rotation);
      one.values.set([w, x, y, z, random.between(-200, 200), random.between(-200, 200), -1500, 0.1], i * 8);
      one.portStatus[i] = 0x31;
    }
    return encodeBx(one);
  });
}

const BODY = 6;
const PER_TOOL = 42;
/** A body's CRC16 with its frame numbers: bit by bit would be slow, so by a table of its own. */
const crcTable = Uint16Array.from({ length: 256 }, (_, i) => {
  let c = i;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? (c >>> 1) ^ 0xa001 : c >>> 1;
  return c;
});

function stamp(reply: Uint8Array, frameNumber: number): void {
  for (let tool = 0; tool < TOOLS; tool += 1) {
    const at = BODY + 1 + tool * PER_TOOL + 2 + 32 + 4;
    reply[at] = frameNumber & 0xff;
    reply[at + 1] = (frameNumber >>> 8) & 0xff;
    reply[at + 2] = (frameNumber >>> 16) & 0xff;
    reply[at + 3] = (frameNumber >>> 24) & 0xff;
  }
  const end = reply.length - 2;
  let crc = 0;
  for (let i = BODY; i < end; i += 1) crc = (crc >>> 8) ^ (crcTable[(crc ^ (reply[i] as number)) & 0xff] as number);
  reply[end] = crc & 0xff;
  reply[end + 1] = crc >>> 8;
}

const graph = new FrameGraph();
const ct = frame('ct');
const tracker = frame('tracker');
const covariance = Float64Array.from({ length: 36 }, (_, i) => (i % 7 === 0 ? 1e-4 : 0));
const identity = Float64Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0));
graph.set(transform(ct, tracker, identity, { covariance, degreesOfFreedom: 18 }));
const plan = straightPlan({ entry: point(ct, [0, 0, 100]), target: point(ct, [0, 0, 0]) });
const deviation = new Deviation(plan);
const buffers: PoseBuffer[] = [];
const paths: Path<'ct', `tip${number}`>[] = [];
for (let i = 0; i < TOOLS; i += 1) {
  const tool = frame(`tool${i}`);
  const tip = frame(`tip${i}`);
  buffers.push(graph.stream(tracker, tool, { noise: { positionSdMm: 0.2, rotationSdRad: 0.002 } }));
  graph.set(transform(tool, tip, identity, { covariance }));
  paths.push(graph.path(ct, tip));
}

const sink: PoseSink = {
  tools: () => undefined,
  pose: (tool, sample) => (buffers[tool] as PoseBuffer).push(sample),
  flush: () => undefined,
  connection: () => undefined,
  fault: () => undefined,
};
const toolOf = new Int16Array(256).fill(-1);
for (let i = 0; i < TOOLS; i += 1) toolOf[i + 1] = i;
const decoded = new NdiFrame();
const tracking = new NdiTracking();
const arrivedAt = new Float64Array(1);
const view = new PoseView();
const sum = new Float64Array(1);
let live = 0;
let faults = 0;
const framer = new NdiReplyFramer({
  reply: (reply) => {
    if (decodeBx(decoded, reply.view, reply.start, reply.end, OPTIONS)) tracking.push(decoded, arrivedAt, toolOf, TOOLS, sink);
    else faults += 1;
  },
  fault: () => {
    faults += 1;
  },
});
const replies = makeReplies(new Random(1), 64);
let frameNumber = 0;

function run(poses: number): void {
  for (let n = 0; n < poses; n += TOOLS) {
    frameNumber += 1;
    const reply = replies[frameNumber & 63] as Uint8Array;
    stamp(reply, frameNumber);
    arrivedAt[0] = frameNumber * PERIOD_MS + (frameNumber % 7) * 0.3;
    framer.feed(reply);
    graph.tick(arrivedAt[0] as Instant);
    for (let tool = 0; tool < TOOLS; tool += 1) {
      deviation.read(paths[tool] as Path<'ct', `tip${number}`>, view);
      if (!deviation.isLive) continue;
      live += 1;
      sum[0] = (sum[0] as number) + deviation.distanceToTargetMm + deviation.angleDeg;
    }
  }
}

run(200_000);
await pause(50);
const runs: number[] = [];
const counts: number[] = [];
for (let i = 0; i < 5; i += 1) {
  collections = 0;
  live = 0;
  const from = performance.now();
  run(POSES);
  runs.push(POSES / ((performance.now() - from) / 1000));
  await pause(50);
  counts.push(collections);
}
// The counter must be able to count: this allocates for certain.
collections = 0;
let kept: Float64Array[] = [];
for (let i = 0; i < 200_000; i += 1) {
  kept.push(new Float64Array(4));
  if (kept.length > 100) kept = [];
}
await pause(50);
if (collections === 0) throw new Error('Garbage collections are not counted here.');
if (faults > 0 || live !== POSES || !Number.isFinite(sum[0] as number))
  throw new Error(`${faults} faults, ${live} live poses of ${POSES}.`);
const million = `${POSES / 1e6} million poses`;
report([
  row(`NDI bytes → deviation, ${TOOLS} tools, one core`, 'poses/s', runs),
  row(`garbage collections in ${million}`, '', counts, { text: 'none', met: counts.every((c) => c === 0) }),
]);
