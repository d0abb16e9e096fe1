import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { copyAssets } from '@trocar/core/node';
import { type LayoutCell, quadLayout } from '@trocar/core/render';
import { chromium } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBrowser } from '../../scripts/lib/host.mjs';
import { ballNrrd } from '../packaging/_ball.js';
import { buildExample } from './embed-build.js';
import { greyOf, lettersOf } from './embed-looks.js';

/**
 * What Electron asks of a library: loads from a folder, under a policy without `eval`, in a page that has nothing of Node, and loads where
 * there is no page.
 */
describe('outside a browser’s page', () => {
  it('what a page imports loads in Node, and makes no window', async () => {
    const entries = ['@trocar/core', '@trocar/core/io', '@trocar/core/render', '@trocar/core/guidance', '@trocar/registration'];
    for (const entry of [...entries, '@trocar/device-bridge/browser']) {
      expect(Object.keys((await import(entry)) as object).length, entry).toBeGreaterThan(0);
    }
    expect(['window', 'document', 'self'].filter((name) => name in globalThis)).toEqual([]);
  });
});

describe.skipIf(findBrowser() === undefined)('a page from a folder', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await buildExample(join(import.meta.dirname, 'embed-desktop-page'));
    writeFileSync(join(folder, 'volume.nrrd'), ballNrrd(32, 2));
    await copyAssets(join(folder, 'trocar'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('shows a volume that WebAssembly decoded, and asks for nothing that is not in its folder', async () => {
    const asked: string[] = [];
    const errors: string[] = [];
    // Electron lets a page of a folder read that folder; Chromium needs to be told.
    const args = ['--no-sandbox', '--disable-gpu', '--enable-unsafe-swiftshader', '--allow-file-access-from-files'];
    const browser = await chromium.launch({ executablePath: findBrowser() as string, args });
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
      const [axial] = quadLayout() as [LayoutCell];
      expect(await page.evaluate(greyOf, axial)).toBeGreaterThan(60);
      expect(await page.evaluate(lettersOf, axial)).toEqual({ left: 'R', right: 'L', top: 'A', bottom: 'P' });
      // The policy holds: a page that it let do this would prove nothing.
      expect(await page.evaluate(evalled)).toBe('EvalError');
    } finally {
      await browser.close();
    }
    const base = pathToFileURL(folder).href;
    expect(asked.filter((url) => !url.startsWith(`${base}/`) && !/^(blob|data):/.test(url))).toEqual([]);
    expect(errors.filter((text) => !text.includes("'unsafe-eval'"))).toEqual([]);
  });
});

/** What a page's own code gets when it makes code of text; what a test has evaluated may. */
function evalled(): Promise<string> {
  return new Promise((resolve) => {
    setTimeout(() => {
      try {
        resolve(new Function('return "allowed"')() as string);
      } catch (error) {
        resolve((error as Error).name);
      }
    });
  });
}
