import {
  Data3DTexture,
  FloatType,
  LinearFilter,
  NearestFilter,
  NoColorSpace,
  RedFormat,
  UnsignedByteType,
  type WebGLRenderer,
} from 'three';
import { NavError } from '../base/index.js';
import type { AnyVolume, VoxelArray } from '../volume/index.js';
import { filtersExactly } from './filter-probe.js';

/** What a context can hold. */
export interface TextureLimits {
  /** MAX_3D_TEXTURE_SIZE. */
  readonly maxEdge: number;
  /** Whether the GPU's own linear filter may be used: it is there for floats, and exact. */
  readonly linear: boolean;
  /** The most bytes one volume may take on the GPU. */
  readonly maxBytes: number;
}

/** A volume on the GPU: the stored values, unscaled, one texel a voxel. */
export interface VolumeTexture {
  readonly texture: Data3DTexture;
  /** stored value = texel · this: 255 for 8-bit textures, which the GPU normalises; else 1. */
  readonly storedPerTexel: number;
  /** Whether the shader must interpolate by itself. */
  readonly manualFilter: boolean;
}

/** Limits of this context. */
export function textureLimits(renderer: WebGLRenderer, maxBytes: number): TextureLimits {
  const gl = renderer.getContext() as WebGL2RenderingContext;
  return {
    maxEdge: gl.getParameter(gl.MAX_3D_TEXTURE_SIZE) as number,
    linear: gl.getExtension('OES_texture_float_linear') !== null && filtersExactly(renderer),
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
export function volumeTexture(v: Pick<AnyVolume, 'size' | 'voxels'>, limits: TextureLimits): VolumeTexture {
  requireFits(v, limits);
  const byte = isByte(v);
  const data = uploadable(v.voxels);
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
  if (data !== v.voxels) {
    // Our copy has done its work once the GPU has it: half a gigabyte for a large CT. A lost context makes a new one.
    texture.onUpdate = () => {
      texture.image.data = null;
    };
  }
  return { texture, storedPerTexel: byte ? 255 : 1, manualFilter: !linear };
}

/** The voxels as bytes or floats in memory of their own: not every browser uploads from shared memory. */
function uploadable(voxels: VoxelArray): Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer> {
  const own = voxels.buffer instanceof ArrayBuffer;
  if (voxels instanceof Uint8Array) return own ? (voxels as Uint8Array<ArrayBuffer>) : new Uint8Array(voxels);
  return own && voxels instanceof Float32Array ? (voxels as Float32Array<ArrayBuffer>) : new Float32Array(voxels);
}

function isByte(v: Pick<AnyVolume, 'voxels'>): boolean {
  return v.voxels instanceof Uint8Array;
}
