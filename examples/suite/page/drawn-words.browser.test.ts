import { frame, PoseView, point, type Status } from '@trocar/core';
import { MotionGate, straightPlan } from '@trocar/core/guidance';
import {
  Bullseye,
  DepthBar,
  type DrawnWords,
  GateIndicator,
  type GuidanceGraphic,
  UltrasoundImage,
  UltrasoundView,
} from '@trocar/core/render';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { drawnWords } from './drawn-words.js';
import { fetchLetters } from './texts/fonts.js';
import { t } from './texts/index.js';
import { chooseHere, LANGUAGES } from './texts/language.js';

/**
 * Whether the words of every language have their room in the pictures, where that is least: the column beside the slices at its narrowest,
 * the gate at its lowest, a 3D view of 320 CSS pixels.
 */
const STATUSES: readonly Status[] = ['ok', 'predicted', 'unknown', 'outOfVolume', 'stale', 'missing', 'disconnected'];
const NOW = Float64Array.of(10_000);
/** Letters smaller than this are not read at a table, CSS pixels. */
const LEAST_PX = 9;
const FONT =
  'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", "Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Gujarati", sans-serif';

const CT = frame('ct');
const PLAN = straightPlan({ entry: point(CT, [0, 0, 80]), target: point(CT, [0, 0, 0]) });
const ends: (() => void)[] = [];

beforeAll(async () => {
  const style = document.createElement('link');
  style.rel = 'stylesheet';
  style.href = new URL('./style.css', import.meta.url).href;
  await new Promise((resolve, reject) => {
    style.onload = resolve;
    style.onerror = reject;
    document.head.append(style);
  });
});

afterEach(async () => {
  vi.restoreAllMocks();
  for (const end of ends.splice(0)) end();
  await chooseHere('en', false);
});

async function wordsIn(tag: string): Promise<DrawnWords> {
  await fetchLetters(tag);
  await chooseHere(tag, false);
  return drawnWords(t);
}

function host(width: number, height: number): HTMLElement {
  const there = document.createElement('div');
  there.style.cssText = `width:${width}px;height:${height}px`;
  document.body.append(there);
  ends.push(() => there.remove());
  return there;
}

/** The tip so far from the target along the plan, and beside it, mm. */
function pose(status: Status, remainingMm: number, besideMm: number): PoseView {
  const view = new PoseView();
  view.status = status;
  view.times.fill(NOW[0] as number);
  if (view.hasPose) view.matrix.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, besideMm, 0, remainingMm, 1]);
  return view;
}

/** Everything that is written on canvases while something is done, and whether it lies within its canvas. */
function written(act: () => void): { readonly said: Set<string>; readonly faults: string[] } {
  const said = new Set<string>();
  const faults: string[] = [];
  const { fillText } = CanvasRenderingContext2D.prototype;
  vi.spyOn(CanvasRenderingContext2D.prototype, 'fillText').mockImplementation(function (
    this: CanvasRenderingContext2D,
    text,
    x,
    y,
  ) {
    fillText.call(this, text, x, y);
    said.add(text);
    const { width, actualBoundingBoxAscent: above, actualBoundingBoxDescent: below } = this.measureText(text);
    const px = Number.parseFloat(/([\d.]+)px/.exec(this.font)?.[1] ?? '0');
    const { width: right, height: bottom } = this.canvas;
    if (x - width / 2 < -0.5 || x + width / 2 > right + 0.5 || y - above < -0.5 || y + below > bottom + 0.5)
      faults.push(`"${text}" at ${x.toFixed(0)}, ${y.toFixed(0)} lies outside ${right} × ${bottom}`);
    if (px < LEAST_PX && /\p{L}{2}/u.test(text)) faults.push(`"${text}" has letters of ${px} px`);
  });
  act();
  vi.restoreAllMocks();
  return { said, faults };
}

function settled(panel: GuidanceGraphic, words: DrawnWords): void {
  panel.setWords?.(words);
  panel.settle(NOW, 250);
  panel.dispose();
}

function drawGuidance(words: DrawnWords): void {
  for (const status of STATUSES) {
    for (const [remaining, beside] of [
      [30, 0],
      [0, 0],
      [-6, 0],
      [-6, 20],
    ] as const) {
      const view = pose(status, remaining, beside);
      const bullseye = new Bullseye(host(154, 190), { plan: PLAN, pixelRatio: 1 });
      const depth = new DepthBar(host(154, 180), { plan: PLAN, pixelRatio: 1 });
      for (const panel of [bullseye, depth]) {
        panel.update(view);
        settled(panel, words);
      }
    }
  }
}

function drawUltrasound(words: DrawnWords): void {
  for (const status of STATUSES) {
    for (const at of [undefined, 0, NOW[0] as number]) {
      const image = new UltrasoundImage(32, 24);
      if (at !== undefined) image.update(new Uint8Array(32 * 24), [at]);
      const view = new UltrasoundView(host(200, 150), { image, spacingMm: [1, 1], pixelRatio: 1 });
      view.update(pose(status, 0, 0));
      settled(view, words);
      image.dispose();
    }
  }
}

/** Open and closed after quiet breathing, unknown before, and not asked in time. */
function drawGate(words: DrawnWords): void {
  for (const [breaths, phaseMs, lateMs] of [
    [10, 100, 0],
    [10, 1400, 0],
    [0, 0, 0],
    [10, 100, 400],
  ] as const) {
    const gate = new MotionGate({ expirationAlong: [0, 0, -1] });
    const panel = new GateIndicator(host(345, 66), { pixelRatio: 1 });
    const now = Float64Array.of(0);
    const end = 100_000;
    for (let at = end - 4000 * breaths - phaseMs; at <= end; at += 50) {
      gate.push(Float64Array.of(at, 0, 0, 8 * Math.sin((Math.PI * (at - end + phaseMs)) / 4000) ** 4));
      now[0] = at;
      panel.update(gate, now);
    }
    panel.setWords(words);
    panel.settle(Float64Array.of(end + lateMs), 250);
    panel.dispose();
  }
}

/** Lines of the 3D view: what they say at their longest, and their size, CSS pixels. */
function sceneLines(words: DrawnWords): readonly (readonly [text: string, sizePx: number])[] {
  const { entries, margins, status, tip, errorUnknown, marginNotKnown } = words;
  const statuses = Object.values(status);
  return [
    [`${entries.entry} · ${entries.spare('12.3\u202fmm')}: ${words.named('Gallbladder')} · ${entries.toSkin('45°')}`, 12],
    ...Object.values(entries.kinds).map((kind) => [`${entries.entry} · ${kind}`, 12] as const),
    [`${entries.entry} · ${entries.kinds.tooNear}: ${words.named('Gallbladder')}`, 12],
    [entries.noneSearched, 12],
    ...Object.values(margins).flatMap((margin) =>
      [errorUnknown, marginNotKnown, ...statuses.map((s) => `${s} · ${errorUnknown}`)].map(
        (s) => [`${margin} · ${s}`, 12] as const,
      ),
    ),
    ...Object.values(tip).map((s) => [`${words.named('Gallbladder')} – · ${s}`, 18] as const),
    ...statuses.map((s) => [s, 18] as const),
    [errorUnknown, 15],
    [`3D · ${words.errorsDrawn(50)}`, 14],
  ];
}

describe('the words in the pictures', () => {
  for (const tag of Object.keys(LANGUAGES)) {
    it(`have their room on every panel: ${tag}`, async () => {
      const words = await wordsIn(tag);
      const { said, faults } = written(() => {
        drawGuidance(words);
        drawUltrasound(words);
        drawGate(words);
      });
      expect(faults).toEqual([]);
      const whole = tag === 'en' ? /^[A-Z]$/ : /\p{L}\p{M}/u;
      expect([...said].filter((text) => whole.test(text)).length).toBeGreaterThan(12);
    });

    it(`have theirs in a 3D view of 320 px, and are read there: ${tag}`, async () => {
      const words = await wordsIn(tag);
      const c = document.createElement('canvas').getContext('2d') as CanvasRenderingContext2D;
      for (const [text, sizePx] of sceneLines(words)) {
        c.font = `700 ${sizePx}px ${FONT}`;
        const shrunk = Math.min(1, 320 / (c.measureText(text).width + (2 * sizePx) / 7));
        expect(shrunk * sizePx, text).toBeGreaterThanOrEqual(LEAST_PX);
      }
    });
  }
});
