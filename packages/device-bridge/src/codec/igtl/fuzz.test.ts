import { isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { expect, inject, it } from 'vitest';
import { FUZZ_LIMIT, HangWatch, INPUTS, INPUTS_TEXT } from '../../test-support/fuzz.js';
import { decodeIgtl, encodeIgtl, type IgtlFrame, IgtlFramer, plusStatus, readTransform, ToolPoses } from './index.js';
import { sampleBytes } from './test-messages.js';
import { mutate } from './test-support/mutate.js';

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

it(`${INPUTS_TEXT} mutated inputs are decoded or refused by a code, none slowly`, FUZZ_LIMIT, () => {
  const random = new Random(inject('seed'));
  const samples = sampleBytes();
  const fuzzed = new Fuzzed();
  const watch = new HangWatch();
  for (let i = 0; i < INPUTS; i += 1) {
    const input = mutate(random, samples);
    fuzzed.feed(input, random.below(input.length + 1));
    watch.next();
  }
  // Or this tests less than it says.
  expect([...fuzzed.codes.keys()].sort()).toEqual(REACHED);
  expect(fuzzed.codes.get('decoded')).toBeGreaterThan(INPUTS / 20);
  watch.check();
});
