import type { AffineTransform } from '@trocar/core';
import { point } from '@trocar/core';
import { multiply4 } from '@trocar/core/math';
import { Sampler, type Volume, volume } from '@trocar/core/volume';
import type { StudyDeformation } from './study.js';

/** What is different between two images, on the grid of the earlier one. */
export interface Subtraction<E extends string> {
  /** Later − earlier in the images' unit; NaN where one of the two saw nothing. */
  readonly difference: Volume<E>;
  /** 1 where both images saw the place, else 0. */
  readonly seenByBoth: Volume<E>;
  /** Share of the earlier image that both saw, 0 … 1. */
  readonly shared: number;
  /**
   * Standard deviation of the difference where nothing changed, from its median absolute deviation (× 1.4826): noise of both images and what the
   * registration leaves. Holds while less than half of what both saw has changed. NaN where they share nothing.
   */
  readonly noiseSd: number;
}

/**
 * Subtracts the earlier image from the later one, which is read (trilinear) where the registration, or the deformation, puts each
 * voxel of the earlier. Only images of one kind make sense of it: that is the caller's affair.
 * @throws NavError `frame/mismatch` of the map's own
 */
export function subtractStudies<E extends string, L extends string>(
  earlier: Volume<E>,
  later: Volume<L>,
  laterFromEarlier: AffineTransform<L, E>,
  deformation?: StudyDeformation<E, L>,
): Subtraction<E> {
  const [ni, nj, nk] = earlier.size;
  const difference = new Float32Array(ni * nj * nk).fill(Number.NaN);
  const both = new Uint8Array(ni * nj * nk);
  const sampler = new Sampler(later);
  const m = multiply4(new Float64Array(16), laterFromEarlier.matrix, earlier.frameFromIndex);
  const { slope, intercept } = earlier.rescale;
  const at = new Float64Array(3);
  let count = 0;
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, n += 1) {
        placeInto(at, deformation === undefined ? m : earlier.frameFromIndex, i, j, k);
        const p = deformation === undefined ? at : deformation.laterFromEarlier(point(earlier.frame, at)).xyz;
        const value = sampler.at(p[0] as number, p[1] as number, p[2] as number);
        const before = slope * (earlier.voxels[n] as number) + intercept;
        if (!Number.isFinite(value) || !Number.isFinite(before)) continue;
        difference[n] = value - before;
        both[n] = 1;
        count += 1;
      }
    }
  }
  const { unit } = earlier.rescale;
  const rescale = { slope: 1, intercept: 0, ...(unit !== undefined && { unit }) };
  const { frame, size, frameFromIndex } = earlier;
  return {
    difference: volume({ frame, size, frameFromIndex, voxels: difference, rescale, modality: earlier.modality }),
    seenByBoth: volume({ frame, size, frameFromIndex, voxels: both, modality: 'SEG' }),
    shared: count / difference.length,
    noiseSd: robustSd(difference),
  };
}

function placeInto(out: Float64Array, m: ArrayLike<number>, i: number, j: number, k: number): void {
  for (let r = 0; r < 3; r += 1) {
    out[r] = (m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number);
  }
}

/** No more values than this are sorted. */
const SORTED = 100_000;

function robustSd(difference: Float32Array): number {
  const known = difference.filter((x) => !Number.isNaN(x));
  if (known.length === 0) return Number.NaN;
  const step = Math.max(1, Math.floor(known.length / SORTED));
  const some = known.filter((_, n) => n % step === 0).sort();
  const middle = some[some.length >> 1] as number;
  const off = some.map((x) => Math.abs(x - middle)).sort();
  return 1.4826 * (off[off.length >> 1] as number);
}
