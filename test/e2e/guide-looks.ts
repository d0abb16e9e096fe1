import { join } from 'node:path';
import { systemClock } from '@trocar/core';
import { parseReading } from '@trocar/core/guidance';
import { transformDirection } from '@trocar/core/math';
import { PALETTE } from '@trocar/core/render';
import type { Page } from 'playwright';
import type { World } from '../../examples/phantom-navigation/src/node/world.js';

/** What the guidance beside the slices shows, read from the page. */

/** A structure in the list of those to keep clear of. */
export interface Avoided {
  /** How near the tip may be to it, mm; NaN where that is not known. */
  readonly mm: number;
  /** The level that the page gives to that. */
  readonly level: string | null;
  /** As it stands there. */
  readonly said: string;
}

/** One structure of the list. */
export async function avoided(page: Page, name: string): Promise<Avoided> {
  const row = `#avoid [data-structure="${name}"]`;
  const said = (await page.textContent(`${row} .figure`)) ?? '';
  return { mm: parseReading(said.replace('≥\u202f', '')), level: await page.getAttribute(row, 'data-level'), said };
}

/** How many pixels of a panel have one of the palette's colours. */
export function inPanel(page: Page, id: 'bullseye' | 'depth', colour: 'tool' | 'alarm'): Promise<number> {
  return page.evaluate(
    ([at, hex]) => {
      const canvas = document.querySelector<HTMLCanvasElement>(`#${at} canvas`) as HTMLCanvasElement;
      const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(0, 0, canvas.width, canvas.height);
      const wanted = [1, 3, 5].map((n) => Number.parseInt((hex as string).slice(n, n + 2), 16));
      let count = 0;
      for (let i = 0; i < data.length; i += 4) {
        if (wanted.every((w, k) => Math.abs((data[i + k] as number) - w) <= 24)) count += 1;
      }
      return count;
    },
    [id, PALETTE[colour]] as const,
  );
}

/** What of bullseye, depth bar and list is too small, over another or cut off by the window; empty where nothing is. */
export function misplaced(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const box = (s: string): DOMRect => (document.querySelector(s) as HTMLElement).getBoundingClientRect();
    const [dial, bar, list, guide] = ['#bullseye', '#depth', '#avoid', '#guide'].map(box) as [DOMRect, DOMRect, DOMRect, DOMRect];
    const found: string[] = [];
    if (Math.min(dial.height, bar.height) < 120) found.push(`too low: ${dial.height} and ${bar.height} px`);
    if (dial.bottom > bar.top || bar.bottom > list.top) found.push('one over the other');
    if (list.bottom > guide.bottom + 0.5 || guide.bottom > innerHeight + 0.5) found.push('cut off below');
    return found;
  });
}

/** What the page should show at this moment, from where the hand truly is: mm, and degrees. */
export function trueNumbers({ truth }: World): Record<string, number> {
  const { plan } = truth.case;
  const m = truth.hand.pose(new Float64Array(16), systemClock().now());
  const rest = [0, 1, 2].map((k) => (plan.target.xyz[k] as number) - (m[12 + k] as number));
  const depth = rest.reduce((sum, v, k) => sum + v * (plan.axis[k] as number), 0);
  const tool = transformDirection(new Float64Array(3), m, [0, 0, -1]);
  const cosine = tool.reduce((sum, v, k) => sum + v * (plan.axis[k] as number), 0);
  return {
    distance: Math.hypot(...rest),
    depth,
    lateral: Math.hypot(...rest.map((v, k) => v - depth * (plan.axis[k] as number))),
    angle: (Math.acos(Math.min(1, cosine)) * 180) / Math.PI,
  };
}

/** Says what stands on a page after a test of it failed, from which the next ones go on, and takes a picture. */
export async function tellFailure(page: Page, name: string): Promise<void> {
  const said = await page.$$eval('#banner:not([hidden]), #alarms, #detail', (all) => all.map((one) => one.textContent ?? ''));
  process.stderr.write(`${name}: ${said.join(' | ').slice(0, 600)}\n`);
  await page.screenshot({ path: join(import.meta.dirname, '../../test-results/e2e-failed.png') });
}
