/**
 * Run by allocation.test.ts in a process of its own with a small nursery: datagrams of DTrack or NatNet to pose buffers
 * and paths through the freeze guard, and how many garbage collections that took. Plain JavaScript, so that nothing but tsx's
 * loader stands between the engine and the code. Argument: dtrack or natnet.
 */
import { DTrackFrame, decodeDtrack } from '../../codec/dtrack/index.js';
import { decodeNatnetFrame, NatNetFrame } from '../../codec/natnet/index.js';
import { framePacket } from '../../codec/natnet/test-support/packets.js';
import { TrackedTools } from '../../test-support/tracked-tools.mjs';
import { DTrackTracking } from '../dtrack/index.js';
import { freezeGuard } from '../freeze-guard.js';
import { NatNetTracking } from '../natnet/index.js';
import { PoseTeller } from './index.js';

const what = process.argv[2];
const TOOLS = 8;
const POSES = 400_000;
const DIFFERENT = 512;
const PERIOD_MS = 16;

const tools = new TrackedTools(TOOLS);
const { buffers, now } = tools;

const poses = new PoseTeller(Array.from({ length: TOOLS }, (_, i) => ({ name: `tool${i}` })));
poses.sink = freezeGuard({
  tools: () => undefined,
  pose: (tool, sample) => buffers[tool].push(sample),
  flush: () => undefined,
  connection: () => undefined,
  fault: (fault) => {
    throw new Error(fault.message);
  },
});
poses.sink.tools(poses.tools);

/** Used again and again: the counter, and DTrack's time, go back each time round. */
function dtrackRound() {
  const rotation = '0.000000 1.000000 0.000000 -1.000000 0.000000 0.000000 0.000000 0.000000 1.000000';
  const datagrams = Array.from({ length: DIFFERENT }, (_, n) => {
    const us = 40_000_000_000 + n * PERIOD_MS * 1000;
    const bodies = Array.from(
      { length: TOOLS },
      (_unused, id) => `[${id} 1.000][${(n / 100).toFixed(3)} ${id}.250 -1500.125][${rotation}]`,
    );
    const lines = [
      `fr ${n + 1}`,
      `ts2 ${Math.floor(us / 1e6)} ${us % 1e6} 9000`,
      `6dcal ${TOOLS}`,
      `6d ${TOOLS} ${bodies.join(' ')}`,
      'gl 0',
    ];
    return new TextEncoder().encode(lines.map((line) => `${line}\r\n`).join(''));
  });
  const decoded = new DTrackFrame();
  const tracking = new DTrackTracking(poses);
  for (let id = 0; id < TOOLS; id += 1) tracking.assign('body', id, id);
  return (n) => {
    if (n % DIFFERENT === 0) tracking.restart();
    decodeDtrack(decoded, datagrams[n % DIFFERENT]);
    tracking.push(decoded);
  };
}

function natnetRound() {
  const version = { major: 4, minor: 1 };
  const packets = Array.from({ length: DIFFERENT }, (_, n) => {
    const bodies = Array.from({ length: TOOLS }, (_unused, id) => ({
      id,
      position: [n / 1000, id, -1.5],
      rotation: [0, 0.6, 0, 0.8],
    }));
    return framePacket({ number: n + 1, bodies, midExposure: n * PERIOD_MS * 10_000 }, version);
  });
  const decoded = new NatNetFrame();
  const tracking = new NatNetTracking(poses);
  for (let id = 0; id < TOOLS; id += 1) tracking.assign(id, id);
  tracking.restart(10_000_000);
  return (n) => {
    if (n % DIFFERENT === 0) {
      tracking.order.reset();
      // An echo now and then, as in life: the server's clock begins anew with each round.
      tracking.clock.reset();
      tracking.clock.push([now[0] - 1, 0.5, 0.5, now[0]]);
    }
    decodeNatnetFrame(decoded, packets[n % DIFFERENT], version);
    tracking.push(decoded);
  };
}

const round = what === 'dtrack' ? dtrackRound() : natnetRound();

function run(count) {
  for (let n = 0; n < count / TOOLS; n += 1) {
    now[0] += PERIOD_MS;
    poses.arrivedAt[0] = now[0];
    round(n);
    tools.readAll();
  }
}

await tools.report(run, POSES);
