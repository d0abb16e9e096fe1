import type { Data3DTexture } from 'three';
import type { Mat4 } from '../math/index.js';
import type { AnyVolume, VoxelArray } from '../volume/index.js';
import { outOf, type PlaneView, type SliceViewName } from './planes.js';
import { emptyTexture, isByte, type TextureLimits, type VolumeTexture } from './volume-texture.js';

/** Voxels from `low` to `high`, both counted in. */
export interface IndexBox {
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/**
 * How far beyond what it cuts a slice takes values in, voxels. The seven samples that decide what is air lie 1.5 voxels away; the rest is
 * for a GPU's floats.
 */
export const REACH = { plane: 0.05, air: 1.55 } as const;

/**
 * The voxels that all of a plane needs within a volume, as thick as a slab: what trilinear interpolation takes there, and so far around it.
 * Interval by interval, so that it is never too small, and exact for planes along the grid. A plane beside the volume has a box of the
 * voxels nearest to it.
 *
 * @param halfMm half the slab's thickness; 0 for a plane
 * @param reach voxels around what is cut
 */
export function boxCut(
  v: Pick<AnyVolume, 'size' | 'frameFromIndex'>,
  plane: Pick<PlaneView, 'axes' | 'centre'>,
  halfMm: number,
  reach: number,
): IndexBox {
  const m = v.frameFromIndex;
  const n = outOf(plane.axes);
  // n · (M index + origin − centre) lies within ± halfMm.
  const along = [0, 1, 2].map((c) => [0, 1, 2].reduce((s, r) => s + (n[r] as number) * (m[4 * c + r] as number), 0));
  const away = [0, 1, 2].reduce((s, r) => s + (n[r] as number) * ((m[12 + r] as number) - (plane.centre[r] as number)), 0);
  const low: number[] = [];
  const high: number[] = [];
  for (let c = 0; c < 3; c += 1) {
    const last = (v.size[c] as number) - 1;
    let from = -0.5;
    let to = last + 0.5;
    const a = along[c] as number;
    let least = -away - halfMm;
    let most = -away + halfMm;
    for (let o = 0; o < 3; o += 1) {
      if (o === c) continue;
      const ends = [0.5, 0.5 - (v.size[o] as number)].map((x) => x * (along[o] as number));
      least += Math.min(...ends);
      most += Math.max(...ends);
    }
    // Division by next to nothing says nothing; a plane along this axis takes all of it.
    if (Math.abs(a) * (v.size[c] as number) > 1e-9 * (most - least)) {
      from = Math.max(from, Math.min(least / a, most / a));
      to = Math.min(to, Math.max(least / a, most / a));
    }
    const first = Math.min(last, Math.max(0, Math.floor(from - reach)));
    low.push(first);
    high.push(Math.max(first, Math.min(last, Math.ceil(to + reach))));
  }
  return { low, high };
}

/** How many voxels a box holds. */
export function voxelsIn({ low, high }: IndexBox): number {
  return low.reduce((product, l, k) => product * ((high[k] as number) - l + 1), 1);
}

/** A part of a volume as a volume of its own, in its place: the same values at the same points, nothing around them. */
export function cutOut(v: AnyVolume, { low, high }: IndexBox): AnyVolume {
  const [ni, nj] = v.size;
  const size = low.map((l, k) => (high[k] as number) - l + 1) as [number, number, number];
  const voxels: VoxelArray = isByte(v)
    ? new Uint8Array(size[0] * size[1] * size[2])
    : new Float32Array(size[0] * size[1] * size[2]);
  const [li, lj, lk] = low as [number, number, number];
  let n = 0;
  for (let k = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      const from = li + ni * (lj + j + nj * (lk + k));
      // A view of a few voxels takes longer than the voxels.
      if (size[0] > 32) voxels.set(v.voxels.subarray(from, from + size[0]), n);
      else for (let i = 0; i < size[0]; i += 1) voxels[n + i] = v.voxels[from + i] as number;
      n += size[0];
    }
  }
  const m = v.frameFromIndex;
  const frameFromIndex: Mat4 = Float64Array.from(m);
  for (let r = 0; r < 3; r += 1) {
    frameFromIndex[12 + r] = [0, 1, 2].reduce((s, c) => s + (m[4 * c + r] as number) * (low[c] as number), m[12 + r] as number);
  }
  return { ...v, size, voxels, frameFromIndex } as AnyVolume;
}

/** What one slice is drawn from until the whole volume is on the GPU. */
export interface SlicePart {
  readonly volume: AnyVolume;
  readonly uploaded: VolumeTexture;
}

interface Part extends SlicePart {
  readonly box: IndexBox;
}

/**
 * The parts of a volume that its slices cut, each a small texture of its own: a few hundredths of the bytes, so that a picture need not
 * wait for the others. The pictures are the same: a part holds all that interpolation takes, and ends only where the volume does.
 */
export class SliceParts {
  readonly #volume: AnyVolume;
  readonly #limits: TextureLimits;
  readonly #parts = new Map<SliceViewName, Part>();

  constructor(volume: AnyVolume, limits: TextureLimits) {
    this.#volume = volume;
    this.#limits = limits;
  }

  /** What a view is drawn from. */
  of(view: SliceViewName): SlicePart | undefined {
    return this.#parts.get(view);
  }

  /**
   * Has a view's part hold a box.
   * @returns whether it is another part now
   */
  take(view: SliceViewName, box: IndexBox): boolean {
    const before = this.#parts.get(view);
    if (before !== undefined && holds(before.box, box)) return false;
    const volume = cutOut(this.#volume, box);
    const same = before?.volume.size.every((n, k) => n === volume.size[k]) === true;
    if (!same) before?.uploaded.texture.dispose();
    const uploaded = same ? before.uploaded : emptyTexture(volume, this.#limits);
    fill(uploaded.texture, volume);
    this.#parts.set(view, { volume, uploaded, box });
    return true;
  }

  dispose(): void {
    for (const { uploaded } of this.#parts.values()) uploaded.texture.dispose();
    this.#parts.clear();
  }
}

function fill(texture: Data3DTexture, { voxels }: AnyVolume): void {
  texture.image.data = voxels as Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
  texture.source.dataReady = true;
  texture.needsUpdate = true;
}

function holds(outer: IndexBox, inner: IndexBox): boolean {
  return inner.low.every((l, k) => l >= (outer.low[k] as number) && (inner.high[k] as number) <= (outer.high[k] as number));
}
