import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { memoryFolder, openStudyStore, type StoreFolder } from '../archive/index.js';
import { studyFolder } from './index.js';
import { syntheticSeries } from './test-support/series.js';

const root = mkdtempSync(join(tmpdir(), 'trocar-store-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const ct = syntheticSeries({ count: 4, root: 31 });
const mr = syntheticSeries({
  count: 2,
  root: 32,
  tags: { '00080060': ['CS', 'MR'], '00100010': ['PN', 'Roe^Rita'], '00100020': ['LO', 'ID-2'] },
});
const other = syntheticSeries({ count: 4, root: 31, tags: { '0008103E': ['LO', 'Otherwise'] } });

let count = 0;
describe.each([
  ['memory', async (): Promise<StoreFolder> => memoryFolder()],
  ['a disk', (): Promise<StoreFolder> => studyFolder(join(root, String(count)))],
])('a study store in %s', (_, make) => {
  let folder: StoreFolder;
  beforeEach(async () => {
    count += 1;
    folder = await make();
  });

  it('gives back what it was given, after a restart too, and finds it', async () => {
    const store = await openStudyStore(folder);
    expect((await store.put([...ct.files, ...mr.files])).map((o) => o.outcome)).toEqual(Array.from({ length: 6 }, () => 'kept'));
    expect((await store.put(ct.files)).map((o) => o.outcome)).toEqual(Array.from({ length: 4 }, () => 'already-here'));
    const again = await openStudyStore(folder);
    expect(again.notes).toEqual([]);
    expect(again.find()).toEqual(store.find());
    expect(await again.files(ct.seriesUid)).toEqual(ct.files);
    expect(again.find({ patientName: 'roe*' }).map((one) => one.sopInstanceUid)).toEqual(mr.sopInstanceUids);
    expect(again.find({ patientId: 'ID-?' })).toHaveLength(6);
    expect(again.find({ modality: 'MR', studyUid: ct.studyUid })).toEqual([]);
    expect(again.find({ sopInstanceUid: ct.sopInstanceUids[2] as string })[0]).toMatchObject({
      instanceNumber: 3,
      studyDate: '20260102',
      modality: 'CT',
    });
    expect(await again.remove({ seriesUid: mr.seriesUid })).toBe(2);
    expect((await openStudyStore(folder)).find()).toHaveLength(4);
    await expect(again.remove({})).rejects.toMatchObject({ code: 'store/bad-option' });
    await expect(again.get(mr.sopInstanceUids[0] as string)).rejects.toMatchObject({ code: 'store/not-found' });
  });

  it('refuses other bytes under a UID that is here, or keeps them beside', async () => {
    const store = await openStudyStore(folder);
    await store.put(ct.files.slice(0, 2));
    await expect(store.put(other.files)).rejects.toMatchObject({
      code: 'store/conflict',
      detail: { sopInstanceUids: ct.sopInstanceUids.slice(0, 2) },
    });
    expect(await store.files(ct.seriesUid)).toEqual([...ct.files.slice(0, 2), ...other.files.slice(2)]);
    expect((await store.put(other.files.slice(0, 1), 'keep'))[0]?.outcome).toBe('conflict');
    const again = await openStudyStore(folder);
    expect(again.notes.map((n) => n.what)).toEqual(['conflict']);
    expect(await again.get(ct.sopInstanceUids[0] as string)).toEqual(ct.files[0]);
  });

  it('knows when a series is whole', async () => {
    const store = await openStudyStore(folder);
    await store.put(ct.files.slice(0, 3));
    await expect(store.complete(ct.seriesUid, ct.sopInstanceUids)).rejects.toMatchObject({ code: 'store/not-found' });
    expect(store.isComplete(ct.seriesUid)).toBe(false);
    await store.put(ct.files);
    await store.complete(ct.seriesUid, ct.sopInstanceUids);
    const again = await openStudyStore(folder);
    expect(again.isComplete(ct.seriesUid)).toBe(true);
    await again.remove({ sopInstanceUid: ct.sopInstanceUids[1] as string });
    expect(again.isComplete(ct.seriesUid)).toBe(false);
  });

  it('takes nothing that is damaged, and says so of all before it keeps any', async () => {
    const store = await openStudyStore(folder);
    const cut = (ct.files[1] as Uint8Array).slice(0, -10);
    await expect(store.put([ct.files[0] as Uint8Array, cut])).rejects.toMatchObject({ code: 'dicom/truncated' });
    expect(store.find()).toEqual([]);
  });
});

describe('a study store on a disk that something happened to', () => {
  const filled = async (name: string): Promise<{ path: string; series: string; index: string }> => {
    const path = join(root, name);
    await (await openStudyStore(await studyFolder(path))).put(ct.files);
    return {
      path,
      series: join(path, 'studies', ct.studyUid, ct.seriesUid),
      index: join(path, 'index', ct.studyUid, `${ct.seriesUid}.json`),
    };
  };

  it.each(['', '{', '{"version":2}', '{"version":1,"instances":[{}]}', '{"version":1,"instances":[]}'])(
    'makes its index anew from %s',
    async (text) => {
      const { path, index } = await filled(`index-${text.length}`);
      writeFileSync(index, text);
      const store = await openStudyStore(await studyFolder(path));
      expect(store.notes[0]?.what).toBe(text.endsWith('[]}') ? 'not-in-index' : 'index-rebuilt');
      expect(await store.files(ct.seriesUid)).toEqual(ct.files);
      expect((await openStudyStore(await studyFolder(path))).notes).toEqual([]);
    },
  );

  it('never gives out a file of which a byte is another, nor one that is gone', async () => {
    const { path, series, index } = await filled('byte');
    const name = readdirSync(series).find((n) => n.startsWith(`${ct.sopInstanceUids[2]}-`)) as string;
    const bytes = readFileSync(join(series, name));
    bytes[bytes.length - 3] = (bytes[bytes.length - 3] as number) ^ 1;
    writeFileSync(join(series, name), bytes);
    const store = await openStudyStore(await studyFolder(path));
    await expect(store.get(ct.sopInstanceUids[2] as string)).rejects.toMatchObject({ code: 'store/damaged' });
    await expect(store.files(ct.seriesUid)).rejects.toMatchObject({ code: 'store/damaged' });
    expect((await store.verify()).map((one) => one.sopInstanceUid)).toEqual([ct.sopInstanceUids[2]]);
    rmSync(index);
    const rebuilt = await openStudyStore(await studyFolder(path));
    expect(rebuilt.notes.map((n) => n.what)).toEqual(['index-rebuilt', 'damaged']);
    expect(rebuilt.find()).toHaveLength(3);
    rmSync(join(series, name));
    writeFileSync(join(series, `${name}.1234.part`), 'half');
    expect((await openStudyStore(await studyFolder(path))).notes).toEqual([]);
  });

  it('keeps its files readable for this user alone', async () => {
    const { series } = await filled('rights');
    const { statSync } = await import('node:fs');
    for (const name of readdirSync(series)) expect(statSync(join(series, name)).mode & 0o077).toBe(0);
    expect(statSync(series).mode & 0o077).toBe(0);
  });
});
