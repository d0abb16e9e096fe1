import type { WebGLRenderer } from 'three';
import type { AnyVolume } from '../volume/index.js';
import { FilterProbe } from './filter-probe.js';
import type { Fusion } from './fusion.js';
import type { LabelLook } from './label-map.js';
import type { StageModel } from './model.js';
import type { SliceViewName } from './planes.js';
import { boxCut, type IndexBox, REACH, SliceParts, voxelsIn } from './slice-parts.js';
import type { StageViews } from './stage-views.js';
import { VolumeArrival } from './volume-arrival.js';
import { requireFits, type TextureLimits, textureLimits, type VolumeTexture } from './volume-texture.js';

/** The part of a frame in which a volume goes up, ms. */
const SENDING_MS = 8;

/** A volume of no more texels than this goes up at once. */
const SMALL_TEXELS = 2 ** 18;

/** Slices whose parts hold more of the volume than this wait for all of it: it comes as soon. */
const MOST_IN_PARTS = 1 / 8;

/**
 * The volumes of a stage on the GPU: its own, the second over it, and labels; put there, replaced, restored and let go.
 *
 * The stage's own volume does not keep its first picture waiting. What the slices cut goes up at once, in parts; from the second frame on
 * the volume follows, in bands, and when it is whole everything is drawn from it. Until then each frame's parts hold all that its slices
 * show, wherever they have been moved: nothing is drawn of what is not there. What needs more (a volume as a whole, planes oblique to the
 * grid) has the rest sent before it is drawn.
 */
export class StageTextures {
  readonly #renderer: WebGLRenderer;
  readonly #limits: TextureLimits;
  readonly #model: StageModel;
  readonly #views: StageViews;
  /** The stage's volume, while not all of it is there. */
  #arrival: VolumeArrival | undefined;
  /** Whether a frame was drawn of the volume. */
  #shown = false;
  /** What asked the GPU in this frame. */
  #probe: FilterProbe | undefined;

  constructor(renderer: WebGLRenderer, maxBytes: number, model: StageModel, views: StageViews) {
    this.#renderer = renderer;
    this.#limits = textureLimits(renderer, maxBytes);
    this.#model = model;
    this.#views = views;
  }

  /** How much of the stage's volume is on the GPU, 0 … 1; 1 without a volume. */
  get share(): number {
    return this.#arrival?.share ?? 1;
  }

  /** @throws NavError `render/too-large` */
  requireFits(volume: AnyVolume): void {
    requireFits(volume, this.#limits);
  }

  /** Begins to upload the model's volume, in place of what was there. */
  upload(): void {
    const model = this.#model;
    model.parts?.dispose();
    model.parts = undefined;
    model.uploaded?.texture.dispose();
    this.#shown = false;
    this.#arrival = model.volume && new VolumeArrival(model.volume, this.#limits, this.#renderer);
    model.uploaded = this.#arrival?.uploaded;
    this.#views.volumeChanged(model);
  }

  /** Sees to it that all is there that the next frame shows. The planes stand where that frame has them. */
  settle(): void {
    if (this.#model.volume === undefined) return;
    this.#probe = this.#asksFilter ? new FilterProbe(this.#renderer) : undefined;
    const arrival = this.#arrival;
    if (arrival !== undefined) {
      if (this.#shown) arrival.advance(SENDING_MS);
      if (!arrival.whole && !this.#inParts()) arrival.finish();
    }
    this.#shown = true;
    // The answer waits for the GPU: meanwhile parts were made.
    if (this.#probe !== undefined) this.#filtered(this.#probe.exact());
    if (arrival?.whole) this.#arrived();
  }

  /** The frame was drawn: what only it needed goes. */
  drawn(): void {
    this.#probe?.dispose();
    this.#probe = undefined;
  }

  /** Puts a second volume over the first, in place of one before. */
  setSecond(fusion: Fusion | undefined): void {
    const model = this.#model;
    model.second?.uploaded.texture.dispose();
    model.second = fusion && { fusion, uploaded: this.#atOnce(fusion.volume) };
    this.#views.fusionChanged(model);
  }

  /** Puts labels over the slices; those of the same volume are not uploaded again unless `anew`. */
  setLabels(look: LabelLook | undefined, anew: boolean): void {
    const before = this.#model.labels;
    const keeps = !anew && before !== undefined && before.look.volume === look?.volume;
    if (!keeps) before?.uploaded.texture.dispose();
    const uploaded = keeps ? before.uploaded : look && this.#atOnce(look.volume);
    this.#model.labels = look && uploaded && { look, uploaded };
    this.#views.labelsChanged(this.#model);
  }

  /** Uploads everything again: the GPU came back empty. */
  restore(): void {
    this.upload();
    this.setSecond(this.#model.second?.fusion);
    this.setLabels(this.#model.labels?.look, true);
  }

  dispose(): void {
    const model = this.#model;
    this.drawn();
    this.#arrival = undefined;
    model.parts?.dispose();
    model.parts = undefined;
    model.uploaded?.texture.dispose();
    model.uploaded = undefined;
    model.second?.uploaded.texture.dispose();
    model.second = undefined;
    model.labels?.uploaded.texture.dispose();
    model.labels = undefined;
  }

  #atOnce(volume: AnyVolume): VolumeTexture {
    const arrival = new VolumeArrival(volume, this.#limits, this.#renderer);
    arrival.finish();
    return arrival.uploaded;
  }

  /** Has the parts hold what the next frame's slices cut; false where that frame needs more than parts should hold. */
  #inParts(): boolean {
    const model = this.#model;
    const { volume } = model;
    if (volume === undefined || model.rendering !== undefined) return false;
    const [ni, nj, nk] = volume.size;
    const texels = ni * nj * nk;
    if (texels <= SMALL_TEXELS) return false;
    const reach = this.#views.standing ? REACH.air : REACH.plane;
    const wanted = this.#views.cutting.map((view) => {
      const slice = this.#views.slice(view);
      return { view, box: boxCut(volume, slice.plane, slice.halfThicknessMm, reach) };
    });
    const held = wanted.reduce((sum, { box }) => sum + voxelsIn(box), 0);
    if (held > MOST_IN_PARTS * texels) return false;
    this.#take(volume, wanted);
    return true;
  }

  #take(volume: AnyVolume, wanted: readonly { readonly view: SliceViewName; readonly box: IndexBox }[]): void {
    const model = this.#model;
    model.parts ??= new SliceParts(volume, this.#limits);
    for (const { view, box } of wanted) if (model.parts.take(view, box)) this.#views.partChanged(view, model);
  }

  /** Everything is drawn from the whole volume. */
  #arrived(): void {
    const model = this.#model;
    const { parts } = model;
    this.#arrival = undefined;
    if (parts === undefined) return;
    model.parts = undefined;
    this.#views.volumeChanged(model);
    parts.dispose();
  }

  /** Whether the GPU is still to be asked how exactly it filters; not where a headset holds the canvas. */
  get #asksFilter(): boolean {
    return this.#limits.exact === undefined && !this.#renderer.xr.isPresenting;
  }

  #filtered(exactly: boolean): void {
    this.#limits.exact = exactly;
    if (!exactly) return;
    this.#views.volumeChanged(this.#model);
    this.#views.fusionChanged(this.#model);
    this.#views.labelsChanged(this.#model);
  }
}
