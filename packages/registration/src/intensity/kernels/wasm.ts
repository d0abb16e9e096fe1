import type { ByteImage } from '../byte-image.js';
import type { SampleSet } from '../samples.js';
import { type Kernel, type KernelImage, type KernelSamples, unpackInformation } from './kernel.js';
import { KERNEL } from './mutual-information.generated.js';
import { TwinKernel } from './twin.js';

interface Exports {
  readonly memory: WebAssembly.Memory;
  scatter(...args: number[]): number;
  gather(...args: number[]): void;
  information(...args: number[]): void;
}

interface WasmImage extends KernelImage {
  readonly at: number;
}

interface WasmSamples extends KernelSamples {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly rows: number;
}

const PAGE = 65536;

let compiled: Promise<WebAssembly.Module | undefined> | undefined;

/** The compiled module, compiled once; it can be posted to workers. Undefined where WebAssembly is not there or forbidden. */
export function kernelModule(): Promise<WebAssembly.Module | undefined> {
  const compile = async (): Promise<WebAssembly.Module> =>
    WebAssembly.compile(Uint8Array.from(atob(KERNEL), (c) => c.charCodeAt(0)));
  compiled ??= compile().catch(() => undefined);
  return compiled;
}

/** A kernel whose memory is larger is not kept for the next registration. */
const MOST_KEPT = 128e6;
const kept: WasmKernel[] = [];

/**
 * A kernel for one registration: an earlier one's where there is one, for growing its memory takes time; without a module the
 * same in typed arrays, to the last bit, and about half as fast.
 */
export function borrowKernel(module: WebAssembly.Module | undefined): Kernel {
  if (module === undefined) return new TwinKernel();
  return kept.pop() ?? new WasmKernel(module);
}

/** Gives it back; it must not be used any more. */
export function returnKernel(kernel: Kernel): void {
  if (!(kernel instanceof WasmKernel) || kernel.bytes > MOST_KEPT || kept.length > 0) return;
  kernel.clear();
  kept.push(kernel);
}

/** The kernel in WebAssembly, with memory of its own that grows as images and samples are added. */
export class WasmKernel implements Kernel<WasmImage, WasmSamples> {
  readonly kind = 'wasm';
  readonly #exports: Exports;
  #next: number;
  #scratch = { samples: -1, cells: 0, gradients: 0, histogram: 0, table: 0, cellCount: 0 };
  readonly #small: number;
  readonly #start: number;

  constructor(module: WebAssembly.Module) {
    this.#exports = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
    // The module has no data of its own; an address of 0 means `none`.
    this.#next = 1024;
    this.#small = this.#take(64 + 480);
    this.#start = this.#next;
  }

  /** Forgets all images and samples; the memory stays. */
  clear(): void {
    this.#next = this.#start;
    this.#scratch = { samples: -1, cells: 0, gradients: 0, histogram: 0, table: 0, cellCount: 0 };
  }

  /** Bytes that its memory holds. */
  get bytes(): number {
    return this.#exports.memory.buffer.byteLength;
  }

  addImage(image: ByteImage): WasmImage {
    // The pair of the last voxel of a row reads one byte more.
    const at = this.#take(image.values.length + 16);
    new Uint8Array(this.#exports.memory.buffer).set(image.values, at);
    return { at, size: image.size, holes: image.holes };
  }

  addSamples(set: SampleSet): WasmSamples {
    const { count, fixedBins, fine } = set;
    const [x, y, z, rows] = [set.x, set.y, set.z, set.rows].map((array) => {
      const at = this.#take(4 * count);
      new Uint8Array(this.#exports.memory.buffer).set(new Uint8Array(array.buffer, array.byteOffset, 4 * count), at);
      return at;
    }) as [number, number, number, number];
    return { count, fixedBins, fine, x, y, z, rows };
  }

  scatter(s: WasmSamples, image: WasmImage, indexFromSample: Float32Array, gradient: boolean): number {
    this.#reserve(s);
    const { histogram, cells, gradients } = this.#scratch;
    new Float32Array(this.#exports.memory.buffer, this.#small, 12).set(indexFromSample);
    const scale = (s.fine - 1) / 254;
    const [ni, nj, nk] = image.size;
    const holes = image.holes ? 1 : 0;
    const place = [s.count, s.x, s.y, s.z, s.rows, image.at, ni, nj, nk, holes];
    const trash = s.fixedBins * s.fine;
    return this.#exports.scatter(...place, this.#small, scale, trash, histogram, cells, gradient ? gradients : 0);
  }

  counts(s: WasmSamples): Uint32Array {
    return new Uint32Array(this.#exports.memory.buffer, this.#scratch.histogram, s.fixedBins * s.fine);
  }

  gather(s: WasmSamples, table: Float32Array): Float64Array {
    const { cells, gradients, table: at } = this.#scratch;
    this.#putTable(s, table);
    this.#exports.gather(s.count, s.x, s.y, s.z, cells, gradients, at, this.#small + 64);
    return new Float64Array(this.#exports.memory.buffer, this.#small + 64, 12).slice();
  }

  information(s: WasmSamples, table: Float32Array, stride: number): Float64Array {
    const { cells, gradients, table: at } = this.#scratch;
    this.#putTable(s, table);
    this.#exports.information(s.count, stride, s.x, s.y, s.z, cells, gradients, at, this.#small + 64);
    return unpackInformation(new Float64Array(this.#exports.memory.buffer, this.#small + 64, 60));
  }

  #putTable(s: WasmSamples, table: Float32Array): void {
    const cellCount = s.fixedBins * s.fine;
    const memory = new Float32Array(this.#exports.memory.buffer, this.#scratch.table, cellCount + 1);
    memory.set(table);
    memory[cellCount] = 0;
  }

  #reserve(s: KernelSamples): void {
    const cellCount = s.fixedBins * s.fine + 1;
    if (s.count <= this.#scratch.samples && cellCount <= this.#scratch.cellCount) return;
    const samples = Math.max(s.count, this.#scratch.samples);
    const most = Math.max(cellCount, this.#scratch.cellCount);
    this.#scratch = {
      samples,
      cellCount: most,
      cells: this.#take(4 * samples),
      gradients: this.#take(12 * samples),
      histogram: this.#take(4 * most),
      table: this.#take(4 * most),
    };
  }

  #take(bytes: number): number {
    const at = this.#next;
    this.#next = (at + bytes + 15) & ~15;
    const missing = this.#next - this.#exports.memory.buffer.byteLength;
    if (missing > 0) this.#exports.memory.grow(Math.ceil(missing / PAGE));
    return at;
  }
}
