import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import { type ArchiveOptions, type DicomArchive, dicomArchive, retrieveVolume } from '../archive/index.js';
import { archiveFetch, findOrthanc, type RunningOrthanc, startOrthanc } from './index.js';
import { type BadLink, badLink, type Fault } from './test-support/bad-link.js';
import { type Authority, authority, type Certified, hasOpenssl } from './test-support/certificates.js';
import { syntheticSeries } from './test-support/series.js';

const SECRET = 'tok-3141592653';
const ct = syntheticSeries({ count: 6, root: 21 });
const size = (ct.files[0] as Uint8Array).length;
const order = { study: ct.studyUid, series: ct.seriesUid, frame: frame('ct') };

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** What was thrown, with everything in it that could end up in a log. */
async function failure(run: Promise<unknown>): Promise<{ code: string; text: string }> {
  const error = await run.then(
    () => undefined,
    (e: unknown) => e as Error & { code: string; detail: unknown },
  );
  if (error === undefined) throw new Error('it did not fail');
  return { code: error.code, text: `${error.message} ${JSON.stringify(error.detail)}` };
}

describe.skipIf(findOrthanc() === undefined)('a bad link to a real Orthanc', () => {
  let orthanc: RunningOrthanc;
  let link: BadLink;
  const behind = (options: Partial<ArchiveOptions> = {}) =>
    dicomArchive({ url: link.url, retryDelayMs: 5, retries: 2, idleTimeoutMs: 5000, ...options });

  beforeAll(async () => {
    orthanc = await startOrthanc();
    link = await badLink(orthanc.url);
    await dicomArchive({ url: orthanc.url }).store(ct.files);
  }, 30_000);
  afterEach(() => {
    link.fault = () => undefined;
    link.passed.length = 0;
  });
  afterAll(async () => {
    await link?.close();
    await orthanc?.stop();
  });
  const always = (fault: Fault) => {
    link.fault = () => fault;
  };

  it.each([
    [401, 'archive/unauthorised', 1],
    [403, 'archive/forbidden', 1],
    [404, 'archive/not-found', 1],
    [406, 'archive/refused', 1],
    [302, 'archive/refused', 1],
    [429, 'archive/refused', 3],
    [500, 'archive/failed', 3],
    [503, 'archive/failed', 3],
  ] as const)('status %i is %s after %i requests', async (status, code, requests) => {
    always({ status, headers: { location: 'http://localhost:9/login' } });
    const { code: got, text } = await failure(all(behind({ token: SECRET }).findStudies({ patientName: 'Doe^Jane' })));
    expect(got).toBe(code);
    expect(link.passed).toHaveLength(requests);
    expect(text).not.toMatch(/Doe|3141592653/);
    expect(text).toContain(`${link.url}/studies`);
  });

  it('survives failures that pass', async () => {
    link.fault = ({ n }) => (n % 2 === 0 ? { status: n % 4 === 0 ? 500 : 503 } : undefined);
    expect((await retrieveVolume(behind(), order)).size).toEqual([24, 16, 6]);
  });

  it('asks for a new token once where one has run out', async () => {
    const asked: boolean[] = [];
    link.fault = ({ n }) => (link.passed[n - 1] === undefined ? { status: 401 } : undefined);
    const archive = behind({
      token: ({ renew }) => {
        asked.push(renew);
        return renew ? 'new' : 'old';
      },
    });
    expect(await all(archive.findStudies({ studyUid: ct.studyUid }))).toHaveLength(1);
    expect(asked).toEqual([false, true, false]);
    expect(link.passed.map((p) => p.authorization)).toEqual(['Bearer old', 'Bearer new', 'Bearer old']);
    always({ status: 401 });
    expect((await failure(all(archive.findStudies()))).code).toBe('archive/unauthorised');
  });

  it.each([0, 1, 300, 1.5, 5.9])('a connection cut after %d (files, or bytes) gives the whole volume in the end', async (at) => {
    const cutAfter = Number.isInteger(at) ? at : Math.round(at * size);
    let cuts = 0;
    link.fault = ({ path }) => {
      if (!path.endsWith(ct.seriesUid) || cuts > 0) return undefined;
      cuts += 1;
      return { cutAfter };
    };
    expect((await retrieveVolume(behind(), order)).size).toEqual([24, 16, 6]);
    expect(cuts).toBe(1);
  });

  it('each instance cut once, asked for one by one', async () => {
    const cut = new Set<string>();
    link.fault = ({ path }) => {
      if (!path.includes('/instances/') || cut.has(path)) return undefined;
      cut.add(path);
      return { cutAfter: size / 2 };
    };
    expect((await retrieveVolume(behind(), { ...order, order: 'middle-first' })).size).toEqual([24, 16, 6]);
    expect(cut.size).toBe(6);
  });

  it('half a multipart never becomes a volume, wherever it ends', async () => {
    for (const at of [10, 200, size, 2.5 * size, 5.999 * size]) {
      link.fault = ({ path }) =>
        path.includes('/series/') && !path.includes('?') ? { truncateAfter: Math.round(at) } : undefined;
      if (at > size)
        link.fault = ({ path }) =>
          path.includes('/instances/')
            ? { truncateAfter: 500 }
            : path.endsWith(ct.seriesUid)
              ? { truncateAfter: Math.round(at) }
              : undefined;
      expect((await failure(retrieveVolume(behind({ retries: 1 }), order))).code).toBe('archive/bad-answer');
      link.fault = ({ path }) => (path.endsWith(ct.seriesUid) ? { truncateAfter: Math.round(at) } : undefined);
      expect((await failure(all(behind().retrieveInstances(ct)))).code).toBe('archive/bad-answer');
    }
  });

  it.each([
    ['a page of HTML', { body: '<html>', contentType: 'text/html' }],
    ['another boundary', { body: '--b\r\n\r\nx\r\n--b--', contentType: 'multipart/related; boundary=a' }],
    ['no boundary', { body: '--b\r\n\r\nx\r\n--b--', contentType: 'multipart/related' }],
    ['no DICOM', { body: '--b\r\n\r\nx\r\n--b--', contentType: 'multipart/related; boundary=b' }],
    ['a wrong length', { body: '--b\r\nContent-Length: 2\r\n\r\nx\r\n--b--', contentType: 'multipart/related; boundary=b' }],
    [
      'a huge length',
      { body: '--b\r\nContent-Length: 99999999999\r\n\r\nx\r\n--b--', contentType: 'multipart/related; boundary=b' },
    ],
    ['headers without end', { body: `--b\r\n${'x'.repeat(200_000)}`, contentType: 'multipart/related; boundary=b' }],
  ])('%s is a bad answer', async (_, fault) => {
    always(fault);
    expect((await failure(all(behind({ retries: 0 }).retrieveInstances(ct)))).code).toBe('archive/bad-answer');
  });

  it.each(['', '{', '[1]', '[{"x":1}]', '[{"00100010":{"Value":["a"]}}]', '[{"0020000D":{"vr":"UI","Value":["../.."]}}]'])(
    'as an answer to a search, %s is no DICOM JSON',
    async (body) => {
      always({ body: body === '' ? '\0' : body, contentType: 'application/dicom+json' });
      expect((await failure(all(behind({ retries: 0 }).findStudies()))).code).toBe('archive/bad-answer');
    },
  );

  it('an archive that repeats a page is found out', async () => {
    const page = JSON.stringify([1, 2].map((n) => ({ '0020000D': { vr: 'UI', Value: [`1.${n}`] } })));
    always({ body: page, contentType: 'application/dicom+json' });
    expect((await failure(all(behind({ retries: 0 }).findStudies({ pageSize: 2 })))).code).toBe('archive/bad-answer');
    expect(await all(behind().findStudies({ pageSize: 1 }))).toHaveLength(2);
  });

  it('a silent archive does not hold anybody up', async () => {
    always({ silentAfter: 100 });
    const archive = behind({ retries: 0, idleTimeoutMs: 200 });
    expect((await failure(all(archive.retrieveInstances(ct)))).code).toBe('archive/cut-off');
    always({ delayMs: 5000 });
    expect((await failure(all(archive.findStudies()))).code).toBe('archive/cut-off');
  });

  it('stops at once when asked to, before, amid and between tries', async () => {
    always({ silentAfter: 1.5 * size });
    const stop = new AbortController();
    const from = performance.now();
    setTimeout(() => stop.abort(), 100);
    expect((await failure(retrieveVolume(behind(), { ...order, signal: stop.signal }))).code).toBe('archive/aborted');
    always({ status: 503, headers: { 'retry-after': '60' } });
    const later = new AbortController();
    setTimeout(() => later.abort(), 100);
    expect((await failure(retrieveVolume(behind(), { ...order, signal: later.signal }))).code).toBe('archive/aborted');
    expect((await failure(retrieveVolume(behind(), { ...order, signal: AbortSignal.abort() }))).code).toBe('archive/aborted');
    expect(performance.now() - from).toBeLessThan(2000);
  });

  it('nobody listening is unreachable; a wrong address is said before anything is sent', async () => {
    expect((await failure(all(dicomArchive({ url: 'http://localhost:9/x', retries: 0 }).findStudies()))).code).toBe(
      'archive/unreachable',
    );
    for (const url of ['x', 'ftp://a/b', `https://u:${SECRET}@a/b`, 'https://a/b?c=d']) {
      expect(() => dicomArchive({ url })).toThrowError(expect.objectContaining({ code: 'archive/bad-option' }));
    }
    const archive = behind();
    expect((await failure(all(archive.findSeries('../1')))).code).toBe('archive/bad-option');
    expect(link.passed).toEqual([]);
  });
});

describe.skipIf(findOrthanc() === undefined || !hasOpenssl)('an archive behind TLS (needs openssl)', () => {
  let orthanc: RunningOrthanc;
  let trusted: Authority;
  const links: BadLink[] = [];

  beforeAll(async () => {
    trusted = authority();
    orthanc = await startOrthanc();
  }, 30_000);
  afterEach(async () => {
    await Promise.all(links.splice(0).map((one) => one.close()));
  });
  afterAll(async () => {
    await orthanc?.stop();
    trusted?.remove();
  });

  /** The archive behind a server that speaks TLS. @param days its certificate holds @param clientCa it asks for a certificate from there */
  async function secured({ days = 2, clientCa }: { days?: number; clientCa?: string } = {}): Promise<BadLink> {
    const link = await badLink(orthanc.url, { tls: { ...trusted.issue('localhost', days), ...(clientCa && { clientCa }) } });
    links.push(link);
    return link;
  }
  const trusting = (url: string, own?: Certified): DicomArchive =>
    dicomArchive({ url, retryDelayMs: 5, retries: 1, fetch: archiveFetch({ ca: trusted.ca, ...own }) });

  it('is not spoken with where its certificate is not trusted, and is where it is', async () => {
    const { url } = await secured();
    const wary = await failure(all(dicomArchive({ url, token: SECRET }).findStudies()));
    expect(wary.code).toBe('archive/tls');
    expect(wary.text).not.toContain(SECRET);
    expect((await trusting(url).store(ct.files)).every((o) => o.outcome === 'stored')).toBe(true);
    expect((await retrieveVolume(trusting(url), order)).size).toEqual([24, 16, 6]);
    const named = trusting(url.replace('localhost', '127.0.0.1'));
    expect((await failure(all(named.findStudies()))).code).toBe('archive/tls');
    const plain = dicomArchive({ url: url.replace('https', 'http'), retries: 0 });
    expect(['archive/cut-off', 'archive/unreachable', 'archive/refused']).toContain(
      (await failure(all(plain.findStudies()))).code,
    );
  });

  it('is not spoken with once its certificate has expired, and that is what is said', async () => {
    const expired = await secured({ days: -1 });
    const said = await failure(all(trusting(expired.url).findStudies()));
    expect(said.code).toBe('archive/tls');
    expect(said.text).toMatch(/has expired \(CERT_HAS_EXPIRED\)/);
    expect(expired.passed).toEqual([]);
  });

  it('that asks who comes answers a program with a certificate of its authority, and says to any other what is missing', async () => {
    const mutual = await secured({ clientCa: trusted.ca });
    const nobody = await failure(all(trusting(mutual.url).findStudies()));
    expect(nobody.code).toBe('archive/tls');
    expect(nobody.text).toMatch(/asks for a certificate of this program/);
    const elsewhere = authority();
    try {
      // Node's server sends no alert to a stranger and ends the connection; others do.
      const stranger = await failure(all(trusting(mutual.url, elsewhere.issue('theatre-3')).findStudies()));
      expect(['archive/tls', 'archive/cut-off']).toContain(stranger.code);
      expect(stranger.text).toMatch(/certificate of this program/);
      expect(stranger.text).not.toMatch(/BEGIN|theatre-3/);
    } finally {
      elsewhere.remove();
    }
    const late = await failure(all(trusting(mutual.url, trusted.issue('theatre-3', -1)).findStudies()));
    expect(late.text).toMatch(/certificate of this program/);
    expect(mutual.passed).toEqual([]);
    const studies = await all(trusting(mutual.url, trusted.issue('theatre-3')).findStudies());
    expect(studies.map(({ studyUid }) => studyUid)).toEqual([ct.studyUid]);
  });

  it('is not begun with half an identity, or with a key of another certificate', () => {
    const own = trusted.issue('theatre-3');
    for (const wrong of [{ cert: own.cert }, { key: own.key }, { cert: own.cert, key: trusted.issue('theatre-4').key }]) {
      let code = '';
      try {
        archiveFetch({ ca: trusted.ca, ...wrong });
      } catch (error) {
        code = isNavError(error) ? error.code : String(error);
      }
      expect(code).toBe('archive/bad-option');
    }
  });
});
