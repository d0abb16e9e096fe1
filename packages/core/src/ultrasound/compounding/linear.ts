import { addLinearMean } from './linear-mean.js';
import { type RowRuns, RUN_LENGTH } from './runs.js';
import { type Sums, type SweepCompounding, TO_STEPS } from './slab.js';

/**
 * Shares a row's runs out among the eight voxels around them.
 *
 * Along a run the weight of a corner is a product of three linear functions of the pixel's number s. So the sums over the run
 * of value × weight follow from four moments, Σ v sⁿ with n = 0 … 3, and those of the weights from Σ sⁿ: no pixel is weighted by itself.
 */
export class LinearSplat {
  readonly #sums: Sums;
  readonly #compounding: SweepCompounding;
  readonly #mask: Uint8Array | undefined;
  /** Σ m v sⁿ, Σ m sⁿ (m: importance, or 1), and the largest value. */
  readonly #moments = new Float64Array(9);
  /** Place of the run's first pixel in its cell, and the step: x, y, z each. */
  readonly #place = new Float64Array(6);
  /** What the corners get: bits of the number are x, y, z from low to high. */
  readonly #values = new Float64Array(8);
  readonly #weights = new Float64Array(8);
  readonly #offsets = new Int32Array(8);

  constructor(sums: Sums, compounding: SweepCompounding, importance: Uint8Array | undefined) {
    this.#sums = sums;
    this.#compounding = compounding;
    this.#mask = importance;
    const [j, k] = sums.strides;
    for (let c = 0; c < 8; c += 1) this.#offsets[c] = (c & 1) + (c & 2 ? j : 0) + (c & 4 ? k : 0);
  }

  /**
   * @param row index of the row's first pixel
   * @param stamp the image's time or number
   */
  add(runs: RowRuns, pixels: Uint8Array, row: number, stamp: number): void {
    if (this.#mask === undefined && this.#compounding === 'mean') addLinearMean(this.#sums, runs, pixels, row);
    else this.#addAny(runs, pixels, row, stamp);
  }

  #addAny(runs: RowRuns, pixels: Uint8Array, row: number, stamp: number): void {
    const { list, start, step } = runs;
    const place = this.#place;
    const [strideJ, strideK] = this.#sums.strides;
    const { plane } = this.#sums;
    place.set(step, 3);
    for (let n = 0, at = 0; n < runs.count; n += 1, at += RUN_LENGTH) {
      const u = list[at] as number;
      const i = list[at + 1] as number;
      const j = list[at + 2] as number;
      const k = list[at + 3] as number;
      place[0] = (start[0] as number) + u * (step[0] as number) - i;
      place[1] = (start[1] as number) + u * (step[1] as number) - j;
      place[2] = (start[2] as number) + u * (step[2] as number) - k;
      const length = (list[at + RUN_LENGTH] as number) - u;
      if (this.#mask === undefined) this.#plainMoments(pixels, row + u, length);
      else this.#maskedMoments(pixels, this.#mask, row + u, length);
      share(this.#weights, this.#moments, 4, place);
      const base = i + strideJ * j + strideK * (k - plane);
      if (this.#compounding === 'maximum') this.#largest(base);
      else {
        share(this.#values, this.#moments, 0, place);
        if (this.#compounding === 'mean') this.#mean(base);
        else this.#latest(base, stamp);
      }
    }
  }

  #plainMoments(pixels: Uint8Array, from: number, length: number): void {
    const m = this.#moments;
    let [m0, m1, m2, m3, most] = [0, 0, 0, 0, 0];
    for (let s = 0; s < length; s += 1) {
      const v = pixels[from + s] as number;
      const vs = v * s;
      const vss = vs * s;
      m0 += v;
      m1 += vs;
      m2 += vss;
      m3 += vss * s;
      if (v > most) most = v;
    }
    m[0] = m0;
    m[1] = m1;
    m[2] = m2;
    m[3] = m3;
    const n1 = (length * (length - 1)) / 2;
    m[4] = length;
    m[5] = n1;
    m[6] = (n1 * (2 * length - 1)) / 3;
    m[7] = n1 * n1;
    m[8] = most;
  }

  #maskedMoments(pixels: Uint8Array, mask: Uint8Array, from: number, length: number): void {
    const m = this.#moments;
    m.fill(0);
    for (let s = 0; s < length; s += 1) {
      const v = pixels[from + s] as number;
      let w = (mask[from + s] as number) / 255;
      if (w > 0 && v > (m[8] as number)) m[8] = v;
      for (let power = 0; power < 4; power += 1, w *= s) {
        m[power] = (m[power] as number) + w * v;
        m[4 + power] = (m[4 + power] as number) + w;
      }
    }
  }

  #mean(base: number): void {
    const { sums } = this.#sums;
    for (let c = 0; c < 8; c += 1) {
      const at = 2 * (base + (this.#offsets[c] as number));
      sums[at] = (sums[at] as number) + ((this.#values[c] as number) + TO_STEPS - TO_STEPS);
      sums[at + 1] = (sums[at + 1] as number) + ((this.#weights[c] as number) + TO_STEPS - TO_STEPS);
    }
  }

  /** Only corners that on average have an eighth of the pixels, as one in the middle of the cell gives to each. */
  #latest(base: number, stamp: number): void {
    const { sums, stamps } = this.#sums;
    const least = (this.#moments[4] as number) / 8;
    for (let c = 0; c < 8; c += 1) {
      const at = base + (this.#offsets[c] as number);
      const known = stamps[at] as number;
      if (!((this.#weights[c] as number) >= least && least > 0) || known > stamp) continue;
      if (known < stamp) {
        stamps[at] = stamp;
        sums[2 * at] = 0;
        sums[2 * at + 1] = 0;
      }
      sums[2 * at] = (sums[2 * at] as number) + ((this.#values[c] as number) + TO_STEPS - TO_STEPS);
      sums[2 * at + 1] = (sums[2 * at + 1] as number) + ((this.#weights[c] as number) + TO_STEPS - TO_STEPS);
    }
  }

  #largest(base: number): void {
    const { sums } = this.#sums;
    const least = (this.#moments[4] as number) / 8;
    const most = this.#moments[8] as number;
    for (let c = 0; c < 8; c += 1) {
      const at = 2 * (base + (this.#offsets[c] as number));
      if (!((this.#weights[c] as number) >= least && least > 0)) continue;
      sums[at + 1] = 1;
      if (most > (sums[at] as number)) sums[at] = most;
    }
  }
}

/** What each corner gets of four moments: sums of products of the places' parts and their complements to one. */
function share(out: Float64Array, m: Float64Array, from: number, place: Float64Array): void {
  const m0 = m[from] as number;
  const m1 = m[from + 1] as number;
  const m2 = m[from + 2] as number;
  const x = place[0] as number;
  const y = place[1] as number;
  const z = place[2] as number;
  const dx = place[3] as number;
  const dy = place[4] as number;
  const dz = place[5] as number;
  const sx = x * m0 + dx * m1;
  const sy = y * m0 + dy * m1;
  const sz = z * m0 + dz * m1;
  const xy1 = x * dy + y * dx;
  const xy2 = dx * dy;
  const sxy = x * y * m0 + xy1 * m1 + xy2 * m2;
  const sxz = x * z * m0 + (x * dz + z * dx) * m1 + dx * dz * m2;
  const syz = y * z * m0 + (y * dz + z * dy) * m1 + dy * dz * m2;
  const sxyz = z * sxy + dz * (x * y * m1 + xy1 * m2 + xy2 * (m[from + 3] as number));
  out[7] = sxyz;
  out[6] = syz - sxyz;
  out[5] = sxz - sxyz;
  out[3] = sxy - sxyz;
  out[4] = sz - sxz - syz + sxyz;
  out[2] = sy - sxy - syz + sxyz;
  out[1] = sx - sxy - sxz + sxyz;
  out[0] = m0 - sx - sy + sxy - (out[4] as number);
}
