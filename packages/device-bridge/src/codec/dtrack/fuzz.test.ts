import { isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { expect, inject, it } from 'vitest';
import { checkDatagramCodec } from '../../testing/index.js';
import { DTrackFrame, decodeDtrack, decodeDtrackLog } from './index.js';
import { sampleDatagrams } from './test-support/datagrams.js';

/** TROCAR_EFFORT multiplies it: 100 is ten million inputs. */
const INPUTS = 100_000 * inject('effort');
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

const what = `${INPUTS.toLocaleString('en-GB')} mutated datagrams are decoded or refused by a code, none slowly`;
it(what, { timeout: 60_000 * Math.ceil(INPUTS / 100_000) }, () => {
  const random = new Random(20_251_125);
  const samples = sampleDatagrams();
  const codes = new Map<string, number>();
  const frame = new DTrackFrame();
  let slowest = 0;
  for (let i = 0; i < INPUTS; i += 1) {
    const input = mutate(random, samples);
    const from = performance.now();
    let code = 'decoded';
    try {
      decodeDtrack(frame, input);
      // What was decoded holds numbers, whatever was sent.
      for (let k = 0; k < 12 * frame.bodies.count; k += 1)
        if (!Number.isFinite(frame.bodies.values[k])) throw new Error('not finite');
    } catch (error) {
      if (!isNavError(error)) throw new Error(`input ${Buffer.from(input).toString('hex')}`, { cause: error });
      code = error.code;
    }
    slowest = Math.max(slowest, performance.now() - from);
    codes.set(code, (codes.get(code) ?? 0) + 1);
    if (i % 100 === 0) for (const line of decodeDtrackLog(input)) expect('type' in line || 'error' in line).toBe(true);
  }
  // Or this tests less than it says.
  expect([...codes.keys()].sort()).toEqual([
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
  expect(codes.get('decoded')).toBeGreaterThan(INPUTS / 20);
  // A garbage collection or a busy machine may stop one input for a while; a hang is longer.
  expect(slowest).toBeLessThan(5000);
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
