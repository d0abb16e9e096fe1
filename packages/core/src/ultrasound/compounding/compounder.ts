import { identity4, invert4, multiply4 } from '../../math/index.js';
import { LinearSplat } from './linear.js';
import { NearestPaste } from './nearest.js';
import { RowRuns } from './runs.js';
import { makeSums, type SlabPlan, type Sums, type VoxelBox } from './slab.js';

/** Takes images, one after the other in any order, into the planes of a slab; pure arithmetic that workers and pages share. */
export class SlabCompounder {
  readonly #plan: SlabPlan;
  readonly #sums: Sums;
  readonly #write: LinearSplat | NearestPaste;
  readonly #runs = new RowRuns();
  readonly #indexFromFrame = identity4();
  readonly #m = identity4();
  /** Cells that pixels may lie in: from … before. */
  readonly #low = new Int32Array(3);
  readonly #high = new Int32Array(3);
  /** Voxels that the last image may have changed. */
  readonly #from = new Int32Array(3);
  readonly #to = new Int32Array(3);

  constructor(plan: SlabPlan) {
    this.#plan = plan;
    this.#sums = makeSums(plan);
    const Write = plan.interpolation === 'linear' ? LinearSplat : NearestPaste;
    this.#write = new Write(this.#sums, plan.compounding, plan.importance);
    invert4(this.#indexFromFrame, plan.grid.frameFromIndex);
    const linear = plan.interpolation === 'linear';
    const [ni, nj, nk] = plan.grid.size;
    this.#low[2] = Math.max(0, plan.first - (linear ? 1 : 0));
    this.#high.set(linear ? [ni - 1, nj - 1, Math.min(nk - 1, plan.end)] : [ni, nj, plan.end]);
  }

  /**
   * Adds an image.
   * @param stamp its time or number, for `latest`: the greater counts
   * @returns voxels that may have changed; undefined where it did not meet the slab
   */
  add(pixels: Uint8Array, frameFromImage: ArrayLike<number>, stamp: number): VoxelBox | undefined {
    const m = multiply4(this.#m, this.#indexFromFrame, frameFromImage);
    const { spans, columns, interpolation } = this.#plan;
    const half = interpolation === 'nearest' ? 0.5 : 0;
    const { start, step } = this.#runs;
    for (let a = 0; a < 3; a += 1) step[a] = m[a] as number;
    this.#from.fill(0x7fffffff);
    this.#to.fill(-1);
    for (let row = 0; 4 * row < spans.length; row += 1) {
      for (let part = 0; part < 4; part += 2) {
        const from = spans[4 * row + part] as number;
        const to = spans[4 * row + part + 1] as number;
        if (from >= to) continue;
        for (let a = 0; a < 3; a += 1) start[a] = (m[12 + a] as number) + (m[4 + a] as number) * row + half;
        if (this.#runs.find(from, to, this.#low, this.#high) === 0) continue;
        this.#write.add(this.#runs, pixels, row * columns, stamp);
        this.#note();
      }
    }
    return (this.#to[0] as number) < 0 ? undefined : this.#box();
  }

  /** A row is straight: the cells of its first and last run bound the others. */
  #note(): void {
    const { list, count } = this.#runs;
    for (const at of [0, 4 * (count - 1)]) {
      for (let a = 0; a < 3; a += 1) {
        const cell = list[at + 1 + a] as number;
        if (cell < (this.#from[a] as number)) this.#from[a] = cell;
        if (cell > (this.#to[a] as number)) this.#to[a] = cell;
      }
    }
  }

  #box(): VoxelBox | undefined {
    const reach = this.#plan.interpolation === 'linear' ? 2 : 1;
    const [x0, y0, z0] = this.#from as unknown as [number, number, number];
    const [x1, y1, z1] = this.#to as unknown as [number, number, number];
    const k0 = Math.max(z0, this.#plan.first);
    const k1 = Math.min(z1 + reach, this.#plan.end);
    return k0 < k1 ? { low: [x0, y0, k0], high: [x1 + reach, y1 + reach, k1] } : undefined;
  }

  /**
   * Writes the values of a box's voxels: grey values, and NaN where no pixel was (0 in whole numbers). Whole numbers are rounded, halves
   * up.
   * @param out the planes `first` … of the slab, i fastest
   * @param seen 1 where a pixel was, as long as `out`
   * @param box default all of the slab's planes
   */
  read(out: Uint8Array | Float32Array, seen: Uint8Array, box?: VoxelBox): void {
    const { first, end, grid } = this.#plan;
    const { sums, plane, strides } = this.#sums;
    const { low, high } = box ?? { low: [0, 0, first], high: [grid.size[0], grid.size[1], end] };
    const whole = out instanceof Uint8Array;
    const skip = strides[1] * (first - plane);
    for (let k = low[2]; k < high[2]; k += 1) {
      for (let j = low[1]; j < high[1]; j += 1) {
        const row = strides[0] * j + strides[1] * (k - first);
        for (let n = row + low[0]; n < row + high[0]; n += 1) {
          const weight = sums[2 * (n + skip) + 1] as number;
          const value = (sums[2 * (n + skip)] as number) / weight;
          seen[n] = weight > 0 ? 1 : 0;
          if (whole) out[n] = weight > 0 ? Math.floor(value + 0.5) : 0;
          else out[n] = weight > 0 ? value : Number.NaN;
        }
      }
    }
  }
}
