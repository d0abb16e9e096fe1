import { spacingOf, type Volume } from '@trocar/core/volume';
import { h, live, liveAttribute, setText } from '../../suite/page/dom.js';
import { language } from '../../suite/page/texts/language.js';
import { isRefusal, tried } from '../../suite/src/refusal.js';
import { GrowingVolume } from '../src/growing-volume.js';
import type { Procedure } from '../src/procedure.js';
import { middleSlice, type SliceAxes, type SweptVoxels, seenMl } from '../src/swept-slice.js';
import { refusalText, t } from './texts/index.js';

/** Where the swept volume is shown: beside the live image, in the place of the 3D view, or not at all. */
export type SweptPlace = 'corner' | 'none';

/** A slice with what it is named: the probe lies below, as in the live image. */
interface NamedSlice {
  readonly name: () => string;
  /** What is said of it to who does not see it. */
  readonly spoken: () => string;
  readonly sides: boolean;
  readonly axes: SliceAxes;
}

const SLICES: readonly NamedSlice[] = [
  {
    name: () => t('as the images'),
    spoken: () => t('Swept volume, as the images'),
    sides: true,
    axes: { across: 2, right: 0, up: 1 },
  },
  {
    name: () => t('along the sweep'),
    spoken: () => t('Swept volume, along the sweep'),
    sides: false,
    axes: { across: 0, right: 2, up: 1 },
  },
  {
    name: () => t('at one depth'),
    spoken: () => t('Swept volume, at one depth'),
    sides: true,
    axes: { across: 1, right: 0, up: 2 },
  },
];
/** A slice shows so much at least, mm: what grows then does not jump in size. */
const LEAST_MM = [104, 66] as const;

/**
 * The swept ultrasound in three slices: growing while the gland is swept, as it will be registered afterwards. It lies in the reference's
 * frame, which nothing relates to the MR yet: so it has pictures of its own. What no image showed is hatched, never black.
 */
export class SweptView {
  readonly #host: HTMLElement;
  readonly #said = h('p', { class: 'swept-said', role: 'status' });
  readonly #slices = SLICES.map((slice) => ({ ...slice, canvas: liveAttribute(h('canvas'), 'aria-label', slice.spoken) }));
  readonly #picture = h('canvas');
  readonly #growing = new GrowingVolume();
  readonly #everyMs: number;
  #place: SweptPlace = 'none';
  #drawnAtMs = Number.NEGATIVE_INFINITY;
  #key: unknown;

  /** @param everyMs drawn no more often: without a GPU drawing must not keep poses waiting */
  constructor(host: HTMLElement, everyMs: number) {
    this.#host = host;
    this.#everyMs = everyMs;
    host.hidden = true;
    host.append(
      this.#said,
      ...this.#slices.map(({ name, sides, canvas }) =>
        h(
          'figure',
          { 'data-sides': sides },
          canvas,
          h('figcaption', {}, live(name)),
          sides ? h('span', { class: 'right' }, 'R') : undefined,
          sides ? h('span', { class: 'left' }, 'L') : undefined,
        ),
      ),
    );
  }

  /** Where it stands now. */
  get place(): SweptPlace {
    return this.#place;
  }

  /** Once per drawn frame. @param begun whether the procedure was begun at all: the images accepted */
  show(procedure: Procedure, begun: boolean): void {
    const place = placeOf(procedure, begun);
    if (place !== this.#place) {
      this.#place = place;
      this.#host.hidden = place === 'none';
      this.#host.dataset['place'] = place;
      this.#key = undefined;
    }
    const now = performance.now();
    if (place === 'none' || now - this.#drawnAtMs < this.#everyMs) return;
    if (procedure.stage === 'sweep') this.#grow(procedure, now);
    else if (procedure.us !== undefined) this.#finished(procedure.us, now);
  }

  #grow({ sweep }: Procedure, now: number): void {
    const growing = this.#growing;
    const grown = tried(() => ({ changed: growing.follow(sweep.frames) }));
    const trouble = isRefusal(grown) ? refusalText(grown) : '';
    const [first] = sweep.frames;
    const key = `${first?.atMs} ${growing.images} ${this.#look} ${trouble}`;
    if (key === this.#key) return;
    this.#key = key;
    this.#drawnAtMs = now;
    this.#host.dataset['ml'] = growing.seenMl.toFixed(1);
    setText(
      this.#said,
      trouble !== '' ? trouble : growing.images === 0 ? t('Swept volume · nothing seen yet') : seenText(growing.seenMl),
    );
    this.#draw(growing);
  }

  #finished(us: Volume<'reference'>, now: number): void {
    const key = this.#look;
    if (key === this.#key) return;
    this.#key = key;
    this.#drawnAtMs = now;
    const { voxels, size } = us;
    const swept: SweptVoxels = { voxels, size, spacingMm: spacingOf(us), reached: { low: [0, 0, 0], high: size } };
    const ml = seenMl(swept);
    this.#host.dataset['ml'] = ml.toFixed(1);
    setText(this.#said, seenText(ml));
    this.#draw(swept);
  }

  /** What changes how it looks: its size on the screen with the window's, its words with the language. */
  get #look(): string {
    const sizes = this.#slices.map(({ canvas }) => `${canvas.clientWidth}×${canvas.clientHeight}`);
    return `${sizes.join(' ')} ${language.locale.language}`;
  }

  #draw(swept: SweptVoxels): void {
    for (const { canvas, axes } of this.#slices) {
      const dpr = Math.max(1, window.devicePixelRatio);
      canvas.width = Math.max(1, Math.round(canvas.clientWidth * dpr));
      canvas.height = Math.max(1, Math.round(canvas.clientHeight * dpr));
      if (swept.voxels.length === 0) continue;
      const { width, height, rgba } = middleSlice(swept, axes);
      this.#picture.width = width;
      this.#picture.height = height;
      this.#picture.getContext('2d')?.putImageData(new ImageData(rgba, width, height), 0, 0);
      const [wide, high] = [width * swept.spacingMm[axes.right], height * swept.spacingMm[axes.up]];
      const perMm = Math.min(canvas.width / Math.max(LEAST_MM[0], wide), canvas.height / Math.max(LEAST_MM[1], high));
      const [w, hgt] = [wide * perMm, high * perMm];
      // Cleared by its new size: where nothing was seen the hatching under it shows through.
      canvas.getContext('2d')?.drawImage(this.#picture, (canvas.width - w) / 2, (canvas.height - hgt) / 2, w, hgt);
    }
  }
}

function seenText(ml: number): string {
  return t('Swept volume · {ml} ml seen · hatched: not seen', { ml: ml.toFixed(0) });
}

function placeOf({ stage, proposal }: Procedure, begun: boolean): SweptPlace {
  if (!begun) return 'none';
  return stage === 'sweep' || (stage === 'register' && proposal?.edge === undefined) ? 'corner' : 'none';
}
