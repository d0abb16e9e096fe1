import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@trocar/core';
import type { Browser, Page } from 'playwright';
import { phantomCase } from '../../examples/phantom-navigation/src/case.js';
import { type ServeOptions, serveProcedure } from '../../examples/phantom-navigation/src/node/serve.js';
import { startWorld, type World } from '../../examples/phantom-navigation/src/node/world.js';
import { PACES } from '../../examples/suite/src/hand.js';
import type { PageServer } from '../../examples/suite/src/node/page-server.js';
import { openBrowser } from './open-browser.js';

/** Where pictures for people go. */
const PICTURES = join(import.meta.dirname, '../../test-results');

/** Without a GPU every pixel counts: the page is laid out as in such a window, and drawn with a quarter of its pixels. */
const SMALL = { viewport: { width: 960, height: 640 }, deviceScaleFactor: 0.5 };

/** In software pictures come with pauses: what was asked for is kept, said and drawn some of them later, ms. */
const ANSWERED_MS = 400;

/** Answers the alarms that stand, as a person would: a busy machine may be late once. */
export async function answerAlarms(page: Page): Promise<void> {
  for (const action of ['acknowledge', 'reset-alarm']) {
    await page.click(`[data-action="${action}"]:not([disabled])`, { timeout: 200 }).catch(() => undefined);
  }
}

/** The page of the phantom's procedure in a browser, with a hand in a hurry, and what a test does with it. */
export class OpenPage {
  readonly page: Page;
  readonly server: PageServer<World>;
  /** Addresses that were asked for elsewhere, and errors of scripts. */
  readonly foreign: string[] = [];
  readonly failures: string[] = [];
  readonly #browser: Browser;

  private constructor(browser: Browser, page: Page, server: PageServer<World>) {
    this.#browser = browser;
    this.page = page;
    this.server = server;
  }

  static async open(executablePath: string, seed: number, second: Partial<ServeOptions>): Promise<OpenPage> {
    mkdirSync(PICTURES, { recursive: true });
    const clock = systemClock();
    const given = phantomCase(seed);
    const world = (origin: string): ReturnType<typeof startWorld> =>
      startWorld({ case: given, seed, clock, allowedOrigins: [origin] });
    const server = await serveProcedure({ clock, seed, ...second, startWorld: world });
    server.world.truth.hand.pace = PACES.fast;
    const browser = await openBrowser(executablePath);
    const page = await browser.newPage(SMALL);
    const opened = new OpenPage(browser, page, server);
    page.on('pageerror', (error) => opened.failures.push(error.message));
    await page.route('**/*', (route) => {
      const { origin } = new URL(route.request().url());
      if (origin === server.url || origin === 'null') return route.continue();
      opened.foreign.push(route.request().url());
      return route.abort();
    });
    return opened;
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.server.close();
  }

  /** Loads the page anew, up to the plan. */
  async load(): Promise<void> {
    await this.page.goto(this.server.url);
    await this.page.waitForSelector('[data-action="accept-plan"]', { timeout: 120_000 });
  }

  async text(selector: string): Promise<string> {
    return (await this.page.textContent(selector)) ?? '';
  }

  async click(action: string): Promise<void> {
    await this.page.click(`[data-action="${action}"]:not([disabled])`, { timeout: 60_000 });
    await this.answered();
  }

  /** Waits until the page has said and drawn what was asked for. */
  async answered(): Promise<void> {
    await this.page.waitForTimeout(ANSWERED_MS);
  }

  async has(action: string): Promise<boolean> {
    return (await this.page.locator(`[data-action="${action}"]:not([disabled])`).count()) > 0;
  }

  async step(): Promise<string | null> {
    return this.page.getAttribute('#app', 'data-step');
  }

  async banner(): Promise<string> {
    return this.page.$eval('#banner', (at) => ((at as HTMLElement).hidden ? '' : (at.textContent ?? '')));
  }

  /** A picture for people. */
  async picture(name: string): Promise<void> {
    await this.page.screenshot({ path: join(PICTURES, `${name}.png`) });
  }

  /**
   * The coronal slice as it is drawn after two more frames, kept in the page under the number that is returned. Read from
   * the canvas in the frame that drew it: a browser's own picture of itself takes seconds without a GPU.
   */
  async slice(): Promise<number> {
    return this.page.evaluate(async () => {
      const frame = (): Promise<unknown> => new Promise((next) => requestAnimationFrame(next));
      const kept = globalThis as { slices?: Uint8ClampedArray[] };
      kept.slices ??= [];
      const stage = document.querySelector<HTMLCanvasElement>('#stage') as HTMLCanvasElement;
      const [w, h] = [Math.floor(stage.width / 2) - 4, Math.floor(stage.height / 2) - 4];
      const context = new OffscreenCanvas(w, h).getContext('2d') as OffscreenCanvasRenderingContext2D;
      for (let n = 0; n < 120; n += 1) {
        await frame();
        if (n < 2) continue;
        context.drawImage(stage, 0, stage.height - h, w, h, 0, 0, w, h);
        const { data } = context.getImageData(0, 0, w, h);
        // What nobody drew in this frame is empty, or black.
        if (data.some((v, i) => i % 4 < 3 && v > 0)) return kept.slices.push(data) - 1;
      }
      throw new Error('The page draws nothing.');
    });
  }

  /** Touches every fiducial, again where it was refused, and registers. */
  async registerAll(): Promise<void> {
    const count = this.server.world.truth.case.fiducials.length;
    const touched = (): Promise<number> => this.page.locator('#detail td', { hasText: 'touched' }).count();
    for (let attempt = 0; attempt < 120 && (await touched()) < count; attempt += 1) {
      if (await this.has('touch-all')) await this.click('touch-all').catch(() => undefined);
      await this.page.waitForTimeout(500);
    }
    await this.click('register');
  }

  /** Which share of the pixels of two slices is seen to differ. */
  async differing(a: number, b: number): Promise<number> {
    return this.page.evaluate(
      (pair) => {
        const { slices } = globalThis as unknown as { slices: Uint8ClampedArray[] };
        const [p, q] = pair.map((n) => slices[n]) as [Uint8ClampedArray, Uint8ClampedArray];
        if (p.length !== q.length) return 1;
        let count = 0;
        for (let i = 0; i < p.length; i += 4) {
          const away = (k: number): number => Math.abs((p[i + k] as number) - (q[i + k] as number));
          if (Math.max(away(0), away(1), away(2)) > 24) count += 1;
        }
        return count / (p.length / 4);
      },
      [a, b],
    );
  }

  /** The action that has the keyboard's focus. */
  async focused(): Promise<string | null> {
    return this.page.evaluate(() => document.activeElement?.getAttribute('data-action') ?? document.activeElement?.id ?? null);
  }

  /** Goes with the tab key alone to where an action, or an element of that ID, has the focus. */
  async tabTo(action: string): Promise<void> {
    const went: Array<string | null> = [];
    for (let n = 0; n < 60; n += 1) {
      const at = await this.focused();
      if (at === action) return;
      went.push(at);
      await this.page.keyboard.press('Tab');
    }
    throw new Error(`The tab key never comes to ${action}: it went ${went.join(', ')}.`);
  }
}
