import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseReading } from '@trocar/core/guidance';
import { type LayoutCell, primaryLayout, quadLayout } from '@trocar/core/render';
import type { CDPSession, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBrowser, ROOT } from '../../scripts/lib/host.mjs';
import { type Served, serveFolder, visit } from '../packaging/_pages.js';
import { buildExample, picturePath } from './embed-build.js';
import { contextsNow, greyOf, lettersOf, watchContexts } from './embed-looks.js';

/** The stage as a component of React, in strict mode, under a policy that allows no `eval`. */
describe.skipIf(findBrowser() === undefined)('the React example', () => {
  let folder: string;
  let served: Served;

  beforeAll(async () => {
    folder = await buildExample(join(ROOT, 'examples/react'));
    served = await serveFolder(folder);
  });
  afterAll(async () => {
    await served?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Opens the page, and looks at it once the tool is tracked. */
  async function opened(look: (page: Page) => Promise<void>): Promise<void> {
    const seen = await visit(served.url, undefined, async (page) => {
      await page.waitForSelector('[data-status="ok"]', { timeout: 60_000 });
      await look(page);
    });
    expect(seen).toEqual({ offOrigin: [], errors: [] });
  }

  it('shows slices the right way round, in the window and the arrangement that React was told', async () => {
    await opened(async (page) => {
      expect(await page.locator('canvas').count()).toBe(1);
      const [axial, , coronal, sagittal] = quadLayout() as [LayoutCell, LayoutCell, LayoutCell, LayoutCell];
      expect(await page.evaluate(lettersOf, axial)).toEqual({ left: 'R', right: 'L', top: 'A', bottom: 'P' });
      expect(await page.evaluate(lettersOf, coronal)).toEqual({ left: 'R', right: 'L', top: 'S', bottom: 'I' });
      expect(await page.evaluate(lettersOf, sagittal)).toEqual({ left: 'A', right: 'P', top: 'S', bottom: 'I' });

      const soft = await page.evaluate(greyOf, coronal);
      expect(soft).toBeGreaterThan(30);
      await page.selectOption('select >> nth=0', 'Bone');
      const bone = await page.evaluate(greyOf, coronal);
      expect(bone).toBeLessThan(0.9 * soft);

      await page.selectOption('select >> nth=1', 'Axial large');
      const [large] = primaryLayout('axial') as [LayoutCell];
      expect(await page.evaluate(lettersOf, large)).toEqual({ left: 'R', right: 'L', top: 'A', bottom: 'P' });
    });
  });

  it('says where the tip is, and that it is lost when it is', async () => {
    await opened(async (page) => {
      const first = await tip(page);
      await expect.poll(async () => distance(first, await tip(page)), { timeout: 20_000 }).toBeGreaterThan(5);
      await page.screenshot({ path: picturePath('react') });
      await page.click('text=Cover the stylus');
      await page.waitForSelector('[data-status="missing"][data-live="false"]');
      expect(await page.textContent('.reading')).toBe('Not visibleL –P –S –');
      await page.screenshot({ path: picturePath('react-covered') });
      await page.click('text=Cover the stylus');
      await page.waitForSelector('[data-status="ok"][data-live="true"]');
      expect(Number.isFinite(distance(first, await tip(page)))).toBe(true);
    });
  });

  it('leaves nothing behind in twenty mounts', async () => {
    await opened(async (page) => {
      const session = await page.context().newCDPSession(page);
      await page.evaluate(watchContexts);
      await remount(page);
      await toggle(page, 0);
      const before = await held(session);
      await toggle(page, 1);
      await remount(page);
      await toggle(page, 0);
      // The others faster than a picture is drawn.
      await page.evaluate(toggleQuickly, 36);
      const contexts = await page.evaluate(contextsNow);
      // Strict mode makes two of each.
      expect(contexts.made).toBeGreaterThanOrEqual(2 * 21);
      expect(contexts.working).toBe(0);
      expect(await held(session)).toEqual(before);
    });
  });
});

/** The tip as the page says it is, mm. */
async function tip(page: Page): Promise<number[]> {
  const words = await page.locator('.reading span').allTextContents();
  return words.map((word) => parseReading(word.slice(2)));
}

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(...a.map((x, k) => x - (b[k] as number)));
}

async function toggle(page: Page, canvases: 0 | 1): Promise<void> {
  await page.click('text=Show the views');
  await page.waitForFunction((count) => document.querySelectorAll('canvas').length === count, canvases);
}

async function remount(page: Page): Promise<void> {
  await toggle(page, 0);
  await toggle(page, 1);
}

/** Presses the button so many times, and waits for nothing but React. */
async function toggleQuickly(times: number): Promise<void> {
  const button = [...document.querySelectorAll('button')].find((one) => one.textContent === 'Show the views');
  for (let n = 0; n < times; n += 1) {
    button?.click();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** What the page holds after everything that nobody refers to has gone. */
async function held(session: CDPSession): Promise<{ listeners: number; nodes: number; documents: number }> {
  await session.send('HeapProfiler.enable');
  for (let n = 0; n < 2; n += 1) await session.send('HeapProfiler.collectGarbage');
  const { jsEventListeners, nodes, documents } = await session.send('Memory.getDOMCounters');
  return { listeners: jsEventListeners, nodes, documents };
}
