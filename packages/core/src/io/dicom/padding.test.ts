import { describe, expect, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import { readVolume } from '../index.js';
import { COLUMNS, dicomSlice, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, ROWS } from '../test-support/dicom-writer.js';

const image = frame('image');

async function outcome(bytes: Uint8Array): Promise<ArrayLike<number> | string> {
  try {
    return Array.from((await readVolume([{ name: 'padded.dcm', bytes }], { frame: image })).voxels);
  } catch (error) {
    if (!isNavError(error)) throw error;
    return error.code;
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

describe('a file that was filled up', () => {
  for (const syntax of [EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE]) {
    const slice = dicomSlice({ position: [0, 0, 0], syntax });

    it(`with zeros behind its last element is read as without them: ${syntax}`, async () => {
      const plain = await outcome(slice);
      expect(plain).toHaveLength(COLUMNS * ROWS);
      for (const zeros of [8, 16, 24, 512, 4096]) expect(await outcome(joined(slice, new Uint8Array(zeros)))).toEqual(plain);
    });

    it(`with zeros that something follows is refused: ${syntax}`, async () => {
      const odd = joined(slice, new Uint8Array(32), Uint8Array.of(8, 0, 0x18, 0, 0x55, 0x49, 0, 0));
      expect(await outcome(odd)).toMatch(/^(io\/corrupt|dicom\/truncated)$/);
    });

    it(`of which a piece of the pixels is missing is not taken for whole: ${syntax}`, async () => {
      expect(await outcome(slice.subarray(0, slice.length - 8))).toBe('dicom/truncated');
    });
  }
});
