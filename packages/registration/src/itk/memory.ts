import { NavError } from '@trocar/core';
import { spacingOf } from '@trocar/core/volume';
import { type Picture, shrunk } from './image.js';

/** What a registration module needs beside its images. */
const BASE_BYTES = 150e6;

/**
 * Bytes per voxel of either image: measured at 320³ (2.4 GB for the pair) and 400³ (4.6 GB), single resolution and
 * elastix's own pyramids alike.
 */
const BYTES_PER_VOXEL = 37;

/** A WebAssembly module holds 4 GB at most, and allocates in large steps; this leaves room for the last one. */
export const MOST_BYTES = 3e9;

/** Images are not made coarser than this many voxels to one along any axis: rather refused. */
const MOST_SHRINKING = 4;

/** Bytes that registering two images of so many voxels takes inside the module. */
export function registrationBytes(fixedVoxels: number, movingVoxels: number): number {
  return BASE_BYTES + BYTES_PER_VOXEL * (fixedVoxels + movingVoxels);
}

/** Two pictures that fit, and by how much each was made coarser. */
export interface Fitted {
  readonly fixed: Picture;
  readonly moving: Picture;
  readonly reduced: boolean;
}

/**
 * Averages voxels of the larger image, along its finest axis first, until the pair fits.
 * @throws NavError `registration/too-large` where four voxels to one along each axis do not suffice
 */
export function fitted(fixed: Picture, moving: Picture, maxBytes: number): Fitted {
  const factors = { fixed: [1, 1, 1] as [number, number, number], moving: [1, 1, 1] as [number, number, number] };
  const voxels = (p: Picture, f: readonly number[]): number =>
    p.size.reduce((product, n, a) => product * Math.floor(n / (f[a] as number)), 1);
  let reduced = false;
  for (;;) {
    const nFixed = voxels(fixed, factors.fixed);
    const nMoving = voxels(moving, factors.moving);
    if (registrationBytes(nFixed, nMoving) <= maxBytes) break;
    const side = nFixed >= nMoving ? 'fixed' : 'moving';
    const picture = side === 'fixed' ? fixed : moving;
    const axis = finestAxis(picture, factors[side]);
    if (axis === undefined) throw tooLarge(fixed, moving, maxBytes);
    factors[side][axis] = (factors[side][axis] as number) * 2;
    reduced = true;
  }
  return { fixed: shrunk(fixed, factors.fixed), moving: shrunk(moving, factors.moving), reduced };
}

function finestAxis(picture: Picture, factors: readonly number[]): 0 | 1 | 2 | undefined {
  const spacing = spacingOf(picture);
  let best: 0 | 1 | 2 | undefined;
  for (const a of [0, 1, 2] as const) {
    const f = factors[a] as number;
    if (2 * f > MOST_SHRINKING || picture.size[a] < 32 * f) continue;
    if (best === undefined || spacing[a] * f < spacing[best] * (factors[best] as number)) best = a;
  }
  return best;
}

function tooLarge(fixed: Picture, moving: Picture, maxBytes: number): NavError {
  const bytes = registrationBytes(fixed.values.length, moving.values.length);
  return new NavError(
    'registration/too-large',
    `Registering ${fixed.size.join('×')} with ${moving.size.join('×')} voxels takes about ${(bytes / 1e9).toFixed(1)} GB, and ` +
      `${(maxBytes / 1e9).toFixed(1)} GB are allowed, even with voxels averaged four to one along each axis. Crop the images.`,
    { detail: { bytes, maxBytes } },
  );
}
