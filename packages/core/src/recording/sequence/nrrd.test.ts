import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, inject, it } from 'vitest';
import { isNavError, NavError } from '../../base/index.js';
import { Random } from '../../math/index.js';
import { posesOfSequence, readTrackedSequence, sequenceImages, type TrackedSequence, writeTrackedSequence } from '../index.js';

const FOLDER = join(
  resolve(process.env['TROCAR_DATA'] ?? join(import.meta.dirname, '../../../../../../shared/data')),
  'tracked-ultrasound/sequences',
);

async function allImages(sequence: TrackedSequence): Promise<Uint8Array[]> {
  const images: Uint8Array[] = [];
  for await (const image of sequenceImages(sequence)) images.push(image);
  return images;
}

describe.skipIf(!existsSync(FOLDER))("PLUS's NRRD files", () => {
  it.each([
    ['ColorNrrdSample', [1152, 648], 3, 'MET_UCHAR'],
    ['NrrdSample', [256, 256], 1, 'MET_SHORT'],
  ])('%s is read, and written again to the same bytes', async (name, size, channels, type) => {
    const bytes = new Uint8Array(readFileSync(join(FOLDER, `${name}.igs.nrrd`)));
    const sequence = readTrackedSequence(bytes, name);
    expect([sequence.size, sequence.channels, sequence.elementType]).toEqual([size, channels, type]);
    expect([sequence.frames.length, sequence.orientation, sequence.frames[0]?.imageStatus]).toEqual([1, 'MFA', 'OK']);
    expect(Buffer.compare(writeTrackedSequence(sequence), bytes)).toBe(0);
    const [image] = await allImages(sequence);
    expect(image?.length).toBe(sequence.bytesPerFrame);
    expect(new Set(image).size).toBeGreaterThan(50);
  });
});

const HEAD = [
  'NRRD0004',
  '# a comment',
  'dimension: 3',
  'sizes: 6 4 2',
  'kinds: domain domain list',
  'type: uint8',
  'encoding: raw',
];
const FRAMES = [0, 1].flatMap((n) => [
  `Seq_Frame000${n}_ProbeToTrackerTransform:=0 -1 0 10 1 0 0 20 0 0 1 ${n} 0 0 0 1`,
  `Seq_Frame000${n}_ProbeToTrackerTransformStatus:=OK`,
  `Seq_Frame000${n}_Timestamp:=${n}.25`,
]);
const PIXELS = Uint8Array.from({ length: 48 }, (_, n) => (n * 37) % 251);

function file(
  change: Readonly<Record<string, string>> = {},
  pixels: Uint8Array = PIXELS,
  frames: readonly string[] = FRAMES,
): Uint8Array {
  const head = [
    ...HEAD.map((line) => change[line.split(':')[0] as string] ?? line),
    ...(change['more'] === undefined ? [] : [change['more']]),
  ];
  return new Uint8Array(
    Buffer.concat([Buffer.from(`${[...head, 'ultrasound image orientation:=UF', ...frames].join('\n')}\n\n`), pixels]),
  );
}

describe('an NRRD sequence', () => {
  it('has its poses row by row, its times and its images, raw or packed', async () => {
    for (const [bytes, compressed] of [
      [file(), false],
      [file({ encoding: 'encoding: gzip' }, gzipSync(PIXELS)), true],
    ] as const) {
      const sequence = readTrackedSequence(bytes);
      expect([sequence.size, sequence.channels, sequence.frames.length, sequence.orientation]).toEqual([[6, 4], 1, 2, 'UF']);
      expect(sequence.data.compressed).toBe(compressed);
      expect(await allImages(sequence)).toEqual([PIXELS.slice(0, 24), PIXELS.slice(24)]);
      const { table } = posesOfSequence(sequence);
      expect([table.count, table.tools, table.status(1)]).toEqual([2, ['ProbeToTracker'], 'ok']);
      expect([...(sequence.frames[1]?.transforms[0]?.matrix ?? [])]).toEqual([0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 10, 20, 1, 1]);
      expect(sequence.frames[1]?.timestamp).toBe(1.25);
      expect(Buffer.compare(writeTrackedSequence(sequence), bytes)).toBe(0);
    }
  });

  it('may have its colours before its pixels', () => {
    const colours = file({ dimension: 'dimension: 4', sizes: 'sizes: 3 4 2 2', kinds: 'kinds: vector domain domain list' });
    const { channels, size, bytesPerFrame } = readTrackedSequence(colours);
    expect([channels, size, bytesPerFrame]).toEqual([3, [4, 2], 24]);
  });

  it.each([
    ['images in another file', file({ more: 'data file: a.raw' }), 'sequence/unsupported'],
    ['text for pixels', file({ encoding: 'encoding: ascii' }), 'sequence/unsupported'],
    ['pixels that are blocks', file({ type: 'type: block' }), 'sequence/unsupported'],
    ['the high byte first', file({ type: 'type: int16', more: 'endian: big' }), 'sequence/unsupported'],
    ['skipped bytes', file({ more: 'byte skip: 4' }), 'sequence/unsupported'],
    ['two axes of frames', file({ kinds: 'kinds: domain list list' }), 'sequence/unsupported'],
    ['sizes of words', file({ sizes: 'sizes: 6 4 x' }), 'sequence/corrupt'],
    ['too few sizes', file({ sizes: 'sizes: 6 4' }), 'sequence/corrupt'],
    ['a line that is none', file({ more: 'what' }), 'sequence/corrupt'],
    ['too few pixels', file({}, PIXELS.subarray(1)), 'sequence/truncated'],
    ['too many pixels', file({}, Buffer.concat([PIXELS, PIXELS])), 'sequence/corrupt'],
    ['fields of one frame of two', file({}, PIXELS, FRAMES.slice(0, 3)), 'sequence/corrupt'],
    ['a header without end', Buffer.from(HEAD.join('\n')), 'sequence/truncated'],
  ])('with %s is refused', (_, bytes, code) => {
    const found = ((): string => {
      try {
        readTrackedSequence(bytes);
      } catch (error) {
        if (isNavError(error)) return error.code;
        throw error;
      }
      return 'nothing';
    })();
    expect(found).toBe(code);
  });

  it('mutated in any way is read or refused, never worse', () => {
    const random = new Random(inject('seed'));
    const whole = file();
    let read = 0;
    for (let round = 0; round < 1500 * inject('effort'); round += 1) {
      const mutated = Uint8Array.from(whole);
      for (let k = random.below(4); k >= 0; k -= 1) mutated[random.below(mutated.length)] = random.below(256);
      try {
        readTrackedSequence(mutated);
        read += 1;
      } catch (error) {
        if (!(error instanceof NavError)) throw error;
      }
    }
    expect(read).toBeGreaterThan(100);
  });
});
