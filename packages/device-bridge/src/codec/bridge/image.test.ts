import { deflateRawSync } from 'node:zlib';
import { isNavError } from '@trocar/core';
import type { Random } from '@trocar/core/math';
import { type ImageFrame, imageFault } from '@trocar/core/recording';
import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { unpackImage } from '../../browser/image-unpacker.js';
import { FUZZ_LIMIT, fuzzDecoder, hexOf, INPUTS_TEXT } from '../../test-support/fuzz.js';
import { damageOnce, mutateSample } from '../../test-support/mutate.js';
import {
  decodeImage,
  decodeImageAck,
  encodeImage,
  encodeImageAck,
  fromDifferences,
  type ImageEncoding,
  isImage,
  toDifferences,
} from './index.js';

const FACTS: Omit<ImageFrame, 'pixels'> = {
  width: 6,
  height: 4,
  components: 1,
  number: 'u8',
  measuredAt: 1234.5,
  arrivedAt: 1240.25,
  boundMs: Number.NaN,
  frameNumber: 4_000_000_000,
  spacingMm: [0.2, 0.3],
  depthMm: 60,
};
const PIXELS = Uint8Array.from({ length: 24 }, (_, i) => 7 * i);

const message = (encoding: ImageEncoding, data: Uint8Array, more: Partial<typeof FACTS> = {}): Uint8Array =>
  encodeImage({ source: 3, sequence: 4_294_967_295, encoding, data }, { ...FACTS, ...more });

function packed(pixels: Uint8Array, step: number, row: number): Uint8Array {
  const differences = new Uint8Array(pixels.length);
  toDifferences(pixels, step, row, differences);
  return new Uint8Array(deflateRawSync(differences));
}

const refused = (what: RegExp) => expect.toSatisfy((e: unknown) => isNavError(e, 'bridge/malformed') && what.test(e.message));

describe('an image message', () => {
  it('is read as it was written, as a window, at any place of a buffer', () => {
    for (const lead of [0, 1, 5]) {
      const bytes = new Uint8Array([...new Uint8Array(lead), ...message('raw', PIXELS)]).subarray(lead);
      const got = decodeImage(bytes);
      expect(got).toMatchObject({ source: 3, sequence: 4_294_967_295, encoding: 'raw', image: FACTS });
      expect(got.data.buffer).toBe(bytes.buffer);
      expect([...got.data]).toEqual([...PIXELS]);
    }
    expect(isImage(message('raw', PIXELS))).toBe(true);
    expect(isImage(message('raw', PIXELS).buffer as ArrayBuffer)).toBe(true);
    expect(isImage(encodeImageAck(0, 1))).toBe(false);
    expect(isImage(new ArrayBuffer(0))).toBe(false);
  });

  it.each([
    [0, 9, /encoding|carries/],
    [1, 2, /encoding 2/],
    [2, 0, /has 0 numbers a pixel/],
    [2, 2, /has 2 numbers a pixel/],
    [3, 0, /0 bytes a number/],
    [3, 4, /4 bytes a number/],
    [3, 2, /has 24 bytes of pixels and needs 48/],
    [16, 0, /has 0 × 4 pixels/],
    [17, 0xff, /has 65286 × 4 pixels/],
    [18, 5, /has 24 bytes of pixels and needs 30/],
    [23, 0xff, /bytes where it needs/],
  ] as const)('byte %i as %i is refused', (at, value, what) => {
    const bytes = message('raw', PIXELS);
    bytes[at] = value;
    // Its type is looked at before.
    if (at === 0) expect(isImage(bytes)).toBe(false);
    else expect(() => decodeImage(bytes)).toThrow(refused(what));
  });

  it('that claims to unpack to more than can be, or to have been packed to more than it is, is refused before', () => {
    const huge = { width: 8192, height: 8192, components: 4 as const };
    expect(() => decodeImage(message('deflate', PIXELS, huge))).toThrow(refused(/takes 268435456 bytes; 33554432 at most/));
    expect(() => decodeImage(message('deflate', new Uint8Array(200)))).toThrow(refused(/longer than plain ones/));
    expect(() => decodeImage(message('raw', PIXELS, { measuredAt: Number.NaN }))).toThrow(refused(/has no time/));
    expect(() => decodeImage(message('raw', PIXELS).subarray(0, 71))).toThrow(refused(/71 bytes where its header has 72/));
  });

  it('an acknowledgement is read as it was written, and no other length is one', () => {
    const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    expect(decodeImageAck(view(encodeImageAck(63, 4_294_967_295)))).toEqual({ source: 63, sequence: 4_294_967_295 });
    expect(decodeImageAck(view(Uint8Array.of(3)))).toBeUndefined();
    expect(() => decodeImageAck(view(encodeImageAck(1, 2).subarray(0, 7)))).toThrow(refused(/of 7 bytes/));
  });
});

describe('packed pixels', () => {
  it('come out as they went in, whatever they are', async () => {
    const shapes = fc.record({
      width: fc.integer({ min: 1, max: 30 }),
      height: fc.integer({ min: 1, max: 20 }),
      components: fc.constantFrom(1 as const, 3 as const, 4 as const),
      number: fc.constantFrom('u8' as const, 'u16' as const),
    });
    await fc.assert(
      fc.asyncProperty(shapes, fc.infiniteStream(fc.nat(255)), async (shape, stream) => {
        const step = shape.components * (shape.number === 'u8' ? 1 : 2);
        const pixels = Uint8Array.from({ length: shape.width * shape.height * step }, () => stream.next().value as number);
        const data = packed(pixels, step, step * shape.width);
        const got = await unpackImage(decodeImage(message('deflate', data, shape)));
        expect(Buffer.compare(got, pixels)).toBe(0);
        const there = new Uint8Array(pixels.length);
        toDifferences(pixels, step, step * shape.width, there);
        fromDifferences(there, step, step * shape.width);
        expect(Buffer.compare(there, pixels)).toBe(0);
      }),
      { numRuns: 100 * inject('effort') },
    );
  });

  it.each([
    ['too few', new Uint8Array(23), /23 bytes and not the 24/],
    ['too many', new Uint8Array(25), /more than the 24 bytes/],
    ['far too many', new Uint8Array(10_000_000), /more than the 24 bytes|longer than plain/],
  ] as const)('%s: refused', async (_, pixels, what) => {
    const act = async (): Promise<Uint8Array> =>
      unpackImage(decodeImage(message('deflate', new Uint8Array(deflateRawSync(pixels)))));
    await expect(act()).rejects.toThrow(refused(what));
  });

  it('that are no DEFLATE, or were cut off, are refused and nothing else', async () => {
    const data = packed(PIXELS, 1, 6);
    for (let n = 0; n < data.length; n += 1) {
      await expect(unpackImage(decodeImage(message('deflate', data.subarray(0, n))))).rejects.toThrow(
        refused(/cannot be unpacked/),
      );
      const damaged = data.slice();
      damaged[n] = (damaged[n] as number) ^ 0x55;
      await unpackImage(decodeImage(message('deflate', damaged))).then(
        (pixels) => expect(pixels).toHaveLength(24),
        (error: unknown) => expect(isNavError(error, 'bridge/malformed')).toBe(true),
      );
    }
  });
});

it(`${INPUTS_TEXT} damaged images are understood, or refused by a code, and never read beyond what they are`, FUZZ_LIMIT, () => {
  const samples = [
    message('raw', PIXELS),
    message('deflate', packed(PIXELS, 1, 6)),
    message('raw', PIXELS.subarray(0, 12), { width: 1, height: 2, components: 3, number: 'u16' }),
  ];
  const edges = [0, 1, 2, 3, 4, 6, 8, 0x20, 0x7f, 0x80, 0xff];
  const change = (random: Random) => (bytes: Uint8Array) => damageOnce(random, samples, edges, bytes);
  const outcomes = fuzzDecoder(
    (random) => mutateSample(random, samples, change(random)),
    (input) => {
      const { image, data, encoding } = decodeImage(input);
      const pixels =
        encoding === 'raw'
          ? data
          : ({ length: image.width * image.height * image.components * (image.number === 'u8' ? 1 : 2) } as Uint8Array);
      if (imageFault({ ...image, pixels }) !== undefined) throw new Error('An image that cannot be was understood.');
    },
    hexOf,
  );
  expect([...outcomes.keys()].sort()).toEqual(['bridge/malformed', 'decoded']);
});
