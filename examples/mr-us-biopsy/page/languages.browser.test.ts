import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { page } from 'vitest/browser';
import { h } from '../../suite/page/dom.js';
import { Panel } from '../../suite/page/panel.js';
import { fetchLetters } from '../../suite/page/texts/fonts.js';
import { chooseHere, LANGUAGES } from '../../suite/page/texts/language.js';
import { SHELL } from './shell.js';
import { type BiopsyText, EN } from './texts/en.js';
import { t, tell } from './texts/index.js';
import { landmarkName, sidedName } from './words.js';

const WINDOWS = [
  [1100, 720],
  [1280, 800],
] as const;

/** Said in a strip over the 3D view. */
const BANNERS = [
  'Prostate moved: verify before firing',
  'Resumed: verify before firing',
  'Mark landmarks, then verify',
  'Reference not seen',
  'No connection to the bridge',
  'Looking at bead 1 from all sides …',
] as const satisfies readonly BiopsyText[];

/** How much of an element's text lies outside what is shown of it, px each way. */
const cut = (at: Element): number => Math.max(at.scrollWidth - at.clientWidth, at.scrollHeight - at.clientHeight);

function styled(file: string): Promise<unknown> {
  const style = h('link', { rel: 'stylesheet', href: new URL(file, import.meta.url).href });
  return new Promise((resolve, reject) => {
    style.onload = resolve;
    style.onerror = reject;
    document.head.append(style);
  });
}

beforeAll(async () => {
  await styled('../../suite/page/style.css');
  await styled('./style.css');
  await Promise.all(Object.keys(LANGUAGES).map(fetchLetters));
});

afterEach(() => chooseHere('en'));

describe('the biopsy’s page in another language', () => {
  for (const [width, height] of WINDOWS) {
    for (const tag of Object.keys(LANGUAGES)) {
      it(`cuts no button, step, banner or name of a number: ${tag}, ${width}×${height}`, async () => {
        await page.viewport(width, height);
        await chooseHere(tag);
        const app = h('main', { id: 'app' });
        document.body.replaceChildren(app);
        const panel = new Panel(app, SHELL);
        panel.step('biopsy');
        for (const { id } of SHELL.numbers) panel.number(id, '<\u202f12.5\u202fmm', true);
        const labels = EN.filter((text) => text.length <= 44 && !text.includes('{')).map((text) => tell(text));
        for (let n = 0; n < labels.length; n += 6) {
          const shown = labels.slice(n, n + 6);
          panel.actions(shown.map((label, k) => ({ id: `a${k}`, label, simulated: k > 3, primary: k === 0, run: () => {} })));
          for (const button of app.querySelectorAll('#panel button'))
            expect(cut(button), `${button.textContent}`).toBeLessThanOrEqual(1);
        }
        for (const part of app.querySelectorAll('#steps li, #notice, #readout .label, #readout .figure, footer p, footer li'))
          expect(part.scrollWidth - part.clientWidth, `${part.textContent}`).toBeLessThanOrEqual(1);
        const steps = [...app.querySelectorAll('#steps li')].map((li) => {
          const range = document.createRange();
          range.selectNodeContents(li);
          return range.getBoundingClientRect();
        });
        // Beside each other, with room between.
        for (const [n, box] of steps.slice(1).entries())
          expect(box.left - (steps[n] as DOMRect).right, `${n}`).toBeGreaterThan(2);
        for (const text of BANNERS) {
          panel.banner({ kind: 'stop', text: t(text) });
          const banner = app.querySelector('#banner') as Element;
          expect(cut(banner), text).toBeLessThanOrEqual(1);
          expect(banner.getBoundingClientRect().right, text).toBeLessThanOrEqual(width);
        }
        expect(app.scrollWidth).toBeLessThanOrEqual(width);
      });
    }
  }

  it('says the side of a target and the name of a landmark, and what is named elsewhere as it is', async () => {
    expect(sidedName('left mid PZ', 'left')).toBe('left mid PZ (left)');
    expect(landmarkName('calcification 2')).toBe('calcification 2');
    await chooseHere('hi');
    expect(sidedName('left mid PZ', 'left')).toBe('left mid PZ (बायाँ)');
    expect(sidedName('left mid PZ', 'right')).toBe('left mid PZ (दायाँ)');
    expect(landmarkName('calcification 2')).toBe('कैल्सिफ़िकेशन 2');
    expect(landmarkName('utricle')).toBe('utricle');
  });
});
