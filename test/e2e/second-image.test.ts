import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseReading } from '@trocar/core/guidance';
import { writeVolume } from '@trocar/core/io';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { simulatedSecond } from '../../examples/phantom-navigation/src/second-image.js';
import { findBrowser } from '../../scripts/lib/host.mjs';
import { OpenPage } from './open-page.js';

/**
 * The second image as a person meets it: registered in a worker of the page, looked at in four ways, accepted, accepted by
 * eye, refused or left out.
 */
const executablePath = findBrowser();
const SEED = 11;
/** A share of the slice's pixels below this is noise of the picture, above it a person sees another one. */
const SEEN = 0.005;

/** What was seen of a run from within the page, where no look comes too late. */
interface Seen {
  readonly progress: number[];
  readonly banners: string[];
  readonly pictures: string[];
}

describe.skipIf(executablePath === undefined)('a second image in the browser', () => {
  let at: OpenPage;
  let alone: number;
  const folder = mkdtempSync(join(tmpdir(), 'trocar-second-'));

  beforeAll(async () => {
    const path = join(folder, 'second.nrrd');
    await writeVolume(simulatedSecond(SEED, 'none', 4).volume, path);
    at = await OpenPage.open(executablePath as string, SEED, { second: 'phantom', secondFiles: [path] });
    await at.load();
    await at.click('accept-plan');
  }, 240_000);

  afterAll(async () => {
    await at?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const review = (): Promise<unknown> => at.page.waitForSelector('#detail .expectation', { timeout: 60_000 });
  const verdict = (): Promise<string> => at.text('#detail .verdict');

  async function fault(name: string): Promise<void> {
    await at.click(`image-${name}`);
    await at.page.waitForSelector(`[data-action="image-${name}"][aria-pressed="true"]:not([disabled])`, { timeout: 60_000 });
  }

  /** Has every drawn frame of runs looked at: the middle of the coronal slice, the bar and the banner. */
  function watch(): Promise<void> {
    return at.page.evaluate(() => {
      const seen: Seen = { progress: [], banners: [], pictures: [] };
      Object.assign(globalThis, { seen });
      const small = new OffscreenCanvas(24, 24);
      const context = small.getContext('2d', { willReadFrequently: true }) as OffscreenCanvasRenderingContext2D;
      const look = (): void => {
        requestAnimationFrame(look);
        const bar = document.querySelector<HTMLProgressElement>('#registering');
        if (bar === null) return;
        seen.progress.push(bar.value);
        seen.banners.push(document.querySelector('#banner')?.textContent ?? '');
        const stage = document.querySelector<HTMLCanvasElement>('#stage') as HTMLCanvasElement;
        const [w, h] = [stage.width / 2, stage.height / 2];
        context.clearRect(0, 0, 24, 24);
        context.drawImage(stage, 0.2 * w, 1.2 * h, 0.6 * w, 0.6 * h, 0, 0, 24, 24);
        const { data } = context.getImageData(0, 0, 24, 24);
        if (data.some((v, i) => i % 4 < 3 && v > 60)) seen.pictures.push(data.map((v) => v >> 4).join());
      };
      requestAnimationFrame(look);
    });
  }
  const seen = (): Promise<Seen> => at.page.evaluate(() => (globalThis as unknown as { seen: Seen }).seen);

  it('is a step of the procedure, and not drawn before it is registered', async () => {
    await at.page.waitForSelector('#app[data-step="images"] [data-action="start-images"]');
    // The skin comes from a worker, after the slices; the picture that all others are held against is whole.
    await at.page.waitForSelector('#stage[data-skin="shown"]', { timeout: 50_000, state: 'attached' });
    await expect.poll(() => at.text('#detail .lead')).toBe('Where does the MR lie on the CT?');
    alone = await at.slice();
    await at.picture('second-waiting');
  }, 120_000);

  it('is stopped at once, and nothing of it is kept', async () => {
    await at.page.evaluate(() => {
      new MutationObserver((_, observer) => {
        const stop = document.querySelector<HTMLButtonElement>('[data-action="abort-images"]');
        if (stop === null) return;
        observer.disconnect();
        stop.click();
      }).observe(document.body, { childList: true, subtree: true });
    });
    await at.click('start-images');
    await expect.poll(() => at.text('#detail'), { timeout: 10_000 }).toMatch(/was stopped: nothing of it is kept/);
    expect(await at.has('start-images')).toBe(true);
    expect(await at.differing(alone, await at.slice())).toBeLessThan(SEEN);
  }, 120_000);

  it('shows how far it is, and the best place so far as what it is', async () => {
    await watch();
    // On a busy machine a run may be over within two frames: then the next one is looked at.
    for (let attempt = 1; attempt <= 12; attempt += 1) {
      await at.click('start-images');
      await review();
      if (attempt === 12 || new Set((await seen()).pictures).size > 2) break;
      await at.click('reject-images');
    }
    const { progress, banners, pictures } = await seen();
    expect(new Set(pictures).size).toBeGreaterThan(2);
    expect(new Set(progress).size).toBeGreaterThan(2);
    expect(Math.max(...progress)).toBeGreaterThan(Math.min(...progress));
    expect(new Set(banners.slice(1))).toEqual(new Set(['Preview: not registered yet']));
  }, 240_000);

  it('says what it is worth at the target, and is not taken before a person takes it', async () => {
    await expect.poll(() => verdict()).toBe('✓ all checks hold');
    const bound = parseReading((await at.text('#detail .big')).trim());
    expect(bound).toBeGreaterThan(0.05);
    expect(bound).toBeLessThan(1.5);
    await expect.poll(() => at.text('#detail .limit-line')).toMatch(/limit 2\.0.mm, expected ≤.\d\.\d.mm \(95 %\)/u);
    await expect.poll(() => at.banner()).toBe('Not accepted yet');
    expect(await at.has('accept-by-eye')).toBe(false);
  }, 120_000);

  it('is looked at in four ways, each with its setting', async () => {
    const ways = [alone];
    for (const mode of ['checkerboard', 'edges', 'blend', 'spyglass']) {
      await at.page.check(`#look-${mode}`, { force: true });
      const now = await at.slice();
      for (const [n, other] of ways.entries()) expect(await at.differing(now, other), `${mode}, ${n}`).toBeGreaterThan(SEEN);
      ways.push(now);
      await at.picture(`second-${mode}`);
      const said = await at.text('.look output');
      await at.page.focus('#look-value');
      await at.page.keyboard.press('Home');
      await expect.poll(() => at.text('.look output'), { message: mode }).not.toBe(said);
      expect(await at.differing(now, await at.slice()), `${mode} set`).toBeGreaterThan(SEEN);
    }
  }, 120_000);

  it('is no longer drawn when it is rejected', async () => {
    await at.click('reject-images');
    await at.page.waitForSelector('[data-action="start-images"]');
    expect(await at.differing(alone, await at.slice())).toBeLessThan(SEEN);
    await expect.poll(() => at.banner()).toBe('');
  }, 120_000);

  it('is not to be accepted by any means where left and right are exchanged', async () => {
    await fault('mirrored');
    await at.click('start-images');
    await at.page.waitForSelector('[data-finding="mirrored"]', { timeout: 60_000 });
    await expect.poll(() => at.banner()).toBe('Not to be trusted');
    await expect.poll(() => at.text('#detail .big')).toBe('unknown');
    await expect.poll(() => at.text('#detail')).toMatch(/Left and right .* exchanged.*cannot be accepted by eye/s);
    expect([await at.has('accept-images'), await at.page.locator('[data-action="accept-by-eye"]').count()]).toEqual([false, 0]);
    await at.picture('second-mirrored');
    await at.click('reject-images');
  }, 120_000);

  it('is accepted by eye alone where it does not prove itself: by who compared the images, and so recorded', async () => {
    await fault('noisy');
    await at.click('start-images');
    await review();
    await expect.poll(() => verdict()).toBe('? another place fits as well');
    expect(await at.page.locator('[data-action="accept-images"]').count()).toBe(0);
    await expect.poll(() => at.page.locator('[data-action="accept-by-eye"][disabled]').count()).toBe(1);
    await at.picture('second-noisy');
    await at.page.check('#compared');
    await at.click('accept-by-eye');
    await at.page.waitForSelector('#app[data-step="calibrate"]');
    await expect.poll(() => at.text('#images')).toBe('MR on CT: accepted by eye, error unknown');
    await expect.poll(() => at.page.getAttribute('#images', 'data-kind')).toBe('warn');
    await at.picture('second-by-eye');
    await at.click('second');
    expect(await at.differing(alone, await at.slice())).toBeGreaterThan(SEEN);
  }, 120_000);

  it('is taken back in a later step, and registered anew', async () => {
    await at.click('take-back-second');
    await expect.poll(() => at.text('#images')).toBe('MR: not registered, not shown');
    expect(await at.differing(alone, await at.slice())).toBeLessThan(SEEN);
    await at.picture('second-taken-back');
    await at.click('register-second');
    await at.page.waitForSelector('#app[data-step="images"] [data-action="start-images"]');
  }, 120_000);

  it('comes from a file of its own, is accepted, and shown when it is asked for', async () => {
    // The server has a file too; of the facts only which of the two is to be taken is another.
    await at.page.route('**/case', async (route) => {
      const facts = await (await route.fetch()).json();
      await route.fulfill({ json: { ...facts, second: 'files' } });
    });
    await at.load();
    await at.click('accept-plan');
    expect(await at.page.locator('#simulation button').count()).toBe(0);
    await expect.poll(() => at.text('#detail')).toContain('Second image 50×60×65.');
    await at.click('start-images');
    await at.page.waitForSelector('[data-action="accept-images"]', { timeout: 60_000 });
    await at.click('accept-images');
    await at.page.waitForSelector('#app[data-step="calibrate"]');
    await expect.poll(() => at.text('#images')).toMatch(/^Second image on CT: registered, ≤.\d\.\d.mm at the target$/u);
    const hidden = await at.slice();
    await at.click('second');
    await expect.poll(() => at.text('[data-action="second"]')).toBe('Hide second image');
    expect(await at.differing(hidden, await at.slice())).toBeGreaterThan(SEEN);
  }, 120_000);

  it('that cannot be read is said so, and the procedure goes on without it', async () => {
    await at.page.route('**/files/second/0', (route) => route.fulfill({ body: 'NRRD0004\ntype: nonsense\n\n' }));
    await at.load();
    await at.click('accept-plan');
    await at.page.waitForSelector('#app[data-step="calibrate"]');
    await expect.poll(() => at.text('#images')).toMatch(/^Second image not read: /);
    await at.page.unroute('**/files/second/0');
    await at.page.unroute('**/case');
  }, 120_000);

  it('is left out by who wants to, and that is said', async () => {
    await at.load();
    await at.click('accept-plan');
    await at.click('leave-images');
    await at.page.waitForSelector('#app[data-step="calibrate"]');
    await expect.poll(() => at.text('#images')).toBe('MR: not registered, not shown');
    expect(await at.has('second')).toBe(false);
  }, 120_000);

  it('loaded nothing from elsewhere, and no script failed', () => {
    expect(at.foreign).toEqual([]);
    expect(at.failures).toEqual([]);
  });
});
