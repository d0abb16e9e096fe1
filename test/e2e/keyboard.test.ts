import { parseReading } from '@trocar/core/guidance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBrowser } from '../../scripts/lib/host.mjs';
import { OpenPage } from './open-page.js';

/** The whole procedure by who has no mouse: tab, enter, space and arrow keys alone, from the plan to the target. */
const executablePath = findBrowser();
const SEED = 11;

describe.skipIf(executablePath === undefined)('the procedure by the keyboard alone', () => {
  let at: OpenPage;

  beforeAll(async () => {
    at = await OpenPage.open(executablePath as string, SEED, { second: 'phantom' });
    // No mouse: whatever is clicked by a pointer fails the last test.
    await at.page.addInitScript(() => {
      addEventListener('pointerdown', () => Object.assign(globalThis, { pointed: true }), true);
    });
    await at.load();
  }, 240_000);

  afterAll(() => at?.close());

  const enabled = (action: string, timeout = 60_000): Promise<unknown> =>
    at.page.waitForSelector(`[data-action="${action}"]:not([disabled])`, { timeout });
  const figure = async (name: string): Promise<number> => parseReading(await at.text(`[data-value="${name}"] .figure`));

  async function press(action: string, key = 'Enter'): Promise<void> {
    await enabled(action);
    await at.tabTo(action);
    await at.page.keyboard.press(key);
    await at.answered();
  }

  it('moves the crosshair by arrow and page keys, and sets a limit', async () => {
    await at.tabTo('stage');
    const before = await at.slice();
    for (const key of ['Shift+ArrowLeft', 'Shift+PageUp']) await at.page.keyboard.press(key);
    expect(await at.differing(before, await at.slice())).toBeGreaterThan(0.002);
    await press('see-target');
    expect(await at.differing(before, await at.slice())).toBeLessThan(0.002);
    await at.tabTo('limit');
    await at.page.keyboard.press('ControlOrMeta+A');
    await at.page.keyboard.type('1.8');
    await press('accept-plan');
    await at.page.waitForSelector('#app[data-step="images"]');
  }, 120_000);

  it('registers the second image, looks at it in every way and accepts it', async () => {
    await press('start-images');
    await enabled('accept-images');
    await expect.poll(() => at.text('#detail .limit-line')).toMatch(/limit 1\.8.mm/u);
    await at.tabTo('look-checkerboard');
    const seen = [await at.slice()];
    for (const mode of ['edges', 'blend', 'spyglass']) {
      await at.page.keyboard.press('ArrowRight');
      await expect.poll(() => at.focused()).toBe(`look-${mode}`);
      const now = await at.slice();
      expect(await at.differing(now, seen.at(-1) as number), mode).toBeGreaterThan(0.005);
      seen.push(now);
    }
    await at.tabTo('look-value');
    await at.page.keyboard.press('ArrowRight');
    await expect.poll(() => at.text('.look output')).toBe('100 px');
    await press('accept-images');
    await at.page.waitForSelector('#app[data-step="calibrate"]');
    await expect.poll(() => at.text('#images')).toMatch(/^MR on CT: registered/);
    await press('second', ' ');
    await expect.poll(() => at.text('[data-action="second"]')).toBe('Hide MR');
    await press('second', ' ');
    await expect.poll(() => at.text('[data-action="second"]')).toBe('Show MR');
  }, 120_000);

  it('pivots the stylus and accepts what was found', async () => {
    // On a busy machine a recording may rightly be refused, for poses that were late: a person records again.
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await press('pivot');
      const found = enabled('accept-calibration', 25_000);
      if (await found.then(() => true).catch(() => false)) break;
    }
    await press('accept-calibration');
    await at.page.waitForSelector('#app[data-step="register"]');
  }, 200_000);

  it('touches every fiducial, registers and accepts', async () => {
    const count = at.server.world.truth.case.fiducials.length;
    for (let attempt = 0; attempt < 40; attempt += 1) {
      if ((await at.page.locator('#detail td', { hasText: 'touched' }).count()) === count) break;
      if (await at.has('touch-all')) await press('touch-all').catch(() => undefined);
      await at.page.waitForTimeout(2500);
    }
    await press('register');
    await at.page.waitForSelector('#app[data-step="review"]');
    await expect.poll(() => at.text('#detail .verdict')).toBe('✓ within the limit');
    await press('pick-2');
    await enabled('exclude');
    await press('pick-2');
    await press('accept');
    await at.page.waitForSelector('#app[data-step="navigate"]');
  }, 240_000);

  it('brings the tip to the target and records it', async () => {
    await press('insert');
    await at.page.waitForTimeout(300);
    await enabled('insert');
    await expect.poll(() => figure('distance'), { timeout: 20_000 }).toBeLessThan(3);
    for (let attempt = 0; attempt < 20 && !/Tip on target/.test(await at.text('#detail')); attempt += 1) {
      if (await at.has('finish')) await press('finish').catch(() => undefined);
      await at.page.waitForTimeout(500);
    }
    await expect.poll(() => at.text('#detail')).toContain('Tip on target');
    await at.picture('keyboard-finished');
  }, 120_000);

  it('used no pointer, loaded nothing from elsewhere, and no script failed', async () => {
    expect(await at.page.evaluate(() => 'pointed' in globalThis)).toBe(false);
    expect(at.foreign).toEqual([]);
    expect(at.failures).toEqual([]);
  });
});
