import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findOrthanc, type RunningOrthanc, startOrthanc } from '../dicom/node/index.js';
import { type BadLink, badLink } from '../dicom/node/test-support/bad-link.js';
import { authority, hasOpenssl } from '../dicom/node/test-support/certificates.js';
import { syntheticSeries } from '../dicom/node/test-support/series.js';
import { runVolumeCommand } from './volume-command.js';

const root = mkdtempSync(join(tmpdir(), 'trocar-archive-command-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const PASSWORD = 'pw-2718281828';

async function run(...args: readonly string[]): Promise<{ code: number; out: string; error: string }> {
  const said = { out: '', error: '' };
  const code = await runVolumeCommand(args, {
    out: (line) => {
      said.out += `${line}\n`;
    },
    error: (line) => {
      said.error += `${line}\n`;
    },
  });
  return { code, ...said };
}

describe('wrong usage', () => {
  it.each([
    [['fetch', '--study', '1.2', '--out', 'x']],
    [['fetch', '--archive', 'http://a/b', '--out', 'x']],
    [['fetch', '--archive', 'http://a/b', '--study', '1.2']],
    [['fetch', '--archive', 'http://a/b', '--study', '1.2', '--out', 'x', '--token', 'secret']],
    [['store', '--archive', 'http://a/b']],
    [['store', 'x']],
    [['store', 'x', '--archive', 'http://a/b', '--token-file', 'a', '--login-file', 'b']],
    [['store', 'x', '--archive', 'https://a/b', '--cert-file', 'a']],
  ])('%j is 2', async (args) => {
    expect((await run(...args)).code).toBe(2);
  });
});

describe.skipIf(findOrthanc() === undefined)('trocar-volume store and fetch, with a real Orthanc', () => {
  let orthanc: RunningOrthanc;
  let link: BadLink;
  const ct = syntheticSeries({ count: 5, root: 51 });
  const login = join(root, 'login');
  const sent = join(root, 'sent');

  beforeAll(async () => {
    orthanc = await startOrthanc({ users: { me: PASSWORD } });
    link = await badLink(orthanc.url);
    writeFileSync(login, `me:${PASSWORD}\n`);
    mkdirSync(join(sent, 'deep'), { recursive: true });
    ct.files.forEach((bytes, n) => {
      writeFileSync(join(sent, n % 2 === 0 ? '.' : 'deep', `${n}.dcm`), bytes);
    });
    writeFileSync(join(sent, 'notes.txt'), 'not for the archive');
  }, 30_000);
  afterEach(() => {
    link.fault = () => undefined;
  });
  afterAll(async () => {
    await link?.close();
    await orthanc?.stop();
  });

  it('stores a folder and says what became of each', async () => {
    const { code, out, error } = await run('store', sent, '--archive', orthanc.url, '--login-file', login, '--json');
    expect([code, error]).toEqual([0, '']);
    const told = JSON.parse(out);
    expect(told).toMatchObject({ ok: true, ignored: [join(sent, 'notes.txt')] });
    expect(told.objects.map((o: { outcome: string }) => o.outcome)).toEqual(Array.from({ length: 5 }, () => 'stored'));
    expect(out).not.toContain(PASSWORD);
  });

  it.skipIf(!hasOpenssl)('shows an archive that asks who comes its own certificate (needs openssl)', async () => {
    const trusted = authority();
    const mutual = await badLink(orthanc.url, { tls: { ...trusted.issue('localhost'), clientCa: trusted.ca } });
    try {
      const [ca, cert, key] = ['ca', 'cert', 'key'].map((name) => join(root, `${name}.pem`)) as [string, string, string];
      const own = trusted.issue('theatre-3');
      for (const [path, text] of [[ca, trusted.ca] as const, [cert, own.cert] as const, [key, own.key] as const])
        writeFileSync(path, text);
      const to = ['store', sent, '--archive', mutual.url, '--login-file', login, '--ca-file', ca];
      const unknown = await run(...to);
      expect([unknown.code, mutual.passed.length]).toEqual([1, 0]);
      expect(unknown.error).toMatch(/archive\/tls: .*certificate of this program/);
      expect(await run(...to, '--cert-file', cert, '--key-file', key)).toMatchObject({ code: 0, error: '' });
      expect(mutual.passed.length).toBeGreaterThan(0);
    } finally {
      await mutual.close();
      trusted.remove();
    }
  });

  it('fetches a study, goes on after a cut, and asks for nothing twice', async () => {
    const out = join(root, 'fetched');
    const args = ['fetch', '--archive', link.url, '--study', ct.studyUid, '--out', out, '--login-file', login, '--json'];
    const size = (ct.files[0] as Uint8Array).length;
    // Two and a half instances, and then nothing any more: this call fails, and keeps two.
    let cut = false;
    link.fault = ({ path }) => {
      if (!path.endsWith(ct.seriesUid)) return cut ? { status: 403 } : undefined;
      cut = true;
      return { cutAfter: 2.7 * size };
    };
    const failed = await run(...args);
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.out)).toMatchObject({ ok: false, error: { code: 'archive/forbidden' } });
    link.fault = () => undefined;
    const second = await run(...args);
    expect(second.code).toBe(0);
    expect(JSON.parse(second.out).series).toMatchObject([
      { seriesUid: ct.seriesUid, modality: 'CT', instances: 5, alreadyHere: 2 },
    ]);
    expect(JSON.parse((await run(...args)).out).series).toMatchObject([{ instances: 5, alreadyHere: 5, bytes: 0 }]);
    const info = await run('info', join(out, 'studies'), '--json');
    expect(JSON.parse(info.out)).toMatchObject({ size: [24, 16, 5], warnings: [] });
    expect(failed.out + failed.error + second.out + second.error).not.toContain(PASSWORD);
  });

  it('names what is wrong: no login, no such study, no archive, no DICOM', async () => {
    const fetched = (url: string, study: string, ...more: string[]) =>
      run('fetch', '--archive', url, '--study', study, '--out', join(root, 'none'), ...more);
    expect((await fetched(orthanc.url, ct.studyUid)).error).toMatch(/^archive\/unauthorised/);
    expect((await fetched(orthanc.url, '1.2.3', '--login-file', login)).error).toMatch(/^archive\/not-found/);
    expect((await fetched(orthanc.url, ct.studyUid, '--series', '1.2', '--login-file', login)).error).toMatch(
      /^archive\/not-found/,
    );
    expect((await fetched(orthanc.url, ct.studyUid, '--login-file', join(root, 'absent'))).error).toMatch(/^io\/not-found/);
    const notes = await run('store', join(sent, 'notes.txt'), '--archive', orthanc.url, '--login-file', login);
    expect([notes.code, notes.error]).toEqual([1, expect.stringMatching(/^dicom\/not-dicom/)]);
    process.env['TROCAR_ARCHIVE_LOGIN'] = readFileSync(login, 'utf8').trim();
    try {
      expect((await run('store', sent, '--archive', orthanc.url)).code).toBe(0);
    } finally {
      delete process.env['TROCAR_ARCHIVE_LOGIN'];
    }
  });
});
