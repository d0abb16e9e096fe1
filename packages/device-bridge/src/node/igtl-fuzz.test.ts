import { type NavErrorCode, PoseSample } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { expect, inject, it } from 'vitest';
import { decodeIgtl, IgtlFramer } from '../codec/igtl/index.js';
import { sampleBytes } from '../codec/igtl/test-messages.js';
import { mutate } from '../codec/igtl/test-support/mutate.js';
import { clock } from '../drivers/igtl/test-support/rig.js';
import { FUZZ_LIMIT, HangWatch, INPUTS, INPUTS_TEXT } from '../test-support/fuzz.js';
import { IgtlHub } from './igtl-hub.js';
import { PoseMessages } from './igtl-messages.js';

const what = `${INPUTS_TEXT} mutated inputs to a server: no throw, every answer a message, another client unharmed`;
it(what, FUZZ_LIMIT, () => {
  const random = new Random(inject('seed'));
  const samples = sampleBytes();
  const codes = new Set<NavErrorCode>();
  let handed = 0;
  const messages = new PoseMessages({ clock, name: 'Trocar', sendable: new Set(['ok']), deviceName: ({ name }) => name });
  const hub = new IgtlHub({
    clock,
    name: 'Trocar',
    messages,
    push: 'TRANSFORM',
    coordinateNames: undefined,
    highWaterBytes: 65_536,
    maxUnsentBytes: 2 ** 20,
    maxBodyBytes: 2 ** 20,
    keepAliveMs: 0,
    maxClients: 8,
    maxBufferedBytes: 2 ** 22,
    onCommand: undefined,
    onMessage: (frame) => {
      handed += 1;
      decodeIgtl(frame);
    },
    onFault: ({ code }) => codes.add(code),
  });
  let answers = 0;
  const reader = new IgtlFramer({
    message: (frame) => {
      decodeIgtl(frame);
      answers += 1;
    },
    fault: ({ message }) => expect.unreachable(message),
  });
  const join = (): ReturnType<IgtlHub['add']> =>
    hub.add({ label: 'fuzz', write: (bytes) => reader.feed(bytes), bufferedBytes: 0, close: () => undefined });
  let others = 0;
  const other = hub.add({
    label: 'other',
    write: (bytes) => {
      others += bytes.length;
    },
    bufferedBytes: 0,
    close: () => expect.unreachable(),
  });
  hub.tools([{ name: 'a' }]);
  const sample = new PoseSample();
  sample.status = 'ok';
  let client = join();
  let left = 0;
  const watch = new HangWatch();
  for (let i = 0; i < INPUTS; i += 1) {
    const input = mutate(random, samples);
    const cut = random.below(input.length + 1);
    hub.data(client, input.subarray(0, cut));
    hub.data(client, input.subarray(cut));
    if (i % 10 === 0) {
      sample.measuredAt = sample.arrivedAt = clock.now();
      sample.setPose(i, 0, 0, 0, 0, 0, 1);
      hub.pose(0, sample);
      hub.flush();
    }
    watch.next();
    if (client.closed) {
      hub.remove(client);
      client = join();
      left += 1;
    }
  }
  expect(other.closed).toBe(false);
  expect(others).toBe((INPUTS / 10) * 106);
  // Or this tests less than it says.
  expect(Math.min(left, handed, answers) * 50).toBeGreaterThan(INPUTS);
  expect(codes.has('igtl/handler-failed')).toBe(false);
  watch.check();
  hub.remove(other);
  hub.remove(client);
  expect(hub.clientCount).toBe(0);
  hub.close();
});
