import { blurred, type CubeImage, gradientMagnitude } from './cube-image.js';

/**
 * What LC2 explains ultrasound by, at one resolution: of every moving image its intensity and the magnitude of its
 * gradient, side by side for each cube. Scaled to mean 0 and standard deviation 1, so that one ridge suits all.
 */
export interface MovingFields {
  readonly size: readonly [number, number, number];
  readonly spacingMm: number;
  readonly origin: readonly [number, number, number];
  /** Fields a cube: an image and its edges, one image after the other. */
  readonly count: number;
  /** `count` values for each cube, i fastest; NaN where one of the images is not. */
  readonly values: Float32Array;
}

/**
 * The fields of images on one grid, each blurred by `sigma` cubes.
 * @param edges what goes with each image, its number being `m`. Default: the magnitude of its gradient
 */
export function movingFields(
  images: readonly CubeImage[],
  sigma: number,
  edges: (image: CubeImage, m: number) => readonly CubeImage[] = (image) => [gradientMagnitude(image)],
): MovingFields {
  const [first] = images as readonly [CubeImage];
  const all = images.flatMap((image, m) => {
    const smooth = blurred(image, sigma);
    return [smooth, ...edges(smooth, m)];
  });
  const count = all.length;
  const values = new Float32Array(first.values.length * count);
  all.forEach((field, c) => {
    interleave(values, count, c, field.values);
  });
  return { size: first.size, spacingMm: first.spacingMm, origin: first.origin, count, values };
}

function interleave(out: Float32Array, count: number, field: number, values: Float32Array): void {
  let sum = 0;
  let squares = 0;
  let n = 0;
  for (let i = 0; i < values.length; i += 1) {
    const x = values[i] as number;
    if (Number.isNaN(x)) continue;
    sum += x;
    squares += x * x;
    n += 1;
  }
  const mean = n > 0 ? sum / n : 0;
  const variance = n > 0 ? squares / n - mean * mean : 0;
  const scale = variance > 0 ? 1 / Math.sqrt(variance) : 1;
  for (let i = 0; i < values.length; i += 1) out[i * count + field] = ((values[i] as number) - mean) * scale;
}

/**
 * Values and gradients of all fields at a place, trilinear, into `out` from `at`: for each field its value and its
 * derivatives along x, y, z per mm. Returns false, with `out` partly written, outside the image.
 * @param x continuous cube index along the frame's x, and so on
 */
export function sampleFields(out: Float64Array, at: number, f: MovingFields, x: number, y: number, z: number): boolean {
  const [ni, nj, nk] = f.size;
  if (!(x >= 0 && y >= 0 && z >= 0 && x < ni - 1 && y < nj - 1 && z < nk - 1)) return false;
  const x0 = x | 0;
  const y0 = y | 0;
  const z0 = z | 0;
  const fx = x - x0;
  const fy = y - y0;
  const fz = z - z0;
  const { count, values } = f;
  const dy = ni * count;
  const dz = dy * nj;
  let n = x0 * count + y0 * dy + z0 * dz;
  const perMm = 1 / f.spacingMm;
  let good = 0;
  for (let c = 0, o = at; c < count; c += 1, n += 1, o += 4) {
    const v000 = values[n] as number;
    const v010 = values[n + dy] as number;
    const v001 = values[n + dz] as number;
    const v011 = values[n + dz + dy] as number;
    const e00 = (values[n + count] as number) - v000;
    const e10 = (values[n + dy + count] as number) - v010;
    const e01 = (values[n + dz + count] as number) - v001;
    const e11 = (values[n + dz + dy + count] as number) - v011;
    const a0 = v000 + fx * e00;
    const a1 = v010 + fx * e10;
    const b0 = v001 + fx * e01;
    const b1 = v011 + fx * e11;
    const p0 = a0 + fy * (a1 - a0);
    const p1 = b0 + fy * (b1 - b0);
    const value = p0 + fz * (p1 - p0);
    out[o] = value;
    const g0 = e00 + fy * (e10 - e00);
    const g1 = e01 + fy * (e11 - e01);
    out[o + 1] = perMm * (g0 + fz * (g1 - g0));
    out[o + 2] = perMm * (a1 - a0 + fz * (b1 - b0 - a1 + a0));
    out[o + 3] = perMm * (p1 - p0);
    good += value;
  }
  return !Number.isNaN(good);
}
