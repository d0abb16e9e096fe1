import type { Random } from '@trocar/core/math';
import { type ByteImage, HOLE, WHITE } from './byte-image.js';

/** Places in the fixed image with what is seen there: fixed for a whole registration, so that poses compare. */
export interface SampleSet {
  /** A multiple of 4. */
  readonly count: number;
  /** Position from {@link centre}, mm, in the fixed frame. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly z: Float32Array;
  /** Fixed intensity bin times {@link fine}: the row of the joint histogram. */
  readonly rows: Int32Array;
  readonly fixedBins: number;
  /** Fine intensity steps of the moving image, before the Parzen window. */
  readonly fine: number;
  /** What the positions are from, mm in the fixed frame. */
  readonly centre: readonly [number, number, number];
  /** Root mean square distance of the samples from their own mean, mm. */
  readonly radiusMm: number;
}

/** How samples are drawn: at most `count` of them. */
export interface DrawingOptions {
  readonly count: number;
  readonly fixedBins: number;
  readonly fine: number;
  readonly centre: readonly [number, number, number];
}

/** Everything is sampled at least so often, against 1 where the image changes as much as it does on average. */
const FLOOR = 0.15;
/** Nothing more often than this. */
const CAP = 3;

/**
 * Draws samples from an image, more of them where it changes: systematic sampling (one random start, equal steps) over the
 * cells of a coarser image weighted by their gradient, then a place at random in the cell. Off the grid, because samples
 * on it make mutual information ripple with the grids' common period (Pluim 2000, CVIU 77:211).
 * @param weights of {@link sampleWeights} for `coarse`
 */
export function drawSamples(
  image: ByteImage,
  coarse: ByteImage,
  weights: Float32Array,
  random: Random,
  options: DrawingOptions,
): SampleSet {
  const { count: wanted, fixedBins, fine, centre } = options;
  let total = 0;
  for (let n = 0; n < weights.length; n += 1) total += weights[n] as number;
  const x = new Float32Array(wanted);
  const y = new Float32Array(wanted);
  const z = new Float32Array(wanted);
  const rows = new Int32Array(wanted);
  const step = total / wanted;
  let next = random.uniform() * step;
  let reached = 0;
  let count = 0;
  const map = indexFromIndex(image, coarse);
  const m = image.frameFromIndex;
  const [ni, nj] = coarse.size;
  const values = new Interpolator(image);
  for (let n = 0; n < weights.length; n += 1) {
    reached += weights[n] as number;
    while (next < reached && count < wanted) {
      next += step;
      const i = (n % ni) + random.uniform() - 0.5;
      const j = (Math.floor(n / ni) % nj) + random.uniform() - 0.5;
      const k = Math.floor(n / (ni * nj)) + random.uniform() - 0.5;
      const u = (map[0] as number) * i + (map[1] as number);
      const v = (map[2] as number) * j + (map[3] as number);
      const w = (map[4] as number) * k + (map[5] as number);
      const value = values.at(u, v, w);
      if (!(value >= 0)) continue;
      x[count] = (m[0] as number) * u + (m[4] as number) * v + (m[8] as number) * w + (m[12] as number) - centre[0];
      y[count] = (m[1] as number) * u + (m[5] as number) * v + (m[9] as number) * w + (m[13] as number) - centre[1];
      z[count] = (m[2] as number) * u + (m[6] as number) * v + (m[10] as number) * w + (m[14] as number) - centre[2];
      rows[count] = fine * Math.min(fixedBins - 1, Math.floor((value * fixedBins) / (WHITE + 1)));
      count += 1;
    }
  }
  count -= count % 4;
  const set = { count, x: x.slice(0, count), y: y.slice(0, count), z: z.slice(0, count), rows: rows.slice(0, count) };
  return { ...set, fixedBins, fine, centre, radiusMm: radiusOf(set) };
}

function radiusOf({ count, x, y, z }: Pick<SampleSet, 'count' | 'x' | 'y' | 'z'>): number {
  let variance = 0;
  for (const axis of [x, y, z]) {
    let sum = 0;
    let squares = 0;
    for (let n = 0; n < count; n += 1) {
      const a = axis[n] as number;
      sum += a;
      squares += a * a;
    }
    variance += squares / count - (sum / count) ** 2;
  }
  return Math.sqrt(variance);
}

/** Scale and offset along each axis from one image's index to another's, whose grids are parallel. */
function indexFromIndex(image: ByteImage, coarse: ByteImage): number[] {
  const out: number[] = [];
  for (let a = 0; a < 3; a += 1) {
    let along = 0;
    let square = 0;
    let offset = 0;
    for (let r = 0; r < 3; r += 1) {
      const e = image.frameFromIndex[4 * a + r] as number;
      along += e * (coarse.frameFromIndex[4 * a + r] as number);
      square += e * e;
      offset += e * ((coarse.frameFromIndex[12 + r] as number) - (image.frameFromIndex[12 + r] as number));
    }
    out.push(along / square, offset / square);
  }
  return out;
}

/** How often each voxel is to be sampled: by its gradient in bytes per mm, between {@link FLOOR} and {@link CAP} of the mean. */
export function sampleWeights(image: ByteImage): Float32Array {
  const weights = gradientMagnitudes(image);
  const v = image.values;
  let sum = 0;
  let count = 0;
  for (let n = 0; n < v.length; n += 1) {
    if (v[n] === HOLE) continue;
    sum += weights[n] as number;
    count += 1;
  }
  const scale = count / Math.max(sum, 1e-6);
  for (let n = 0; n < v.length; n += 1) {
    const w = FLOOR + (weights[n] as number) * scale;
    weights[n] = v[n] === HOLE ? 0 : Math.min(w, CAP);
  }
  return weights;
}

/** Central differences, bytes per mm up to a common factor; 0 on the border. */
function gradientMagnitudes({ values: v, size, frameFromIndex: m }: ByteImage): Float32Array {
  const [ni, nj, nk] = size;
  const out = new Float32Array(ni * nj * nk);
  const inverse = (c: number): number => 1 / Math.hypot(m[c] as number, m[c + 1] as number, m[c + 2] as number);
  const si = inverse(0);
  const sj = inverse(4);
  const sk = inverse(8);
  const plane = ni * nj;
  for (let k = 1; k < nk - 1; k += 1) {
    for (let j = 1; j < nj - 1; j += 1) {
      const from = ni * (j + nj * k);
      for (let n = from + 1; n < from + ni - 1; n += 1) {
        const gi = ((v[n + 1] as number) - (v[n - 1] as number)) * si;
        const gj = ((v[n + ni] as number) - (v[n - ni] as number)) * sj;
        const gk = ((v[n + plane] as number) - (v[n - plane] as number)) * sk;
        out[n] = Math.sqrt(gi * gi + gj * gj + gk * gk);
      }
    }
  }
  return out;
}

/** Trilinear interpolation of bytes at a continuous index; NaN on and outside the outermost centres and beside holes. */
export class Interpolator {
  readonly #values: Uint8Array;
  readonly #exchange: Uint8Array;
  readonly #holes: boolean;
  readonly #ni: number;
  readonly #nj: number;
  readonly #nk: number;

  /** @param exchange what each of the 256 bytes stands for */
  constructor({ values, holes, size }: ByteImage, exchange: Uint8Array = THEMSELVES) {
    this.#values = values;
    this.#exchange = exchange;
    this.#holes = holes;
    [this.#ni, this.#nj, this.#nk] = size;
  }

  at(u: number, v: number, w: number): number {
    const row = this.#ni;
    if (!(u >= 0 && v >= 0 && w >= 0 && u < row - 1 && v < this.#nj - 1 && w < this.#nk - 1)) return Number.NaN;
    const n = (u | 0) + row * ((v | 0) + this.#nj * (w | 0));
    const m = n + row * this.#nj;
    if (this.#holes && this.#beside(n, m)) return Number.NaN;
    const f = u - (u | 0);
    const g = v - (v | 0);
    const a = this.#along(n, f);
    const c = this.#along(m, f);
    const near = a + g * (this.#along(n + row, f) - a);
    return near + (w - (w | 0)) * (c + g * (this.#along(m + row, f) - c) - near);
  }

  /** Between a voxel and the next of its row. */
  #along(n: number, f: number): number {
    const low = this.#exchange[this.#values[n] as number] as number;
    return low + f * ((this.#exchange[this.#values[n + 1] as number] as number) - low);
  }

  /** Whether any of the eight voxels is a hole: the four of a slice from `n` on, and those of the next from `m` on. */
  #beside(n: number, m: number): boolean {
    const v = this.#values;
    for (const at of [n, m]) {
      for (const o of [at, at + this.#ni]) if (v[o] === HOLE || v[o + 1] === HOLE) return true;
    }
    return false;
  }
}

const THEMSELVES = Uint8Array.from({ length: HOLE + 1 }, (_, byte) => byte);
