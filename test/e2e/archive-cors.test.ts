import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { frame } from '@trocar/core';
import { dicomArchive, newUid } from '@trocar/core/dicom';
import { findOrthanc, type RunningOrthanc, startOrthanc } from '@trocar/core/dicom/node';
import { readVolume } from '@trocar/core/io';
import { copyAssets } from '@trocar/core/node';
import { headPhantom } from '@trocar/core/testing';
import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { imageSeries } from '../../examples/archive/src/image-series.js';
import { findBrowser, ROOT } from '../../scripts/lib/host.mjs';
import { type Served, serveFolder } from '../packaging/_pages.js';
import { buildExample } from './embed-build.js';
import { openBrowser } from './open-browser.js';

const executablePath = findBrowser();
const LOGIN = { me: 'pw-2718281828' };
const BASIC = `Basic ${Buffer.from(`me:${LOGIN.me}`).toString('base64')}`;

/** What the page of this test does: the archive's client as any page has it. */
const PAGE = `
import { frame, isNavError } from '@trocar/core';
import { dicomArchive, retrieveVolume } from '@trocar/core/dicom';
import { setAssetsBase } from '@trocar/core/io';
setAssetsBase(new URL('./trocar/', location.href).href);
window.fetchSeries = async (url, study, series, authorization) => {
  try {
    const archive = dicomArchive({ url, retries: 0, headers: { authorization } });
    const { size, voxels } = await retrieveVolume(archive, { study, series, frame: frame('ct') });
    const hash = await crypto.subtle.digest('SHA-256', new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength));
    return { size: [...size], hash: Array.from(new Uint8Array(hash), (b) => b.toString(16).padStart(2, '0')).join('') };
  } catch (error) {
    return { code: isNavError(error) ? error.code : String(error), message: error.message };
  }
};
`;

/** The headers of the recipe in docs/archive.md, for pages of an origin. */
function recipe(origin: string): Record<string, string> {
  const lines = readFileSync(join(ROOT, 'docs/archive.md'), 'utf8').matchAll(/^ {4}add_header (\S+) "([^"]*)" always;$/gm);
  const headers = Object.fromEntries([...lines].map(([, name = '', value = '']) => [name.toLowerCase(), value]));
  return { ...headers, 'access-control-allow-origin': origin };
}

describe.skipIf(executablePath === undefined || findOrthanc() === undefined)('a page and an Orthanc of another origin', () => {
  let folder = '';
  let built = '';
  let orthanc: RunningOrthanc;
  let served: Served;
  let browser: Browser;
  const studyUid = newUid();
  let seriesUid = '';
  let truth = '';
  const proxies: Server[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'trocar-cors-'));
    mkdirSync(join(folder, 'page'));
    writeFileSync(join(folder, 'page/index.html'), '<!doctype html><script type="module" src="./main.ts"></script>');
    writeFileSync(join(folder, 'page/main.ts'), PAGE);
    cpSync(join(ROOT, 'node_modules/@trocar'), join(folder, 'node_modules/@trocar'), { recursive: true });
    built = await buildExample(join(folder, 'page'));
    await copyAssets(join(built, 'trocar'));
    served = await serveFolder(built, "default-src 'self' 'wasm-unsafe-eval' blob:; connect-src 'self' http://localhost:*");
    orthanc = await startOrthanc({ users: LOGIN });
    const study = { studyUid, patient: { id: 'P1', name: 'Phantom^One' } };
    const made = imageSeries(headPhantom().volume, { study, frameOfReferenceUid: newUid(), number: 1, description: 'CT' });
    seriesUid = made.seriesUid;
    const archive = dicomArchive({ url: orthanc.url, headers: { authorization: BASIC } });
    expect((await archive.store(made.files)).every(({ outcome }) => outcome === 'stored')).toBe(true);
    const { voxels } = await readVolume(
      made.files.map((bytes, n) => ({ name: `${n}`, bytes })),
      { frame: frame('ct') },
    );
    truth = createHash('sha256')
      .update(new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength))
      .digest('hex');
    browser = await openBrowser(executablePath as string);
  });
  afterEach(async () => {
    for (const proxy of proxies.splice(0)) {
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
    }
  });
  afterAll(async () => {
    await browser?.close();
    await served?.close();
    await orthanc?.stop();
    for (const one of [folder, built]) if (one !== '') rmSync(one, { recursive: true, force: true });
  });

  /** The server of the recipe before the archive. @returns the DICOMweb root */
  async function proxied(origin: string): Promise<string> {
    const headers = recipe(origin);
    const server = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
      for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
      if (incoming.method === 'OPTIONS') return void outgoing.writeHead(204).end();
      const { host: _, origin: __, ...rest } = incoming.headers;
      const to = orthanc.url.replace(/\/dicom-web\/?$/, '') + incoming.url;
      const onward = request(to, { method: incoming.method, headers: rest }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      onward.on('error', () => outgoing.destroy());
      incoming.pipe(onward);
    });
    proxies.push(server);
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    return `http://localhost:${(server.address() as AddressInfo).port}/dicom-web`;
  }

  async function fetched(url: string, authorization = BASIC): Promise<Record<string, unknown>> {
    const page: Page = await browser.newPage();
    try {
      await page.goto(served.url);
      await page.waitForFunction('window.fetchSeries !== undefined');
      const asked = JSON.stringify([url, studyUid, seriesUid, authorization]);
      return await page.evaluate(`window.fetchSeries(...${asked})`);
    } finally {
      await page.close();
    }
  }

  it('come together where a server before the archive gives that page permission: every voxel is as it was stored', async () => {
    const url = await proxied(new URL(served.url).origin);
    expect(await fetched(url)).toEqual({ size: [...headPhantom().volume.size], hash: truth });
    // What the archive itself says is read, too.
    expect(await fetched(url, 'Basic bm9ib2R5OndlZWtlbmQ=')).toMatchObject({ code: 'archive/unauthorised' });
  });

  it('do not where nobody gives it, or to another page: that is said, with what it may be', async () => {
    const direct = orthanc.url.replace('127.0.0.1', 'localhost');
    for (const url of [direct, await proxied('https://navigation.example')]) {
      const refused = await fetched(url);
      expect(refused['code']).toBe('archive/unreachable');
      expect(refused['message']).toMatch(/allows no other origin \(CORS\)/);
    }
  });
});
