import { isNavError, PoseSample } from '@trocar/core';
import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import {
  ClientDecoder,
  type ClientHandler,
  decodeClientHello,
  decodeCommand,
  decodePing,
  encodeCommand,
  encodeEvent,
  encodeHello,
  encodePing,
  isCommand,
  MOST_TOOLS,
  PoseBatch,
  RECORD,
  viewOf,
} from './index.js';

const refusedAs = (code: string) => expect.toSatisfy((e: unknown) => isNavError(e) && e.code === code);
const OLD_HELLO = { bridge: 'b', tools: [{ name: 'a' }], device: 'connected', reason: '', heartbeatMs: 100 };

function decoded(...messages: Uint8Array[]): unknown[] {
  const told: unknown[] = [];
  const handler: ClientHandler = {
    hello: (hello) => told.push(hello),
    pose: () => undefined,
    batch: () => undefined,
    pong: () => undefined,
    heartbeat: () => undefined,
    event: (event) => told.push(event),
  };
  const decoder = new ClientDecoder(handler);
  for (const message of messages) decoder.decode(message);
  return told;
}

describe('what revision 1 added', () => {
  it('a hello of a bridge says its run, the role, commands and devices; one of revision 0 says none', () => {
    const later = {
      revision: 1,
      session: 's',
      role: 'control',
      commands: ['mark'],
      devices: [{ name: 'd', state: 'connected', reason: '' }],
    };
    expect(decoded(encodeHello({ ...OLD_HELLO, ...later }))).toEqual([{ ...OLD_HELLO, ...later }]);
    expect(decoded(encodeHello(OLD_HELLO))).toEqual([OLD_HELLO]);
  });

  it.each([
    [{ revision: -1 }],
    [{ session: '' }],
    [{ role: 'root' }],
    [{ commands: [1] }],
    [{ devices: {} }],
    [{ devices: [{ name: 'd', state: 'asleep', reason: '' }] }],
    [{ devices: [{ name: '', state: 'connected', reason: '' }] }],
  ])('a hello of a bridge with %j is malformed', (change) => {
    expect(() => decoded(encodeHello({ ...OLD_HELLO, ...change }))).toThrowError(refusedAs('bridge/malformed'));
  });

  it('a hello of a client has wishes, and of revision 0 the widest', () => {
    const wishes = { revision: 1, subscribe: ['a'], maxRateHz: 30, resume: { session: 's', sequence: 7 } };
    expect(decodeClientHello(viewOf(encodeHello({ client: 'x', ...wishes })))).toEqual(wishes);
    expect(decodeClientHello(viewOf(encodeHello({ client: 'x' })))).toEqual({
      revision: 0,
      subscribe: undefined,
      maxRateHz: Number.POSITIVE_INFINITY,
      resume: undefined,
    });
    expect(() => decodeClientHello(viewOf(encodeHello([])))).toThrowError(refusedAs('bridge/malformed'));
  });

  it('a ping may carry a bound; the short one stays as it was', () => {
    expect(decodePing(viewOf(encodePing(7, 1.5, 0.25)))).toEqual({ id: 7, t1: 1.5, boundMs: 0.25 });
    expect(encodePing(7, 1.5)).toHaveLength(16);
    expect(encodePing(7, 1.5, 0.25)).toHaveLength(24);
    expect(() => decodePing(viewOf(new Uint8Array(20)))).toThrowError(refusedAs('bridge/malformed'));
  });

  it('commands come through with their number', () => {
    const command = { command: 'mark', args: { text: 'here', times: 2, loud: true } };
    const view = viewOf(encodeCommand(0xfedcba98, command));
    expect(isCommand(view)).toBe(true);
    expect(decodeCommand(view)).toEqual({ id: 0xfedcba98, ...command });
    expect(isCommand(viewOf(encodePing(1, 1)))).toBe(false);
  });

  it('answers and marks come through, and a connection names devices', () => {
    const events = [
      { kind: 'answer', id: 3, code: '', message: '' },
      { kind: 'mark', text: 'here', at: 12.5 },
      { kind: 'connection', device: 'connected', reason: '', devices: [{ name: 'd', state: 'disconnected', reason: 'pulled' }] },
    ];
    expect(decoded(encodeHello(OLD_HELLO), ...events.map(encodeEvent)).slice(1)).toEqual(events);
    for (const bad of [
      { kind: 'answer', id: -1, code: '', message: '' },
      { kind: 'mark', text: 'here' },
    ]) {
      expect(() => decoded(encodeHello(OLD_HELLO), encodeEvent(bad))).toThrowError(refusedAs('bridge/malformed'));
    }
  });

  it('random wishes and commands are understood or refused as malformed, never anything else', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.record({ subscribe: fc.jsonValue(), maxRateHz: fc.jsonValue(), resume: fc.jsonValue() }),
    );
    fc.assert(
      fc.property(value, fc.uint8Array({ maxLength: 40 }), (json, bytes) => {
        for (const decode of [
          () => decodeClientHello(viewOf(encodeHello(json))),
          () => decodeCommand(viewOf(encodeCommand(1, json))),
          () => decodeCommand(viewOf(bytes)),
        ]) {
          try {
            decode();
          } catch (error) {
            expect(isNavError(error, 'bridge/malformed')).toBe(true);
          }
        }
      }),
      { numRuns: 500 * inject('effort') },
    );
  });
});

describe('a batch for some of its tools', () => {
  const sample = new PoseSample();
  sample.status = 'ok';
  sample.values.fill(1);

  it('holds those, behind room for an outer header', () => {
    const batch = new PoseBatch();
    for (const tool of [0, 3, 4, 254]) batch.add(tool, sample, tool);
    const set = new Uint8Array(MOST_TOOLS);
    set[3] = set[254] = set[7] = 1;
    expect(batch.countOf(set)).toBe(2);
    const message = batch.message(9, (n) => new Uint8Array(n), 4, set);
    expect(message).toHaveLength(4 + 8 + 2 * RECORD);
    expect([message[4], message[6], message[8], message[12], message[12 + RECORD]]).toEqual([2, 2, 9, 3, 254]);
    const copy = new PoseBatch();
    copy.addAll(batch, set);
    expect(copy.message(9)).toEqual(message.subarray(4));
    const counts = new Float64Array(MOST_TOOLS);
    batch.tally(counts, 5, set);
    expect([counts[0], counts[3], counts[254]]).toEqual([0, 5, 5]);
  });

  it('copies every bit, also of a NaN', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 80, maxLength: 80 }), (bytes) => {
        new Uint8Array(sample.values.buffer).set(bytes);
        const [first, second] = [new PoseBatch(), new PoseBatch()];
        first.add(200, sample, 1);
        second.addAll(first);
        expect(second.message(1).subarray(16)).toEqual(bytes);
      }),
    );
  });
});
