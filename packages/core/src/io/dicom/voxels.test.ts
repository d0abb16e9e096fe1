import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { type FilledStack, fillVoxels } from './gaps.js';
import { keepStoredBits } from './pixels.js';
import type { PixelLayout } from './slice.js';

const ARRAYS = {
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
} as const;

/** Layouts as PS3.5, 8.1.1 allows them. */
const layouts: fc.Arbitrary<PixelLayout> = fc.constantFrom(8 as const, 16 as const, 32 as const).chain((bitsAllocated) =>
  fc.integer({ min: 1, max: bitsAllocated }).chain((bitsStored) =>
    fc.record({
      bitsAllocated: fc.constant(bitsAllocated),
      bitsStored: fc.constant(bitsStored),
      // Most files have it right below Bits Stored.
      highBit: fc.oneof(fc.constant(bitsStored - 1), fc.integer({ min: bitsStored - 1, max: bitsAllocated - 1 })),
      signed: fc.boolean(),
    }),
  ),
);

/** One stored value, by the definition. */
function storedIn(word: number, { bitsStored, highBit, signed }: PixelLayout): number {
  const bits = Math.floor(word / 2 ** (highBit - bitsStored + 1)) % 2 ** bitsStored;
  return signed && bits >= 2 ** (bitsStored - 1) ? bits - 2 ** bitsStored : bits;
}

describe('stored bits', () => {
  it('are what the layout says of every word, with junk around them or without', () => {
    const words = fc.array(fc.integer({ min: 0, max: 0xffffffff }), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(layouts, words, fc.boolean(), fc.nat(), (layout, drawn, clean, junkAt) => {
        const { bitsAllocated, signed } = layout;
        const size = 2 ** bitsAllocated;
        const raw = drawn.map((w) => w % size);
        const wanted = raw.map((w) => storedIn(w, layout));
        // Clean words hold the value alone, sign extended; then one of them may be made dirty again.
        const given = clean && layout.highBit === layout.bitsStored - 1 ? wanted.map((x) => (x + size) % size) : raw;
        given[junkAt % given.length] = raw[junkAt % given.length] as number;
        const voxels = ARRAYS[`${signed ? 'i' : 'u'}${bitsAllocated}`].from(given);
        keepStoredBits(voxels, layout);
        expect(Array.from(voxels)).toEqual(wanted);
      }),
      { numRuns: 500 * inject('effort') },
    );
  });
});

describe('planes between slices', () => {
  const stack = (weight: number): FilledStack => ({
    step: [0, 0, 1],
    planes: [
      { below: 0, weight: 0 },
      { below: 0, weight },
      { below: 1, weight: 0 },
    ],
    warning: { code: 'gaps-filled', message: '' },
  });

  it.each(Object.entries(ARRAYS))('are linear, halves rounded up, at the ends of the range too: %s', (_, Kind) => {
    const [low, high] = Kind.name.startsWith('U')
      ? [0, 2 ** (8 * Kind.BYTES_PER_ELEMENT) - 1]
      : [-(2 ** (8 * Kind.BYTES_PER_ELEMENT - 1)), 2 ** (8 * Kind.BYTES_PER_ELEMENT - 1) - 1];
    const values = [low, low + 1, 0, 1, 2, 3, high - 1, high];
    const a = values.flatMap((x) => values.map(() => x));
    const b = values.flatMap(() => values);
    for (const weight of [0.5, 0.25, 1 / 3, 0.9]) {
      const filled = fillVoxels(Kind.from([...a, ...b]), a.length, stack(weight));
      const between = a.map((x, n) => Math.round(x + weight * ((b[n] as number) - x)) + 0);
      expect(Array.from(filled)).toEqual([...a, ...between, ...b]);
    }
  });

  it('keep fractions where voxels are floats', () => {
    expect(Array.from(fillVoxels(Float32Array.of(1, 2), 1, stack(0.25)))).toEqual([1, 1.25, 2]);
  });
});
