import type { Transform } from '@trocar/core';
import type { Fusion, FusionLook, FusionMode, Stage } from '@trocar/core/render';
import type { Volume } from '@trocar/core/volume';
import { h, live, setText } from '../../suite/page/dom.js';
import { language } from '../../suite/page/texts/language.js';
import type { ImageStep } from '../src/image-step.js';
import { t } from './texts/index.js';

/** One way of looking at two images at once, and what can be set of it. */
interface Way {
  readonly mode: FusionMode;
  readonly label: () => string;
  readonly setting: () => string;
  readonly least: number;
  readonly most: number;
  readonly step: number;
  readonly begin: number;
  look(value: number): FusionLook;
  said(value: number): string;
}

const WAYS: readonly Way[] = [
  {
    mode: 'checkerboard',
    label: () => t('Squares'),
    ...{ setting: () => t('Edge of a square'), least: 5, most: 60, step: 5, begin: 30 },
    look: (squareMm) => ({ squareMm }),
    said: (value) => `${value} mm`,
  },
  {
    mode: 'edges',
    label: () => t('Edges'),
    ...{ setting: () => t('Outlines'), least: 1, most: 20, step: 1, begin: 10 },
    // From the strongest alone to every one: a share of the window per mm.
    look: (value) => ({ edgePerMm: 0.5 * 0.8 ** value }),
    said: (value) => (value <= 6 ? t('few') : value <= 13 ? t('some') : t('many')),
  },
  {
    mode: 'blend',
    label: () => t('Fade'),
    ...{ setting: () => t('Share of the second'), least: 0, most: 100, step: 5, begin: 50 },
    look: (value) => ({ fraction: value / 100 }),
    said: (value) => `${value} %`,
  },
  {
    mode: 'spyglass',
    label: () => t('Spyglass'),
    ...{ setting: () => t('Radius'), least: 30, most: 200, step: 10, begin: 90 },
    look: (radiusPx) => ({ radiusPx }),
    said: (value) => `${value} px`,
  },
];

/**
 * The second image over the first on the stage, and the controls of how it is looked at: native ones, so that keys work
 * them as the mouse does. Made once and kept: a control must not go away under a hand that holds it.
 */
export class SecondView {
  readonly controls: HTMLElement;
  /** Whether the second image is drawn, where it lies somewhere. */
  shown = true;
  readonly #stage: Stage<'ct'>;
  readonly #slider = h('input', { type: 'range', id: 'look-value', 'data-action': 'look-value' });
  readonly #name = h('label', { for: 'look-value' });
  readonly #value = h('output', { for: 'look-value' });
  readonly #values = new Map<FusionMode, number>(WAYS.map((w) => [w.mode, w.begin]));
  #way: Way = WAYS[0] as Way;
  #fusion: Fusion<'ct', 'second'> | undefined;
  #pose: Transform<'ct', 'second'> | undefined;

  constructor(stage: Stage<'ct'>) {
    this.#stage = stage;
    const radios = WAYS.map((way) => this.#radio(way));
    this.#slider.addEventListener('input', () => this.#slid());
    const legend = h(
      'legend',
      {},
      live(() => t('How to look at both')),
    );
    this.controls = h(
      'fieldset',
      { class: 'look' },
      legend,
      h('div', { class: 'ways' }, ...radios),
      h('div', { class: 'setting' }, this.#name, this.#slider, this.#value),
    );
    this.#choose(this.#way);
    language.onChange(() => this.#choose(this.#way));
  }

  /** Brings the picture up to date: once per frame. */
  show(step: ImageStep): void {
    const { second, pose } = step;
    if (second === undefined || pose === undefined || !this.shown) {
      this.#fusion?.remove();
      this.#fusion = undefined;
      return;
    }
    if (this.#fusion === undefined || this.#fusion.volume !== second) this.#lay(second, pose);
    else if (this.#pose !== pose) this.#fusion.move(pose);
    this.#pose = pose;
  }

  #lay(second: Volume<'second'>, pose: Transform<'ct', 'second'>): void {
    this.#fusion = this.#stage.fuse(second, pose, this.#look());
  }

  #look(): FusionLook {
    const { mode } = this.#way;
    return { mode, ...this.#way.look(this.#values.get(mode) as number) };
  }

  #radio(way: Way): HTMLElement {
    const id = `look-${way.mode}`;
    const input = h('input', { type: 'radio', name: 'look', id, value: way.mode, 'data-action': id });
    input.checked = way === this.#way;
    input.addEventListener('change', () => this.#choose(way));
    return h('label', { for: id }, input, h('span', {}, live(way.label)));
  }

  #choose(way: Way): void {
    this.#way = way;
    setText(this.#name, way.setting());
    for (const key of ['min', 'max', 'step'] as const) {
      this.#slider[key] = String({ min: way.least, max: way.most, step: way.step }[key]);
    }
    this.#slider.value = String(this.#values.get(way.mode));
    this.#slid();
  }

  #slid(): void {
    const value = Number(this.#slider.value);
    this.#values.set(this.#way.mode, value);
    this.#value.textContent = this.#way.said(value);
    this.#slider.setAttribute('aria-valuetext', this.#way.said(value));
    this.#fusion?.setLook(this.#look());
  }
}
