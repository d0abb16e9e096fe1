import { isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { expect, inject, it } from 'vitest';
import { crc64 } from './crc64.js';
import { decodeIgtl, encodeIgtl, type IgtlFrame, IgtlFramer, plusStatus, readTransform, ToolPoses } from './index.js';
import { sampleBytes } from './test-messages.js';

/** TROCAR_EFFORT multiplies it: 100 is ten million inputs. */
const INPUTS = 100_000 * inject('effort');
/** Sizes and counts that ask for too much, or for nothing. */
const EDGES = [0, 1, 2, 3, 0x7f, 0x80, 0xff];
const crc = new Int32Array(2);

function mutate(random: Random, samples: readonly Uint8Array[]): Uint8Array {
  let bytes = (samples[random.below(samples.length)] as Uint8Array).slice();
  for (let n = 1 + random.below(3); n > 0; n -= 1) bytes = mutateOnce(random, samples, bytes);
  // Mostly the CRC is made right again: what is behind it is to be reached.
  if (random.uniform() < 0.8) seal(bytes, random.uniform() < 0.9);
  return bytes;
}

function mutateOnce(random: Random, samples: readonly Uint8Array[], bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = bytes.slice();
  const at = random.below(Math.max(1, out.length));
  switch (random.below(7)) {
    case 0:
      out[at] = (out[at] as number) ^ (1 << random.below(8));
      return out;
    case 1:
      out[at] = EDGES[random.below(EDGES.length)] as number;
      return out;
    case 2:
      out.fill(random.uniform() < 0.5 ? 0 : 0xff, at, at + 1 + random.below(8));
      return out;
    case 3:
      return out.slice(0, at);
    case 4:
      return new Uint8Array(Buffer.concat([out, new Uint8Array(random.below(20)).fill(random.below(256))]));
    case 5: {
      const other = samples[random.below(samples.length)] as Uint8Array;
      return new Uint8Array(Buffer.concat([out.subarray(0, at), other.subarray(random.below(other.length))]));
    }
    default:
      // Another type over this content.
      if (out.length >= 14) out.set((samples[random.below(samples.length)] as Uint8Array).subarray(2, 14), 2);
      return out;
  }
}

function seal(bytes: Uint8Array, withSize: boolean): void {
  if (bytes.length < 58) return;
  const view = new DataView(bytes.buffer);
  if (withSize) view.setBigUint64(42, BigInt(bytes.length - 58));
  crc.fill(0);
  crc64(crc, view, 58, bytes.length);
  view.setInt32(50, crc[0] as number);
  view.setInt32(54, crc[1] as number);
}

/** Feeds inputs, decodes what comes out in every way there is, and counts how it ended. */
class Fuzzed {
  readonly codes: Map<string, number> = new Map();
  readonly #poses = new ToolPoses();
  readonly #matrix = new Float64Array(16);
  #input = new Uint8Array(0);
  #again = '';
  readonly #framer = new IgtlFramer(
    { message: (frame) => this.#message(frame), fault: (fault) => this.#count(fault.code) },
    { maxBodyBytes: 2 ** 20 },
  );
  readonly #echo = new IgtlFramer({
    message: (frame) => {
      this.#again = Buffer.from(encodeIgtl(decodeIgtl(frame))).toString('latin1');
    },
    fault: (fault) => expect.unreachable(fault.message),
  });

  feed(input: Uint8Array, cut: number): void {
    this.#input = input as Uint8Array<ArrayBuffer>;
    this.#framer.reset();
    this.#framer.feed(input.subarray(0, cut));
    this.#framer.feed(input.subarray(cut));
    this.#framer.end();
  }

  #count(code: string): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }

  #message(frame: IgtlFrame): void {
    plusStatus(frame);
    readTransform(frame, this.#matrix);
    this.#poses.read(frame);
    try {
      const written = encodeIgtl(decodeIgtl(frame));
      this.#count('decoded');
      // What was understood says the same when it is read again.
      this.#echo.feed(written);
      if (Buffer.from(written).toString('latin1') !== this.#again) throw new Error('Not the same when written again.');
    } catch (error) {
      if (!isNavError(error)) throw new Error(`input ${Buffer.from(this.#input).toString('hex')}`, { cause: error });
      this.#count(error.code);
    }
  }
}

/** Each code that bytes can cause; `does-not-fit` is that of names that grow when written as UTF-8. */
const REACHED = [
  'codec/bad-crc',
  'codec/oversize',
  'decoded',
  'igtl/bad-extended-header',
  'igtl/bad-header',
  'igtl/bad-metadata',
  'igtl/bad-value',
  'igtl/bad-version',
  'igtl/does-not-fit',
  'igtl/impossible-size',
  'igtl/size-mismatch',
  'igtl/truncated-body',
  'igtl/truncated-header',
  'igtl/wrong-size',
];

const what = `${INPUTS.toLocaleString('en-GB')} mutated inputs are decoded or refused by a code, none slowly`;
it(what, { timeout: 60_000 * Math.ceil(INPUTS / 100_000) }, () => {
  const random = new Random(inject('seed'));
  const samples = sampleBytes();
  const fuzzed = new Fuzzed();
  let slowest = 0;
  for (let i = 0; i < INPUTS; i += 1) {
    const input = mutate(random, samples);
    const from = performance.now();
    fuzzed.feed(input, random.below(input.length + 1));
    slowest = Math.max(slowest, performance.now() - from);
  }
  // Or this tests less than it says.
  expect([...fuzzed.codes.keys()].sort()).toEqual(REACHED);
  expect(fuzzed.codes.get('decoded')).toBeGreaterThan(INPUTS / 20);
  // A garbage collection or a busy machine may stop one input for a while; a hang is longer.
  expect(slowest).toBeLessThan(1000);
});
