import type { ByteImage } from '../byte-image.js';
import type { Entropies, JointShares, ParzenWindow } from '../mutual-information.js';
import type { SampleSet } from '../samples.js';
import { type Kernel, type KernelImage, type KernelSamples, type KernelWindow, unpackInformation } from './kernel.js';
import { KERNEL } from './mutual-information.generated.js';
import { TwinKernel } from './twin.js';

interface Exports {
  readonly memory: WebAssembly.Memory;
  exchange(...args: number[]): void;
  scatter(...args: number[]): number;
  entropies(...args: number[]): void;
  weigh(...args: number[]): void;
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

interface WasmWindow extends KernelWindow {
  readonly first: number;
  readonly values: number;
  readonly slopes: number;
}

/** Addresses of what a scatter and what follows it write. */
interface Scratch {
  readonly samples: number;
  readonly cellCount: number;
  readonly workCount: number;
  readonly cells: number;
  readonly gradients: number;
  readonly histogram: number;
  readonly table: number;
  readonly work: number;
}

const NONE: Scratch = { samples: -1, cellCount: 0, workCount: 0, cells: 0, gradients: 0, histogram: 0, table: 0, work: 0 };

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
export class WasmKernel implements Kernel<WasmImage, WasmSamples, WasmWindow> {
  readonly kind = 'wasm';
  readonly #exports: Exports;
  #next: number;
  #scratch = NONE;
  /** The map, and what the kernel answers, in the memory as it is now. */
  #map = new Float32Array(0);
  #answer = new Float64Array(0);
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
    this.#scratch = NONE;
  }

  /** Bytes that its memory holds. */
  get bytes(): number {
    return this.#exports.memory.buffer.byteLength;
  }

  addImage(image: ByteImage, exchange?: Uint8Array): WasmImage {
    // The pair of the last voxel of a row reads one byte more.
    const { length } = image.values;
    const at = this.#take(length + 16);
    const table = exchange && this.#take(exchange.length);
    const memory = new Uint8Array(this.#exports.memory.buffer);
    memory.set(image.values, at);
    if (exchange !== undefined && table !== undefined) {
      memory.set(exchange, table);
      this.#exports.exchange(at, (length + 7) & ~7, table);
    }
    return { at, size: image.size, holes: image.holes };
  }

  addSamples(set: SampleSet): WasmSamples {
    const { count, fixedBins, fine } = set;
    const [x, y, z, rows] = [set.x, set.y, set.z, set.rows].map((array) => this.#put(array)) as [number, number, number, number];
    return { count, fixedBins, fine, x, y, z, rows };
  }

  addWindow({ movingBins, first, values, slopes }: ParzenWindow): WasmWindow {
    return { movingBins, first: this.#put(first), values: this.#put(values), slopes: this.#put(slopes) };
  }

  #put(array: Float32Array | Int32Array | Float64Array): number {
    const at = this.#take(array.byteLength);
    new Uint8Array(this.#exports.memory.buffer).set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    return at;
  }

  scatter(s: WasmSamples, image: WasmImage, indexFromSample: Float32Array, gradient: boolean): number {
    this.#reserve(s, 0);
    const { histogram, cells, gradients } = this.#scratch;
    this.#view();
    this.#map.set(indexFromSample);
    const [ni, nj, nk] = image.size;
    return this.#exports.scatter(
      s.count,
      s.x,
      s.y,
      s.z,
      s.rows,
      image.at,
      ni,
      nj,
      nk,
      image.holes ? 1 : 0,
      this.#small,
      (s.fine - 1) / 254,
      s.fixedBins * s.fine,
      histogram,
      cells,
      gradient ? gradients : 0,
    );
  }

  entropies(s: WasmSamples, w: WasmWindow, inside: number): Entropies {
    this.#reserve(s, 3 * s.fixedBins * w.movingBins + 2 * (s.fixedBins + w.movingBins));
    const { histogram, work } = this.#scratch;
    const to = this.#small + 64;
    this.#exports.entropies(s.fixedBins, w.movingBins, s.fine, 1 / inside, histogram, w.first, w.values, work, to);
    this.#view();
    const [fixed, moving, joint] = this.#answer as unknown as [number, number, number];
    return { fixed, moving, joint };
  }

  shares(s: WasmSamples, w: WasmWindow): JointShares {
    const { buffer } = this.#exports.memory;
    const cells = s.fixedBins * w.movingBins;
    const part = (from: number, count: number): Float64Array => new Float64Array(buffer, this.#scratch.work + 8 * from, count);
    return {
      joint: part(0, cells),
      jointLogs: part(cells, cells),
      fixedLogs: part(3 * cells + s.fixedBins, s.fixedBins),
      movingLogs: part(3 * cells + 2 * s.fixedBins + w.movingBins, w.movingBins),
    };
  }

  weigh(s: WasmSamples, w: WasmWindow, joint: number, margin: number): void {
    const { histogram, work, table } = this.#scratch;
    this.#exports.weigh(s.fixedBins, w.movingBins, s.fine, joint, margin, histogram, w.first, w.slopes, work, table);
  }

  gather(s: WasmSamples): Float64Array {
    const { cells, gradients, table } = this.#scratch;
    this.#exports.gather(s.count, s.x, s.y, s.z, cells, gradients, table, this.#small + 64);
    return this.#answer.subarray(0, 12);
  }

  information(s: WasmSamples, stride: number): Float64Array {
    const { cells, gradients, table } = this.#scratch;
    this.#exports.information(s.count, stride, s.x, s.y, s.z, cells, gradients, table, this.#small + 64);
    return unpackInformation(this.#answer);
  }

  /** Views of the memory last as long as it does not grow. */
  #view(): void {
    const { buffer } = this.#exports.memory;
    if (this.#map.buffer === buffer) return;
    this.#map = new Float32Array(buffer, this.#small, 12);
    this.#answer = new Float64Array(buffer, this.#small + 64, 60);
  }

  /** @param workCount doubles that the window's work takes */
  #reserve(s: KernelSamples, workCount: number): void {
    const cellCount = s.fixedBins * s.fine + 1;
    const known = this.#scratch;
    if (s.count <= known.samples && cellCount <= known.cellCount && workCount <= known.workCount) return;
    if (workCount > known.workCount) {
      // The counts of the scatter that is under way stay where they are.
      this.#scratch = { ...known, workCount, work: this.#take(8 * workCount) };
      return;
    }
    const samples = Math.max(s.count, known.samples);
    const most = Math.max(cellCount, known.cellCount);
    this.#scratch = {
      ...known,
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
