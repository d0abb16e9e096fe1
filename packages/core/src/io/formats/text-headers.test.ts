import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isNavError, type NavErrorCode } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import type { Volume } from '../../volume/index.js';
import { readVolume, type VolumeFile } from '../index.js';

const mr = frame('mr');
const text = (lines: readonly string[]): Uint8Array => new TextEncoder().encode(lines.join('\n'));
const read = (...files: VolumeFile[]): Promise<Volume<'mr'>> => readVolume(files, { frame: mr });

async function codeOf(...files: VolumeFile[]): Promise<NavErrorCode> {
  const outcome = await read(...files).catch((error: unknown) => error);
  if (!isNavError(outcome)) throw new Error(`expected a refusal, got ${String(outcome)}`);
  return outcome.code;
}

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trocar-formats-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const NRRD = [
  'NRRD0005',
  '# a comment',
  'type: short',
  'dimension: 3',
  'space: left-posterior-superior',
  'sizes: 2 2 2',
  'space directions: (1,0,0) (0,2,0) (0,0,3)',
  'kinds: domain domain domain',
  'encoding: ascii',
  'space origin: (10,20,30)',
  'key:=value',
];
const EIGHT = '1 2 3 4 5 6 7 -8';
const nrrd = (change: (lines: string[]) => string[] = (l) => l, data: string = EIGHT): VolumeFile => ({
  name: 'a.nrrd',
  bytes: text([...change([...NRRD]), '', data]),
});
const replaced =
  (from: string, to: string | undefined) =>
  (lines: string[]): string[] =>
    lines.flatMap((line) => (line.startsWith(from) ? (to === undefined ? [] : [to]) : [line]));

describe('NRRD', () => {
  it('reads text voxels through the decoder, geometry from its header', async () => {
    const v = await read(nrrd());
    expect(Array.from(v.voxels)).toEqual([1, 2, 3, 4, 5, 6, 7, -8]);
    expect(Array.from(v.frameFromIndex)).toEqual([1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 10, 20, 30, 1]);
  });

  it.each([
    ['right-anterior-superior', [-1, 0, 0, 0, 0, -2, 0, 0, 0, 0, 3, 0, -10, -20, 30, 1]],
    ['RAS', [-1, 0, 0, 0, 0, -2, 0, 0, 0, 0, 3, 0, -10, -20, 30, 1]],
    ['left-anterior-superior', [1, 0, 0, 0, 0, -2, 0, 0, 0, 0, 3, 0, 10, -20, 30, 1]],
  ])('turns %s into LPS', async (space, expected) => {
    expect(Array.from((await read(nrrd(replaced('space:', `space: ${space}`)))).frameFromIndex)).toEqual(expected);
  });

  it('reads a detached header with its data beside it, big-endian too', async () => {
    const header = (lines: string[]): string[] => [
      ...replaced('encoding:', 'encoding: raw')(lines),
      'endian: big',
      'data file: a.raw',
    ];
    const raw = { name: 'a.raw', bytes: Uint8Array.from([0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0xff, 0xf8]) };
    const v = await read({ ...nrrd(header, ''), name: 'a.nhdr' }, raw);
    expect(Array.from(v.voxels)).toEqual([1, 2, 3, 4, 5, 6, 7, -8]);
    expect(await codeOf({ ...nrrd(header, ''), name: 'a.nhdr' })).toBe('io/not-found');
    await writeFile(join(folder, 'a.nhdr'), nrrd(header, '').bytes);
    await writeFile(join(folder, 'a.raw'), raw.bytes);
    expect((await readVolume(join(folder, 'a.nhdr'), { frame: mr })).voxels).toEqual(v.voxels);
    const outside = replaced('data file:', 'data file: ../a.raw');
    expect(await codeOf({ ...nrrd((l) => outside(header(l)), ''), name: 'a.nhdr' }, raw)).toBe('io/not-found');
  });

  it.each([
    ['io/no-geometry', 'space:', undefined],
    ['io/no-geometry', 'space:', 'space: scanner-xyz'],
    ['io/no-geometry', 'space:', 'space dimension: 3'],
    ['io/no-geometry', 'space origin', undefined],
    ['io/no-geometry', 'space directions', undefined],
    ['io/no-geometry', 'space directions', 'space directions: none (1,0,0) (0,1,0)'],
    ['io/unsupported-format', 'key', 'space units: "m" "m" "m"'],
    ['io/unsupported-format', 'dimension', 'dimension: 4'],
    ['io/unsupported-format', 'type', 'type: block'],
    ['io/unsupported-format', 'encoding', 'encoding: bzip2'],
    ['io/corrupt', 'sizes', 'sizes: 2 2 0'],
    ['io/corrupt', 'space directions', 'space directions: (1,0,0) (0,1,0) (1,1,0)'],
    ['io/corrupt', 'encoding', 'encoding: raw'],
  ] as const)('%s where "%s" becomes "%s"', async (code, from, to) => {
    expect(await codeOf(nrrd(replaced(from, to)))).toBe(code);
  });
});

const META = [
  'ObjectType = Image',
  'NDims = 3',
  'BinaryData = False',
  'BinaryDataByteOrderMSB = False',
  'CompressedData = False',
  'TransformMatrix = 0 1 0 -1 0 0 0 0 1',
  'Offset = 10 20 30',
  'ElementSpacing = 1 2 3',
  'DimSize = 2 2 2',
  'ElementType = MET_SHORT',
  'ElementDataFile = LOCAL',
];
const meta = (change: (lines: string[]) => string[] = (l) => l): VolumeFile => ({
  name: 'a.mha',
  bytes: text([...change([...META]), EIGHT]),
});

describe('MetaImage', () => {
  it('has the first axis’ direction first in TransformMatrix', async () => {
    const v = await read(meta());
    expect(Array.from(v.frameFromIndex)).toEqual([0, 1, 0, 0, -2, 0, 0, 0, 0, 0, 3, 0, 10, 20, 30, 1]);
    expect(Array.from(v.voxels)).toEqual([1, 2, 3, 4, 5, 6, 7, -8]);
  });

  it('reads a header with its data beside it', async () => {
    const header = (lines: string[]): string[] =>
      replaced('BinaryData ', 'BinaryData = True')(replaced('ElementDataFile', 'ElementDataFile = a.raw')(lines));
    const raw = { name: 'a.raw', bytes: new Uint8Array(Int16Array.from([1, 2, 3, 4, 5, 6, 7, -8]).buffer) };
    const mhd = { name: 'a.mhd', bytes: text(header([...META])) };
    expect(Array.from((await read(mhd, raw)).voxels)).toEqual([1, 2, 3, 4, 5, 6, 7, -8]);
    expect(await codeOf(mhd)).toBe('io/not-found');
    expect(await codeOf(mhd, { ...raw, bytes: raw.bytes.slice(1) })).toBe('io/truncated');
  });

  it.each([
    ['io/no-geometry', 'ElementSpacing', undefined],
    ['io/no-geometry', 'Offset', undefined],
    ['io/no-geometry', 'TransformMatrix', undefined],
    ['io/no-geometry', 'Offset', 'Offset = 1 2 x'],
    ['io/unsupported-format', 'NDims', 'NDims = 4'],
    ['io/unsupported-format', 'ElementType', 'ElementType = MET_OTHER'],
    ['io/unsupported-format', 'DimSize', 'ElementNumberOfChannels = 3'],
    ['io/unsupported-format', 'ElementDataFile', 'ElementDataFile = LIST'],
    ['io/unsupported-format', 'DimSize', 'DistanceUnits = um'],
    ['io/unsupported-format', 'DimSize', 'DistanceUnits = cm'],
    ['io/unsupported-format', 'CompressedData', 'Seq_Frame0000_Status = OK'],
    ['io/truncated', 'ElementDataFile', undefined],
    ['io/corrupt', 'DimSize', 'DimSize = 2 2'],
  ] as const)('%s where "%s" becomes "%s"', async (code, from, to) => {
    expect(await codeOf(meta(replaced(from, to)))).toBe(code);
  });
});

describe('files that are no volume', () => {
  it('say what they are not', async () => {
    expect(await codeOf({ name: 'a.txt', bytes: text(['hello']) })).toBe('io/unsupported-format');
    expect(
      await codeOf({
        name: 'a.gz',
        bytes: await new Response(new Blob(['hi']).stream().pipeThrough(new CompressionStream('gzip'))).bytes(),
      }),
    ).toBe('io/unsupported-format');
    expect(await codeOf(meta(), nrrd())).toBe('io/unsupported-format');
  });

  it('or are not there', async () => {
    await expect(readVolume(join(folder, 'nothing.nii'), { frame: mr })).rejects.toMatchObject({ code: 'io/not-found' });
    const empty = await mkdtemp(join(folder, 'empty-'));
    await expect(readVolume(empty, { frame: mr })).rejects.toMatchObject({ code: 'io/not-found' });
  });
});
