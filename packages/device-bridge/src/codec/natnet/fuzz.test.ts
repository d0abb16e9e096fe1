import { isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { expect, inject, it } from 'vitest';
import { checkDatagramCodec } from '../../testing/index.js';
import {
  decodeNatnet,
  decodeNatnetFrame,
  decodeNatnetLog,
  encodeConnect,
  encodeEchoRequest,
  NATNET,
  NatNetFrame,
  type NatNetVersion,
  natnetMessage,
} from './index.js';
import { Bytes, echoResponsePacket, framePacket, modelsPacket, serverInfoPacket } from './test-support/packets.js';

/** TROCAR_EFFORT multiplies it: 100 is ten million inputs. */
const INPUTS = 100_000 * inject('effort');
const EDGES = [0, 1, 2, 0x7f, 0x80, 0xff];
const VERSIONS: readonly NatNetVersion[] = [
  { major: 2, minor: 6 },
  { major: 2, minor: 11 },
  { major: 3, minor: 0 },
  { major: 4, minor: 0 },
  { major: 4, minor: 1 },
  { major: 4, minor: 2 },
];
const BODIES = [
  { id: 2, position: [0.1, 0.2, 0.3], rotation: [0, 0, 0, 1] },
  { id: 5, position: [1, 2, 3], rotation: [0, 0, 0, 1], valid: false },
] as const;

const samplesOf = (version: NatNetVersion): Uint8Array[] => [
  framePacket({ number: 7, bodies: BODIES }, version),
  modelsPacket(new Map([[2, 'stylus']]), version),
  serverInfoPacket(version, 10_000_000),
  echoResponsePacket(1, 2),
  encodeConnect(version),
  encodeEchoRequest(5),
  new Bytes().text('hello').message(NATNET.string),
  new Bytes().i32(0).message(NATNET.response),
];

function mutate(random: Random, samples: readonly Uint8Array[]): Uint8Array {
  let bytes = (samples[random.below(samples.length)] as Uint8Array).slice();
  for (let n = 1 + random.below(3); n > 0; n -= 1) {
    const at = random.below(Math.max(1, bytes.length));
    const how = random.below(5);
    if (how === 0) bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
    else if (how === 1) bytes.fill(EDGES[random.below(EDGES.length)] as number, at, at + 1 + random.below(8));
    else if (how === 2) bytes = bytes.slice(0, at);
    else if (how === 3) bytes = new Uint8Array(Buffer.concat([bytes, new Uint8Array(random.below(20)).fill(random.below(256))]));
    else {
      const other = samples[random.below(samples.length)] as Uint8Array;
      bytes = new Uint8Array(Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length))]));
    }
  }
  // Mostly the size is made right again: what is behind it is to be reached.
  if (bytes.length >= 4 && random.uniform() < 0.9) new DataView(bytes.buffer).setUint16(2, bytes.length - 4, true);
  return bytes;
}

const what = `${INPUTS.toLocaleString('en-GB')} mutated packets are decoded or refused by a code, none slowly`;
it(what, { timeout: 60_000 * Math.ceil(INPUTS / 100_000) }, () => {
  const random = new Random(20_251_126);
  const samples = VERSIONS.map(samplesOf);
  const codes = new Map<string, number>();
  const frame = new NatNetFrame();
  let slowest = 0;
  for (let i = 0; i < INPUTS; i += 1) {
    const v = random.below(VERSIONS.length);
    const version = VERSIONS[v] as NatNetVersion;
    const input = mutate(random, samples[v] as Uint8Array[]);
    const from = performance.now();
    let code = 'decoded';
    try {
      if (natnetMessage(input) === NATNET.frameOfData) decodeNatnetFrame(frame, input, version);
      decodeNatnet(input, version);
    } catch (error) {
      if (!isNavError(error)) throw new Error(`input ${Buffer.from(input).toString('hex')}`, { cause: error });
      code = error.code;
    }
    slowest = Math.max(slowest, performance.now() - from);
    codes.set(code, (codes.get(code) ?? 0) + 1);
    if (i % 100 === 0) for (const line of decodeNatnetLog(input)) expect('type' in line || 'error' in line).toBe(true);
  }
  // Or this tests less than it says.
  expect([...codes.keys()].sort()).toEqual([
    'decoded',
    'natnet/bad-count',
    'natnet/bad-value',
    'natnet/size-mismatch',
    'natnet/truncated',
    'natnet/unknown-message',
    'natnet/unsupported',
  ]);
  expect(codes.get('decoded')).toBeGreaterThan(INPUTS / 20);
  // A garbage collection or a busy machine may stop one input for a while; a hang is longer.
  expect(slowest).toBeLessThan(5000);
});

it.each([1, 2, 4].map((v) => VERSIONS[v] as NatNetVersion))(
  'is a codec for datagrams: any byte changed, cut anywhere (version $major.$minor)',
  (version) => {
    const decode = (bytes: Uint8Array): string => JSON.stringify(decodeNatnet(bytes, version));
    expect(checkDatagramCodec({ samples: samplesOf(version), decode })).toEqual([]);
  },
);
