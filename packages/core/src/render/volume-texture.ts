import {
  Data3DTexture,
  FloatType,
  LinearFilter,
  NearestFilter,
  NoColorSpace,
  RedFormat,
  UnsignedByteType,
  Vector3,
  type WebGLRenderer,
} from 'three';
import { NavError } from '../base/index.js';
import type { AnyVolume, VoxelArray } from '../volume/index.js';
import { filtersExactly } from './filter-probe.js';

/** What a context can hold. */
export interface TextureLimits {
  /** MAX_3D_TEXTURE_SIZE. */
  readonly maxEdge: number;
  /** Whether the GPU filters floats linearly. */
  readonly linear: boolean;
  /** Whether it does so exactly enough for a slice. */
  readonly exact: boolean;
  /** The most bytes one volume may take on the GPU. */
  readonly maxBytes: number;
}

/** A volume on the GPU: the stored values, unscaled, one texel a voxel. */
export interface VolumeTexture {
  readonly texture: Data3DTexture;
  /** stored value = texel · this: 255 for 8-bit textures, which the GPU normalises; else 1. */
  readonly storedPerTexel: number;
  /** Whether a slice's shader must interpolate by itself. */
  readonly manualFilter: boolean;
  /** Whether the GPU's filter may be used where 1/256 of the way between two voxels is near enough: in a ray. */
  readonly smooth: boolean;
}

/** Limits of this context. */
export function textureLimits(renderer: WebGLRenderer, maxBytes: number): TextureLimits {
  const gl = renderer.getContext() as WebGL2RenderingContext;
  const linear = gl.getExtension('OES_texture_float_linear') !== null;
  return {
    maxEdge: gl.getParameter(gl.MAX_3D_TEXTURE_SIZE) as number,
    linear,
    exact: linear && filtersExactly(renderer),
    maxBytes,
  };
}

/**
 * Refuses a volume that the context cannot hold as one texture.
 * @throws NavError `render/too-large`
 */
export function requireFits(v: Pick<AnyVolume, 'size' | 'voxels'>, limits: TextureLimits): void {
  const [ni, nj, nk] = v.size;
  const bytes = ni * nj * nk * (isByte(v) ? 1 : 4);
  if (Math.max(ni, nj, nk) <= limits.maxEdge && bytes <= limits.maxBytes) return;
  throw new NavError(
    'render/too-large',
    `A volume of ${ni}×${nj}×${nk} voxels (${Math.ceil(bytes / 2 ** 20)} MiB on the GPU) does not fit: at most ` +
      `${limits.maxEdge} voxels along an edge and ${Math.floor(limits.maxBytes / 2 ** 20)} MiB. Resample it with regrid() first.`,
    { detail: { size: v.size, bytes, maxEdge: limits.maxEdge, maxBytes: limits.maxBytes } },
  );
}

/**
 * The one texture of a volume. 8 bits stay 8 bits (R8); everything else goes up as R32F, which holds 16 bits exactly
 * and filters linearly almost everywhere, while 16-bit normalised textures are an extension that many lack.
 * @throws NavError `render/too-large`
 */
export function volumeTexture(
  v: Pick<AnyVolume, 'size' | 'voxels'>,
  limits: TextureLimits,
  renderer: WebGLRenderer,
): VolumeTexture {
  requireFits(v, limits);
  const byte = isByte(v);
  const data = asUploaded(v.voxels);
  const texture = new Data3DTexture(data, ...v.size);
  const { linear } = limits;
  texture.format = RedFormat;
  texture.type = byte ? UnsignedByteType : FloatType;
  texture.colorSpace = NoColorSpace;
  texture.minFilter = linear ? LinearFilter : NearestFilter;
  texture.magFilter = linear ? LinearFilter : NearestFilter;
  texture.generateMipmaps = false;
  texture.unpackAlignment = 1;
  texture.needsUpdate = true;
  if (data === null) uploadInSlabs(texture, v, renderer);
  return { texture, storedPerTexel: byte ? 255 : 1, manualFilter: !limits.exact, smooth: linear };
}

/** The voxels where they are bytes or floats already, in memory of their own: not every browser uploads from shared memory. */
function asUploaded(voxels: VoxelArray): Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer> | null {
  if (!(voxels.buffer instanceof ArrayBuffer)) return null;
  return voxels instanceof Uint8Array || voxels instanceof Float32Array
    ? (voxels as Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>)
    : null;
}

/** Texels converted at a time: they stay in the processor's cache, and the GPU takes one slab while the next is made. */
const SLAB_TEXELS = 2 ** 19;

/** Converts and uploads some slices at a time: a copy of the whole volume would take half a gigabyte for a large CT. */
function uploadInSlabs(texture: Data3DTexture, v: Pick<AnyVolume, 'size' | 'voxels'>, renderer: WebGLRenderer): void {
  const [ni, nj, nk] = v.size;
  const perSlice = ni * nj;
  const thick = Math.min(nk, Math.max(1, Math.floor(SLAB_TEXELS / perSlice)));
  const slab = isByte(v) ? new Uint8Array(thick * perSlice) : new Float32Array(thick * perSlice);
  // Memory alone: the slabs bring what goes into it.
  texture.source.dataReady = false;
  const at = new Vector3();
  for (let k = 0; k < nk; k += thick) {
    const depth = Math.min(thick, nk - k);
    const part = depth === thick ? slab : slab.subarray(0, depth * perSlice);
    part.set(v.voxels.subarray(k * perSlice, (k + depth) * perSlice));
    renderer.copyTextureToTexture(new Data3DTexture(part, ni, nj, depth), texture, null, at.setZ(k));
  }
}

function isByte(v: Pick<AnyVolume, 'voxels'>): boolean {
  return v.voxels instanceof Uint8Array;
}
