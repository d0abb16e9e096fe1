import { isNavError } from '@trocar/core';
import fc from 'fast-check';
import { expect, inject, it } from 'vitest';
import { Acks, decodeFrame, encodeFrame, type RelayFrame } from './index.js';

const FRAMES: readonly RelayFrame[] = [
  { type: 'hello', version: 1, publishes: true },
  { type: 'carried', kind: 'snapshot', payload: Uint8Array.of(1, 2), kept: true },
  { type: 'carried', kind: 'motion', payload: new Uint8Array(0), kept: false },
  { type: 'ack', count: 4_000_000_000 },
  { type: 'ping', id: 7 },
  { type: 'pong', id: 7, publisherRttMs: Number.NaN },
  { type: 'ask' },
  { type: 'note', by: 'Dr. \u0985', payload: Uint8Array.of(3) },
  { type: 'presence', publisher: true, observers: 513 },
];

it('frames come back as they were', () => {
  for (const frame of FRAMES) expect(decodeFrame(encodeFrame(frame))).toEqual(frame);
});

it('cut, lengthened, damaged and random frames are read or refused with a code', () => {
  const mutated = fc.tuple(fc.constantFrom(...FRAMES), fc.nat(40), fc.nat(255), fc.nat(3)).map(([frame, at, value, more]) => {
    const bytes = new Uint8Array([...encodeFrame(frame), ...new Uint8Array(more)]);
    if (at < bytes.length) bytes[at] = value;
    return bytes.slice(0, bytes.length - (at % 4));
  });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 100 })), (bytes) => {
      try {
        decodeFrame(bytes);
      } catch (error) {
        expect(isNavError(error, 'relay/malformed')).toBe(true);
      }
    }),
    { numRuns: 2000 * inject('effort') },
  );
});

it('acknowledges every third, or the first after 120 ms', () => {
  const acks = new Acks();
  expect(acks.due(0)).toBeUndefined();
  acks.came(0);
  expect([acks.due(0), acks.due(119), acks.due(120), acks.due(500)]).toEqual([undefined, undefined, 1, undefined]);
  for (const at of [600, 610, 620]) acks.came(at);
  expect(acks.due(620)).toBe(4);
});
