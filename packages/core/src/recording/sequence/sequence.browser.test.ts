import { expect, it } from 'vitest';
import { readTrackedSequence } from './read.js';
import { sequenceImages } from './sequence.js';
import { makeTrackedSequence, writeTrackedSequence } from './write.js';

it('a tracked sequence is packed, written, read and unpacked in a browser', async () => {
  const bytes = [0, 1, 2].map((i) => Uint8Array.from({ length: 300 * 200 }, (_, n) => (n * 31 + i * 7919) % 251));
  const frames = bytes.map((_, i) => [{ key: 'Timestamp', value: String(i / 10) }]);
  const images = { size: [300, 200] as const, elementType: 'MET_UCHAR', orientation: 'MF', bytes };
  const sequence = readTrackedSequence(writeTrackedSequence(await makeTrackedSequence({ frames, images })));
  let i = 0;
  for await (const image of sequenceImages(sequence)) {
    const original = bytes[i] as Uint8Array;
    expect(image.every((value, n) => value === original[n])).toBe(true);
    i += 1;
  }
  expect(i).toBe(3);
});
