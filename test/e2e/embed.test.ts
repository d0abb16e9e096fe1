import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { systemClock } from '@trocar/core';
import { parseReading } from '@trocar/core/guidance';
import { copyAssets } from '@trocar/core/node';
import { type LayoutCell, primaryLayout, quadLayout } from '@trocar/core/render';
import { ndiDriver, pipe, simulateNdiTracker } from '@trocar/device-bridge';
import { type Bridge, startBridge } from '@trocar/device-bridge/node';
import { type CDPSession, chromium, type Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { findBrowser, ROOT } from '../../scripts/lib/host.mjs';
import { ballNifti, ballNrrd } from '../packaging/_ball.js';
import { type Served, serveFolder, type Visit, visit } from '../packaging/_pages.js';
import { buildExample, picturePath } from './embed-build.js';
import { contextsNow, evalled, greyOf, lettersOf, toggleQuickly, watchContexts } from './embed-looks.js';

/**
 * The stage in pages of others, from the sources: plain HTML, React, and a folder that a desktop application loads. The packed packages
 * in bundlers are in `test/packaging`.
 */
const executablePath = findBrowser();
const [AXIAL, , CORONAL, SAGITTAL] = quadLayout() as [LayoutCell, LayoutCell, LayoutCell, LayoutCell];
const AXIAL_LETTERS = { left: 'R', right: 'L', top: 'A', bottom: 'P' };
const CORONAL_LETTERS = { left: 'R', right: 'L', top: 'S', bottom: 'I' };
const SAGITTAL_LETTERS = { left: 'A', right: 'P', top: 'S', bottom: 'I' };

const folders: string[] = [];
async function built(root: string): Promise<string> {
  const folder = await buildExample(root);
  folders.push(folder);
  return folder;
}
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(executablePath === undefined)('plain HTML', () => {
  let visible = true;

  async function bridgeFor(origin: string): Promise<Bridge> {
    const clock = systemClock();
    const line = pipe();
    const stylus = { name: 'stylus', serial: '00000001' };
    await simulateNdiTracker(line.device, {
      clock,
      tools: [{ ...stylus, kind: 'wired' }],
      poseOf: () => (visible ? { position: [4, -6, 8], rotation: [0, 0, 0, 1] } : undefined),
    });
    const driver = ndiDriver({ transport: line.host, clock, tools: [stylus] });
    return startBridge({ driver, clock, allowedOrigins: [origin] });
  }

  it('shows its volume the right way round, and says where the stylus is and that it is not seen', async () => {
    const folder = await built(join(ROOT, 'examples/embed'));
    writeFileSync(join(folder, 'volume.nii'), ballNifti(32, 2));
    const served = await serveFolder(folder);
    const bridge = await bridgeFor(new URL(served.url).origin);
    try {
      const seen = await visit(`${served.url}?bridge=${bridge.url}`, bridge.url, async (page) => {
        await page.waitForFunction(() => document.title === 'ok 4 -6 8', undefined, { timeout: 60_000 });
        expect(await page.evaluate(greyOf, AXIAL)).toBeGreaterThan(60);
        expect(await page.evaluate(lettersOf, AXIAL)).toEqual(AXIAL_LETTERS);
        expect(await page.evaluate(lettersOf, CORONAL)).toEqual(CORONAL_LETTERS);
        visible = false;
        await page.waitForFunction(() => document.title === 'missing NaN NaN NaN', undefined, { timeout: 10_000 });
      });
      expect(seen).toEqual({ offOrigin: [], errors: [] });
    } finally {
      await Promise.all([bridge.close(), served.close()]);
    }
  });
});

describe.skipIf(executablePath === undefined)('React, in strict mode', () => {
  let served: Served;
  let page: Page;
  let leave: () => void;
  let visited: Promise<Visit>;

  beforeAll(async () => {
    served = await serveFolder(await built(join(ROOT, 'examples/react')));
    page = await new Promise<Page>((arrive, refuse) => {
      visited = visit(served.url, undefined, async (there) => {
        arrive(there);
        await new Promise<void>((resolve) => {
          leave = resolve;
        });
      });
      visited.catch(refuse);
    });
    await page.waitForSelector('[data-status="ok"]', { timeout: 60_000 });
  });
  afterAll(async () => {
    leave?.();
    await visited?.catch(() => {});
    await served?.close();
  });

  const tip = async (): Promise<number[]> =>
    (await page.locator('.reading span').allTextContents()).map((word) => parseReading(word.slice(2)));
  const away = (a: readonly number[], b: readonly number[]): number => Math.hypot(...a.map((x, k) => x - (b[k] as number)));

  it('shows slices the right way round, in the window and the arrangement that it was told', async () => {
    expect(await page.locator('canvas').count()).toBe(1);
    for (const [cell, letters] of [
      [AXIAL, AXIAL_LETTERS],
      [CORONAL, CORONAL_LETTERS],
      [SAGITTAL, SAGITTAL_LETTERS],
    ] as const) {
      expect(await page.evaluate(lettersOf, cell)).toEqual(letters);
    }
    const soft = await page.evaluate(greyOf, CORONAL);
    expect(soft).toBeGreaterThan(30);
    await page.selectOption('select >> nth=0', 'Bone');
    expect(await page.evaluate(greyOf, CORONAL)).toBeLessThan(0.9 * soft);
    await page.selectOption('select >> nth=1', 'Axial large');
    expect(await page.evaluate(lettersOf, primaryLayout('axial')[0] as LayoutCell)).toEqual(AXIAL_LETTERS);
    await page.selectOption('select >> nth=1', 'Four views');
  });

  it('says where the tip is, and that it is lost when it is', async () => {
    const first = await tip();
    await expect.poll(async () => away(first, await tip()), { timeout: 20_000 }).toBeGreaterThan(5);
    await page.screenshot({ path: picturePath('react') });
    await page.click('text=Cover the stylus');
    await page.waitForSelector('[data-status="missing"][data-live="false"]');
    expect(await page.textContent('.reading')).toBe('Not visibleL –P –S –');
    await page.screenshot({ path: picturePath('react-covered') });
    await page.click('text=Cover the stylus');
    await page.waitForSelector('[data-status="ok"][data-live="true"]');
    expect(Number.isFinite(away(first, await tip()))).toBe(true);
  });

  it('leaves nothing behind in twenty mounts, nor in more', async () => {
    const toggle = async (canvases: 0 | 1): Promise<void> => {
      await page.click('text=Show the views');
      await page.waitForFunction((count) => document.querySelectorAll('canvas').length === count, canvases);
    };
    const session = await page.context().newCDPSession(page);
    await page.evaluate(watchContexts);
    // What the first stages have the browser keep for good is not theirs: measured after two.
    for (const canvases of [0, 1, 0, 1, 0] as const) await toggle(canvases);
    const before = await held(session);
    // One press in two mounts a stage, and strict mode does that twice.
    const times = 10 * inject('effort');
    await page.evaluate(toggleQuickly, 2 * times);
    const contexts = await page.evaluate(contextsNow);
    expect(contexts.made).toBe(2 * (2 + times));
    expect(contexts.working).toBe(0);
    expect(await held(session)).toEqual(before);
    expect(await page.locator('canvas').count()).toBe(0);
  });

  it('asks for nothing elsewhere, and has no error, under a policy without eval', async () => {
    leave();
    expect(await visited).toEqual({ offOrigin: [], errors: [] });
  });
});

describe('outside a browser’s page', () => {
  it('what a page imports loads in Node, and makes no window', async () => {
    for (const entry of ['@trocar/core', '@trocar/core/io', '@trocar/core/render', '@trocar/device-bridge/browser']) {
      expect(Object.keys((await import(entry)) as object).length, entry).toBeGreaterThan(0);
    }
    expect(['window', 'document', 'self'].filter((name) => name in globalThis)).toEqual([]);
  });
});

describe.skipIf(executablePath === undefined)('a folder, as Electron loads it', () => {
  it('shows a volume that WebAssembly decoded, and asks for nothing that is not in the folder', async () => {
    const folder = await built(join(import.meta.dirname, 'embed-desktop-page'));
    writeFileSync(join(folder, 'volume.nrrd'), ballNrrd(32, 2));
    await copyAssets(join(folder, 'trocar'));
    const asked: string[] = [];
    const errors: string[] = [];
    // Electron lets a page of a folder read that folder; Chromium needs to be told.
    const args = ['--no-sandbox', '--disable-gpu', '--enable-unsafe-swiftshader', '--allow-file-access-from-files'];
    const browser = await chromium.launch({ executablePath: executablePath as string, args });
    try {
      const page = await browser.newPage({ viewport: { width: 480, height: 360 } });
      page.on('request', (request) => asked.push(request.url()));
      page.on('pageerror', (error) => errors.push(error.message));
      page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
      await page.goto(pathToFileURL(join(folder, 'index.html')).href);
      await page
        .waitForFunction(() => document.title === 'shown', undefined, { timeout: 60_000 })
        .catch((error: Error) => {
          throw new Error(`${error.message}\n${errors.join('\n')}`);
        });
      expect(await page.evaluate(greyOf, AXIAL)).toBeGreaterThan(60);
      expect(await page.evaluate(lettersOf, AXIAL)).toEqual(AXIAL_LETTERS);
      // The policy holds: a page that it let do this would prove nothing.
      expect(await page.evaluate(evalled)).toBe('EvalError');
    } finally {
      await browser.close();
    }
    const base = `${pathToFileURL(folder).href}/`;
    expect(asked.filter((url) => !url.startsWith(base) && !/^(blob|data):/.test(url))).toEqual([]);
    expect(errors.filter((text) => !text.includes("'unsafe-eval'"))).toEqual([]);
  });
});

/** What the page holds after everything that nobody refers to has gone. */
async function held(session: CDPSession): Promise<{ listeners: number; nodes: number; documents: number }> {
  await session.send('HeapProfiler.enable');
  for (let n = 0; n < 2; n += 1) await session.send('HeapProfiler.collectGarbage');
  const { jsEventListeners, nodes, documents } = await session.send('Memory.getDOMCounters');
  return { listeners: jsEventListeners, nodes, documents };
}
