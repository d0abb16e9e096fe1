import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { frame } from '../../frames/index.js';
import { readVolume } from '../../io/index.js';
import { dataPath, filesIn, sameBytes, unpack } from '../../io/test-support/real-data.js';
import { deidentify } from './deidentify.js';
import type { RawElement } from './elements.js';
import { latin1, readElements } from './read-elements.js';
import { writeElements } from './write-elements.js';

const KEY = new Uint8Array(32).fill(3);
const LOOKED = { burnedIn: { reviewedBy: 'tester' } } as const;
const FILES = ['syntaxes', 'enhanced'].flatMap((folder) => {
  const { path, absent } = dataPath('dicom', folder);
  return absent ? [] : filesIn(path).filter((name) => name.endsWith('.dcm'));
});
const folder = mkdtempSync(join(tmpdir(), 'trocar-privacy-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const has = (program: string): boolean => spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
const bytesOf = (path: string): Uint8Array => new Uint8Array(readFileSync(path));

/** The pixels' element of a file, and its text as bytes. */
async function pixelsOf(bytes: Uint8Array): Promise<RawElement | undefined> {
  return (await readElements(bytes, 'a file')).elements.find(({ tag }) => tag === 0x7fe0_0010);
}

/** The validator's errors, without the numbers that differ from run to run. dciodvfy does not read deflated data. */
function errorsOf(path: string): Set<string> {
  const { stderr } = spawnSync('dciodvfy', ['-new', path], { encoding: 'utf8' });
  return new Set(stderr.split('\n').filter((line) => line.startsWith('Error')));
}

describe.skipIf(FILES.length === 0)('real files', () => {
  it.each(FILES)('%s is written as it was read, where nothing is changed', async (path) => {
    const original = bytesOf(path);
    const file = await readElements(original, 'it');
    const meta = (tag: number): string => latin1(file.meta.find((e) => e.tag === tag)?.bytes ?? new Uint8Array(0));
    const again = await writeElements({
      from: file,
      sopClassUid: meta(0x0002_0002),
      sopInstanceUid: meta(0x0002_0003),
      elements: file.elements,
    });
    expect(isDeepStrictEqual((await readElements(again, 'it again')).elements, file.elements)).toBe(true);
    if (file.deflated) return;
    const body = Math.min(original.length, again.length) - 1000;
    expect(Buffer.compare(original.subarray(original.length - body), again.subarray(again.length - body))).toBe(0);
  });

  it.each(FILES)('%s keeps its pixels bit for bit, and reads or is refused as before', async (path) => {
    const before = bytesOf(path);
    const made = await deidentify([{ name: 'x', bytes: before }], { key: KEY, ...LOOKED });
    const after = made.files[0]?.bytes as Uint8Array;
    expect(isDeepStrictEqual(await pixelsOf(after), await pixelsOf(before))).toBe(true);
    const read = (bytes: Uint8Array): Promise<unknown> =>
      readVolume([{ name: 'x', bytes }], { frame: frame('image') }).then(
        (v) => ({ geometry: v.frameFromIndex, size: v.size, voxels: v.voxels, modality: v.modality }),
        (error: { code?: string }) => error.code,
      );
    expect(isDeepStrictEqual(await read(after), await read(before))).toBe(true);
  });

  it.skipIf(!has('dciodvfy')).each(FILES)('%s has no error for dciodvfy that it did not have', async (path) => {
    const made = await deidentify([{ name: 'x', bytes: bytesOf(path) }], { key: KEY, ...LOOKED });
    let [before, after] = [path, join(folder, 'after.dcm')];
    writeFileSync(after, made.files[0]?.bytes as Uint8Array);
    if (path.includes('Deflated')) {
      for (const [from, to] of [
        [before, join(folder, 'b.dcm')],
        [after, join(folder, 'a.dcm')],
      ] as const)
        execFileSync('dcmconv', ['+te', from, to]);
      [before, after] = [join(folder, 'b.dcm'), join(folder, 'a.dcm')];
    }
    const known = errorsOf(before);
    expect([...errorsOf(after)].filter((error) => !known.has(error))).toEqual([]);
  });

  const archive = dataPath('dicom', 'head-mr-t1-dicom.tar.gz');
  it.skipIf(archive.absent)('a whole series reads as the same volume', async () => {
    const { folder: series, remove } = unpack(archive.path, '.');
    try {
      const before = await readVolume(series, { frame: frame('mr') });
      const paths = execFileSync('find', [series, '-type', 'f'], { encoding: 'utf8' }).trim().split('\n');
      const sources = paths
        .map((path) => ({ name: path, bytes: bytesOf(path) }))
        .filter(({ bytes }) => latin1(bytes.subarray(128, 132)) === 'DICM');
      const { files } = await deidentify(sources, { key: KEY, ...LOOKED });
      const after = await readVolume(files, { frame: frame('mr') });
      expect(after.frameFromIndex).toEqual(before.frameFromIndex);
      expect(sameBytes(after.voxels, before.voxels)).toBe(true);
      expect(after.patient).not.toEqual(before.patient);
    } finally {
      remove();
    }
  });
});
