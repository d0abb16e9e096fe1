import { blurred, type CubeImage } from '../../intensity/ultrasound/cube-image.js';
import type { Level } from './level.js';

/** Disagreement is averaged over this far around a place, mm: tissue moves alike over as much. */
const AROUND_MM = 8;

/**
 * Half the distance between two halves' displacements, squared and averaged around each cube, mm²: were the halves' errors
 * independent, the mean square error of their mean (the variance of two is a quarter of their squared difference). NaN where
 * the fixed image shows nothing.
 */
export function disagreement({ weights, size, spacingMm, origin }: Level, a: Float32Array, b: Float32Array): CubeImage {
  const values = weights.map((w, n) => {
    if (w === 0) return Number.NaN;
    let sum = 0;
    for (let r = 3 * n; r < 3 * n + 3; r += 1) sum += ((a[r] as number) - (b[r] as number)) ** 2;
    return sum / 4;
  });
  return blurred({ size, spacingMm, origin, values }, AROUND_MM / spacingMm);
}

/**
 * How far errors go beyond what halves disagree by, and what both halves share and so never disagree in (a tracker's noise, the
 * images' own resolution), mm: round numbers, held against phantoms by bench/deformable.ts.
 */
const BEYOND = 1.2;
const SHARED_MM = 0.35;

/**
 * Root mean square error to expect at a place of the fixed image, mm; NaN where the image shows nothing.
 * @param map from {@link disagreement}
 */
export function expectedErrorAt({ size, spacingMm, origin, values }: CubeImage, p: ArrayLike<number>): number {
  const at = [0, 1, 2].map((r) => Math.round(((p[r] as number) - (origin[r] as number)) / spacingMm));
  if (!at.every((i, r) => i >= 0 && i < (size[r] as number))) return Number.NaN;
  const [i, j, k] = at as [number, number, number];
  const square = values[i + size[0] * (j + size[1] * k)] as number;
  return Math.sqrt(BEYOND * BEYOND * square + SHARED_MM * SHARED_MM);
}
