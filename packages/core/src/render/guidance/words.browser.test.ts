import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import type { Status } from '../../frames/index.js';
import { MotionGate } from '../../guidance/index.js';
import { Label } from '../label.js';
import { type DrawnWords, ENGLISH_WORDS } from '../words.js';
import {
  Bullseye,
  CoverageReadout,
  DepthBar,
  EntryLegend,
  GateIndicator,
  type GuidanceGraphic,
  MarginLegend,
  MarginSurface,
  UltrasoundView,
} from './index.js';
import { Panel } from './panel.js';
import { CASES, COVARIANCE, GEOMETRY, onPlan, PLAN, paintedImage, SCENES } from './test-support/cases.js';
import { entries, LIVE_CASES, MARGINS, PLACE_ERROR, SEARCH, STILLS, TUMOUR } from './test-support/procedure-scenes.js';
import { host, NOW, type Picture, poseOf, Rig, STALE_AFTER_MS } from './test-support/rig.js';

/** A word of no language whose letters join: none of them is Latin. */
const word = (text: string): string => (text === '' ? '' : `क्षि${[...text].map((c) => (c === ' ' ? ' ' : 'त्र')).join('')}`);

/** Every word exchanged for one of no language. */
function foreign(words: object): DrawnWords {
  return Object.fromEntries(
    Object.entries(words).map(([name, value]: [string, unknown]) => {
      if (typeof value === 'string') return [name, word(value)];
      if (Array.isArray(value)) return [name, value.map((text: string) => (/^[\d–  m]+$/.test(text) ? text : word(text)))];
      if (typeof value === 'object') return [name, foreign(value as object)];
      // What it is given is a figure with its unit, or the application's own name.
      return [name, (given: string | number) => (name === 'named' ? word(String(given)) : `${word('of')} ${given}`)];
    }),
  ) as unknown as DrawnWords;
}

const FOREIGN = foreign(ENGLISH_WORDS);
const STATUSES: readonly Status[] = ['ok', 'predicted', 'unknown', 'outOfVolume', 'stale', 'missing', 'disconnected'];
/** What may be Latin in any language: units, the patient's directions, numbers of cores, abbreviations of the scanner. */
const LATIN = /\b(?:mm|s|[LRAPSI]{1,3}|[ABC]|L[1-3])\b/g;

/** Tells every graphic the words before it draws it, and hears what is said from then on. */
class ForeignRig extends Rig {
  hearing = false;

  override draw(...given: Parameters<Rig['draw']>): Picture {
    return this.#heard(given[0], () => super.draw(...given));
  }

  override drawSlice(...given: Parameters<Rig['drawSlice']>): Picture {
    return this.#heard(given[0], () => super.drawSlice(...given));
  }

  #heard(graphics: readonly GuidanceGraphic[], act: () => Picture): Picture {
    this.hearing = true;
    for (const g of graphics) g.setWords?.(FOREIGN);
    const picture = act();
    this.hearing = false;
    return picture;
  }
}

const rig = new ForeignRig();
afterAll(() => rig.dispose());
const ends: (() => void)[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const end of ends.splice(0)) end();
});

/** All texts that are drawn while something is done. @param heard whether they count now */
function drawn(act: () => void, heard: () => boolean = () => true): Set<string> {
  const said = new Set<string>();
  const { set } = Label.prototype;
  const { text } = Panel.prototype;
  vi.spyOn(Label.prototype, 'set').mockImplementation(function (this: Label, ...given) {
    if (heard()) said.add(given[0]);
    set.apply(this, given);
  });
  vi.spyOn(Panel.prototype, 'text').mockImplementation(function (this: Panel, ...given) {
    said.add(given[0]);
    text.apply(this, given);
  });
  act();
  said.delete('');
  return said;
}

const english = (said: Iterable<string>): string[] => [...said].filter((text) => /[a-z]/i.test(text.replace(LATIN, '')));
const foreignOnes = (said: Iterable<string>): string[] => [...said].filter((text) => text.includes('क्षि'));

function place(width: number, height = 256): HTMLElement {
  const there = host(width, height);
  ends.push(() => there.remove());
  return there;
}

/** Each of the panels, with a pose of a status. */
function panels(status: Status): (GuidanceGraphic & { readonly canvas: HTMLCanvasElement })[] {
  const view = poseOf(status, onPlan(30, [1, 0.5]));
  view.covarianceKnown = view.hasPose;
  view.covariance.set(COVARIANCE);
  const bullseye = new Bullseye(place(170), { plan: PLAN, pixelRatio: 1 });
  const depth = new DepthBar(place(170), { plan: PLAN, pixelRatio: 1 });
  const image = paintedImage();
  const flat = new UltrasoundView(place(256), { image, ...GEOMETRY, pixelRatio: 1 });
  flat.setTargets([{ name: 'LESION', xyz: [36, 26, 0.4] }]);
  const gate = new GateIndicator(place(320, 60), { pixelRatio: 1 });
  for (const g of [bullseye, depth, flat]) g.update(view);
  gate.update(new MotionGate(), NOW);
  return [bullseye, depth, flat, gate];
}

describe('what graphics say', () => {
  it('in 3D and on slices is what was handed in', () => {
    const said = drawn(
      () => {
        for (const { name, picture } of [...CASES, ...LIVE_CASES]) {
          if (['bullseye', 'depth', 'view'].includes(name)) continue;
          for (const status of STATUSES) picture(rig, status);
        }
        for (const [name, picture] of [...Object.entries(SCENES), ...Object.entries(STILLS)])
          if (!/^(?:depth|view|gate)/.test(name)) picture(rig);
      },
      () => rig.hearing,
    );
    expect(english(said)).toEqual([]);
    expect(foreignOnes(said).length).toBeGreaterThan(25);
  });

  it('on panels is what was handed in, and so is what a screen reader calls them', () => {
    const said = drawn(() => {
      for (const status of STATUSES) {
        for (const panel of panels(status)) {
          panel.setWords?.(FOREIGN);
          panel.settle(NOW, STALE_AFTER_MS);
          expect(panel.canvas.getAttribute('aria-label')).toMatch(/^क्षि/);
          panel.dispose();
        }
      }
    });
    expect(english(said)).toEqual([]);
    expect(foreignOnes(said).length).toBeGreaterThan(13);
  });

  it('in legends is what was handed in, before and after', () => {
    const there = place(400);
    const surface = rig.keep(new MarginSurface({ kind: 'confirmed', surface: TUMOUR.surface }));
    surface.show(MARGINS);
    const map = entries(rig, SEARCH);
    const legends = [new MarginLegend(there, surface), new EntryLegend(there, map), new CoverageReadout(there)];
    for (const told of [FOREIGN, ENGLISH_WORDS, FOREIGN]) {
      for (const legend of legends) legend.setWords(told);
      const cells = [...there.querySelectorAll('caption, th, td')].map((at) => at.textContent ?? '');
      expect(cells.length).toBeGreaterThan(30);
      if (told === FOREIGN) expect(english(cells)).toEqual([]);
      else expect(english(cells).length).toBeGreaterThan(15);
    }
    for (const legend of legends) legend.dispose();
  });

  it('is said anew when the words change, and only then', () => {
    const [bullseye, depth, , gate] = panels('stale') as [Bullseye<'ct'>, DepthBar<'ct'>, UltrasoundView, GateIndicator];
    const margins = rig.keep(new MarginSurface({ kind: 'planned', surface: TUMOUR.surface }));
    margins.show(MARGINS, PLACE_ERROR);
    const all: readonly GuidanceGraphic[] = [bullseye, depth, gate, margins];
    const turn = (): void => {
      for (const g of all) {
        g.settle(NOW, STALE_AFTER_MS);
        g.inScene?.(256, 256, 1);
      }
    };
    expect(foreignOnes(drawn(turn))).toEqual([]);
    vi.restoreAllMocks();
    const after = drawn(() => {
      for (const g of all) g.setWords?.(FOREIGN);
      turn();
    });
    // The status of bullseye and depth bar, the gate, the margin.
    expect(foreignOnes(after).length).toBe(3);
    expect(english(after)).toEqual([]);
    vi.restoreAllMocks();
    expect(drawn(turn).size).toBe(0);
    for (const g of [bullseye, depth, gate]) g.dispose();
  });
});

describe('a word whose letters join', () => {
  it('is drawn whole on a panel, its figures still in places of one width', () => {
    const panel = new Panel(place(300, 60), 'x', 1);
    const calls = vi.spyOn(panel.context, 'fillText');
    panel.begin();
    panel.text('हर 4.2\u202fs पर', 4, 30, 20, '#ffffff');
    const pieces = calls.mock.calls.map(([text, x]) => [text, x] as const);
    expect(pieces.map(([text]) => text)).toEqual(['हर', ' ', '4', '.', '2', '\u202f', 's', ' ', 'पर']);
    // Each after the other, and none over its neighbour: drawn about their middles.
    for (let n = 1; n < pieces.length; n += 1) expect(pieces[n]?.[1] as number).toBeGreaterThan(pieces[n - 1]?.[1] as number);
    const [first, second] = [panel.context.measureText('हर').width, panel.context.measureText(' ').width];
    expect((pieces[1]?.[1] as number) - (pieces[0]?.[1] as number)).toBeCloseTo((first + second) / 2, 3);
    panel.dispose();
  });

  it('is smaller where it would not fit, and never cut', () => {
    const panel = new Panel(place(120, 60), 'x', 1);
    const calls = vi.spyOn(panel.context, 'fillText');
    panel.begin();
    panel.text('परिमापक्षेत्रसेबाहर क्षेत्र', 60, 30, 24, '#ffffff', 'center', 108);
    const c = panel.context;
    expect(Number.parseInt(/(\d+)px/.exec(c.font)?.[1] ?? '', 10)).toBeLessThan(24);
    for (const [text, x] of calls.mock.calls) {
      const half = c.measureText(text).width / 2;
      expect(x - half).toBeGreaterThanOrEqual(6 - 0.5);
      expect(x + half).toBeLessThanOrEqual(114 + 0.5);
    }
    panel.dispose();
  });

  it('is smaller in a label that has no more room', () => {
    const label = new Label();
    const style = { sizePx: 14, colour: '#ffffff', weight: 700, mostPx: 184 } as const;
    label.set('इन-प्लेन 90° · औसत 10 mm · लॉक · मापन-क्षेत्र से बाहर', style);
    expect(label.width).toBeLessThanOrEqual(184);
    expect(label.width).toBeGreaterThan(140);
    const short = label.set.bind(label, 'AXIAL');
    short(style);
    const { width } = label;
    short({ ...style, mostPx: 1000 });
    expect(label.width).toBe(width);
    short({ ...style, mostPx: 30 });
    expect(label.width).toBeLessThanOrEqual(30);
    label.dispose();
  });

  it('has the height that it needs in a label, and a Latin one what it had', () => {
    const label = new Label();
    const style = { sizePx: 20, colour: '#ffffff' } as const;
    label.set('STALE', style);
    expect(label.height).toBe(Math.ceil(20 * 1.3 + (2 * 20) / 7));
    const c = new OffscreenCanvas(10, 10).getContext('2d') as OffscreenCanvasRenderingContext2D;
    const marks = `O${'\u0302'.repeat(8)}`;
    for (const text of ['ষ্ট্রৈঁ', 'र्क्ष्मू्ँ', 'ઍક્સ્ટ્રૂ', marks]) {
      label.set(text, style);
      c.font = '600 20px system-ui, sans-serif';
      c.textBaseline = 'middle';
      const { actualBoundingBoxAscent: above, actualBoundingBoxDescent: below } = c.measureText(text);
      expect(label.height).toBeGreaterThanOrEqual(2 * Math.max(above, below));
      if (text === marks) expect(above).toBeGreaterThan(20);
    }
    label.dispose();
  });
});
