import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@trocar/core';
import { type LayoutCell, quadLayout } from '@trocar/core/render';
import { ndiDriver, pipe, simulateNdiTracker } from '@trocar/device-bridge';
import { startBridge } from '@trocar/device-bridge/node';
import { describe, expect, it } from 'vitest';
import { findBrowser, ROOT } from '../../scripts/lib/host.mjs';
import { ballNifti } from '../packaging/_ball.js';
import { serveFolder, visit } from '../packaging/_pages.js';
import { buildExample } from './embed-build.js';
import { greyOf, lettersOf } from './embed-looks.js';

/**
 * The README's page, from the sources: quicker than from the packed packages, which `test/packaging` does with it.
 */
describe.skipIf(findBrowser() === undefined)('the embed example', () => {
  it('shows its volume the right way round, and says where the stylus is and that it is not seen', async () => {
    const folder = await buildExample(join(ROOT, 'examples/embed'));
    writeFileSync(join(folder, 'volume.nii'), ballNifti(32, 2));
    const served = await serveFolder(folder);
    const clock = systemClock();
    const line = pipe();
    const stylus = { name: 'stylus', serial: '00000001' };
    let visible = true;
    await simulateNdiTracker(line.device, {
      clock,
      tools: [{ ...stylus, kind: 'wired' }],
      poseOf: () => (visible ? { position: [4, -6, 8], rotation: [0, 0, 0, 1] } : undefined),
    });
    const driver = ndiDriver({ transport: line.host, clock, tools: [stylus] });
    const bridge = await startBridge({ driver, clock, allowedOrigins: [new URL(served.url).origin] });
    try {
      const seen = await visit(`${served.url}?bridge=${bridge.url}`, bridge.url, async (page) => {
        await page.waitForFunction(() => document.title === 'ok 4 -6 8', undefined, { timeout: 60_000 });
        const [axial, , coronal] = quadLayout() as [LayoutCell, LayoutCell, LayoutCell];
        expect(await page.evaluate(greyOf, axial)).toBeGreaterThan(60);
        expect(await page.evaluate(lettersOf, axial)).toEqual({ left: 'R', right: 'L', top: 'A', bottom: 'P' });
        expect(await page.evaluate(lettersOf, coronal)).toEqual({ left: 'R', right: 'L', top: 'S', bottom: 'I' });
        visible = false;
        await page.waitForFunction(() => document.title === 'missing NaN NaN NaN', undefined, { timeout: 10_000 });
      });
      expect(seen).toEqual({ offOrigin: [], errors: [] });
    } finally {
      await Promise.all([bridge.close(), served.close()]);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
