import { isNavError, PoseSample, STATUSES, type Status } from '@trocar/core';
import { Random } from '@trocar/core/math';
import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import {
  type BridgeEvent,
  ClientDecoder,
  type ClientHandler,
  decodeHello,
  decodePing,
  encodeEvent,
  encodeHeartbeat,
  encodeHello,
  encodePing,
  encodePong,
  PoseBatch,
  RECORD,
  viewOf,
} from './index.js';

const HELLO = {
  bridge: 'test',
  tools: [{ name: 'a' }, { name: 'b', serial: '7' }],
  device: 'connected',
  reason: '',
  heartbeatMs: 100,
} as const;
const seeds = fc.integer({ min: 0, max: 0x7fffffff });

interface Told {
  readonly poses: Array<{ tool: number; status: Status; values: number[]; frameNumber: number }>;
  readonly other: unknown[];
}

function decoder(greeted = true): { decoder: ClientDecoder; told: Told } {
  const told: Told = { poses: [], other: [] };
  const handler: ClientHandler = {
    hello: (hello) => told.other.push(hello),
    pose: (tool, sample, frameNumber) =>
      told.poses.push({ tool, status: sample.status, values: [...sample.values], frameNumber }),
    batch: (sequence) => told.other.push(['batch', sequence]),
    pong: (id, stamps) => told.other.push(['pong', id, ...stamps]),
    event: (event) => told.other.push(event),
    heartbeat: (sequence) => told.other.push(['heartbeat', sequence]),
  };
  const made = new ClientDecoder(handler);
  if (greeted) made.decode(encodeHello(HELLO));
  told.other.length = 0;
  return { decoder: made, told };
}

function randomSample(random: Random): PoseSample {
  const sample = new PoseSample();
  sample.status = STATUSES[random.below(STATUSES.length)] as Status;
  for (let k = 0; k < 10; k += 1)
    sample.values[k] = random.uniform() < 0.1 ? Number.NaN : random.normal() * 10 ** random.between(-8, 12);
  return sample;
}

const refusedAs = (code: string) => expect.toSatisfy((e: unknown) => isNavError(e) && e.code === code);

describe('poses on the wire', () => {
  it('arrive bit for bit, at any alignment of the message', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 9 }), (seed, shift) => {
        const random = new Random(seed);
        const samples = [randomSample(random), randomSample(random)];
        const numbers = [random.nextUint32(), random.nextUint32()];
        const batch = new PoseBatch();
        for (const [tool, sample] of samples.entries()) batch.add(tool, sample, numbers[tool] as number);
        const sequence = random.nextUint32();
        const message = batch.message(sequence);
        const moved = new Uint8Array(message.length + shift);
        moved.set(message, shift);
        const { decoder: d, told } = decoder();
        d.decode(moved.subarray(shift));
        expect(told.poses.map((p) => p.frameNumber)).toEqual(numbers);
        expect(told.poses.map((p) => p.status)).toEqual(samples.map((s) => s.status));
        told.poses.forEach((p, i) => {
          expect(new Uint8Array(Float64Array.from(p.values).buffer)).toEqual(
            new Uint8Array((samples[i] as PoseSample).values.buffer),
          );
        });
        expect(told.other).toEqual([['batch', sequence]]);
      }),
    );
  });

  it('lie where the document says', () => {
    const sample = new PoseSample();
    sample.status = 'outOfVolume';
    sample.values.set([1.5, 2.5, 0.25, 10, 20, 30, 0, 0.6, 0, 0.8]);
    const batch = new PoseBatch();
    batch.add(1, sample, 0xfedcba98);
    const view = new DataView(batch.message(0x01020304).buffer);
    expect(view.byteLength).toBe(8 + 88);
    expect([view.getUint8(0), view.getUint16(2, true), view.getUint32(4, true)]).toEqual([2, 1, 0x01020304]);
    expect([view.getUint8(8), view.getUint8(9), view.getUint16(10, true), view.getUint32(12, true)]).toEqual([
      1, 3, 0, 0xfedcba98,
    ]);
    expect(Array.from({ length: 10 }, (_, k) => view.getFloat64(16 + 8 * k, true))).toEqual([...sample.values]);
  });

  it('keep the newest of each tool, and count what it pushed out', () => {
    const random = new Random(3);
    const batch = new PoseBatch();
    const later = new PoseBatch();
    const samples = Array.from({ length: 5 }, () => randomSample(random));
    const [a, b, c, d, e] = samples as [PoseSample, PoseSample, PoseSample, PoseSample, PoseSample];
    expect(batch.add(0, a, 1)).toBe(false);
    expect(batch.add(0, b, 2)).toBe(true);
    batch.add(7, c, 3);
    later.add(7, d, 4);
    later.add(9, e, 5);
    expect(batch.addAll(later)).toBe(1);
    expect(batch.count).toBe(3);
    const message = batch.message(1);
    expect([0, 1, 2].map((i) => message[8 + i * RECORD])).toEqual([0, 7, 9]);
    expect([0, 1, 2].map((i) => message[8 + i * RECORD + 4])).toEqual([2, 4, 5]);
    batch.clear();
    expect(batch.message(2)).toHaveLength(8);
    expect(batch.add(255, a, 1)).toBe(false);
    expect(batch.count).toBe(0);
  });
});

describe('everything else on the wire', () => {
  it('pings and pongs keep their stamps', () => {
    expect(decodePing(viewOf(encodePing(7, 1.25)))).toEqual({ id: 7, t1: 1.25, boundMs: Number.NaN });
    const { decoder: d, told } = decoder();
    d.decode(encodePong(7, 1.25, 2.5, 3.75));
    d.decode(encodeHeartbeat(99, 1));
    expect(told.other).toEqual([
      ['pong', 7, 1.25, 2.5, 3.75],
      ['heartbeat', 99],
    ]);
  });

  it('events come through, kinds of a later day are let go, and a longer tool list is used', () => {
    const events: BridgeEvent[] = [
      { kind: 'tools', tools: [{ name: 'a' }, { name: 'b' }, { name: 'c', manufacturer: 'm', partNumber: 'p' }] },
      { kind: 'connection', device: 'disconnected', reason: 'pulled' },
      { kind: 'fault', code: 'device/alarm', message: 'bumped' },
      { kind: 'dropped', count: 3, total: 9 },
    ];
    const { decoder: d, told } = decoder();
    for (const event of events) d.decode(encodeEvent(event));
    d.decode(encodeEvent({ kind: 'weather', sunny: true }));
    expect(told.other).toEqual(events);
    const batch = new PoseBatch();
    batch.add(2, randomSample(new Random(1)), 1);
    d.decode(batch.message(1));
    expect(told.poses[0]?.tool).toBe(2);
  });

  it('hellos are understood in both directions', () => {
    expect(decodeHello(viewOf(encodeHello({ client: 'x' })))).toEqual({ client: 'x' });
    const { decoder: d, told } = decoder(false);
    d.decode(encodeHello(HELLO));
    expect(told.other).toEqual([HELLO]);
  });

  it('a hello that does not fit one message is not made', () => {
    expect(() => encodeHello({ long: 'x'.repeat(70_000) })).toThrowError(/65536/);
  });
});

describe('what is refused', () => {
  const pose = (change: (bytes: Uint8Array) => void): Uint8Array => {
    const batch = new PoseBatch();
    batch.add(0, randomSample(new Random(2)), 1);
    const bytes = batch.message(1);
    change(bytes);
    return bytes;
  };

  it.each([
    ['an empty message', new Uint8Array(0)],
    ['type 0', Uint8Array.of(0, 0, 0, 0)],
    ['type 200', Uint8Array.of(200)],
    ['a ping, which only clients send', encodePing(1, 1)],
    ['a tool that was not announced', pose((b) => b.fill(2, 8, 9))],
    ['a status there is not', pose((b) => b.fill(7, 9, 10))],
    ['more records than bytes', pose((b) => b.fill(2, 2, 3))],
    ['fewer records than bytes', pose((b) => b.fill(0, 2, 3))],
    ['a pose message cut short', pose(() => undefined).subarray(0, 50)],
    ['a pong cut short', encodePong(1, 1, 2, 3).subarray(0, 31)],
    ['a long heartbeat', new Uint8Array([...encodeHeartbeat(1, 1), 0])],
    ['an event whose text is cut', encodeEvent({ kind: 'dropped', count: 1, total: 1 }).subarray(0, 20)],
    ['an event without its facts', encodeEvent({ kind: 'dropped', count: -1, total: 1 })],
    ['an event that is no object', encodeEvent([1])],
    ['two tools of one name', encodeEvent({ kind: 'tools', tools: [{ name: 'a' }, { name: 'a' }] })],
    ['a message over 64 KiB', new Uint8Array(65_537)],
  ])('%s is malformed', (_, message) => {
    expect(() => decoder().decoder.decode(message)).toThrowError(refusedAs('bridge/malformed'));
  });

  it.each([
    ['bridge/wrong-protocol', 'text'],
    ['bridge/wrong-protocol', new Uint8Array(100)],
    ['bridge/wrong-protocol', encodeHello(HELLO).subarray(0, 15)],
    ['bridge/wrong-protocol', encodeHeartbeat(1, 1)],
    ['bridge/wrong-version', encodeHello(HELLO, 0)],
    ['bridge/wrong-version', encodeHello(HELLO, 2)],
    ['bridge/malformed', encodeHello({ ...HELLO, tools: undefined })],
    ['bridge/malformed', encodeHello({ ...HELLO, device: 'asleep' })],
    ['bridge/malformed', encodeHello({ ...HELLO, heartbeatMs: 0 })],
    ['bridge/malformed', encodeHello(HELLO).subarray(0, 40)],
  ] as const)('a first message is refused as %s (%#)', (code, message) => {
    expect(() => decoder(false).decoder.decode(message)).toThrowError(refusedAs(code));
  });

  it('random bytes are refused with a code or understood, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 1, max: 6 }), fc.boolean(), (bytes, type, greeted) => {
        if (bytes.length > 0) bytes[0] = type;
        try {
          decoder(greeted).decoder.decode(bytes);
        } catch (error) {
          expect(isNavError(error) && error.code.startsWith('bridge/')).toBe(true);
        }
      }),
      { numRuns: 2000 * inject('effort') },
    );
  });
});
