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
import type { AnyVolume } from '../volume/index.js';

/** What a context can hold. */
export interface TextureLimits {
  /** MAX_3D_TEXTURE_SIZE. */
  readonly maxEdge: number;
  /** Whether the GPU filters floats linearly. */
  readonly linear: boolean;
  /** Whether it does so exactly enough for a slice; undefined: not asked yet. */
  exact: boolean | undefined;
  /** The most bytes one volume may take on the GPU. */
  readonly maxBytes: number;
}

/** A volume on the GPU: the stored values, unscaled, one texel a voxel. */
export interface VolumeTexture {
  readonly texture: Data3DTexture;
  /** stored value = texel · this: 255 for 8-bit textures, which the GPU normalises; else 1. */
  readonly storedPerTexel: number;
  /** Whether a slice's shader must interpolate by itself: so it does where the GPU has not been asked how exact it is. */
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
    exact: linear ? undefined : false,
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
 * The one texture of a volume, with nothing in it yet. 8 bits stay 8 bits (R8); everything else goes up as R32F, which holds 16 bits
 * exactly and filters linearly almost everywhere, while 16-bit normalised textures are an extension that many lack.
 * @throws NavError `render/too-large`
 */
export function emptyTexture(v: Pick<AnyVolume, 'size' | 'voxels'>, limits: TextureLimits): VolumeTexture {
  requireFits(v, limits);
  const texture = new Data3DTexture(null, ...v.size);
  volumeFormat(texture, isByte(v), limits.linear);
  texture.needsUpdate = true;
  // Memory alone: what brings the voxels says so.
  texture.source.dataReady = false;
  return {
    texture,
    storedPerTexel: isByte(v) ? 255 : 1,
    get manualFilter() {
      return limits.exact !== true;
    },
    smooth: limits.linear,
  };
}

/** Says how a texture of voxels is stored and read. */
export function volumeFormat(texture: Data3DTexture, byte: boolean, linear: boolean): void {
  texture.format = RedFormat;
  texture.type = byte ? UnsignedByteType : FloatType;
  texture.colorSpace = NoColorSpace;
  texture.minFilter = linear ? LinearFilter : NearestFilter;
  texture.magFilter = linear ? LinearFilter : NearestFilter;
  texture.generateMipmaps = false;
  texture.unpackAlignment = 1;
}

/** Whether a volume's texels are bytes. */
export function isByte(v: Pick<AnyVolume, 'voxels'>): boolean {
  return v.voxels instanceof Uint8Array;
}
