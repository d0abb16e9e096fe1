import { NavError } from '../base/index.js';
import type { Frame } from '../frames/index.js';
import { type Volume, volume } from '../volume/index.js';
import { SlabCompounder } from './compounding/compounder.js';
import type { VoxelBox } from './compounding/slab.js';
import type { SweepGrid } from './grid.js';
import { type CompoundingOptions, planOf } from './options.js';
import { requireFrame, type SweepFrame } from './sweep.js';

/** What a {@link SweepReconstructor} is made for. */
export interface SweepReconstructorInit<F extends string> extends CompoundingOptions {
  /** The frame that images' places and the volume are in. */
  readonly frame: Frame<F>;
  /** Pixels along a row, and rows. */
  readonly size: readonly [number, number];
  /** Where the volume's voxels are; pixels outside are dropped. */
  readonly grid: SweepGrid;
}

/**
 * A volume that grows as images come in. Sums are exact, so that the same images give the same volume to the last bit in whatever
 * order they come, and no voxel saturates. Takes 16 bytes a voxel (24 for `latest`) beside the volume's own.
 */
export class SweepReconstructor<F extends string> {
  /** Grey values as they are now, 0 where nothing was seen; the volume's own, i fastest. */
  readonly voxels: Uint8Array;
  /** 1 where a pixel was. */
  readonly coverage: Uint8Array;
  readonly #init: SweepReconstructorInit<F>;
  readonly #slab: SlabCompounder;
  readonly #times = new Set<number>();
  #images = 0;

  /** @throws NavError `ultrasound/bad-clip`, `ultrasound/bad-option` */
  constructor(init: SweepReconstructorInit<F>) {
    this.#init = init;
    this.#slab = new SlabCompounder(planOf(init.size, init.grid, init));
    const count = init.grid.size[0] * init.grid.size[1] * init.grid.size[2];
    this.voxels = new Uint8Array(count);
    this.coverage = new Uint8Array(count);
  }

  /** Images that were added. */
  get images(): number {
    return this.#images;
  }

  /**
   * Adds an image and brings `voxels` and `coverage` up to date.
   * @returns the voxels that may have changed, for a texture's update; undefined where the image lies outside
   * @throws NavError `ultrasound/bad-image`, `ultrasound/bad-geometry`, `ultrasound/bad-times` (a time twice), `ultrasound/no-frames` (a
   *   frame without a pose)
   */
  add(image: SweepFrame): VoxelBox | undefined {
    const { size } = this.#init;
    requireFrame(image, this.#images, size[0] * size[1]);
    if (image.timeMs !== undefined) {
      if (this.#times.has(image.timeMs)) {
        throw new NavError('ultrasound/bad-times', `An image of ${image.timeMs} ms was added before: it was sent twice.`);
      }
      this.#times.add(image.timeMs);
    }
    const box = this.#slab.add(image.pixels, image.frameFromImage, image.timeMs ?? this.#images);
    this.#images += 1;
    if (box !== undefined) this.#slab.readLast(this.voxels, this.coverage, box);
    return box;
  }

  /** The volume as it is now. Its voxels are this reconstructor's own, and change with the next image. */
  volume(): Volume<F> {
    const { frame, grid } = this.#init;
    return volume({ frame, voxels: this.voxels, ...grid, modality: 'US', series: { description: 'reconstructed sweep' } });
  }
}
