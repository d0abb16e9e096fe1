import { Data3DTexture, Vector3, type WebGLRenderer } from 'three';
import type { AnyVolume, VoxelArray } from '../volume/index.js';
import { emptyTexture, isByte, type TextureLimits, type VolumeTexture } from './volume-texture.js';

/** Texels that go up at a time: they stay in the processor's cache, and the GPU takes one band while the next is made. */
const BAND_TEXELS = 2 ** 19;

/**
 * A volume on its way to the GPU, a band of slices at a time, so that drawing goes on meanwhile. What has not gone up yet is 0 in the
 * texture: nothing may be drawn from it before it is {@link whole}.
 */
export class VolumeArrival {
  readonly uploaded: VolumeTexture;
  readonly #v: Pick<AnyVolume, 'size' | 'voxels'>;
  readonly #renderer: WebGLRenderer;
  /** Slices that are there. */
  #there = 0;
  #band: Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer> | undefined;

  /** @throws NavError `render/too-large` */
  constructor(v: Pick<AnyVolume, 'size' | 'voxels'>, limits: TextureLimits, renderer: WebGLRenderer) {
    this.#v = v;
    this.#renderer = renderer;
    this.uploaded = emptyTexture(v, limits);
  }

  /** How much of it is there, 0 … 1. */
  get share(): number {
    return this.#there / this.#v.size[2];
  }

  get whole(): boolean {
    return this.#there === this.#v.size[2];
  }

  /**
   * Goes on for about so long.
   * @param ms time to take; at least one band goes up
   */
  advance(ms: number): void {
    const until = performance.now() + ms;
    do this.#next();
    while (!this.whole && performance.now() < until);
  }

  /** Sends all that is missing. */
  finish(): void {
    const data = asUploaded(this.#v.voxels);
    if (this.#there === 0 && data !== null) {
      const { texture } = this.uploaded;
      texture.image.data = data;
      texture.source.dataReady = true;
      this.#there = this.#v.size[2];
      return;
    }
    while (!this.whole) this.#next();
  }

  /** Converts and sends some slices: a copy of the whole volume would take half a gigabyte for a large CT. */
  #next(): void {
    const { size, voxels } = this.#v;
    const [ni, nj, nk] = size;
    const first = this.#there;
    const thick = Math.min(nk, Math.max(1, Math.floor(BAND_TEXELS / (ni * nj))));
    const depth = Math.min(thick, nk - first);
    if (depth <= 0) return;
    const from = voxels.subarray(first * ni * nj, (first + depth) * ni * nj);
    const band = new Data3DTexture(asUploaded(from) ?? this.#converted(from, thick * ni * nj), ni, nj, depth);
    this.#renderer.copyTextureToTexture(band, this.uploaded.texture, null, new Vector3(0, 0, first));
    this.#there += depth;
    if (this.whole) this.#band = undefined;
  }

  #converted(from: VoxelArray, most: number): Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer> {
    this.#band ??= isByte(this.#v) ? new Uint8Array(most) : new Float32Array(most);
    const part = this.#band.subarray(0, from.length);
    part.set(from);
    return part;
  }
}

/** The voxels where they are bytes or floats already, in memory of their own: not every browser uploads from shared memory. */
function asUploaded(voxels: VoxelArray): Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer> | null {
  if (!(voxels.buffer instanceof ArrayBuffer)) return null;
  return voxels instanceof Uint8Array || voxels instanceof Float32Array
    ? (voxels as Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>)
    : null;
}
