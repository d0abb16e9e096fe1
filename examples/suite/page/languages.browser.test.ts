import { ALARM_RULES, type Alarm, Monitor } from '@trocar/core/guidance';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { page } from 'vitest/browser';
import { SHELL as ABLATION } from '../../ct-liver-ablation/page/shell.js';
import { EN as ABLATION_TEXTS } from '../../ct-liver-ablation/page/texts/en.js';
import { tell } from '../../ct-liver-ablation/page/texts/index.js';
import { SHELL as NAVIGATION } from '../../phantom-navigation/page/shell.js';
import { AlarmBar } from './alarm-bar.js';
import { setText } from './dom.js';
import { Panel } from './panel.js';
import type { ShellPlan } from './shell.js';
import { EN } from './texts/en.js';
import { fetchLetters, hasLetters } from './texts/fonts.js';
import { t } from './texts/index.js';
import { chooseHere, inEnglish, LANGUAGES, language } from './texts/language.js';

const WINDOWS = [
  [1100, 720],
  [1280, 800],
] as const;

function build(): { readonly panel: Panel<'plan' | 'guide', 'distance'>; readonly app: HTMLElement } {
  const app = document.createElement('main');
  app.id = 'app';
  document.body.replaceChildren(app);
  const panel = new Panel<'plan' | 'guide', 'distance'>(app, {
    notice: () => t('translation not reviewed'),
    languages: true,
    notes: ['session'],
    steps: [
      { id: 'plan', label: () => t('plan') },
      { id: 'guide', label: () => t('Guidance'), guided: true },
    ],
    numbers: [{ id: 'distance', label: () => t('Error of the tip, 95 %'), main: true }],
    guide: { lateral: () => t('Fit'), depth: () => t('Expected'), avoid: () => t('not segmented') },
  });
  return { panel, app };
}

/** A monitor in which one alarm stands, as if its rule had raised it. */
function standing(rules: readonly (typeof ALARM_RULES)[number][]): Monitor {
  const monitor = new Monitor();
  const alarms = rules.map((rule): Alarm => {
    const subject = rule.about === 'procedure' ? '' : rule.about === 'image' ? 'ultrasound' : 'applicator';
    const { id, priority, message } = rule;
    const times = { raisedAtMs: 0, passedAtMs: undefined, acknowledged: undefined };
    return { rule: id, subject, priority, phase: 'active', message, values: {}, ...times };
  });
  monitor.restore({ alarms });
  return monitor;
}

/** How much of an element's text lies outside what is shown of it, px each way. */
function cut(at: Element): number {
  return Math.max(at.scrollWidth - at.clientWidth, at.scrollHeight - at.clientHeight);
}

beforeAll(async () => {
  const style = document.createElement('link');
  style.rel = 'stylesheet';
  style.href = new URL('./style.css', import.meta.url).href;
  await new Promise((resolve, reject) => {
    style.onload = resolve;
    style.onerror = reject;
    document.head.append(style);
  });
  expect(Object.keys(LANGUAGES).filter(hasLetters)).toEqual(['en']);
  await Promise.all(Object.keys(LANGUAGES).map(fetchLetters));
});

afterEach(() => chooseHere('en'));

describe('a page in another language', () => {
  for (const [width, height] of WINDOWS) {
    for (const tag of Object.keys(LANGUAGES)) {
      it(`cuts no alarm and no answer to it: ${tag}, ${width}×${height}`, async () => {
        await page.viewport(width, height);
        await chooseHere(tag);
        for (const rule of ALARM_RULES) {
          const { panel, app } = build();
          const other = ALARM_RULES.filter((r) => r !== rule).slice(0, 2);
          const bar = new AlarmBar(panel.alarms, standing([rule, ...other]), 'operator');
          bar.show();
          app.querySelector<HTMLElement>('#more-alarms, [data-action="more-alarms"]')?.click();
          const messages = [...app.querySelectorAll('#alarms .message')];
          expect(messages.length).toBe(3);
          for (const message of messages) {
            expect(message.textContent).not.toMatch(/^\[en\]|^$/);
            // The tool and the image are called as they are everywhere else on the screen.
            if (tag !== 'en') expect(message.textContent).not.toMatch(/applicator|ultrasound/);
            expect(cut(message), `${rule.id}: ${message.textContent}`).toBeLessThanOrEqual(1);
          }
          for (const button of app.querySelectorAll('#alarms button'))
            expect(cut(button), button.textContent).toBeLessThanOrEqual(1);
          const { right } = (app.querySelector('#alarms') as Element).getBoundingClientRect();
          expect(right).toBeLessThanOrEqual(width);
        }
      });
    }
  }

  for (const [width, height] of WINDOWS) {
    for (const tag of Object.keys(LANGUAGES)) {
      it(`cuts no button, step or name of a number: ${tag}, ${width}×${height}`, async () => {
        await page.viewport(width, height);
        await chooseHere(tag);
        for (const shell of [ABLATION, NAVIGATION]) {
          const app = document.createElement('main');
          app.id = 'app';
          document.body.replaceChildren(app);
          const panel = new Panel<string, string>(app, shell as ShellPlan<string, string>);
          panel.step('guide', true);
          // Whatever is short enough to stand on a button, on one.
          const labels = ABLATION_TEXTS.filter((text) => text.length <= 44 && !text.includes('{')).map((text) => tell(text));
          for (let n = 0; n < labels.length; n += 6) {
            panel.actions(
              labels
                .slice(n, n + 6)
                .map((label, k) => ({ id: `a${k}`, label, simulated: k > 3, primary: k === 0, run: () => {} })),
            );
            for (const button of app.querySelectorAll('#panel button'))
              expect(cut(button), button.textContent ?? '').toBeLessThanOrEqual(1);
          }
          for (const part of app.querySelectorAll('#steps li, #notice, #readout .label, #guide .label, footer p, footer li')) {
            if (part.closest('[hidden]') !== null) continue;
            expect(part.scrollWidth - part.clientWidth, `${part.textContent}`).toBeLessThanOrEqual(1);
          }
          expect(app.scrollWidth).toBeLessThanOrEqual(width);
          const side = app.querySelector('#panel') as Element;
          expect(side.scrollWidth - side.clientWidth).toBeLessThanOrEqual(1);
        }
      });
    }
  }

  it('follows the language without being loaded anew', () => {
    const { panel, app } = build();
    const bar = new AlarmBar(panel.alarms, standing(ALARM_RULES.slice(0, 1)), 'operator');
    const menu = app.querySelector('#language') as HTMLSelectElement;
    const stage = app.querySelector('#stage') as HTMLElement;
    const texts = (): (string | null | undefined)[] => {
      bar.show();
      const of = (selector: string) => app.querySelector(selector)?.textContent;
      return [
        of('#alarms .message'),
        of('[data-action="acknowledge"]'),
        of('#steps li'),
        of('#translation'),
        stage.getAttribute('aria-label'),
      ];
    };
    const english = texts();
    expect(english.slice(0, 4)).toEqual([expect.stringMatching(/^"applicator" is not seen/), 'Acknowledge', 'plan', '']);
    menu.value = 'hi';
    menu.dispatchEvent(new Event('change'));
    expect(document.documentElement.lang).toBe('hi');
    const hindi = texts();
    hindi.forEach((text, n) => {
      expect(text, String(n)).toMatch(/\p{Script=Devanagari}/u);
    });
    expect(app.querySelector('#stage')).toBe(stage);
    menu.value = 'en';
    menu.dispatchEvent(new Event('change'));
    expect(texts()).toEqual(english);
  });

  it('shows what is English for want of a translation as such', async () => {
    const at = document.createElement('p');
    await chooseHere('gu');
    setText(at, inEnglish('The bridge refused.'));
    expect(at.textContent).toBe('[en] The bridge refused.');
    expect(at.hasAttribute('data-untranslated')).toBe(true);
    expect(at.lang).toBe('en');
    setText(at, t('Alarms'));
    expect(at.hasAttribute('data-untranslated')).toBe(false);
    expect(at.hasAttribute('lang')).toBe(false);
  });

  it('has the letters of every script from its own server, and leaves Latin ones alone', () => {
    const wide = (text: string, family: string): number => {
      const context = new OffscreenCanvas(8, 8).getContext('2d') as OffscreenCanvasRenderingContext2D;
      context.font = `32px "${family}", monospace`;
      return context.measureText(text).width;
    };
    for (const [tag, family, word] of [
      ['hi', 'Noto Sans Devanagari', 'नमस्ते'],
      ['bn', 'Noto Sans Bengali', 'নমস্কার'],
      ['gu', 'Noto Sans Gujarati', 'નમસ્તે'],
    ] as const) {
      expect(hasLetters(tag), tag).toBe(true);
      const faces = [...document.fonts].filter((face) => face.family.replaceAll('"', '') === family);
      expect(faces.map((face) => face.status)).toEqual(['loaded']);
      expect(wide(word, family)).not.toBe(wide(word, 'no such family'));
      expect(wide('Target 12.5', family)).toBe(wide('Target 12.5', 'no such family'));
    }
  });

  it('takes no language for another, and falls back to English', async () => {
    await chooseHere('xx');
    expect(language.locale.language).toBe('en');
    await chooseHere('bn-BD');
    expect(language.locale.language).toBe('bn');
    expect(EN.length).toBeGreaterThan(80);
  });
});
