import type { CubeImage } from './cube-image.js';

/** Twelve numbers between 0 and 1 for each cube: how alike its surroundings are in twelve pairs of places. */
export interface Descriptors {
  readonly size: readonly [number, number, number];
  readonly spacingMm: number;
  readonly origin: readonly [number, number, number];
  /** 12 for each cube, i fastest among cubes; the first is NaN where there is no image around. */
  readonly values: Float32Array;
}

/** Channels of a descriptor. */
export const CHANNELS = 12;

/** The six neighbours of a cube, in steps of the dilation. */
const NEIGHBOURS = [
  [1, 0, 0],
  [-1, 0, 0],
  [0, 1, 0],
  [0, -1, 0],
  [0, 0, 1],
  [0, 0, -1],
] as const;

/** The twelve pairs of neighbours that lie √2 apart: all but the three opposite ones. */
const PAIRS = NEIGHBOURS.flatMap((a, i) =>
  NEIGHBOURS.slice(i + 1)
    .filter((b) => a.some((x, k) => x !== 0 && b[k] === 0))
    .map((b) => [a, b] as const),
);

/**
 * MIND in its self-similarity context: exp(−D_k / V) with D_k the mean squared difference of two neighbours' surroundings,
 * less the least of the twelve, and V their mean, kept between 0.001 and 1000 times its own mean over the image
 * (Heinrich 2013, MICCAI 8149:187).
 * @param radius half the edge of the surroundings, cubes
 * @param dilation distance of the neighbours, cubes
 */
export function mindDescriptors(image: CubeImage, radius: number, dilation: number): Descriptors {
  const n = image.values.length;
  const values = new Float32Array(CHANNELS * n);
  PAIRS.forEach(([a, b], channel) => {
    const mean = boxMean(squaredDifference(image, a, b, dilation), image.size, radius);
    for (let i = 0; i < n; i += 1) values[CHANNELS * i + channel] = mean[i] as number;
  });
  finish(values, image);
  const { size, spacingMm, origin } = image;
  return { size, spacingMm, origin, values };
}

/** (I(x + d a) − I(x + d b))², NaN where either is none. */
function squaredDifference(
  { size, values }: CubeImage,
  a: readonly [number, number, number],
  b: readonly [number, number, number],
  d: number,
): Float32Array {
  const [ni, nj, nk] = size;
  const out = new Float32Array(values.length);
  const clamp = (x: number, n: number): number => Math.min(n - 1, Math.max(0, x));
  for (let k = 0, n = 0; k < nk; k += 1) {
    const ka = clamp(k + d * a[2], nk);
    const kb = clamp(k + d * b[2], nk);
    for (let j = 0; j < nj; j += 1) {
      const rowA = ni * (clamp(j + d * a[1], nj) + nj * ka);
      const rowB = ni * (clamp(j + d * b[1], nj) + nj * kb);
      for (let i = 0; i < ni; i += 1, n += 1) {
        const x = values[rowA + clamp(i + d * a[0], ni)] as number;
        const y = values[rowB + clamp(i + d * b[0], ni)] as number;
        out[n] = (x - y) * (x - y);
      }
    }
  }
  return out;
}

/** Means over boxes of 2 radius + 1 cubes; NaN does not count, and where fewer than half of a line are there, none is. */
function boxMean(values: Float32Array, size: readonly [number, number, number], radius: number): Float32Array {
  let current = values;
  for (let axis = 0; axis < 3; axis += 1) {
    const step = axis === 0 ? 1 : axis === 1 ? size[0] : size[0] * size[1];
    current = lineMean(current, step, size[axis] as number, radius);
  }
  return current;
}

function lineMean(source: Float32Array, step: number, length: number, radius: number): Float32Array {
  const out = new Float32Array(source.length);
  for (let block = 0; block < source.length; block += step * length) {
    for (let line = block; line < block + step; line += 1) {
      let sum = 0;
      let count = 0;
      for (let p = -radius; p < length; p += 1) {
        const enter = p + radius;
        if (enter < length) {
          const x = source[line + step * enter] as number;
          if (!Number.isNaN(x)) {
            sum += x;
            count += 1;
          }
        }
        const leave = p - radius - 1;
        if (leave >= 0) {
          const x = source[line + step * leave] as number;
          if (!Number.isNaN(x)) {
            sum -= x;
            count -= 1;
          }
        }
        if (p >= 0) out[line + step * p] = count > radius ? Math.max(0, sum) / count : Number.NaN;
      }
    }
  }
  return out;
}

function finish(values: Float32Array, image: CubeImage): void {
  const n = image.values.length;
  const scale = new Float32Array(n);
  let sum = 0;
  let count = 0;
  for (let i = 0; i < n; i += 1) {
    let least = Number.POSITIVE_INFINITY;
    let total = 0;
    for (let c = CHANNELS * i; c < CHANNELS * (i + 1); c += 1) {
      const x = values[c] as number;
      total += x;
      if (x < least) least = x;
    }
    const v = total / CHANNELS - least;
    scale[i] = (image.values[i] as number) - (image.values[i] as number) + v;
    for (let c = CHANNELS * i; c < CHANNELS * (i + 1); c += 1) values[c] = (values[c] as number) - least;
    if (!Number.isNaN(scale[i])) {
      sum += v;
      count += 1;
    }
  }
  const mean = count > 0 && sum > 0 ? sum / count : 1;
  for (let i = 0; i < n; i += 1) {
    const v = Math.min(1000 * mean, Math.max(0.001 * mean, scale[i] as number));
    for (let c = CHANNELS * i; c < CHANNELS * (i + 1); c += 1) values[c] = Math.exp(-(values[c] as number) / v);
  }
}
