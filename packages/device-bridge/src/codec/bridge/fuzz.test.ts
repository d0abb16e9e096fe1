import { PoseSample } from '@trocar/core';
import type { Random } from '@trocar/core/math';
import { expect, it } from 'vitest';
import { FUZZ_LIMIT, fuzzDecoder, hexOf, INPUTS_TEXT } from '../../test-support/fuzz.js';
import { damageOnce, mutateSample } from '../../test-support/mutate.js';
import {
  ClientDecoder,
  type ClientHandler,
  decodeClientHello,
  decodeCommand,
  decodePing,
  encodeCommand,
  encodeEvent,
  encodeHeartbeat,
  encodeHello,
  encodePing,
  encodePong,
  isCommand,
  PoseBatch,
  viewOf,
} from './index.js';

const EDGES = [0, 1, 2, 3, 4, 5, 6, 7, 0x22, 0x7b, 0x7f, 0x80, 0xff];
const HELLO = {
  bridge: 'test',
  tools: [{ name: 'a' }, { name: 'b', serial: '7' }],
  device: 'connected',
  reason: '',
  heartbeatMs: 100,
} as const;

function poses(): Uint8Array {
  const sample = new PoseSample();
  sample.values.set([1, 2, 0.1, 10, 20, 30, 0, 0, 0, 1]);
  sample.status = 'ok';
  const batch = new PoseBatch();
  batch.add(0, sample, 1);
  batch.add(1, sample, 2);
  return batch.message(7).slice();
}

const change = (random: Random, samples: readonly Uint8Array[]) => (bytes: Uint8Array) =>
  damageOnce(random, samples, EDGES, bytes);

it(`${INPUTS_TEXT} damaged messages of a bridge are understood by its client, or refused by a code`, FUZZ_LIMIT, () => {
  const events = [
    encodeEvent({ kind: 'tools', tools: HELLO.tools }),
    encodeEvent({ kind: 'connection', device: 'connected', reason: 'Here.' }),
    encodeEvent({ kind: 'fault', code: 'device/timeout', message: 'No reply.' }),
  ];
  const samples = [encodeHello(HELLO), poses(), encodeHeartbeat(3, 5), encodePong(1, 2, 3, 4), ...events];
  let told = 0;
  const count = (): void => {
    told += 1;
  };
  const handler: ClientHandler = {
    hello: count,
    pose: (tool, sample) => {
      // A tool that nobody announced has no name to be drawn under.
      if (!(tool >= 0 && tool < 255) || sample.values.length !== 10) throw new Error(`tool ${tool}`);
      told += 1;
    },
    batch: count,
    pong: count,
    event: count,
    heartbeat: count,
  };
  const outcomes = fuzzDecoder(
    (random) => mutateSample(random, samples, change(random, samples)),
    (input, n) => {
      const decoder = new ClientDecoder(handler);
      // The first message must be a hello, and a later one must not.
      if (n % 4 !== 0) decoder.decode(encodeHello(HELLO));
      decoder.decode(input);
    },
    hexOf,
  );
  expect(told).toBeGreaterThan(0);
  // Or this tests less than it says.
  expect([...outcomes.keys()].sort()).toEqual(['bridge/malformed', 'bridge/wrong-protocol', 'bridge/wrong-version', 'decoded']);
});

it(`${INPUTS_TEXT} damaged messages of a client are understood by its bridge, or refused by a code`, FUZZ_LIMIT, () => {
  const samples = [
    encodeHello({ client: 'test', subscribe: ['a'], maxRateHz: 30 }),
    encodePing(1, 2),
    encodeCommand(4, { name: 'mark', args: { text: 'a' } }),
  ];
  const outcomes = fuzzDecoder(
    (random) => mutateSample(random, samples, change(random, samples)),
    (input, n) => {
      const view = viewOf(input);
      if (n % 2 === 0) decodeClientHello(view);
      else if (isCommand(view)) decodeCommand(view);
      else decodePing(view);
    },
    hexOf,
  );
  expect([...outcomes.keys()].sort()).toEqual(['bridge/malformed', 'bridge/wrong-protocol', 'bridge/wrong-version', 'decoded']);
});
