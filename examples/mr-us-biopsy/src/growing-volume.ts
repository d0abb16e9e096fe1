import { NavError } from '@trocar/core';
import { identity4, invertRigid, multiply4 } from '@trocar/core/math';
import {
  gridOfSweep,
  makeSweep,
  rowSpans,
  type SweepFrame,
  type SweepGrid,
  type SweepReconstructor,
  type VoxelBox,
} from '@trocar/core/ultrasound';
import { CLIP, RASTER_SIZE, rasterOf, reconstructorOn, type SweptFrame } from './compound.js';
import { REFERENCE } from './frames.js';
import { type SweptVoxels, seenMl } from './swept-slice.js';

/** Voxel edge while the sweep goes on, mm: coarser than what is registered, for it is made while the probe moves. */
export const GROWING_MM = 0.8;
/** The first box is so much larger at either side than its images need, mm along i, j, k: the sweep goes on to nobody knows where. */
const FIRST_RESERVE_MM = [4, 16, 12] as const;
/** Where images leave it, so much at that side: it goes on that way, and another box has everything put into it again. */
const NEXT_RESERVE_MM = [8, 16, 64] as const;
/** A box of more voxels is no sweep of a prostate. */
const MOST_VOXELS = 12e6;
const SPANS = rowSpans(RASTER_SIZE, CLIP);

/**
 * The volume of a sweep while it is swept, in the reference's frame: i along the first image's rows, j down its columns, k across it. Where the
 * hand will go nobody knows beforehand: once images leave the box a larger one is made, and all images are put into it again, which gives
 * the same voxels to the last bit (`SweepReconstructor`). What no image showed is 0, and nothing is filled between images.
 */
export class GrowingVolume implements SweptVoxels {
  readonly #images: SweepFrame[] = [];
  #first: SweptFrame | undefined;
  #firstFromReference = identity4();
  /** What the images need, in voxels of the first image's axes: from `low` to before `high`, voxel 0 at its origin. */
  #needed: VoxelBox = EMPTY;
  #box: VoxelBox = EMPTY;
  #made: SweepReconstructor<'reference'> | undefined;
  #grid: SweepGrid | undefined;
  #seenMl = 0;

  /** How many images are in it. */
  get images(): number {
    return this.#images.length;
  }
  /** How much was seen, ml: voxels around which a pixel lay, so up to a voxel more all round than the images cover. */
  get seenMl(): number {
    return this.#seenMl;
  }
  /** 0 where nothing was seen, i fastest; empty before the first image. */
  get voxels(): Uint8Array {
    return this.#made?.voxels ?? NOTHING;
  }
  get size(): readonly [number, number, number] {
    return this.#grid?.size ?? [0, 0, 0];
  }
  get spacingMm(): readonly [number, number, number] {
    return [GROWING_MM, GROWING_MM, GROWING_MM];
  }
  /** The part of the voxels that images may have reached. */
  get reached(): VoxelBox {
    const { low, high } = this.#needed;
    const from = this.#box.low;
    if (this.#made === undefined) return { low: [0, 0, 0], high: [0, 0, 0] };
    return { low: each((a) => low[a] - from[a]), high: each((a) => high[a] - from[a]) };
  }
  /** Reference from index: 16 doubles, column-major, mm; undefined before the first image. */
  get referenceFromIndex(): Float64Array | undefined {
    return this.#grid?.frameFromIndex;
  }

  /**
   * Takes what of a sweep is new. A list that begins with another frame is another sweep, and begins another volume.
   * @returns whether the volume is another now
   * @throws NavError `ultrasound/bad-geometry`, `ultrasound/too-large` for frames too far apart to be one sweep
   */
  follow(frames: readonly SweptFrame[]): boolean {
    const another = frames[0] !== this.#first;
    if (another) this.#begin(frames[0]);
    const fresh = frames.slice(this.#images.length).map(untimed);
    if (fresh.length === 0) return another;
    const needed = fresh.map((image) => this.#boxOf(image)).reduce(union, this.#needed);
    // What is refused changes nothing: it is refused again.
    if (!holds(this.#box, needed)) this.#enlarge(needed);
    this.#needed = needed;
    for (const image of fresh) this.#made?.add(image);
    this.#images.push(...fresh);
    this.#seenMl = seenMl(this);
    return true;
  }

  #begin(first: SweptFrame | undefined): void {
    this.#first = first;
    this.#images.length = 0;
    this.#needed = this.#box = EMPTY;
    this.#made = this.#grid = undefined;
    this.#seenMl = 0;
    if (first !== undefined)
      invertRigid(this.#firstFromReference, multiply4(identity4(), first.referenceFromPlane, PLANE_FROM_AXES));
  }

  /** The voxels that an image needs, in the first image's axes. */
  #boxOf({ pixels, frameFromImage }: SweepFrame): VoxelBox {
    const placed = { pixels, frameFromImage: multiply4(identity4(), this.#firstFromReference, frameFromImage) };
    const sweep = makeSweep({ frame: REFERENCE, size: RASTER_SIZE, frames: [placed] });
    const { size, frameFromIndex } = gridOfSweep(sweep, SPANS, { spacingMm: GROWING_MM, axes: 'frame' });
    const low = each((a) => Math.floor((frameFromIndex[12 + a] as number) / GROWING_MM));
    return { low, high: each((a) => low[a] + size[a] + 1) };
  }

  /** A box with room to go on, and everything put into it again. */
  #enlarge(needed: VoxelBox): void {
    const box = this.#box;
    const reserve = box === EMPTY ? FIRST_RESERVE_MM : NEXT_RESERVE_MM;
    const more = (a: Axis): number => Math.ceil(reserve[a] / GROWING_MM);
    const low = each((a) => (needed.low[a] >= box.low[a] ? box.low[a] : needed.low[a] - more(a)));
    const high = each((a) => (needed.high[a] <= box.high[a] ? box.high[a] : needed.high[a] + more(a)));
    const size = each((a) => high[a] - low[a]);
    requireSmall(size);
    const s = GROWING_MM;
    const [x, y, z] = each((a) => low[a] * s);
    const firstFromIndex = Float64Array.of(s, 0, 0, 0, 0, s, 0, 0, 0, 0, s, 0, x, y, z, 1);
    const referenceFromFirst = invertRigid(identity4(), this.#firstFromReference);
    this.#box = { low, high };
    this.#grid = { size, frameFromIndex: multiply4(identity4(), referenceFromFirst, firstFromIndex) };
    this.#made = reconstructorOn(this.#grid);
    for (const image of this.#images) this.#made.add(image);
  }
}

type Axis = 0 | 1 | 2;
const AXES = [0, 1, 2] as const;
const each = (of: (axis: Axis) => number): [number, number, number] => [of(0), of(1), of(2)];

const NOTHING = new Uint8Array(0);
const [MOST, LEAST] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const EMPTY: VoxelBox = { low: [MOST, MOST, MOST], high: [LEAST, LEAST, LEAST] };

/** The plane from the axes of its image, mm: x along the rows, y down the columns, z across. */
const PLANE_FROM_AXES = Float64Array.of(1, 0, 0, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1);

/** A mean knows no order: a time is not needed, and whether times are right is judged when the sweep has ended. */
function untimed(frame: SweptFrame): SweepFrame {
  const { pixels, frameFromImage } = rasterOf(frame);
  return { pixels, frameFromImage };
}

function union(a: VoxelBox, b: VoxelBox): VoxelBox {
  return { low: each((n) => Math.min(a.low[n], b.low[n])), high: each((n) => Math.max(a.high[n], b.high[n])) };
}

function holds(outer: VoxelBox, inner: VoxelBox): boolean {
  return AXES.every((a) => inner.low[a] >= outer.low[a] && inner.high[a] <= outer.high[a]);
}

function requireSmall(size: readonly [number, number, number]): void {
  if (size[0] * size[1] * size[2] <= MOST_VOXELS) return;
  const message = `The sweep so far would take ${size.join(' × ')} voxels: its images lie too far apart to be one sweep. Sweep again.`;
  throw new NavError('ultrasound/too-large', message, { detail: { size } });
}
