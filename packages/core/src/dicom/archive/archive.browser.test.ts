import { afterAll, describe, expect, it } from 'vitest';
import { frame } from '../../frames/index.js';
import { readVolume, setAssetsBase } from '../../io/index.js';
import { syntheticSeries } from '../node/test-support/series.js';
import {
  browserStudyFolder,
  dicomArchive,
  keepSeries,
  keptVolume,
  openStudyStore,
  openWriteQueue,
  retrieveVolume,
} from './index.js';

const NAME = `archive-test-${crypto.randomUUID()}`;
const folder = async () =>
  browserStudyFolder(await (await navigator.storage.getDirectory()).getDirectoryHandle(NAME, { create: true }));
afterAll(async () => (await navigator.storage.getDirectory()).removeEntry(NAME, { recursive: true }));

const ct = syntheticSeries({ count: 6, root: 71 });
const f = frame('ct');

/** The answers of an archive, made in the page: the page's own streams and blobs carry them. */
function answering(stored: Set<string>): (url: string, init: RequestInit) => Promise<Response> {
  const json = (list: unknown): Response =>
    new Response(JSON.stringify(list), { headers: { 'content-type': 'application/dicom+json' } });
  const uid = (tag: string, value: string) => ({ [tag]: { vr: 'UI', Value: [value] } });
  return async (url, init) => {
    const path = new URL(url).pathname;
    if (init.method === 'POST') return json(await taken(init.body as Blob, stored));
    const asked = new URL(url).searchParams.get('SOPInstanceUID');
    if (path.endsWith('/instances')) {
      const from = Number(new URL(url).searchParams.get('offset'));
      return json(
        asked === null
          ? ct.sopInstanceUids.slice(from).map((one) => uid('00080018', one))
          : stored.has(asked)
            ? [uid('00080018', asked)]
            : [],
      );
    }
    if (path.endsWith('/series')) return json([{ ...uid('0020000E', ct.seriesUid), '00201209': { vr: 'IS', Value: [6] } }]);
    return new Response(multipart(), { headers: { 'content-type': 'multipart/related; type="application/dicom"; boundary=bb' } });
  };
}

async function taken(body: Blob, stored: Set<string>): Promise<unknown> {
  const text = new TextDecoder('latin1').decode(await body.arrayBuffer());
  const found = ct.sopInstanceUids.filter((one) => text.includes(`${one}\0`) || text.includes(`${one}\x08`));
  for (const one of found) stored.add(one);
  return { '00081199': { vr: 'SQ', Value: found.map((one) => ({ '00081155': { vr: 'UI', Value: [one] } })) } };
}

function multipart(): ReadableStream<Uint8Array> {
  const text = new TextEncoder();
  const pieces = ct.files.flatMap((bytes) => [
    text.encode('--bb\r\nContent-Type: application/dicom\r\n\r\n'),
    bytes,
    text.encode('\r\n'),
  ]);
  const all = [...pieces, text.encode('--bb--')];
  return new ReadableStream({
    pull: (control) => {
      const piece = all.shift();
      if (piece === undefined) control.close();
      else control.enqueue(piece);
    },
  });
}

describe('an archive in a browser', () => {
  it('gives a volume; the private files keep it for a page without a network', async () => {
    setAssetsBase('/trocar-assets/');
    const truth = await readVolume(
      ct.files.map((bytes, n) => ({ name: `${n}`, bytes })),
      { frame: f },
    );
    const archive = dicomArchive({ url: 'https://archive.example/dicom-web', fetch: answering(new Set()) });
    const order = { study: ct.studyUid, series: ct.seriesUid };
    const first: string[] = [];
    const v = await retrieveVolume(archive, { ...order, frame: f, onFirst: (slice) => void first.push(slice.sopInstanceUid) });
    expect(v.voxels).toEqual(truth.voxels);
    expect(first).toEqual(ct.sopInstanceUids.slice(0, 1));
    await keepSeries(archive, await openStudyStore(await folder()), order);
    const again = await openStudyStore(await folder());
    expect(again.notes).toEqual([]);
    expect((await keptVolume(again, { frame: f, series: ct.seriesUid })).voxels).toEqual(truth.voxels);
    expect(await again.remove({ sopInstanceUid: ct.sopInstanceUids[0] as string })).toBe(1);
    expect((await openStudyStore(await folder())).find()).toHaveLength(5);
  });

  it('takes what waited for it, once', async () => {
    const stored = new Set<string>();
    const queue = await openWriteQueue(await openStudyStore(await folder()));
    await queue.add(ct.files);
    const archive = dicomArchive({ url: 'https://archive.example/dicom-web', fetch: answering(stored), retries: 0 });
    const away = dicomArchive({
      url: 'https://archive.example/dicom-web',
      fetch: () => Promise.reject(new TypeError('Failed to fetch')),
      retries: 0,
    });
    expect((await queue.flush(away)).endedBy?.code).toBe('archive/unreachable');
    const reopened = await openWriteQueue(await openStudyStore(await folder()));
    expect(reopened.objects).toHaveLength(6);
    expect((await reopened.flush(archive)).objects.map((o) => o.outcome)).toEqual(Array.from({ length: 6 }, () => 'sent'));
    expect(stored.size).toBe(6);
  });

  it('says what a browser lets it say: a page that is not there, and a host that is not', async () => {
    const ask = async (url: string): Promise<string> => {
      try {
        for await (const _ of dicomArchive({ url, retries: 0 }).findStudies()) break;
        return 'found';
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect(await ask(`${location.origin}/trocar-assets`)).toBe('archive/not-found');
    expect(await ask('http://localhost:9/dicom-web')).toBe('archive/unreachable');
  });
});
