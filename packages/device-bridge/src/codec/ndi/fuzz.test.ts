import { isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { expect, inject, it } from 'vitest';
import { FUZZ_LIMIT, INPUTS, INPUTS_TEXT } from '../../test-support/fuzz.js';
import { damageOnce, joined, mutateSample } from '../../test-support/mutate.js';
import {
  Bx2Reply,
  crc16,
  decodeBx,
  decodeBx2,
  decodeGx,
  decodeNdiLog,
  decodeTx,
  encodeBx,
  encodeBx2,
  encodeCommand,
  encodeGx,
  encodeTx,
  frameBinary,
  hex,
  makeToolFile,
  NdiFrame,
  NdiReplyFramer,
  parseCommand,
  parseParameterInfo,
  parseParameters,
  parsePortFacts,
  parsePortHandles,
  parsePortStats,
  readToolFile,
  streamHeader,
  withCrc,
} from './index.js';

const EDGES = [0, 1, 2, 0x0a, 0x0d, 0x2b, 0x30, 0x46, 0x7f, 0x80, 0xa5, 0xb5, 0xc4, 0xc8, 0xd4, 0xff];
const OPTIONS = [0x0001, 0x0801, 0x0003, 0x0005, 0x0007, 0x1000, 0x1001, 0x0009, 0x180f, 0x8009, 0xb00f];
const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** Whole replies of every kind, as they come from a device. */
function samples(): Uint8Array[] {
  const out: Uint8Array[] = [];
  const frame = new NdiFrame();
  for (const options of OPTIONS) {
    frame.begin(options);
    for (let handle = 1; handle <= 3; handle += 1) {
      const i = frame.addHandle(handle, [1, 2, 4][handle - 1] as number);
      frame.values.set([0.5, -0.5, 0.5, 0.5, 1, -2, -1500, 0.1], 8 * i);
      const first = frame.addMarkers(i, 3);
      frame.markers.fill(7, 3 * first, 3 * first + 9);
    }
    frame.strayCount = 2;
    frame.strays.fill(3, 0, 6);
    out.push(encodeBx(frame), withCrc(encodeTx(frame)), withCrc(encodeGx(frame)));
  }
  const bx2 = new Bx2Reply();
  bx2.begin();
  bx2.frameCount = 1;
  bx2.sixDCount = 2;
  bx2.sixDStatus[1] = 0x11f;
  bx2.threeDCount = 3;
  bx2.buttonCount = 1;
  bx2.errorCount = 1;
  bx2.alertCount = 1;
  out.push(encodeBx2(bx2), joined(streamHeader('x'), encodeBx2(bx2)));
  const texts = ['OKAY', 'ERROR0C', 'WARNING03', '020101102011', 'Info.Timeout.PINIT=5\n', '', 'G.003.001'];
  return [...out, ...texts.map((text) => withCrc(text)), encodeCommand('PHSR', '02'), encodeCommand('TX', '0801', 'plain')];
}

/** Sealed again after a change, so that what is behind the checksums is reached. */
function seal(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes[0] === 0xc4) return frameBinary(bytes.slice(6, Math.max(6, bytes.length - 2)));
  if (bytes.at(-1) !== 0x0d || random.uniform() < 0.1) return bytes;
  const body = bytes.slice(0, Math.max(0, bytes.length - 5));
  return joined(body, latin1(`${hex(crc16(body), 4)}\r`));
}

const mutateOnce = (random: Random, all: readonly Uint8Array[], bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  damageOnce(random, all, EDGES, bytes);

function mutate(random: Random, all: readonly Uint8Array[]): Uint8Array {
  const bytes = mutateSample(random, all, (before) => mutateOnce(random, all, before));
  return random.uniform() < 0.8 ? seal(bytes, random) : bytes;
}

it(`${INPUTS_TEXT} mutated inputs: no exception but NavError, no hang, bounded memory`, FUZZ_LIMIT, () => {
  const random = new Random(inject('seed') + 31);
  const all = samples();
  const frame = new NdiFrame();
  const bx2 = new Bx2Reply();
  const counts = { replies: 0, faults: 0, decoded: 0, refused: 0 };
  let options = 0;
  const framer = new NdiReplyFramer(
    {
      reply: (reply) => {
        counts.replies += 1;
        const good =
          reply.kind === 'text'
            ? decodeTx(frame, reply.bytes, reply.start, reply.end, options) ||
              decodeGx(frame, reply.bytes, reply.start, reply.end, options)
            : decodeBx(frame, reply.view, reply.start, reply.end, options) || decodeBx2(bx2, reply.view, reply.start, reply.end);
        if (good) counts.decoded += 1;
        if (reply.kind === 'text') texts(reply.text(), options);
      },
      fault: () => {
        counts.faults += 1;
      },
    },
    4096,
    true,
  );
  let most = 0;
  for (let n = 0; n < INPUTS; n += 1) {
    const input = mutate(random, all);
    options = OPTIONS[random.below(OPTIONS.length)] as number;
    const cut = random.below(input.length + 1);
    framer.feed(input.subarray(0, cut));
    framer.feed(input.subarray(cut));
    most = Math.max(most, framer.buffered);
    if (n % 20 === 0) framer.reset();
    try {
      parseCommand(input.subarray(0, Math.max(0, input.length - 1)));
    } catch (error) {
      if (!isNavError(error)) throw error;
      counts.refused += 1;
    }
  }
  expect(most).toBeLessThanOrEqual(4096);
  // Every way out was taken, and often.
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(INPUTS / 100);
});

function texts(text: string, options: number): void {
  parsePortHandles(text);
  parsePortFacts(text, options & 0x7f);
  parsePortStats(text);
  parseParameters(text);
  parseParameterInfo(text);
}

it('a recording of mutated replies or of a mutated transcript is read to its end', { timeout: 60_000 * inject('effort') }, () => {
  const random = new Random(inject('seed') + 37);
  const all = samples();
  let messages = 0;
  let errors = 0;
  for (let n = 0; n < 3000 * inject('effort'); n += 1) {
    const parts = Array.from({ length: 1 + random.below(6) }, () => mutate(random, all));
    const raw = joined(...parts);
    const told = parts.flatMap((part, i) => [
      latin1(`${i}. ${random.uniform() < 0.5 ? 'command' : 'receive'}[${part.length}] `),
      part,
      latin1('\r\n'),
    ]);
    let transcript = joined(...told);
    if (random.uniform() < 0.5) transcript = mutateOnce(random, all, transcript);
    for (const bytes of [raw, transcript]) {
      for (const line of decodeNdiLog(bytes, { bxOptions: OPTIONS[random.below(OPTIONS.length)] as number })) {
        if ('error' in line) errors += 1;
        else messages += 1;
        expect(line.offset >= 0 && line.offset <= bytes.length).toBe(true);
        JSON.stringify(line);
      }
    }
  }
  expect(messages).toBeGreaterThan(1000);
  expect(errors).toBeGreaterThan(1000);
});

it('a mutated tool file is read or refused with its own code', () => {
  const random = new Random(inject('seed') + 41);
  const file = makeToolFile({
    markers: [
      [0, 0, 0],
      [50, 0, 0],
      [0, 80, 0],
    ],
    partNumber: 'P',
  });
  let read = 0;
  for (let n = 0; n < 5000 * inject('effort'); n += 1) {
    const bytes = mutateOnce(random, [file], file);
    if (bytes.length === file.length) {
      const sum = bytes.subarray(6).reduce((a, b) => a + b, 0) & 0xffff;
      if (random.uniform() < 0.7) bytes.set([sum & 0xff, sum >> 8], 4);
    }
    try {
      readToolFile(bytes);
      read += 1;
    } catch (error) {
      if (!isNavError(error, 'device/bad-tool-file')) throw error;
    }
  }
  expect(read).toBeGreaterThan(100);
});
