import { type RowRuns, RUN_LENGTH } from './runs.js';
import { type Sums, type SweepCompounding, TO_STEPS } from './slab.js';

/** Puts a row's runs into the voxel that each of them lies in. */
export class NearestPaste {
  readonly #sums: Sums;
  readonly #compounding: SweepCompounding;
  readonly #mask: Uint8Array | undefined;
  /** Σ m v, Σ m (m: importance, or 1), and the largest value of the run. */
  readonly #run = new Float64Array(3);

  constructor(sums: Sums, compounding: SweepCompounding, importance: Uint8Array | undefined) {
    this.#sums = sums;
    this.#compounding = compounding;
    this.#mask = importance;
  }

  /**
   * @param row index of the row's first pixel
   * @param stamp the image's time or number
   */
  add(runs: RowRuns, pixels: Uint8Array, row: number, stamp: number): void {
    if (this.#mask === undefined && this.#compounding === 'mean') this.#addPlain(runs, pixels, row);
    else this.#addAny(runs, pixels, row, stamp);
  }

  /** The commonest case in one loop. */
  #addPlain(runs: RowRuns, pixels: Uint8Array, row: number): void {
    const { list, count } = runs;
    const { sums, plane, strides } = this.#sums;
    const [strideJ, strideK] = strides;
    for (let n = 0, at = 0; n < count; n += 1, at += RUN_LENGTH) {
      const u = list[at] as number;
      const end = list[at + RUN_LENGTH] as number;
      let sum = 0;
      for (let p = row + u; p < row + end; p += 1) sum = (sum + (pixels[p] as number)) | 0;
      const to =
        2 * ((list[at + 1] as number) + strideJ * (list[at + 2] as number) + strideK * ((list[at + 3] as number) - plane));
      sums[to] = (sums[to] as number) + sum;
      sums[to + 1] = (sums[to + 1] as number) + (end - u);
    }
  }

  #addAny(runs: RowRuns, pixels: Uint8Array, row: number, stamp: number): void {
    const { list, count } = runs;
    const { sums, stamps, plane, strides } = this.#sums;
    const latest = this.#compounding === 'latest';
    for (let n = 0, at = 0; n < count; n += 1, at += RUN_LENGTH) {
      const u = list[at] as number;
      this.#sum(pixels, row + u, row + (list[at + RUN_LENGTH] as number));
      const [value, weight, most] = this.#run as unknown as [number, number, number];
      if (weight === 0) continue;
      const [i, j, k] = [list[at + 1] as number, list[at + 2] as number, list[at + 3] as number];
      const voxel = i + strides[0] * j + strides[1] * (k - plane);
      if (this.#compounding === 'maximum') {
        sums[2 * voxel + 1] = 1;
        if (most > (sums[2 * voxel] as number)) sums[2 * voxel] = most;
        continue;
      }
      if (latest) {
        const known = stamps[voxel] as number;
        if (known > stamp) continue;
        if (known < stamp) {
          stamps[voxel] = stamp;
          sums[2 * voxel] = 0;
          sums[2 * voxel + 1] = 0;
        }
      }
      sums[2 * voxel] = (sums[2 * voxel] as number) + (value + TO_STEPS - TO_STEPS);
      sums[2 * voxel + 1] = (sums[2 * voxel + 1] as number) + (weight + TO_STEPS - TO_STEPS);
    }
  }

  #sum(pixels: Uint8Array, from: number, to: number): void {
    const mask = this.#mask;
    let [value, weight, most] = [0, 0, 0];
    for (let p = from; p < to; p += 1) {
      const m = mask === undefined ? 1 : (mask[p] as number) / 255;
      const v = pixels[p] as number;
      value += m * v;
      weight += m;
      if (m > 0 && v > most) most = v;
    }
    this.#run[0] = value;
    this.#run[1] = weight;
    this.#run[2] = most;
  }
}
