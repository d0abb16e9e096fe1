import { identity4, invert4, multiply4 } from '../../math/index.js';
import { CompoundKernel } from './kernels/wasm.js';
import { LinearSplat } from './linear.js';
import { NearestPaste } from './nearest.js';
import { RowRuns } from './runs.js';
import { keptPlanes, makeSums, type SlabPlan, type Sums, type VoxelBox } from './slab.js';

/** Takes images, one after the other in any order, into the planes of a slab; pure arithmetic that workers and pages share. */
export class SlabCompounder {
  readonly #plan: SlabPlan;
  readonly #sums: Sums;
  readonly #kernel: CompoundKernel | undefined;
  readonly #add: (pixels: Uint8Array, stamp: number) => void;
  readonly #indexFromFrame = identity4();
  readonly #m = identity4();
  /** The last image's step along a row, from row to row, and its first pixel: voxels; half a voxel on where cells are rounded to. */
  readonly #place = new Float64Array(9);
  /** Cells of i, j, k that its pixels lie in: the least and the greatest. */
  readonly #reach: Int32Array;

  /** @param bare true to do without WebAssembly where there is some: as slow as where there is none, and the same to the last bit */
  constructor(plan: SlabPlan, bare = false) {
    this.#plan = plan;
    invert4(this.#indexFromFrame, plan.grid.frameFromIndex);
    const linear = plan.interpolation === 'linear';
    const [ni, nj, nk] = plan.grid.size;
    const low = [0, 0, Math.max(0, plan.first - (linear ? 1 : 0))];
    const high = linear ? [ni - 1, nj - 1, Math.min(nk - 1, plan.end)] : [ni, nj, plan.end];
    const [plane, planes] = keptPlanes(plan);
    const kernel = bare ? undefined : CompoundKernel.make(plan, plane, planes, Float64Array.of(...low, ...high));
    this.#kernel = kernel;
    if (kernel !== undefined) {
      this.#sums = { sums: kernel.sums, stamps: kernel.stamps, plane, strides: [ni, ni * nj] };
      this.#add = (pixels, stamp) => kernel.add(pixels, this.#place, stamp);
      this.#reach = kernel.reach;
    } else {
      this.#sums = makeSums(plan);
      this.#reach = new Int32Array(6);
      this.#add = this.#withoutKernel(Int32Array.from(low), Int32Array.from(high));
    }
  }

  /**
   * Adds an image.
   * @param stamp its time or number, for `latest`: the greater counts
   * @returns voxels that may have changed; undefined where it did not meet the slab
   */
  add(pixels: Uint8Array, frameFromImage: ArrayLike<number>, stamp: number): VoxelBox | undefined {
    const m = multiply4(this.#m, this.#indexFromFrame, frameFromImage);
    const half = this.#plan.interpolation === 'nearest' ? 0.5 : 0;
    for (let a = 0; a < 3; a += 1) {
      this.#place[a] = m[a] as number;
      this.#place[3 + a] = m[4 + a] as number;
      this.#place[6 + a] = (m[12 + a] as number) + half;
    }
    this.#add(pixels, stamp);
    return (this.#reach[3] as number) < 0 ? undefined : this.#box();
  }

  /** The kernel's work in typed arrays: its oracle, and what runs where there is none. */
  #withoutKernel(low: Int32Array, high: Int32Array): (pixels: Uint8Array, stamp: number) => void {
    const { spans, columns, interpolation, compounding, importance } = this.#plan;
    const Write = interpolation === 'linear' ? LinearSplat : NearestPaste;
    const write = new Write(this.#sums, compounding, importance);
    const runs = new RowRuns();
    const place = this.#place;
    return (pixels, stamp) => {
      runs.step.set(place.subarray(0, 3));
      this.#reach.fill(0x7fffffff, 0, 3).fill(-1, 3);
      for (let row = 0; 4 * row < spans.length; row += 1) {
        for (let a = 0; a < 3; a += 1) runs.start[a] = (place[6 + a] as number) + (place[3 + a] as number) * row;
        for (let part = 4 * row; part < 4 * row + 4; part += 2) {
          const from = spans[part] as number;
          const to = spans[part + 1] as number;
          if (from >= to || runs.find(from, to, low, high) === 0) continue;
          write.add(runs, pixels, row * columns, stamp);
          this.#note(runs);
        }
      }
    };
  }

  /** A row is straight: the cells of its first and last run bound the others. */
  #note({ list, count }: RowRuns): void {
    const reach = this.#reach;
    for (const at of [0, 4 * (count - 1)]) {
      for (let a = 0; a < 3; a += 1) {
        const cell = list[at + 1 + a] as number;
        if (cell < (reach[a] as number)) reach[a] = cell;
        if (cell > (reach[3 + a] as number)) reach[3 + a] = cell;
      }
    }
  }

  #box(): VoxelBox | undefined {
    const beyond = this.#plan.interpolation === 'linear' ? 2 : 1;
    const [x0, y0, z0, x1, y1, z1] = this.#reach as unknown as [number, number, number, number, number, number];
    const k0 = Math.max(z0, this.#plan.first);
    const k1 = Math.min(z1 + beyond, this.#plan.end);
    return k0 < k1 ? { low: [x0, y0, k0], high: [x1 + beyond, y1 + beyond, k1] } : undefined;
  }

  /**
   * Writes the values of the slab's voxels: grey values, and NaN where no pixel was (0 in whole numbers). Whole numbers are rounded, halves
   * up.
   * @param out the planes `first` … of the slab, i fastest
   * @param seen 1 where a pixel was, as long as `out`
   */
  read(out: Uint8Array | Float32Array, seen: Uint8Array): void {
    const { first, end } = this.#plan;
    const { plane, strides } = this.#sums;
    const skip = strides[1] * (first - plane);
    if (this.#kernel !== undefined && out instanceof Uint8Array) this.#kernel.read(out, seen, skip);
    else readRow(this.#sums, out, seen, 0, strides[1] * (end - first), skip);
  }

  /** The same for a box that `add` answered with the last image: of its voxels only those are written that lie near the image. */
  readLast(out: Uint8Array | Float32Array, seen: Uint8Array, { low, high }: VoxelBox): void {
    const { first } = this.#plan;
    const { plane, strides } = this.#sums;
    const near = this.#nearness();
    for (let k = low[2]; k < high[2]; k += 1) {
      for (let j = low[1]; j < high[1]; j += 1) {
        const [from, to] = near(j, k, low[0], high[0]);
        const row = strides[0] * j + strides[1] * (k - first);
        if (from < to) readRow(this.#sums, out, seen, row + from, row + to, strides[1] * (first - plane));
      }
    }
  }

  /**
   * Which voxels of a row an image's plane can have changed: those in whose neighbouring cells it lies. In the space of voxels,
   * |n · (q − o)| ≤ Σ |n| for linear and half of that for nearest, with n the plane's normal and o a point of it.
   */
  #nearness(): (j: number, k: number, low: number, high: number) => readonly [number, number] {
    const [xi, xj, xk, yi, yj, yk] = this.#place as unknown as [number, number, number, number, number, number];
    const m = this.#m;
    const normal = [xj * yk - xk * yj, xk * yi - xi * yk, xi * yj - xj * yi] as const;
    const length = Math.hypot(...normal);
    const [ni, nj, nk] = normal.map((x) => x / length) as [number, number, number];
    const offset = ni * (m[12] as number) + nj * (m[13] as number) + nk * (m[14] as number);
    const share = this.#plan.interpolation === 'linear' ? 1 : 0.5;
    const width = share * (Math.abs(ni) + Math.abs(nj) + Math.abs(nk)) + ROUNDING;
    return (j, k, low, high) => {
      const rest = nj * j + nk * k - offset;
      if (Math.abs(ni) < ROUNDING)
        return Math.abs(rest) <= width + ROUNDING * (Math.abs(low) + Math.abs(high)) ? [low, high] : [0, 0];
      const a = (-width - rest) / ni;
      const b = (width - rest) / ni;
      return [Math.max(low, Math.ceil(Math.min(a, b))), Math.min(high, Math.floor(Math.max(a, b)) + 1)];
    };
  }
}

/** Far more than the places of pixels are rounded by, voxels. */
const ROUNDING = 1e-6;

/** Writes voxels from … to − 1, whose sums lie `skip` voxels further on. */
function readRow({ sums }: Sums, out: Uint8Array | Float32Array, seen: Uint8Array, from: number, to: number, skip: number): void {
  const whole = out instanceof Uint8Array;
  for (let n = from, at = 2 * (from + skip); n < to; n += 1, at += 2) {
    const weight = sums[at + 1] as number;
    const isSeen = weight > 0;
    seen[n] = isSeen ? 1 : 0;
    if (whole) out[n] = isSeen ? ((sums[at] as number) / weight + 0.5) | 0 : 0;
    else out[n] = isSeen ? (sums[at] as number) / weight : Number.NaN;
  }
}
