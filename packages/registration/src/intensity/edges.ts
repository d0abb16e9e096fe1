import { invert4 } from '@trocar/core/math';
import { type ByteImage, HOLE } from './byte-image.js';
import { type Motion, matrixOf } from './motion.js';
import type { SampleSet } from './samples.js';

/** How well the edges of two images lie on each other, judged by their directions alone: another measure than intensities. */
export interface EdgeAgreement {
  /** Weighted mean of the squared cosine between the two gradients, 1/3 where they know nothing of each other. */
  readonly value: number;
  /** How much less it is on average where the image is displaced by `apartMm`, over its own standard error. */
  readonly peak: number;
}

/** Samples looked at. */
const LOOKED_AT = 2000;

/**
 * Gradient orientation agreement (Pluim 2000, IEEE TMI 19:809; Haber & Modersitzki 2006) at a pose and at six displaced by
 * `apartMm` along the axes. Each sample counts by the product of its two gradients' lengths, capped, so that noise in flat
 * places does not.
 */
export function edgeAgreement(
  fixed: ByteImage,
  moving: ByteImage,
  samples: SampleSet,
  motion: Motion,
  apartMm: number,
): EdgeAgreement {
  const places = placesOf(fixed, samples);
  const at = (shift: readonly number[]): { mean: number; error: number } => {
    const shifted = { linear: motion.linear, at: motion.at.map((t, r) => t + (shift[r] as number)) };
    return meanCosine(places, moving, matrixOf(shifted, [0, 0, 0]));
  };
  const here = at([0, 0, 0]);
  let around = 0;
  for (let axis = 0; axis < 3; axis += 1) {
    for (const d of [apartMm, -apartMm]) around += at([0, 1, 2].map((r) => (r === axis ? d : 0))).mean / 6;
  }
  return { value: here.mean, peak: (here.mean - around) / here.error };
}

interface Places {
  /** From the fixed centre, mm. */
  readonly points: Float64Array;
  /** Gradients in the fixed frame, bytes per mm. */
  readonly gradients: Float64Array;
}

function placesOf(fixed: ByteImage, samples: SampleSet): Places {
  const stride = Math.max(1, Math.floor(samples.count / LOOKED_AT));
  const count = Math.floor(samples.count / stride);
  const points = new Float64Array(3 * count);
  const gradients = new Float64Array(3 * count);
  const field = new GradientField(fixed);
  for (let n = 0; n < count; n += 1) {
    const s = n * stride;
    points.set([samples.x[s] as number, samples.y[s] as number, samples.z[s] as number], 3 * n);
    const place = samples.centre.map((c, r) => c + (points[3 * n + r] as number));
    field.at(place[0] as number, place[1] as number, place[2] as number);
    gradients.set(field.gradient, 3 * n);
  }
  return { points, gradients };
}

function meanCosine(places: Places, moving: ByteImage, m: Float64Array): { mean: number; error: number } {
  const field = new GradientField(moving);
  const { points, gradients } = places;
  const count = points.length / 3;
  const products = new Float64Array(count);
  const cosines = new Float64Array(count);
  let total = 0;
  const found = field.gradient;
  for (let n = 0; n < count; n += 1) {
    const x = points[3 * n] as number;
    const y = points[3 * n + 1] as number;
    const z = points[3 * n + 2] as number;
    field.at(
      along(m, 0, x, y, z) + (m[12] as number),
      along(m, 1, x, y, z) + (m[13] as number),
      along(m, 2, x, y, z) + (m[14] as number),
    );
    const a = found[0] as number;
    const b = found[1] as number;
    const c = found[2] as number;
    const u = gradients[3 * n] as number;
    const v = gradients[3 * n + 1] as number;
    const w = gradients[3 * n + 2] as number;
    // The fixed gradient carried into the moving frame: exact for a rotation, near enough for what scales a little.
    const dot = along(m, 0, u, v, w) * a + along(m, 1, u, v, w) * b + along(m, 2, u, v, w) * c;
    const lengths = Math.sqrt((u * u + v * v + w * w) * (a * a + b * b + c * c));
    if (!(lengths > 0)) continue;
    products[n] = lengths;
    cosines[n] = Math.min(1, (dot / lengths) ** 2);
    total += lengths;
  }
  return weightedMean(cosines, products, (4 * total) / count);
}

function weightedMean(values: Float64Array, weights: Float64Array, cap: number): { mean: number; error: number } {
  let sum = 0;
  let total = 0;
  for (let n = 0; n < values.length; n += 1) {
    const w = Math.min(weights[n] as number, cap);
    sum += w * (values[n] as number);
    total += w;
  }
  const mean = total > 0 ? sum / total : 0;
  let variance = 0;
  for (let n = 0; n < values.length; n += 1) {
    variance += (Math.min(weights[n] as number, cap) * ((values[n] as number) - mean)) ** 2;
  }
  return { mean, error: total > 0 ? Math.max(Math.sqrt(variance) / total, 1e-6) : 1 };
}

function along(m: Float64Array, r: number, x: number, y: number, z: number): number {
  return (m[r] as number) * x + (m[4 + r] as number) * y + (m[8 + r] as number) * z;
}

/** Central differences over a voxel at the nearest voxel; zero at the border and beside holes. */
class GradientField {
  readonly gradient = new Float64Array(3);
  readonly #image: ByteImage;
  readonly #index = new Float64Array(16);
  /** gradient in the frame = matrix · gradient by index: the transposed inverse of the geometry. */
  readonly #turn = new Float64Array(9);

  constructor(image: ByteImage) {
    this.#image = image;
    invert4(this.#index, image.frameFromIndex);
    for (let r = 0; r < 3; r += 1) for (let a = 0; a < 3; a += 1) this.#turn[3 * r + a] = this.#index[4 * r + a] as number;
  }

  at(x: number, y: number, z: number): void {
    const { values, size } = this.#image;
    const m = this.#index;
    const i = Math.round(along(m, 0, x, y, z) + (m[12] as number));
    const j = Math.round(along(m, 1, x, y, z) + (m[13] as number));
    const k = Math.round(along(m, 2, x, y, z) + (m[14] as number));
    const [ni, nj, nk] = size;
    const out = this.gradient;
    out[0] = out[1] = out[2] = 0;
    if (!(i >= 1 && j >= 1 && k >= 1 && i < ni - 1 && j < nj - 1 && k < nk - 1)) return;
    const o = i + ni * (j + nj * k);
    const a = difference(values[o - 1] as number, values[o + 1] as number);
    const b = difference(values[o - ni] as number, values[o + ni] as number);
    const c = difference(values[o - ni * nj] as number, values[o + ni * nj] as number);
    const t = this.#turn;
    out[0] = (t[0] as number) * a + (t[1] as number) * b + (t[2] as number) * c;
    out[1] = (t[3] as number) * a + (t[4] as number) * b + (t[5] as number) * c;
    out[2] = (t[6] as number) * a + (t[7] as number) * b + (t[8] as number) * c;
  }
}

function difference(before: number, after: number): number {
  return before === HOLE || after === HOLE ? 0 : (after - before) / 2;
}
