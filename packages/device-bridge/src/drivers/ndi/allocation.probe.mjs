/**
 * Run by allocation.test.ts in a process of its own with a small nursery: NDI replies (BX2, BX or TX) and bridge messages to
 * pose buffers and paths, and how many garbage collections that took. Plain JavaScript, so that nothing but tsx's
 * loader stands between the engine and the code. Argument: bx2, bx, tx or bridge.
 */
import { PoseSample } from '@trocar/core';
import { ClientDecoder, encodeHello, PoseBatch } from '../../codec/bridge/index.js';
import {
  Bx2Reply,
  decodeBx,
  decodeBx2,
  decodeTx,
  encodeBx,
  encodeBx2,
  encodeTx,
  NdiFrame,
  NdiReplyFramer,
  withCrc,
} from '../../codec/ndi/index.js';
import { TrackedTools } from '../../test-support/tracked-tools.mjs';
import { freezeGuard } from '../freeze-guard.js';
import { NdiTracking } from './tracking.js';

const what = process.argv[2];
const TOOLS = 8;
const OPTIONS = 0x0801;
const POSES = 400_000;
const DIFFERENT = 512;

const tools = new TrackedTools(TOOLS, { noise: { positionSdMm: 0.2, rotationSdRad: 0.002 } });
const { buffers, now } = tools;

/** Replies with frame numbers 1 … DIFFERENT: used again and again, the counter goes back each time round. */
function ndiRound() {
  const toolOf = new Int16Array(256).fill(-1);
  for (let i = 0; i < TOOLS; i += 1) toolOf[i + 1] = i;
  const source = new NdiFrame();
  const replies = Array.from({ length: DIFFERENT }, (_, n) => {
    if (what === 'bx2') return bx2Reply(n);
    source.begin(OPTIONS);
    for (let tool = 0; tool < TOOLS; tool += 1) {
      const i = source.addHandle(tool + 1, 1);
      source.values.set([0.6, 0, 0.8, 0, n / 100, tool, -1500, 0.1], i * 8);
      source.portStatus[i] = 0x31;
      source.frameNumber[i] = n + 1;
    }
    return what === 'bx' ? encodeBx(source) : withCrc(encodeTx(source));
  });
  const decoded = new NdiFrame();
  const decodedBx2 = new Bx2Reply();
  const tracking = new NdiTracking();
  const sink = freezeGuard({
    tools: () => undefined,
    pose: (tool, sample) => buffers[tool].push(sample),
    flush: () => undefined,
    connection: () => undefined,
    fault: () => undefined,
  });
  const framer = new NdiReplyFramer({
    reply: (reply) => {
      if (what === 'bx2') {
        if (decodeBx2(decodedBx2, reply.view, reply.start, reply.end)) tracking.pushBx2(decodedBx2, now, toolOf, TOOLS, sink);
        return;
      }
      const good =
        what === 'bx'
          ? decodeBx(decoded, reply.view, reply.start, reply.end, OPTIONS)
          : decodeTx(decoded, reply.bytes, reply.start, reply.end, OPTIONS);
      if (good) tracking.push(decoded, now, toolOf, TOOLS, sink);
    },
    fault: (code) => {
      throw new Error(code);
    },
  });
  return (n) => framer.feed(replies[n % DIFFERENT]);
}

/** 16 ms of device time apart, as the host's time of this probe. */
function bx2Reply(n) {
  const source = new Bx2Reply();
  source.begin();
  source.frameCount = 1;
  source.frameType[0] = 2;
  source.frameNumber[0] = n + 1;
  source.frameSeconds[0] = 1_700_000_000 + Math.floor((n * 16) / 1000);
  source.frameNanoseconds[0] = ((n * 16) % 1000) * 1e6;
  for (let tool = 0; tool < TOOLS; tool += 1) {
    source.sixDHandle[tool] = tool + 1;
    source.sixDValues.set([0.6, 0, 0.8, 0, n / 100, tool, -1500, 0.1], tool * 8);
  }
  source.sixDCount = TOOLS;
  return encodeBx2(source);
}

/** One bridge message whose times are written over. */
function bridgeRound() {
  const decoder = new ClientDecoder({
    hello: () => undefined,
    pose: (tool, sample) => buffers[tool].push(sample),
    batch: () => undefined,
    pong: () => undefined,
    event: () => undefined,
    heartbeat: () => undefined,
  });
  const tools = Array.from({ length: TOOLS }, (_, i) => ({ name: `tool${i}` }));
  decoder.decode(encodeHello({ bridge: 'probe', tools, device: 'connected', reason: '', heartbeatMs: 100 }));
  const batch = new PoseBatch();
  const sample = new PoseSample();
  sample.status = 'ok';
  sample.setPose(1, 2, 3, 0, 0.6, 0, 0.8);
  sample.values[0] = sample.values[1] = 0;
  for (let i = 0; i < TOOLS; i += 1) batch.add(i, sample, 1);
  const message = new DataView(batch.message(1).buffer);
  return () => {
    for (let i = 0; i < TOOLS; i += 1) {
      message.setFloat64(8 + i * 88 + 8, now[0], true);
      message.setFloat64(8 + i * 88 + 16, now[0], true);
    }
    decoder.decodePoses(message);
  };
}

const round = what === 'bridge' ? bridgeRound() : ndiRound();

function run(poses) {
  for (let n = 0; n < poses / TOOLS; n += 1) {
    now[0] += 16;
    round(n);
    tools.readAll();
  }
}

await tools.report(run, POSES);
