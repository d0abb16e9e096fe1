import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frame } from '../../frames/index.js';
import { readVolume } from '../../io/index.js';
import { type DicomArchive, dicomArchive, type FoundStudy, retrieveVolume } from '../archive/index.js';
import { findOrthanc, type RunningOrthanc, startOrthanc } from './index.js';
import { type BadLink, badLink } from './test-support/bad-link.js';
import { syntheticSeries } from './test-support/series.js';

const users = { reader: 'secret-of-reader' };
const basic = { authorization: `Basic ${btoa('reader:secret-of-reader')}` };

const named = (files: readonly Uint8Array[]) => files.map((bytes, n) => ({ name: `${n}.dcm`, bytes }));

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe.skipIf(findOrthanc() === undefined)('an archive that is a real Orthanc', () => {
  let orthanc: RunningOrthanc;
  let archive: DicomArchive;
  let link: BadLink;
  let behind: DicomArchive;
  const ct = syntheticSeries({ count: 7, root: 11 });
  const mr = syntheticSeries({
    count: 2,
    root: 12,
    tags: { '00080060': ['CS', 'MR'], '00100010': ['PN', 'Roe^Rita'], '00100020': ['LO', 'ID-2'] },
  });

  beforeAll(async () => {
    orthanc = await startOrthanc({ users });
    archive = dicomArchive({ url: orthanc.url, headers: basic });
    link = await badLink(orthanc.url);
    behind = dicomArchive({ url: link.url, headers: basic, retryDelayMs: 5 });
    const outcomes = await archive.store([...ct.files, ...mr.files]);
    expect(outcomes.map((o) => o.outcome)).toEqual(Array.from({ length: 9 }, () => 'stored'));
  }, 30_000);
  afterAll(async () => {
    await link?.close();
    await orthanc?.stop();
  });

  it('finds studies by patient, with typed values', async () => {
    const found = await all(archive.findStudies({ patientName: 'Doe*' }));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      studyUid: ct.studyUid,
      date: '20260102',
      patientName: { alphabetic: 'Doe^Jane' },
      patientId: 'ID-1',
      modalities: ['CT'],
      seriesCount: 1,
      instanceCount: 7,
    } satisfies Partial<FoundStudy>);
    expect(await all(archive.findStudies({ patientId: 'nobody' }))).toEqual([]);
    expect(await all(archive.findStudies({ studyDate: '20270101-' }))).toEqual([]);
  });

  it('gives all results over several pages, and no more than were asked for', async () => {
    link.passed.length = 0;
    const found = await all(behind.findInstances(ct.studyUid, ct.seriesUid, { pageSize: 3 }));
    expect(found.map((f) => f.sopInstanceUid).sort()).toEqual([...ct.sopInstanceUids].sort());
    expect(link.passed).toHaveLength(4);
    expect(await all(archive.findInstances(ct.studyUid, ct.seriesUid, { pageSize: 3, limit: 5 }))).toHaveLength(5);
    expect(await all(archive.findSeries(ct.studyUid, { modality: 'MR' }))).toEqual([]);
    expect((await all(archive.findSeries(mr.studyUid)))[0]).toMatchObject({ seriesUid: mr.seriesUid, modality: 'MR', number: 4 });
  });

  it('retrieves the very bytes that were stored', async () => {
    const came = await all(archive.retrieveInstances(ct));
    expect(came.map(({ bytes }) => Buffer.from(bytes).toString('base64')).sort()).toEqual(
      ct.files.map((bytes) => Buffer.from(bytes).toString('base64')).sort(),
    );
    const sopInstanceUid = ct.sopInstanceUids[3] as string;
    const one = await archive.retrieveInstance({ ...ct, sopInstanceUid });
    expect(Buffer.compare(one.bytes, ct.files[3] as Uint8Array)).toBe(0);
    const [frame] = await archive.retrieveFrames({ ...ct, sopInstanceUid }, [1]);
    expect(Buffer.compare(frame?.bytes as Uint8Array, (ct.files[3] as Uint8Array).slice(-2 * 16 * 24))).toBe(0);
    expect(await archive.has({ ...ct, sopInstanceUid })).toBe(true);
    expect(await archive.has({ ...ct, sopInstanceUid: '2.25.1' })).toBe(false);
    expect((await archive.retrieveMetadata(ct)).map((m) => m.numbers('00200032'))).toContainEqual([-20.5, 10.25, -7]);
  });

  it('makes a volume as readVolume makes it of the files, slice by slice from the middle', async () => {
    const truth = await readVolume(named(ct.files), { frame: frame('ct') });
    const planes: (number | undefined)[] = [];
    const v = await retrieveVolume(archive, {
      study: ct.studyUid,
      series: ct.seriesUid,
      frame: frame('ct'),
      order: 'middle-first',
      parallel: 1,
      onSlice: async (slice, growing) => {
        planes.push(slice.plane);
        const k = slice.plane as number;
        expect(growing?.here).toBe(planes.length);
        expect(growing?.plane(k)).toEqual(await slice.values());
        expect(growing?.plane((k + 1) % 7) === undefined).toBe(!planes.includes((k + 1) % 7));
        expect(growing?.frameFromIndex).toEqual(truth.frameFromIndex);
      },
    });
    expect(planes).toEqual([3, 4, 2, 5, 1, 6, 0]);
    expect(v.voxels).toEqual(truth.voxels);
    expect(v.frameFromIndex).toEqual(truth.frameFromIndex);
    expect({ ...v, voxels: 0 }).toEqual({ ...truth, voxels: 0 });
  });

  it('goes on after a cut: what has come is not asked for again', async () => {
    const size = (ct.files[0] as Uint8Array).length;
    link.passed.length = 0;
    let cuts = 0;
    link.fault = ({ path }) => (path.endsWith(ct.seriesUid) && cuts++ === 0 ? { cutAfter: 3.5 * size } : undefined);
    const v = await retrieveVolume(behind, { study: ct.studyUid, series: ct.seriesUid, frame: frame('ct') });
    link.fault = () => undefined;
    expect(v.size).toEqual([24, 16, 7]);
    const whole = ct.files.reduce((sum, f) => sum + f.length, 0);
    const bytes = link.passed.filter((p) => !/[?]/.test(p.path)).reduce((sum, p) => sum + p.bytes, 0);
    expect(bytes).toBeLessThan(whole + size + 7 * 400);
  });
});
