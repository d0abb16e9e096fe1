import { readFileSync } from 'node:fs';
import { McapIndexedReader, McapStreamReader } from '@mcap/core';
import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { NavError } from '../base/index.js';
import { PoseSample, STATUSES } from '../frames/index.js';
import { Random } from '../math/index.js';
import { type ManualClock, manualClock } from '../testing/index.js';
import { crc32 } from './crc32.js';
import { LIBRARY } from './format.js';
import {
  blobInput,
  bytesInput,
  memoryOutput,
  Recorder,
  type RecorderOptions,
  Recording,
  type RecordingFault,
  type RecordingOutput,
  readRecordingBytes,
} from './index.js';
import { poseText, textOf, wildSample } from './test-support/poses.js';
import { readRos1 } from './test-support/ros1.js';

const START = 12_345.678_901_234;

interface Made {
  readonly bytes: Uint8Array;
  readonly told: readonly string[];
  readonly poses: number;
}

/** A recording of two devices that say all there is to say. */
async function record(options: Partial<RecorderOptions> = {}, flushes = 200, seed = 1): Promise<Made> {
  const clock = manualClock(START);
  const output = memoryOutput();
  const recorder = new Recorder({ output, clock, chunkBytes: 4096, ...options });
  const random = new Random(seed);
  const told: string[] = [];
  const sample = new PoseSample();
  const [ndi, cart] = [recorder.device('ndi'), recorder.device('cart-2')];
  let poses = 0;
  ndi.tools([{ name: 'stylus', serial: '0123' }, { name: 'Zeigegerät' }]);
  told.push(
    `{"kind":"tools","device":"ndi","at":${clock.now()},"tools":[{"name":"stylus","serial":"0123"},{"name":"Zeigegerät"}]}`,
  );
  for (let n = 0; n < flushes; n += 1) {
    clock.advance(random.uniform() * 20);
    const device = random.below(3) === 0 ? cart : ndi;
    const parts: string[] = [];
    const count = random.below(6);
    for (let i = 0; i < count; i += 1) {
      wildSample(random, sample);
      device.pose(i, sample, n);
      parts.push(poseText(i, sample, n));
    }
    poses += count;
    device.flush();
    told.push(`${device === ndi ? 'ndi' : 'cart-2'} ${clock.now()} true ${parts.join(' ')}`);
    if (n % 50 === 20) {
      const data = Uint8Array.from({ length: random.below(300) }, () => random.below(256));
      ndi.raw('received', Float64Array.of(clock.now()), data);
      told.push(`{"kind":"raw","device":"ndi","at":${clock.now()},"what":"received","note":"","bytes":[${[...data].join(',')}]}`);
    }
    if (n % 50 === 30) {
      recorder.event('target/reached', { mm: 0.1 + n });
      told.push(`{"kind":"event","device":"","at":${clock.now()},"name":"target/reached","data":{"mm":${0.1 + n}}}`);
    }
    if (n % 50 === 40) {
      cart.connection('disconnected', 'The plug “fell” out.');
      told.push(
        `{"kind":"connection","device":"cart-2","at":${clock.now()},"state":"disconnected","reason":"The plug “fell” out."}`,
      );
      cart.fault({ code: 'device/timeout', message: 'No reply.' });
      told.push(`{"kind":"fault","device":"cart-2","at":${clock.now()},"code":"device/timeout","message":"No reply."}`);
    }
  }
  expect(await recorder.close()).toBe(true);
  return { bytes: output.bytes(), told, poses };
}

const codeOf = (error: unknown): string => {
  if (!(error instanceof NavError)) throw error;
  return error.code;
};

/** Waits until every promise that can settle has. */
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

describe('a recording', () => {
  it('gives back what was told, bit by bit and in its order', async () => {
    const { bytes, told, poses } = await record();
    const { entries, status, facts } = readRecordingBytes(bytes);
    expect(textOf(entries)).toEqual(told);
    expect(status).toMatchObject({ complete: true, givenUpBytes: 0, damage: [], entries: told.length });
    expect(status.chunks).toBeGreaterThan(5);
    expect(facts).toMatchObject({ version: 1, library: LIBRARY, baseHostMs: START, baseUtc: '2026-01-01T00:00:12.345Z' });
    const summary = await new Recording(bytesInput(bytes)).summary();
    expect(summary.devices.map((d) => d.name)).toEqual(['ndi', 'cart-2']);
    expect(summary.devices.reduce((sum, d) => sum + d.poses, 0)).toBe(poses);
    expect(summary.gaps).toBe(0);
  });

  it('reads the same from any pieces, from a Blob, and a second time', async () => {
    const { bytes, told } = await record();
    const pieces = (size: number) => ({
      label: 'pieces',
      *open() {
        for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
      },
    });
    for (const input of [pieces(1), pieces(7), pieces(4099), blobInput(new Blob([bytes as Uint8Array<ArrayBuffer>]))]) {
      const recording = new Recording(input);
      for (let pass = 0; pass < 2; pass += 1) {
        const entries = [];
        for await (const part of recording.entries()) entries.push(...part);
        expect(textOf(entries)).toEqual(told);
        expect(recording.status?.complete).toBe(true);
      }
    }
  });

  it("is read by other people's reader, by its index, with schemas, statistics and times that are dates", async () => {
    const { bytes, told } = await record();
    const reader = await McapIndexedReader.Initialize({
      readable: {
        size: async () => BigInt(bytes.length),
        read: async (offset, size) => bytes.slice(Number(offset), Number(offset + size)),
      },
    });
    expect(reader.header).toMatchObject({ profile: 'trocar', library: LIBRARY });
    expect(reader.statistics?.messageCount).toBe(BigInt(told.length));
    expect(reader.chunkIndexes.length).toBe(reader.statistics?.chunkCount);
    expect(reader.metadataIndexes.map((m) => m.name)).toEqual(['trocar/recording']);
    const seen = new Map<string, number>();
    const sequences = new Map<number, number>();
    let last = 0n;
    let messages = 0;
    for await (const message of reader.readMessages()) {
      const channel = reader.channelsById.get(message.channelId);
      const topic = channel?.topic ?? '';
      seen.set(topic, (seen.get(topic) ?? 0) + 1);
      expect(message.sequence).toBe(sequences.get(message.channelId) ?? 0);
      sequences.set(message.channelId, message.sequence + 1);
      expect(message.logTime).toBeGreaterThanOrEqual(last);
      last = message.logTime;
      messages += 1;
      const schema = reader.schemasById.get(channel?.schemaId ?? 0);
      expect([schema?.encoding, channel?.messageEncoding]).toEqual(
        /poses|raw/.test(topic) ? ['ros1msg', 'ros1'] : ['jsonschema', 'json'],
      );
      if (topic.endsWith('poses')) {
        const at = new DataView(message.data.buffer, message.data.byteOffset).getFloat64(0, true);
        const utcNs = BigInt(Date.UTC(2026, 0, 1) + 12_345) * 1_000_000n;
        expect(message.logTime).toBe(utcNs + BigInt(Math.round((at - START) * 1e6)));
      }
    }
    expect(messages).toBe(told.length);
    expect([...seen.keys()].sort()).toEqual([
      '/device/cart-2/connection',
      '/device/cart-2/faults',
      '/device/cart-2/poses',
      '/device/ndi/poses',
      '/device/ndi/raw',
      '/device/ndi/tools',
      '/events',
    ]);
    // One channel out of the middle, as a viewer asks for it.
    const some = [];
    for await (const m of reader.readMessages({ topics: ['/events'], startTime: last / 2n })) some.push(m);
    expect(some.length).toBe(seen.get('/events'));
  });

  it('can be read from its schemas alone, without knowing how it is written', async () => {
    const output = memoryOutput();
    const clock = manualClock(START);
    const recorder = new Recorder({ output, clock });
    const device = recorder.device('ndi');
    const random = new Random(4);
    const sample = new PoseSample();
    const truth: unknown[] = [];
    for (let n = 0; n < 100; n += 1) {
      const poses = [];
      for (let tool = 0; tool < 3; tool += 1) {
        wildSample(random, sample);
        device.pose(tool, sample, n);
        const [measured_ms, arrived_ms, error_mm, x, y, z, qx, qy, qz, qw] = sample.values;
        const status = STATUSES.indexOf(sample.status);
        poses.push({ tool, status, frame: n, measured_ms, arrived_ms, error_mm, x, y, z, qx, qy, qz, qw });
      }
      device.flush();
      truth.push({ at_ms: START, flushed: true, poses });
    }
    device.raw('line', Float64Array.of(START), Uint8Array.of(1, 2), 'baud für');
    truth.push({ at_ms: START, kind: 4, note: 'baud für', data: [1, 2] });
    await recorder.close();
    const reader = new McapStreamReader();
    reader.append(output.bytes());
    const schemas = new Map<number, string>();
    const schemaOf = new Map<number, number>();
    const seen: unknown[] = [];
    for (let part = reader.nextRecord(); part !== undefined; part = reader.nextRecord()) {
      if (part.type === 'Schema') schemas.set(part.id, new TextDecoder().decode(part.data));
      if (part.type === 'Channel') schemaOf.set(part.id, part.schemaId);
      if (part.type === 'Message') seen.push(readRos1(schemas.get(schemaOf.get(part.channelId) as number) as string, part.data));
    }
    expect(seen).toEqual(truth);
  });

  it('cut at any byte gives every whole chunk, and says how many bytes were given up', async () => {
    const { bytes, told } = await record({ chunkBytes: 1024 }, 15);
    const whole = readRecordingBytes(bytes).status;
    let entriesBefore = 0;
    const wrong: number[] = [];
    for (let length = 0; length < bytes.length; length += 1) {
      const { entries, status } = readRecordingBytes(bytes.subarray(0, length));
      const [damage] = status.damage;
      const honest =
        !status.complete &&
        status.damage.length === 1 &&
        damage?.code === 'recording/truncated' &&
        status.givenUpBytes === length - damage.offset;
      const newest = entries.at(-1);
      const same = newest === undefined || textOf([newest])[0] === told[entries.length - 1];
      if (!honest || !same || entries.length < entriesBefore) wrong.push(length);
      entriesBefore = entries.length;
    }
    expect(wrong).toEqual([]);
    expect(entriesBefore).toBe(told.length);
    expect(whole.complete).toBe(true);
  });

  it('with a damaged chunk gives the others, and says which it gave up', async () => {
    const { bytes, told } = await record({ chunkBytes: 1024 }, 40);
    const text = told.join('\n');
    const random = new Random(5);
    for (let round = 0; round < 200 * inject('effort'); round += 1) {
      const damaged = bytes.slice();
      const at = 400 + random.below(bytes.length - 1200);
      damaged[at] = (damaged[at] as number) ^ (1 << random.below(8));
      const { entries, status } = readRecordingBytes(damaged);
      // Whatever is given back was told exactly so: a checksum guards every message.
      for (const entry of textOf(entries)) expect(text).toContain(entry);
      if (entries.length < told.length) expect(status.complete).toBe(false);
      if (!status.complete) expect(status.givenUpBytes).toBeGreaterThan(0);
    }
  });

  it('is refused with its reason where it is none, or of a version to come', async () => {
    const { bytes } = await record({}, 3);
    const text = (s: string) => new TextEncoder().encode(s);
    expect(() => readRecordingBytes(text('ObjectType = Image\n'), 'a.mha')).toThrow(/a.mha is no recording/);
    expect(() => readRecordingBytes(text('abc'))).toThrow(/does not begin/);
    expect(readRecordingBytes(new Uint8Array(0)).status.damage.map((d) => d.code)).toEqual(['recording/truncated']);
    const other = bytes.slice();
    other.set(text('ros1ab'), 8 + 9 + 4);
    expect(() => readRecordingBytes(other)).toThrow(/profile "ros1ab"/);
    const at = Buffer.from(bytes).indexOf('schema_version') + 'schema_version'.length + 4;
    const later = bytes.slice();
    later[at] = '2'.charCodeAt(0);
    let code = '';
    try {
      readRecordingBytes(later);
    } catch (error) {
      code = codeOf(error);
      expect(String(error)).toContain(LIBRARY);
    }
    expect(code).toBe('recording/unsupported-version');
    await expect(new Recording(bytesInput(bytes.subarray(0, 30))).summary()).rejects.toThrow(/ends before it says/);
  });

  it('names the library as package.json does', () => {
    const { name, version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(LIBRARY).toBe(`${name} ${version}`);
  });

  it('has the checksum that everybody has', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        let c = 0xffffffff;
        for (const byte of bytes) {
          c ^= byte;
          for (let k = 0; k < 8; k += 1) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
        }
        expect(crc32(bytes)).toBe(~c >>> 0);
      }),
    );
  });
});

interface SlowOutput extends RecordingOutput {
  /** Lets the append that waits go on, or fail. */
  release(error?: unknown): Promise<void>;
  readonly parts: Uint8Array[];
}

function slowOutput(): SlowOutput {
  const parts: Uint8Array[] = [];
  let waiting: { resolve(): void; reject(error: unknown): void } | undefined;
  return {
    parts,
    append: (bytes) =>
      new Promise<void>((resolve, reject) => {
        waiting = {
          resolve: () => {
            parts.push(bytes.slice());
            resolve();
          },
          reject,
        };
      }),
    close: async () => undefined,
    release: async (error) => {
      const one = waiting;
      waiting = undefined;
      if (error === undefined) one?.resolve();
      else one?.reject(error);
      await settled();
    },
  };
}

function tell(recorder: Recorder, clock: ManualClock, flushes: number): void {
  const sample = new PoseSample();
  const device = recorder.device('ndi');
  for (let n = 0; n < flushes; n += 1) {
    clock.advance(1);
    sample.values.fill(n);
    for (let tool = 0; tool < 4; tool += 1) device.pose(tool, sample, n);
    device.flush();
  }
}

describe('a recorder', () => {
  it('hands a chunk over by size, by age, and when asked', async () => {
    const clock = manualClock(START);
    const output = memoryOutput();
    const recorder = new Recorder({ output, clock, chunkBytes: 4096, chunkMs: 50 });
    tell(recorder, clock, 9);
    await settled();
    expect(recorder.counts.chunks).toBe(0);
    tell(recorder, clock, 3);
    await settled();
    expect(recorder.counts.chunks).toBe(1);
    // The clock says so although no timer has run yet …
    clock.advance(51);
    tell(recorder, clock, 1);
    await settled();
    expect(recorder.counts.chunks).toBe(2);
    // … and a timer although nothing more is told.
    await new Promise((resolve) => setTimeout(resolve, 90));
    expect(recorder.counts.chunks).toBe(3);
    tell(recorder, clock, 1);
    await recorder.flush();
    expect(recorder.counts.chunks).toBe(4);
    expect(readRecordingBytes(output.bytes()).status).toMatchObject({ complete: false, entries: 14, givenUpBytes: 0 });
    expect(await recorder.close()).toBe(true);
    expect(await recorder.close()).toBe(true);
    expect(readRecordingBytes(output.bytes()).status).toMatchObject({ complete: true, entries: 14 });
  });

  it('keeps poses that were never flushed, and sets that are larger than a message, as what they are', async () => {
    const clock = manualClock(START);
    const output = memoryOutput();
    const recorder = new Recorder({ output, clock });
    const device = recorder.device('swarm');
    const sample = new PoseSample();
    for (let i = 0; i < 600; i += 1) device.pose(i, sample, i);
    device.flush();
    device.pose(7, sample, 7);
    device.connection('connected', '');
    device.pose(8, sample, 8);
    await recorder.close();
    const { entries } = readRecordingBytes(output.bytes());
    const seen = entries.map((e) => (e.kind === 'poses' ? [e.count, e.flushed] : e.kind));
    expect(seen).toEqual([[256, false], [256, false], [88, true], [1, false], 'connection', [1, false]]);
  });

  it('loses what a slow output leaves no room for, tells it once, and the recording says so itself', async () => {
    const clock = manualClock(START);
    const output = slowOutput();
    const recorder = new Recorder({ output, clock, chunkBytes: 4096, maxBufferedBytes: 32_768 });
    const faults: RecordingFault[] = [];
    recorder.faults.subscribe((fault) => faults.push(fault));
    tell(recorder, clock, 500);
    expect(faults.map((f) => f.code)).toEqual(['recording/overflow']);
    const lost = recorder.counts.lostPoses;
    expect(lost).toBeGreaterThan(1000);
    expect(recorder.counts.poses + lost).toBe(2000);
    for (let i = 0; i < 20; i += 1) await output.release();
    tell(recorder, clock, 5);
    const closing = recorder.close();
    for (let i = 0; i < 20; i += 1) await output.release();
    expect(await closing).toBe(false);
    const bytes = Buffer.concat(output.parts);
    const { entries, status } = readRecordingBytes(bytes);
    expect(status.complete).toBe(true);
    const gap = entries.find((e) => e.kind === 'event' && e.name === 'trocar/gap');
    expect(gap).toMatchObject({ data: { poses: lost } });
    expect((await new Recording(bytesInput(bytes)).summary()).gaps).toBe(1);
  });

  it.each([
    [new NavError('recording/disk-full', 'No space is left.'), 'recording/disk-full'],
    [new Error('EIO'), 'recording/write-failed'],
  ])('goes on without a throw when the output fails, tells it once and leaves what was written readable', async (error, code) => {
    const clock = manualClock(START);
    const output = slowOutput();
    const recorder = new Recorder({ output, clock, chunkBytes: 4096 });
    const faults: RecordingFault[] = [];
    recorder.faults.subscribe((fault) => {
      faults.push(fault);
      throw new Error('a listener that fails');
    });
    tell(recorder, clock, 100);
    for (let i = 0; i < 12; i += 1) await output.release();
    await output.release(error);
    tell(recorder, clock, 100);
    expect(recorder.state).toBe('failed');
    expect(faults.map((f) => f.code)).toEqual([code]);
    const closing = recorder.close();
    await settled();
    await output.release();
    expect(await closing).toBe(false);
    const { entries, status } = readRecordingBytes(Buffer.concat(output.parts));
    // The end could be written after all: the file is whole, with what it had.
    expect(status.complete).toBe(true);
    const poses = entries.reduce((sum, e) => sum + (e.kind === 'poses' ? e.count : 0), 0);
    expect(poses).toBeGreaterThan(0);
    expect(poses + recorder.counts.lostPoses).toBe(800);
    expect(faults.length).toBe(1);
  });

  it('refuses names and options that cannot be', async () => {
    const clock = manualClock();
    const recorder = new Recorder({ output: memoryOutput(), clock });
    expect(() => recorder.device('a/b')).toThrow(/letters, digits/);
    expect(recorder.device('a')).toBe(recorder.device('a'));
    const ring: { self?: unknown } = {};
    ring.self = ring;
    expect(() => recorder.event('ring', ring)).toThrow(/JSON/);
    for (const bad of [{ chunkBytes: 10 }, { chunkMs: 0 }, { maxBufferedBytes: 1000 }, { chunkBytes: 2000.5 }]) {
      expect(() => new Recorder({ output: memoryOutput(), clock, ...bad })).toThrow(/whole chunkBytes/);
    }
    await recorder.close();
  });
});
