import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { frame } from '../../frames/index.js';
import { readVolume } from '../../io/index.js';
import type { Tags, Vr } from '../../io/test-support/dicom-writer.js';
import {
  type DicomArchive,
  dicomArchive,
  type GrowingVolume,
  keptVolume,
  openStudyStore,
  retrieveSeries,
  retrieveVolume,
} from '../archive/index.js';
import { findOrthanc, type RunningOrthanc, startOrthanc, studyFolder } from './index.js';
import { type BadLink, badLink } from './test-support/bad-link.js';
import { syntheticSeries } from './test-support/series.js';

const root = mkdtempSync(join(tmpdir(), 'trocar-growing-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const f = frame('ct');
const code = (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'none',
    (error: { code?: string }) => error.code ?? String(error),
  );

describe.skipIf(findOrthanc() === undefined)('a volume that grows', () => {
  let orthanc: RunningOrthanc;
  let link: BadLink;
  let archive: DicomArchive;
  const ct = syntheticSeries({ count: 8, root: 61 });
  const gap = syntheticSeries({ count: 8, root: 62, each: (k) => ({ position: [-20.5, 10.25, k < 5 ? 2 * k : 2 * k + 2] }) });
  const scaled = syntheticSeries({ count: 5, root: 63, each: (k) => ({ slope: 1 + k / 4, intercept: -k }) });
  const order = (one: { studyUid: string; seriesUid: string }) => ({ study: one.studyUid, series: one.seriesUid, frame: f });
  const named = (files: readonly Uint8Array[]) => files.map((bytes, n) => ({ name: `${n}`, bytes }));

  beforeAll(async () => {
    orthanc = await startOrthanc();
    link = await badLink(orthanc.url);
    archive = dicomArchive({ url: link.url, retryDelayMs: 5, retries: 1 });
    await archive.store([...ct.files, ...gap.files, ...scaled.files]);
  }, 30_000);
  afterEach(() => {
    link.fault = () => undefined;
    link.passed.length = 0;
  });
  afterAll(async () => {
    await link?.close();
    await orthanc?.stop();
  });

  it('never shows as a value what has not come', async () => {
    const stop = new AbortController();
    let grown: GrowingVolume | undefined;
    const run = retrieveVolume(archive, {
      ...order(ct),
      order: 'middle-first',
      parallel: 1,
      signal: stop.signal,
      onSlice: (_, growing) => {
        grown = growing;
        if (growing?.here === 3) stop.abort();
      },
    });
    expect(await code(run)).toBe('archive/aborted');
    const { coverage, unknownValue, voxels, size } = grown as GrowingVolume;
    expect([...coverage]).toEqual([0, 0, 1, 1, 1, 0, 0, 0]);
    const perSlice = size[0] * size[1];
    coverage.forEach((here, k) => {
      const plane = voxels.subarray(k * perSlice, (k + 1) * perSlice);
      expect(plane.every((v) => v === unknownValue)).toBe(here === 0);
      expect((grown as GrowingVolume).plane(k) === undefined).toBe(here === 0);
    });
    expect(unknownValue).toBe(-32768);
    expect('frame' in (grown as object)).toBe(false);
  });

  it('gets its grid beside the slices where these take long, and lays what came before it', async () => {
    let n = 0;
    const here: (number | undefined)[] = [];
    const truth = await readVolume(named(scaled.files), { frame: f });
    link.fault = ({ path }) => (path.endsWith(scaled.seriesUid) ? { delayMs: 20 } : undefined);
    let last: GrowingVolume | undefined;
    const v = await retrieveVolume(archive, {
      ...order(scaled),
      gridAfterMs: 0,
      onSlice: async (_, growing) => {
        here.push(growing?.here);
        last = growing;
        n += 1;
        if (n === 2) await new Promise((resolve) => setTimeout(resolve, 400));
      },
    });
    expect(here.at(-1)).toBe(5);
    expect(last?.voxels).toEqual(v.voxels);
    expect(v.voxels).toEqual(truth.voxels);
    expect(v.voxels).toBeInstanceOf(Float32Array);
  });

  it('is refused by the metadata alone where the series is no volume, before its slices come', async () => {
    expect(await code(retrieveVolume(archive, { ...order(gap), order: 'middle-first' }))).toBe('dicom/missing-slice');
    expect(link.passed.some((p) => p.path.includes('/instances/'))).toBe(false);
    const truth = await readVolume(named(gap.files), { frame: f, gaps: 'interpolate' });
    const covered: number[] = [];
    const v = await retrieveVolume(archive, {
      ...order(gap),
      order: 'middle-first',
      gaps: 'interpolate',
      onSlice: (_, g) => void covered.push(g?.here ?? -1),
    });
    expect({ ...v }).toEqual({ ...truth });
    expect(covered.at(-1)).toBe(8);
  });

  it('is refused where metadata and slices contradict each other', async () => {
    const metadata = await archive.retrieveMetadata({ studyUid: ct.studyUid, seriesUid: ct.seriesUid });
    expect(metadata).toHaveLength(8);
    const response = await fetch(`${orthanc.url}/studies/${ct.studyUid}/series/${ct.seriesUid}/metadata`, {
      headers: { accept: 'application/dicom+json' },
    });
    const moved = (await response.text()).replaceAll('10.25', '10.75');
    link.fault = ({ path }) => (path.endsWith('/metadata') ? { body: moved, contentType: 'application/dicom+json' } : undefined);
    expect(await code(retrieveVolume(archive, { ...order(ct), order: 'middle-first', onSlice: () => undefined }))).toBe(
      'archive/bad-answer',
    );
  });

  it('goes on after a restart with what was kept, and can then be had without any network', async () => {
    const path = join(root, 'kept');
    let come = 0;
    const first = retrieveVolume(archive, {
      ...order(ct),
      keep: await openStudyStore(await studyFolder(path)),
      onSlice: () => {
        come += 1;
        if (come === 3) throw new Error('the program ends here');
      },
    });
    await expect(first).rejects.toThrowError('the program ends here');
    const store = await openStudyStore(await studyFolder(path));
    expect(store.find()).toHaveLength(3);
    expect(await code(keptVolume(store, { frame: f, series: ct.seriesUid }))).toBe('store/not-found');
    link.passed.length = 0;
    const v = await retrieveVolume(archive, { ...order(ct), keep: store });
    expect(link.passed.filter((p) => p.path.includes('/instances/'))).toHaveLength(5);
    await link.close();
    const offline = await keptVolume(await openStudyStore(await studyFolder(path)), { frame: f, series: ct.seriesUid });
    expect(offline.voxels).toEqual(v.voxels);
    link = await badLink(orthanc.url);
    archive = dicomArchive({ url: link.url, retryDelayMs: 5, retries: 1 });
  });

  it('is not made where the archive lists an instance that it does not give', async () => {
    link.fault = ({ path }) =>
      path.endsWith(ct.sopInstanceUids[4] as string)
        ? { status: 404 }
        : path.endsWith(ct.seriesUid)
          ? { cutAfter: 100 }
          : undefined;
    expect(await code(retrieveVolume(archive, order(ct)))).toBe('archive/incomplete');
    link.fault = ({ path }) => (path.endsWith(ct.seriesUid) ? { status: 404 } : undefined);
    expect(await code(retrieveVolume(archive, order(ct)))).toBe('archive/not-found');
    expect(
      await code(retrieveSeries(archive, { study: ct.studyUid, series: ct.seriesUid, parallel: 0, onInstance: () => undefined })),
    ).toBe('archive/bad-option');
  });

  it('an enhanced multi-frame image, by way of its metadata', async () => {
    const [rows, columns, frames] = [6, 8, 4];
    const pixels = new Int16Array(rows * columns * frames).map((_, n) => n * 7 - 300);
    const item = (tags: Tags): readonly [Vr, Tags[]] => ['SQ', [tags]];
    const made = syntheticSeries({
      count: 1,
      root: 64,
      rows,
      columns,
      tags: {
        '00280008': ['IS', String(frames)],
        '00200032': undefined,
        '00200037': undefined,
        '00280030': undefined,
        '52009229': item({
          '00209116': item({ '00200037': ['DS', '0\\1\\0\\0\\0\\-1'] }),
          '00289110': item({ '00280030': ['DS', '0.7\\0.5'], '00180050': ['DS', '2'] }),
        }),
        '52009230': ['SQ', [2, 0, 3, 1].map((k) => ({ '00209113': item({ '00200032': ['DS', `${-3 + 1.5 * k}\\4\\5.125`] }) }))],
        '7FE00010': ['OW', new Uint8Array(pixels.buffer)],
      },
    });
    const bytes = made.files[0] as Uint8Array;
    const truth = await readVolume([{ name: 'e', bytes }], { frame: f });
    expect(truth.size).toEqual([columns, rows, frames]);
    const [stored] = await archive.store([bytes]);
    const { studyUid, seriesUid } = stored?.identity ?? { studyUid: '', seriesUid: '' };
    const planes: (number | undefined)[] = [];
    const v = await retrieveVolume(archive, {
      ...order({ studyUid, seriesUid }),
      order: 'middle-first',
      onSlice: (s) => void planes.push(s.plane),
    });
    expect(v.voxels).toEqual(truth.voxels);
    expect(v.frameFromIndex).toEqual(truth.frameFromIndex);
    expect([...planes].sort((a, b) => (a ?? 0) - (b ?? 0))).toEqual(Array.from({ length: truth.size[2] }, (_, k) => k));
  });
});
