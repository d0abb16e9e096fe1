import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBrowser } from '../../scripts/lib/host.mjs';
import { OpenPage } from './open-page.js';

/**
 * The page is loaded again in the middle of a procedure, as after a crash, and goes on with what was accepted.
 */
const executablePath = findBrowser();
const SEED = 12;

describe.skipIf(executablePath === undefined)('a procedure that is kept and watched', () => {
  let at: OpenPage;

  beforeAll(async () => {
    at = await OpenPage.open(executablePath as string, SEED, { second: 'none' });
    await at.load();
  }, 240_000);

  afterAll(() => at?.close());

  const standing = (): Promise<string[]> =>
    at.page.$$eval('#alarms .alarm:not([hidden])', (all) => all.map((a) => (a as HTMLElement).dataset['rule'] ?? ''));
  const raised = (rule: string): Promise<unknown> => expect.poll(standing, { timeout: 20_000 }).toContain(rule);

  /** Loads the page as after a crash, and takes the procedure up again. */
  async function crash(step: string): Promise<void> {
    await at.page.reload();
    await at.page.waitForSelector('[data-action="resume"]:not([disabled])', { timeout: 120_000 });
    await expect.poll(() => at.text('#open-cases')).toMatch(/not finished.*\d{4}-\d\d-\d\d \d\d:\d\d UTC/s);
    await at.click('resume');
    await at.page.waitForSelector(`#app[data-step="${step}"]`, { timeout: 60_000 });
    await expect.poll(() => at.text('#resumed')).not.toBe('');
    await expect.poll(() => at.text('#session')).toMatch(/^Session: resumed, begun \d\d:\d\d UTC$/);
  }

  it('shows no alarm while nothing is wrong, and keeps the plan before it is accepted', async () => {
    await expect.poll(() => at.text('#alarms')).toContain('No alarms');
    expect(await at.has('resume')).toBe(false);
    await at.page.fill('#limit', '1.9');
    await at.page.press('#limit', 'Tab');
    await at.click('accept-plan');
    await at.page.waitForSelector('#app[data-step="calibrate"]');
    await expect.poll(() => at.text('#session')).toBe('Session: kept in this browser');
    await crash('calibrate');
  }, 240_000);

  it('goes on with the calibration that was accepted, and says that it is no stored one', async () => {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await at.click('pivot');
      const found = at.page.waitForSelector('[data-action="accept-calibration"]:not([disabled])', { timeout: 30_000 });
      if (await found.then(() => true).catch(() => false)) break;
    }
    await at.click('accept-calibration');
    await at.page.waitForSelector('#app[data-step="register"]');
    const tip = (await at.text('#stylus')).replace(/^.*tip /, '');
    await crash('register');
    await expect.poll(() => at.text('#stylus')).toMatch(/^Stylus: restored, pivoted \d\d:\d\d UTC, tip /);
    expect((await at.text('#stylus')).replace(/^.*tip /, '')).toBe(tip);
  }, 300_000);

  it('has nothing accepted that was not: a registration under review is made anew', async () => {
    await at.registerAll();
    await at.page.waitForSelector('#app[data-step="review"]');
    await at.click('accept');
    await at.page.waitForSelector('#app[data-step="navigate"]');
  }, 300_000);

  it('goes on with the registration that was accepted, and accepts nothing before a landmark was touched', async () => {
    const bound = await at.text('[data-value="targetError"] .figure');
    await crash('navigate');
    await expect.poll(() => at.text('[data-value="targetError"] .figure')).toBe(bound);
    await raised('restored-unverified');
    await expect.poll(() => at.page.getAttribute('#alarms', 'data-priority')).toBe('high');
    await expect.poll(() => at.page.locator('[data-action="finish"][disabled]').count()).toBe(1);
    // On a busy machine late poses are alarms of their own, and may stand beside this one.
    await expect
      .poll(() => at.text('#blocked'), { timeout: 30_000 })
      .toMatch(/Nothing can be accepted while .*: .*Restored after a crash/);
    await at.picture('kept-resumed');
    expect(at.foreign).toEqual([]);
    expect(at.failures).toEqual([]);
  }, 240_000);
});
