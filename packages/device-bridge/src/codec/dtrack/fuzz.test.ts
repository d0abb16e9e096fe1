import type { Random } from '@trocar/core/math';
import { expect, it } from 'vitest';
import { FUZZ_LIMIT, fuzzDecoder, hexOf, INPUTS_TEXT } from '../../test-support/fuzz.js';
import { checkDatagramCodec } from '../../testing/index.js';
import { DTrackFrame, decodeDtrack, decodeDtrackLog } from './index.js';
import { sampleDatagrams } from './test-support/datagrams.js';

/** What hurts readers of text: signs, brackets, numbers that are none, endings. */
const PIECES = [
  '[',
  ']',
  '-',
  '.',
  'e',
  'nan',
  'inf',
  '1e999',
  '-1',
  '99999999999',
  ' ',
  '\r',
  '\n',
  '\0',
  '6d ',
  'fr 1\r\n',
  '\u00ff',
];

function mutate(random: Random, samples: readonly Uint8Array[]): Uint8Array {
  let bytes = Buffer.from(samples[random.below(samples.length)] as Uint8Array);
  for (let n = 1 + random.below(3); n > 0; n -= 1) {
    const at = random.below(bytes.length + 1);
    const end = Math.min(bytes.length, at + random.below(6));
    const piece = Buffer.from(PIECES[random.below(PIECES.length)] as string, 'latin1');
    const other = samples[random.below(samples.length)] as Uint8Array;
    const from = random.below(other.length);
    const middle = [piece, Buffer.alloc(0), Buffer.from([random.below(256)]), Buffer.from(other.subarray(from, from + 40))][
      random.below(4)
    ];
    bytes = Buffer.concat([bytes.subarray(0, at), middle as Buffer, bytes.subarray(random.uniform() < 0.2 ? bytes.length : end)]);
  }
  return bytes;
}

it(`${INPUTS_TEXT} mutated datagrams are decoded or refused by a code, none slowly`, FUZZ_LIMIT, () => {
  const samples = sampleDatagrams();
  const frame = new DTrackFrame();
  const outcomes = fuzzDecoder(
    (random) => mutate(random, samples),
    (input, n) => {
      if (n % 100 === 0) for (const line of decodeDtrackLog(input)) expect('type' in line || 'error' in line).toBe(true);
      decodeDtrack(frame, input);
      // What was decoded holds numbers, whatever was sent.
      for (let k = 0; k < 12 * frame.bodies.count; k += 1)
        if (!Number.isFinite(frame.bodies.values[k])) throw new Error('not finite');
    },
    hexOf,
  );
  // Or this tests less than it says.
  expect([...outcomes.keys()].sort()).toEqual([
    'decoded',
    'dtrack/bad-count',
    'dtrack/bad-id',
    'dtrack/bad-line',
    'dtrack/bad-number',
    'dtrack/missing-field',
    'dtrack/no-frame-number',
    'dtrack/repeated-line',
    'dtrack/truncated',
  ]);
});

it('is a codec for datagrams: any byte changed, cut anywhere', () => {
  const frame = new DTrackFrame();
  const decode = (bytes: Uint8Array): string => {
    decodeDtrack(frame, bytes);
    return JSON.stringify([...decodeDtrackLog(bytes)]);
  };
  expect(checkDatagramCodec({ samples: sampleDatagrams(), decode, cutsMayStand: true })).toEqual([]);
});

it('cut within a line is refused, and cut between lines says less but nothing else', () => {
  const frame = new DTrackFrame();
  for (const sample of sampleDatagrams()) {
    const whole = JSON.parse(JSON.stringify([...decodeDtrackLog(sample)])) as Array<Record<string, unknown>>;
    for (let at = 1; at < sample.length; at += 1) {
      const cut = sample.slice(0, at);
      let decoded = true;
      try {
        decodeDtrack(frame, cut);
      } catch {
        decoded = false;
      }
      const atLineEnd = sample[at - 1] === 0x0a || sample[at - 1] === 0x0d || (sample[at - 1] === 0x5d && sample[at] === 0x0d);
      if (!atLineEnd) expect(decoded).toBe(false);
      if (!decoded) continue;
      const [facts] = JSON.parse(JSON.stringify([...decodeDtrackLog(cut)])) as Array<Record<string, unknown>>;
      for (const [name, value] of Object.entries(facts ?? {})) {
        if (
          name !== 'skippedLines' &&
          !(name === 'bodies' && (value as unknown[]).length === 0) &&
          name !== 'latencyUs' &&
          name !== 'timeSeconds'
        ) {
          expect(value).toEqual(whole[0]?.[name]);
        }
      }
    }
  }
});
