import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@trocar/core';
import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PACES } from '../../examples/mr-us-biopsy/src/hand.js';
import { serveProcedure } from '../../examples/mr-us-biopsy/src/node/serve.js';
import type { World } from '../../examples/mr-us-biopsy/src/node/world.js';
import { phantomCase } from '../../examples/mr-us-biopsy/src/phantom-case.js';
import { MAX_TRE95_MM } from '../../examples/mr-us-biopsy/src/register-step.js';
import type { PageServer } from '../../examples/suite/src/node/page-server.js';
import { findBrowser } from '../../scripts/lib/host.mjs';
import { openBrowser } from './open-browser.js';
import { answerAlarms } from './open-page.js';

/** The whole biopsy as a person does it: a page in Chromium, a real WebSocket, a scanner; held against what only the simulation knows. */
const executablePath = findBrowser();
const pictures = join(import.meta.dirname, '../../test-results');
const SEED = 3;
/** A machine with much other work may take so long for anything at all, ms. */
const PATIENCE_MS = 120_000;
const TEST_MS = 3 * PATIENCE_MS;
/** Operating rooms have such screens. */
const SMALL = { width: 1280, height: 800 } as const;
const LARGE = { width: 1920, height: 1080 } as const;

describe.skipIf(executablePath === undefined)('an MR–ultrasound biopsy in a browser', () => {
  let browser: Browser;
  let page: Page;
  let server: PageServer<World>;
  const foreign: string[] = [];
  const failures: string[] = [];
  const made = phantomCase(SEED);

  beforeAll(async () => {
    mkdirSync(pictures, { recursive: true });
    server = await serveProcedure({ clock: systemClock(), seed: SEED, body: made.body });
    server.world.truth.hand.pace = PACES.fast;
    browser = await openBrowser(executablePath as string);
    page = await browser.newPage({ viewport: SMALL });
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('pageerror', (error) => failures.push(error.message));
    await page.route('**/*', (route) => {
      const { origin } = new URL(route.request().url());
      if (origin === server.url || origin === 'null') return route.continue();
      foreign.push(route.request().url());
      return route.abort();
    });
    await page.goto(server.url);
    await page.waitForSelector('[data-action="accept-case"]');
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  // What a person would have seen.
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await picture('failed').catch(() => undefined);
  });

  const text = async (selector: string): Promise<string> => ((await page.textContent(selector)) ?? '').trim();
  const click = (action: string, timeout = PATIENCE_MS): Promise<void> =>
    page.click(`[data-action="${action}"]:not([disabled])`, { timeout });
  const picture = (name: string): Promise<Buffer> => page.screenshot({ path: join(pictures, `biopsy-${name}.png`) });
  const step = (name: string): Promise<unknown> => page.waitForSelector(`#app[data-step="${name}"]`);
  const said = (): Promise<string> => text('#detail .said');

  it(
    'refuses a segmentation of another frame, and takes the right one',
    async () => {
      await click('other-segmentation');
      await page.waitForSelector('#detail .said');
      await expect.poll(() => said()).toMatch(/frame of reference/);
      await expect.poll(() => text('#detail')).toMatch(/left mid PZ.*left/s);
      await picture('import');
      await click('accept-case');
      await step('calibrate');
    },
    TEST_MS,
  );

  it(
    'checks probe, image and guide before it uses them',
    async () => {
      await click('calibrate-probe');
      await page.waitForSelector('[data-action="accept-calibration"]:not([disabled])', { timeout: 200_000 });
      await picture('probe-calibration');
      await click('accept-calibration');
      await page.waitForFunction(() => document.querySelector('#detail')?.textContent?.includes('made today') === true);
      for (let n = 0; n < 60 && (await page.locator('[data-action="accept-equipment"]').count()) === 0; n += 1) {
        await click('check');
        await page.waitForSelector('[data-action="check"]:not([disabled]), [data-action="accept-equipment"]');
      }
      await picture('probe');
      await click('accept-equipment');
      await step('sweep');
    },
    TEST_MS,
  );

  /** How much of the swept volume was seen, as the page says, ml. */
  const seenMl = async (): Promise<number> => Number(await page.getAttribute('#swept', 'data-ml'));

  /** Of the slice along the sweep: how many pixels show something, how many nothing; and the mean grey of the former. */
  const alongSweep = (): Promise<{ seen: number; unseen: number; grey: number }> =>
    page.evaluate(() => {
      const canvas = document.querySelectorAll<HTMLCanvasElement>('#swept canvas')[1] as HTMLCanvasElement;
      const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(0, 0, canvas.width, canvas.height);
      let [seen, sum] = [0, 0];
      for (let n = 0; n < data.length; n += 4) {
        if (data[n + 3] !== 255) continue;
        seen += 1;
        sum += data[n] as number;
      }
      return { seen, unseen: data.length / 4 - seen, grey: sum / seen };
    });

  /** Presses a sweep's button, and looks at the volume until the sweep has ended. Returns what was seen, whenever it was another, ml. */
  async function watchSweep(action: string, looked: string): Promise<number[]> {
    await click(action);
    const seen: number[] = [];
    let pictured = false;
    const ended = page.locator(`#app[data-step="register"], [data-action="${action}"]:not([disabled])`);
    while ((await ended.count()) === 0) {
      const ml = await seenMl();
      if (ml !== seen.at(-1)) seen.push(ml);
      if (!pictured && (seen.length === 6 || ml > 90)) {
        pictured = true;
        await picture(looked);
      }
      await page.waitForTimeout(100);
    }
    return seen;
  }

  it(
    'shows the volume growing, does not use a sweep with a gap, and says where it is',
    async () => {
      await page.waitForSelector('#swept[data-place="corner"]');
      expect(await seenMl()).toBe(0);
      expect((await alongSweep()).seen).toBe(0);
      const seen = await watchSweep('sweep-gap', 'sweep');
      expect(seen.length).toBeGreaterThan(3);
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
      const slice = await alongSweep();
      expect(slice.seen).toBeGreaterThan(1000);
      expect(slice.unseen).toBeGreaterThan(1000);
      expect(slice.grey).toBeGreaterThan(20);
      await page.waitForSelector('#detail .said');
      await expect.poll(() => said()).toMatch(/gap of/);
      await expect.poll(() => page.locator('#coverage [data-kind="gap"]').count()).toBeGreaterThan(0);
      await picture('gap');
      for (let n = 0; n < 10 && (await page.getAttribute('#app', 'data-step')) === 'sweep'; n += 1) {
        await click('sweep');
        await page.waitForSelector('#app[data-step="register"], [data-action="sweep"]:not([disabled])');
      }
      await step('register');
      await page.waitForSelector('#swept[data-place="corner"]');
      expect(await seenMl()).toBeGreaterThan(100);
      await picture('swept');
    },
    TEST_MS,
  );

  /** Which share of the axial slice on the screen is as warm as only the tinted ultrasound is: red by 10 above blue. */
  async function warmShare(): Promise<number> {
    const box = (await page.locator('#stage').boundingBox()) as { x: number; y: number; width: number; height: number };
    const clip = { x: box.x, y: box.y + 0.51 * box.height, width: 0.34 * box.width, height: 0.49 * box.height };
    const png = (await page.screenshot({ clip })).toString('base64');
    return await page.evaluate(async (bytes) => {
      const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))]));
      const c = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d') as OffscreenCanvasRenderingContext2D;
      c.drawImage(bitmap, 0, 0);
      const { data } = c.getImageData(0, 0, bitmap.width, bitmap.height);
      let warm = 0;
      for (let n = 0; n < data.length; n += 4) if ((data[n] as number) > (data[n + 2] as number) + 10) warm += 1;
      return (4 * warm) / data.length;
    }, png);
  }

  /** Looks at both images another way, and waits until it is drawn. */
  async function lookAt(way: string): Promise<void> {
    for (let n = 0; n < 3 && (await text('#fused')) !== way; n += 1) await click('fused');
    await expect.poll(() => text('#fused')).toBe(way);
    // Two more pictures: one that was begun before would show what was. Where there is a GPU nobody counts them.
    const drawn = Number((await page.getAttribute('#stage', 'data-pictures')) ?? Number.NaN);
    if (Number.isNaN(drawn)) return;
    await page.waitForFunction((n) => Number(document.querySelector<HTMLElement>('#stage')?.dataset['pictures']) > n + 1, drawn);
  }

  it(
    'registers the MR to the sweep, within the bound that it shows, and shows both in one picture',
    async () => {
      await click('mark');
      await click('register');
      await page.waitForSelector('[data-action="accept-registration"]:not([disabled])');
      await expect.poll(() => text('#detail')).toMatch(/Outcome\s*ok/);
      const bounds = [...(await text('#detail')).matchAll(/at [^≤]+≤\s*([\d.]+)/g)].map((m) => Number(m[1]));
      expect(bounds).toHaveLength(made.given.lesions.length);
      for (const mm of bounds) expect(mm).toBeLessThanOrEqual(MAX_TRE95_MM);
      await lookAt('MR alone');
      const alone = await warmShare();
      await picture('register');
      await lookAt('MR + US mixed');
      expect(await warmShare()).toBeGreaterThan(alone + 0.15);
      await picture('fused');
      await lookAt('MR + US in squares');
      await picture('squares');
      await click('accept-registration');
      await step('verify');
      await click('mark');
      await page.waitForSelector('[data-action="verify"]:not([disabled])');
      await picture('verify');
      await click('verify');
      await step('biopsy');
    },
    TEST_MS,
  );

  /** Aims at target `n`, and fires once the number is good; a busy machine may be late once, and a person answers its alarm. */
  async function sample(n: number, looked: string | undefined): Promise<void> {
    await click(`target-${made.given.lesions[n]?.label}`);
    await click('aim');
    await page.waitForSelector('#readout .number.main[data-good="yes"]');
    if (looked !== undefined) await picture(looked);
    const count = server.world.fired.length;
    for (let k = 0; k < 20 && server.world.fired.length === count; k += 1) {
      await answerAlarms(page);
      await click('fire', 2000).catch(() => undefined);
      await page.waitForTimeout(300);
    }
    expect(server.world.fired).toHaveLength(count + 1);
    await page.waitForFunction(
      (cores) => (document.querySelector('#detail')?.textContent?.match(/· \d core/g) ?? []).length === cores,
      count + 1,
    );
  }

  /** The landmarks again, held against the registration. */
  async function verifyAgain(): Promise<void> {
    await click('mark');
    await click('verify');
    await answerAlarms(page);
    await page.waitForSelector('[data-action="fire"]');
  }

  it(
    'aims, says how likely a core would sample the target, and records the core where it came from',
    async () => {
      await sample(0, undefined);
    },
    TEST_MS,
  );

  it(
    'loaded again after a crash, has registration, targets and core, and takes no other before landmarks were marked',
    async () => {
      const bound = await text('#basis');
      const sampled = await text('#detail');
      await page.reload();
      await page.waitForSelector('[data-action="resume"]:not([disabled])');
      await expect.poll(() => text('#open-cases')).toMatch(/not finished.*\d{4}-\d\d-\d\d \d\d:\d\d UTC, biopsy/s);
      await picture('open');
      await click('resume');
      await step('biopsy');
      await expect.poll(() => text('#session')).toMatch(/^Session: resumed, begun \d\d:\d\d UTC$/);
      await page.waitForSelector('#alarms [data-rule="restored-unverified"]:not([hidden])');
      expect(await page.locator('[data-action="fire"]').count()).toBe(0);
      expect(await text('[data-value="probability"] .figure')).toBe('–');
      const [was] = sampled.match(/\d+\u202f% · 1 core/) ?? [''];
      await expect.poll(() => text('#detail')).toContain(was);
      await picture('resumed');
      await verifyAgain();
      await page.waitForSelector('#alarms [data-rule="restored-unverified"]', { state: 'hidden' });
      await expect.poll(() => text('#basis')).toBe(bound);
    },
    TEST_MS,
  );

  it(
    'samples the other targets, each on the side that is said',
    async () => {
      for (let n = 1; n < made.given.lesions.length; n += 1) await sample(n, n === 1 ? 'aim' : undefined);
      await picture('cores');
      await page.setViewportSize(LARGE);
      await page.waitForTimeout(1200);
      await picture('cores-1920');
      await page.setViewportSize(SMALL);
      const { fired } = server.world;
      expect(fired).toHaveLength(made.given.lesions.length);
      made.given.lesions.forEach((lesion, n) => {
        expect(fired.some((core) => (core.inLesionsMm[n] ?? 0) >= 1 && core.side === lesion.side)).toBe(true);
      });
    },
    TEST_MS,
  );

  it(
    'takes no core of a probe that is not seen, and none of a gland that moved',
    async () => {
      await click('hide');
      await page.waitForSelector('#banner[data-kind="stop"]:not([hidden])');
      expect(await text('[data-value="probability"] .figure')).toBe('–');
      expect(await page.locator('[data-action="fire"]').isDisabled()).toBe(true);
      await picture('hidden');
      await click('hide');
      await page.waitForSelector('#banner', { state: 'hidden' });
      await click('move');
      await page.waitForFunction(() => document.querySelector('#banner')?.textContent?.includes('moved'));
      expect(await page.locator('[data-action="fire"]').count()).toBe(0);
      await picture('moved');
      expect(server.world.fired).toHaveLength(made.given.lesions.length);
      await click('move');
      await page.waitForTimeout(600);
      await verifyAgain();
    },
    TEST_MS,
  );

  it(
    'writes a report that tells the side of each core',
    async () => {
      await click('finish');
      await step('finished');
      const [download] = await Promise.all([page.waitForEvent('download'), click('report')]);
      const html = await readFile(await download.path(), 'utf8');
      const words = html.replace(/<[^>]*>/g, ' ');
      for (const [n, { name, side }] of made.given.lesions.entries()) {
        expect(server.world.fired.some((core) => core.side === side && (core.inLesionsMm[n] ?? 0) >= 1)).toBe(true);
        expect(words).toMatch(new RegExp(`${name} #1\\s+${side}\\s`));
      }
      expect(html).not.toMatch(/https?:\/\//);
      await picture('report');
      // The patient's page in another language, chosen where the person stands.
      await page.selectOption('#language', 'hi');
      await expect.poll(() => text('[data-action="handout"]')).toBe('मरीज़ के लिए पृष्ठ');
      const [handout] = await Promise.all([page.waitForEvent('download'), click('handout')]);
      expect(handout.suggestedFilename()).toBe('mr-us-biopsy-handout.html');
      const told = await readFile(await handout.path(), 'utf8');
      expect(told).toMatch(/<html lang="hi"/);
      expect(told).toContain(`प्रोस्टेट से ऊतक के ${made.given.lesions.length} नमूने लिए गए।`);
      await page.selectOption('#language', 'en');
      expect(foreign).toEqual([]);
      expect(failures).toEqual([]);
    },
    TEST_MS,
  );
});
