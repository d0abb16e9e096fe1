import { type AffineTransform, type Frame, frame } from '@trocar/core';
import { headPhantom, type Phantom } from '@trocar/core/testing';
import { type Grid, Sampler, type Volume, volume } from '@trocar/core/volume';

/** Pairs of images with known truth, for this package's own tests. */

export const ct: Frame<'ct'> = frame('ct');
export const mr: Frame<'mr'> = frame('mr');

/** The CT-like head. */
export function ctHead(spacingMm: number): Phantom<'ct'> {
  return headPhantom({ spacingMm, contrast: 'ct', seed: 1 });
}

/** The MR-like head, moved in its frame, on an oblique grid that mirrors. */
export function mrHead(spacingMm: number, mrFromBody: ArrayLike<number>): Phantom<'mr'> {
  return headPhantom({
    frame: mr,
    spacingMm,
    contrast: 'mr',
    seed: 2,
    axes: 'RPS',
    obliqueRad: [0.1, -0.05, 0.2],
    frameFromBody: mrFromBody,
  });
}

/** Places all over the head, mm in the body: where errors are judged. */
export function headPlaces(phantom: Phantom<'ct'>): number[][] {
  const places: number[][] = [];
  for (let x = -70; x <= 80; x += 15) {
    for (let y = -80; y <= 100; y += 15) {
      for (let z = -40; z <= 125; z += 15) if (phantom.signedDistance('skin', x, y, z) < -3) places.push([x, y, z]);
    }
  }
  return places;
}

/** Mean and largest distance between where a map puts the places and where they belong, mm. */
export function errorsOf(
  places: readonly number[][],
  map: (p: number[]) => ArrayLike<number>,
  truth: (p: number[]) => ArrayLike<number>,
): { readonly mean: number; readonly worst: number } {
  const errors = places.map((p) => {
    const found = map(p);
    const right = truth(p);
    return Math.hypot(...[0, 1, 2].map((i) => (found[i] as number) - (right[i] as number)));
  });
  return { mean: errors.reduce((a, b) => a + b, 0) / errors.length, worst: Math.max(...errors) };
}

/** A volume whose value at a grid point y is the source's at `sourceOf(y)`. */
export function warped<S extends string, G extends string>(
  source: Volume<S>,
  grid: Grid<G>,
  sourceOf: (y: Float64Array) => ArrayLike<number>,
): Volume<G> {
  const sampler = new Sampler(source);
  const m = grid.frameFromIndex;
  const [ni, nj, nk] = grid.size;
  const voxels = new Float32Array(ni * nj * nk);
  const y = new Float64Array(3);
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, n += 1) {
        for (let r = 0; r < 3; r += 1) {
          y[r] = (m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number);
        }
        const x = sourceOf(y);
        const value = sampler.at(x[0] as number, x[1] as number, x[2] as number);
        voxels[n] = Number.isNaN(value) ? 0 : value;
      }
    }
  }
  return volume({ frame: grid.frame, voxels, size: grid.size, frameFromIndex: grid.frameFromIndex });
}

/** matrix · p. */
export function through(t: Pick<AffineTransform<string, string>, 'matrix'>, p: ArrayLike<number>): number[] {
  const m = t.matrix;
  return [0, 1, 2].map(
    (r) =>
      (m[r] as number) * (p[0] as number) +
      (m[4 + r] as number) * (p[1] as number) +
      (m[8 + r] as number) * (p[2] as number) +
      (m[12 + r] as number),
  );
}
