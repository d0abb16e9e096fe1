import { PoseSample, systemClock } from '@trocar/core';
import { bytesInput, memoryOutput, Recorder, Recording, readRecordingBytes } from '@trocar/core/recording';
import { expect, it } from 'vitest';
import { makeToolFile } from '../../codec/ndi/index.js';
import type { PoseSink } from '../../driver.js';
import type { SerialLine, Transport } from '../../transport.js';
import { pipe } from '../../transports/pipe.js';
import { ndiDriver } from '../ndi/index.js';
import { recordingSink, recordingTransport } from '../recorder/index.js';
import { simulateNdiTracker } from '../simulated/index.js';
import { replayTransport } from './index.js';

const clock = systemClock();
const MARKERS = [
  [0, 0, 0],
  [50, 0, 0],
  [0, 80, 0],
] as const;
const tools = ['stylus', 'reference'].map((name) => ({ name, toolFile: makeToolFile({ markers: MARKERS, partNumber: name }) }));
// A poll that is asked again because the machine was busy is not asked again in the replay: deadlines are generous.
const FAST = { commandMs: 1000, resetMs: 1000, toolMs: 1000, trackingMs: 4000, settleMs: 1 };
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function bitsOf(tool: number, sample: PoseSample, frame: number): string {
  const bits = new BigUint64Array(sample.values.slice().buffer);
  return `${tool} ${frame} ${sample.status} ${[...bits].map((b) => b.toString(16)).join(',')}`;
}

function listener(): PoseSink & { readonly poses: string[]; readonly faults: string[] } {
  const poses: string[] = [];
  const faults: string[] = [];
  return {
    poses,
    faults,
    tools: () => undefined,
    pose: (tool, sample, frame) => void poses.push(bitsOf(tool, sample, frame)),
    flush: () => void poses.push('flush'),
    connection: () => undefined,
    fault: ({ code }) => void faults.push(code),
  };
}

/** The host's end of a pipe with a line beside it, as a serial port has one. */
function withLine(transport: Transport, restart: () => void): Transport {
  const line: SerialLine = { sendBreak: async () => restart(), setBaudRate: async () => undefined };
  return { ...transport, line };
}

/** A tracker that is recorded, bytes and poses, while a tool is covered now and then. */
async function session(serial: boolean): Promise<Uint8Array> {
  const ends = pipe({ chunkBytes: 37 });
  let turn = 0;
  const simulator = await simulateNdiTracker(ends.device, {
    clock,
    rateHz: 120,
    tools: tools.map(({ name }) => ({ name })),
    poseOf: (tool, at) => {
      turn += 1;
      if (turn % 50 < 8 && tool === 'stylus') return undefined;
      return { position: [Math.sin(at / 300) * 100, at % 7, -1500], rotation: [0, 0, Math.sin(at / 900), Math.cos(at / 900)] };
    },
  });
  const output = memoryOutput();
  const recorder = new Recorder({ output, clock, chunkMs: 100 });
  const device = recorder.device('ndi');
  const transport = recordingTransport(serial ? withLine(ends.host, () => simulator.restart()) : ends.host, device);
  const driver = ndiDriver({ transport, clock: transport.clock, tools, timeouts: FAST });
  await driver.start(recordingSink(device, listener()));
  await wait(700);
  await driver.stop();
  await simulator.close();
  expect(await recorder.close()).toBe(true);
  return output.bytes();
}

function recordedPoses(bytes: Uint8Array): string[] {
  const sample = new PoseSample();
  return readRecordingBytes(bytes).entries.flatMap((entry) => {
    if (entry.kind !== 'poses') return [];
    const poses: string[] = [];
    for (let i = 0; i < entry.count; i += 1) {
      entry.read(i, sample);
      poses.push(bitsOf(entry.tool(i), sample, entry.frame(i)));
    }
    return [...poses, 'flush'];
  });
}

it.each([
  ['tcp', false],
  ['serial', true],
] as const)('recorded bytes of a %s session through the driver give the recorded poses, bit by bit, twice', async (_, serial) => {
  const bytes = await session(serial);
  const recorded = recordedPoses(bytes);
  // Both tools go once the driver is stopped: two poses and a flush that no byte of the device brought.
  const tracked = recorded.slice(0, -3);
  expect(tracked.filter((line) => line.includes(' ok ')).length).toBeGreaterThan(60);
  expect(tracked.filter((line) => line.includes(' missing ')).length).toBeGreaterThan(2);
  for (let round = 0; round < 2; round += 1) {
    const transport = replayTransport({ recording: new Recording(bytesInput(bytes)), clock });
    const driver = ndiDriver({ transport, clock: transport.clock, tools, timeouts: FAST });
    const heard = listener();
    let counts = {};
    await new Promise<void>((resolve) => {
      const flush = (): void => {
        heard.flush();
        if (heard.poses.length !== tracked.length) return;
        // From here on it may ask otherwise: the recorded driver may have polled once more before it stopped.
        counts = { ...transport.counts };
        void driver.stop().then(resolve);
      };
      void driver.start({ ...heard, flush });
    });
    expect(heard.faults).toEqual([]);
    expect(heard.poses.slice(0, -3)).toEqual(tracked);
    expect(counts).toMatchObject({ unasked: 0, different: 0 });
    expect(transport.counts.deliveries).toBeGreaterThan(100);
  }
});

it('a driver that asks otherwise is counted, and gets the bytes all the same', async () => {
  const bytes = await session(false);
  const transport = replayTransport({ recording: new Recording(bytesInput(bytes)), clock, answerMs: 5 });
  const received: number[] = [];
  let closed = '';
  await transport.open({
    data: (chunk) => void received.push(...chunk),
    closed: (reason) => {
      closed = reason.message;
    },
  });
  transport.write(Uint8Array.of(1, 2, 3));
  while (closed === '') await wait(10);
  const sent = readRecordingBytes(bytes).entries.flatMap((e) => (e.kind === 'raw' && e.what === 'received' ? [...e.bytes] : []));
  expect(received).toEqual(sent);
  expect(transport.counts.unasked).toBeGreaterThan(10);
  expect(transport.counts.different).toBeGreaterThan(0);
  expect(closed).toMatch(/ended/);
  await transport.finished;
  await expect(transport.open({ data: () => undefined, closed: () => undefined })).rejects.toMatchObject({
    code: 'device/connect-failed',
  });
});
