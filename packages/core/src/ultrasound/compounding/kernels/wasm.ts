import type { SlabPlan, SweepCompounding } from '../slab.js';
import { KERNEL } from './compound.generated.js';

interface Exports {
  readonly memory: WebAssembly.Memory;
  plan(...numbers: number[]): void;
  add(kind: number, stamp: number): void;
  read(from: number, count: number, values: number, seen: number): void;
}

const PAGE = 65536;
/** What a module's memory can hold, less a page. */
const MOST_BYTES = 2 ** 32 - PAGE;
/** Pixels are read eight at a time, beyond the last one too. */
const OVER = 8;
/** So many voxels are read at a time, a multiple of four. */
const READ = 32768;
const KINDS: Record<SweepCompounding, number> = { mean: 0, latest: 1, maximum: 2 };

let compiled: WebAssembly.Module | null | undefined;

/** The module, compiled once; null where WebAssembly or its SIMD is missing or forbidden. It is small enough for a page to compile at once. */
function kernelModule(): WebAssembly.Module | null {
  if (compiled !== undefined) return compiled;
  try {
    compiled = new WebAssembly.Module(Uint8Array.from(atob(KERNEL), (c) => c.charCodeAt(0)));
  } catch {
    compiled = null;
  }
  return compiled;
}

/** A slab whose sums lie in a WebAssembly memory of its own: what RowRuns, NearestPaste and LinearSplat do, to the last bit. */
export class CompoundKernel {
  /** As in Sums, for the planes that the slab keeps. */
  readonly sums: Float64Array;
  readonly stamps: Float64Array;
  /** The least cell of i, j, k that the last image's pixels lie in, and the greatest; nothing where the greatest is −1. */
  readonly reach: Int32Array;
  readonly #exports: Exports;
  readonly #image: Uint8Array;
  readonly #place: Float64Array;
  readonly #kind: number;
  /** Voxels that were read, and behind them their marks. */
  readonly #voxels: Uint8Array;

  /**
   * Room for a slab, and the kernel over it.
   * @param plane the first plane that is kept, and how many
   * @param cells those that pixels may lie in: from i, j, k, and before i, j, k
   * @returns undefined where there is no WebAssembly, or too little memory
   */
  static make(plan: SlabPlan, plane: number, planes: number, cells: Float64Array): CompoundKernel | undefined {
    const module = kernelModule();
    if (module === null) return undefined;
    try {
      return new CompoundKernel(module, plan, plane, planes, cells);
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }

  private constructor(module: WebAssembly.Module, plan: SlabPlan, plane: number, planes: number, cells: Float64Array) {
    this.#exports = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
    const [ni, nj] = plan.grid.size;
    const { columns, spans, importance } = plan;
    const rows = spans.length / 4;
    const count = ni * nj * planes;
    let next = 1024;
    const take = (bytes: number): number => {
      const at = next;
      next += (bytes + 15) & ~15;
      return at;
    };
    const place = take(96);
    const bounds = take(72);
    const spansAt = take(4 * spans.length);
    const powers = take(32 * (columns + 1));
    const list = take(16 * (columns + 2));
    const image = take(columns * rows + OVER);
    const mask = importance === undefined ? 0 : take(columns * rows + OVER);
    const read = take(2 * READ);
    const sums = take(0);
    // Four are read together, so there must be three more behind the last.
    const stamps = sums + 16 * (count + 3);
    const end = stamps + (plan.compounding === 'latest' ? 8 * count : 0);
    if (end > MOST_BYTES) throw new RangeError('the slab is larger than a memory');
    const { memory } = this.#exports;
    memory.grow(Math.ceil((end - memory.buffer.byteLength) / PAGE));
    this.sums = new Float64Array(memory.buffer, sums, 2 * count);
    this.stamps = new Float64Array(memory.buffer, stamps, (end - stamps) / 8).fill(Number.NEGATIVE_INFINITY);
    this.reach = new Int32Array(memory.buffer, bounds + 48, 6);
    this.#place = new Float64Array(memory.buffer, place, 9);
    this.#voxels = new Uint8Array(memory.buffer, read, 2 * READ);
    this.#image = new Uint8Array(memory.buffer, image, columns * rows);
    new Float64Array(memory.buffer, bounds, 6).set(cells);
    new Int32Array(memory.buffer, spansAt, spans.length).set(spans);
    if (importance !== undefined) new Uint8Array(memory.buffer, mask, importance.length).set(importance);
    this.#kind = KINDS[plan.compounding] + (plan.interpolation === 'linear' ? 4 : 0);
    this.#exports.plan(image, mask, columns, rows, spansAt, sums, stamps, ni, ni * nj, plane, list, powers, place, bounds);
  }

  /**
   * Adds an image.
   * @param place index from image: the steps along a row and from row to row, and the first pixel, three numbers each
   * @param stamp its time or number
   */
  add(pixels: Uint8Array, place: Float64Array, stamp: number): void {
    this.#image.set(pixels);
    this.#place.set(place);
    this.#exports.add(this.#kind, stamp);
  }

  /**
   * Writes voxels as whole numbers, halves up, 0 where no pixel was.
   * @param skip so many voxels are kept before the first of `out`
   * @param seen 1 where a pixel was
   */
  read(out: Uint8Array, seen: Uint8Array, skip: number): void {
    const { byteOffset } = this.#voxels;
    for (let n = 0; n < out.length; n += READ) {
      const count = Math.min(READ, out.length - n);
      this.#exports.read(this.sums.byteOffset + 16 * (skip + n), count, byteOffset, byteOffset + READ);
      out.set(this.#voxels.subarray(0, count), n);
      seen.set(this.#voxels.subarray(READ, READ + count), n);
    }
  }
}
