import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import { readVolume } from '../../io/index.js';
import { dataPath, filesIn, sameBytes, unpack } from '../../io/test-support/real-data.js';
import { identified } from '../archive/identity.js';
import { type DicomArchive, dicomArchive, type FoundInstance, retrieveVolume, type StoreOutcome } from '../archive/index.js';
import { findOrthanc, type RunningOrthanc, startOrthanc } from './index.js';

/** Slices of the phantom: all of them where tests are run in full. */
const SLICES = Math.min(120, 8 * inject('effort'));
const phantom = dataPath('dicom', 'phantom-ct-dicom.tar.gz');
const syntaxes = dataPath('dicom', 'syntaxes');
const ct = frame('ct');

describe.skipIf(findOrthanc() === undefined || phantom.absent)('real images by way of a real Orthanc', () => {
  let orthanc: RunningOrthanc;
  let archive: DicomArchive;
  beforeAll(async () => {
    orthanc = await startOrthanc();
    archive = dicomArchive({ url: orthanc.url });
  }, 30_000);
  afterAll(() => orthanc?.stop());

  async function stored(files: readonly Uint8Array[]): Promise<{ study: string; series: string }> {
    const outcomes = await archive.store(files);
    expect(outcomes.every(({ outcome }) => outcome === 'stored')).toBe(true);
    const { identity } = outcomes[0] as StoreOutcome;
    return { study: identity.studyUid, series: identity.seriesUid };
  }

  it(`${SLICES} slices of a phantom CT: geometry and pixels come back bit for bit, as stored, uncompressed and compressed`, async () => {
    const { folder, remove } = unpack(phantom.path, 'phantom-ct-dicom');
    try {
      const placed = await Promise.all(
        filesIn(folder).map(async (path) => {
          const bytes = new Uint8Array(readFileSync(path));
          const { file } = await identified(path, bytes);
          return { bytes, z: Number(file.dataset.string('x00200032', 2)) };
        }),
      );
      // Neighbours in space, whatever their files are called.
      const files = placed
        .sort((a, b) => a.z - b.z)
        .slice(0, SLICES)
        .map(({ bytes }) => bytes);
      const named = files.map((bytes, n) => ({ name: `${n}`, bytes }));
      const truth = await readVolume(named, { frame: ct, gaps: 'interpolate' });
      const where = await stored(files);
      const plans = [
        { order: 'as-sent', syntax: 'as-stored' },
        { order: 'middle-first', syntax: 'uncompressed' },
        { order: 'as-sent', syntax: '1.2.840.10008.1.2.4.80' },
        { order: 'as-sent', syntax: '1.2.840.10008.1.2.4.70' },
      ] as const;
      for (const plan of plans) {
        const slices: number[] = [];
        const v = await retrieveVolume(archive, {
          ...where,
          ...plan,
          frame: ct,
          gaps: 'interpolate',
          onSlice: (s) => void slices.push(s.frame),
        });
        expect(slices).toHaveLength(SLICES);
        expect(sameBytes(v.voxels, truth.voxels)).toBe(true);
        expect(v.frameFromIndex).toEqual(truth.frameFromIndex);
        expect({ ...v, voxels: 0 }).toEqual({ ...truth, voxels: 0 });
      }
      // A series with gaps is refused by its metadata, before a slice has come.
      const metadata = await retrieveVolume(archive, { ...where, frame: ct, order: 'middle-first' }).then(
        () => 'a volume',
        (error: { code: string }) => error.code,
      );
      const direct = await readVolume(named, { frame: ct }).then(
        () => 'a volume',
        (error: { code: string }) => error.code,
      );
      expect(metadata).toBe(direct);
    } finally {
      remove();
    }
  }, 120_000);

  it('an image in each syntax of the collection comes back as it was', async () => {
    const read = (bytes: Uint8Array) => readVolume([{ name: 'one', bytes }], { frame: ct });
    const images = filesIn(syntaxes.path).filter((path) => /CTImage/.test(path));
    expect(images.length).toBeGreaterThanOrEqual(7);
    const once = dicomArchive({ url: orthanc.url, retries: 0 });
    const notDecodedThere: string[] = [];
    for (const path of images) {
      const bytes = new Uint8Array(readFileSync(path));
      const truth = await read(bytes);
      const where = await stored([bytes]);
      const [found] = await all(archive.findInstances(where.study, where.series));
      const target = found as FoundInstance;
      const back = await archive.retrieveInstance(target);
      expect(sameBytes(back.bytes, bytes), path).toBe(true);
      const v = await retrieveVolume(archive, { ...where, frame: ct });
      expect(sameBytes(v.voxels, truth.voxels), path).toBe(true);
      expect(v.frameFromIndex).toEqual(truth.frameFromIndex);
      try {
        const plain = await retrieveVolume(once, { ...where, frame: ct, syntax: 'uncompressed' });
        expect(sameBytes(plain.voxels, truth.voxels), path).toBe(true);
      } catch (error) {
        if (!isNavError(error, 'archive/failed')) throw error;
        notDecodedThere.push(path);
      }
      await forget(target.sopInstanceUid);
    }
    // Debian's Orthanc has no decoder for JPEG 2000 and says so by failing; as stored it gives it out like any other.
    expect(notDecodedThere.every((path) => /JPEG2000/.test(path))).toBe(true);
  }, 60_000);

  async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
    const list: T[] = [];
    for await (const item of items) list.push(item);
    return list;
  }

  /** By Orthanc's own interface: the files of the collection share one UID. */
  async function forget(uid: string): Promise<void> {
    const rest = `http://localhost:${orthanc.port}`;
    const looked = await fetch(`${rest}/tools/lookup`, { method: 'POST', body: uid });
    for (const { Path } of (await looked.json()) as { Path: string }[]) await fetch(rest + Path, { method: 'DELETE' });
  }
});
