import { expect, inject, it } from 'vitest';
import { isNavError, NavError } from '../base/index.js';
import { PoseSample } from '../frames/index.js';
import { Random } from '../math/index.js';
import { manualClock } from '../testing/index.js';
import { memoryOutput, Recorder, RecordingDecoder, readRecordingBytes } from './index.js';

/** A short recording with every kind of message in three chunks. */
async function sample(): Promise<Uint8Array> {
  const clock = manualClock(100);
  const output = memoryOutput();
  const recorder = new Recorder({ output, clock, chunkBytes: 1024 });
  const device = recorder.device('ndi');
  const pose = new PoseSample();
  device.tools([{ name: 'a', serial: '1' }, { name: 'b' }]);
  device.connection('connected', 'Here.');
  for (let n = 0; n < 8; n += 1) {
    clock.advance(10);
    device.pose(0, pose, n);
    device.pose(1, pose, n);
    device.flush();
    device.raw('received', Float64Array.of(clock.now()), Uint8Array.of(n, 2, 3));
  }
  device.raw('closed', Float64Array.of(clock.now()), new Uint8Array(0), 'Gone.');
  device.fault({ code: 'device/timeout', message: 'No reply.' });
  recorder.event('note', { text: 'a' });
  await recorder.close();
  return output.bytes();
}

/** Where chunks have their checksum; 0 there means that there is none, and lets damage through to what is behind it. */
function checksumsOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer);
  const found: number[] = [];
  for (let at = 8; at < bytes.length - 8; at += 9 + view.getUint32(at + 1, true)) if (bytes[at] === 6) found.push(at + 33);
  return found;
}

const ROUNDS = 100_000 * inject('effort');

it(
  `${ROUNDS} damaged recordings are read as far as they are whole, or refused: nothing else is thrown, nothing hangs`,
  async () => {
    const whole = await sample();
    const checksums = checksumsOf(whole);
    expect(checksums.length).toBeGreaterThan(1);
    const random = new Random(inject('seed'));
    const odd = [0, 1, 0x7f, 0x80, 0xff];
    const outcomes: Record<string, number> = {};
    const count = (outcome: string): void => {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    };
    const heapBefore = process.memoryUsage().heapUsed;
    for (let round = 0; round < ROUNDS; round += 1) {
      let bytes = whole.slice();
      if (random.below(2) === 0) for (const at of checksums) bytes.fill(0, at, at + 4);
      for (let k = random.below(4); k >= 0; k -= 1) {
        const at = random.below(bytes.length);
        bytes[at] = random.below(2) === 0 ? (odd[random.below(odd.length)] as number) : random.below(256);
      }
      if (random.below(4) === 0) bytes = bytes.slice(0, random.below(bytes.length));
      if (random.below(8) === 0)
        bytes.copyWithin(random.below(bytes.length), random.below(bytes.length), random.below(bytes.length));
      try {
        const { status } = readRecordingBytes(bytes);
        count(status.complete ? 'complete' : (status.damage[0]?.code ?? 'no reason'));
        if (status.givenUpBytes > bytes.length) throw new Error(`${status.givenUpBytes} bytes of ${bytes.length} given up`);
      } catch (error) {
        if (!isNavError(error)) throw error;
        count(error.code);
      }
    }
    expect(outcomes['no reason']).toBeUndefined();
    for (const code of [
      'complete',
      'recording/truncated',
      'recording/corrupt',
      'recording/not-a-recording',
      'recording/unsupported-version',
    ]) {
      expect(outcomes[code], code).toBeGreaterThan(0);
    }
    expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(200e6);
  },
  60_000 + ROUNDS,
);

it('is split anywhere to the same end', async () => {
  const whole = await sample();
  const random = new Random(3);
  for (let round = 0; round < 300; round += 1) {
    const damaged = whole.slice();
    damaged[random.below(whole.length)] = random.below(256);
    const outcome = (pieces: Uint8Array[]): string => {
      const kinds: string[] = [];
      const decoder = new RecordingDecoder((entries) => kinds.push(...entries.map((e) => `${e.kind} ${e.at}`)));
      try {
        for (const piece of pieces) decoder.feed(piece);
        return JSON.stringify([kinds, decoder.end()]);
      } catch (error) {
        if (!(error instanceof NavError)) throw error;
        return `${kinds.length} ${error.code}`;
      }
    };
    const at = random.below(whole.length);
    const bytewise = Array.from(damaged, (_, i) => damaged.subarray(i, i + 1));
    expect(outcome([damaged.slice(0, at), damaged.slice(at)])).toBe(outcome([damaged]));
    if (round < 20) expect(outcome(bytewise)).toBe(outcome([damaged]));
  }
});

it('that claims a record of a hundred terabytes is given up there, and keeps no more than it was fed', async () => {
  const whole = await sample();
  const at = checksumsOf(whole)[0] as number;
  const claiming = whole.slice();
  claiming[at - 33 + 6] = 0x5a;
  const { status } = readRecordingBytes(claiming);
  expect(status.damage.map((d) => d.code)).toEqual(['recording/corrupt']);
  expect(status.givenUpBytes).toBe(whole.length - (at - 33));
});
