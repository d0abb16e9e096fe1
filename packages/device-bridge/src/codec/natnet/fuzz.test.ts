import type { Random } from '@trocar/core/math';
import { expect, it } from 'vitest';
import { FUZZ_LIMIT, fuzzDecoder, hexOf, INPUTS_TEXT } from '../../test-support/fuzz.js';
import { damageOnce, mutateSample } from '../../test-support/mutate.js';
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
  const bytes = mutateSample(random, samples, (before) => damageOnce(random, samples, EDGES, before));
  // Mostly the size is made right again: what is behind it is to be reached.
  if (bytes.length >= 4 && random.uniform() < 0.9) new DataView(bytes.buffer).setUint16(2, bytes.length - 4, true);
  return bytes;
}

it(`${INPUTS_TEXT} mutated packets are decoded or refused by a code, none slowly`, FUZZ_LIMIT, () => {
  const samples = VERSIONS.map(samplesOf);
  const frame = new NatNetFrame();
  const outcomes = fuzzDecoder(
    (random) => {
      const v = random.below(VERSIONS.length);
      return { version: VERSIONS[v] as NatNetVersion, bytes: mutate(random, samples[v] as Uint8Array[]) };
    },
    ({ version, bytes }, n) => {
      if (n % 100 === 0) for (const line of decodeNatnetLog(bytes)) expect('type' in line || 'error' in line).toBe(true);
      if (natnetMessage(bytes) === NATNET.frameOfData) decodeNatnetFrame(frame, bytes, version);
      decodeNatnet(bytes, version);
    },
    ({ bytes }) => hexOf(bytes),
  );
  // Or this tests less than it says.
  expect([...outcomes.keys()].sort()).toEqual([
    'decoded',
    'natnet/bad-count',
    'natnet/bad-value',
    'natnet/size-mismatch',
    'natnet/truncated',
    'natnet/unknown-message',
    'natnet/unsupported',
  ]);
});

it.each([1, 2, 4].map((v) => VERSIONS[v] as NatNetVersion))(
  'is a codec for datagrams: any byte changed, cut anywhere (version $major.$minor)',
  (version) => {
    const decode = (bytes: Uint8Array): string => JSON.stringify(decodeNatnet(bytes, version));
    expect(checkDatagramCodec({ samples: samplesOf(version), decode })).toEqual([]);
  },
);
