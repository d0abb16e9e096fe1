import type { WebGLRenderer } from 'three';
import type { AnyVolume } from '../volume/index.js';
import type { Fusion } from './fusion.js';
import type { LabelLook } from './label-map.js';
import type { StageModel } from './model.js';
import type { StageViews } from './stage-views.js';
import { requireFits, type TextureLimits, textureLimits, volumeTexture } from './volume-texture.js';

/** The volumes of a stage on the GPU: its own, the second over it, and labels; put there, replaced, restored and let go. */
export class StageTextures {
  readonly #renderer: WebGLRenderer;
  readonly #limits: TextureLimits;
  readonly #model: StageModel;
  readonly #views: StageViews;

  constructor(renderer: WebGLRenderer, maxBytes: number, model: StageModel, views: StageViews) {
    this.#renderer = renderer;
    this.#limits = textureLimits(renderer, maxBytes);
    this.#model = model;
    this.#views = views;
  }

  /** @throws NavError `render/too-large` */
  requireFits(volume: AnyVolume): void {
    requireFits(volume, this.#limits);
  }

  /** Uploads the model's volume, in place of what was there. */
  upload(): void {
    const model = this.#model;
    model.uploaded?.texture.dispose();
    model.uploaded = model.volume && volumeTexture(model.volume, this.#limits, this.#renderer);
    this.#views.volumeChanged(model);
  }

  /** Puts a second volume over the first, in place of one before. */
  setSecond(fusion: Fusion | undefined): void {
    const model = this.#model;
    model.second?.uploaded.texture.dispose();
    model.second = fusion && { fusion, uploaded: volumeTexture(fusion.volume, this.#limits, this.#renderer) };
    this.#views.fusionChanged(model);
  }

  /** Puts labels over the slices; those of the same volume are not uploaded again unless `anew`. */
  setLabels(look: LabelLook | undefined, anew: boolean): void {
    const before = this.#model.labels;
    const keeps = !anew && before !== undefined && before.look.volume === look?.volume;
    if (!keeps) before?.uploaded.texture.dispose();
    const uploaded = keeps ? before.uploaded : look && volumeTexture(look.volume, this.#limits, this.#renderer);
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
    model.uploaded?.texture.dispose();
    model.uploaded = undefined;
    model.second?.uploaded.texture.dispose();
    model.second = undefined;
    model.labels?.uploaded.texture.dispose();
    model.labels = undefined;
  }
}
