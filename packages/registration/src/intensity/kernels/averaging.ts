import { KERNEL } from './averaging.generated.js';

interface Exports {
  readonly memory: WebAssembly.Memory;
  average(...args: number[]): void;
}

const PAGE = 65536;
/** Sums of so many rows of bytes fit into 16 bits. */
const MOST_ROWS = 256;
/** The quotients of so many voxels are exact. */
const MOST_VOXELS = 2048;
/** Vectors reach so far over the end of a row. */
const OVER = 16;

let instance: Promise<Averager | undefined> | undefined;

/** The kernel that makes images coarser, compiled once; undefined where WebAssembly or its SIMD is missing or forbidden. */
export function averager(): Promise<Averager | undefined> {
  const compile = async (): Promise<Averager> => {
    const { instance: made } = await WebAssembly.instantiate(Uint8Array.from(atob(KERNEL), (c) => c.charCodeAt(0)));
    return new Averager(made.exports as unknown as Exports);
  };
  instance ??= compile().catch(() => undefined);
  return instance;
}

/** Averages blocks of bytes, plane by plane. Its memory holds the planes that become one. */
export class Averager {
  readonly #exports: Exports;

  constructor(exports: Exports) {
    this.#exports = exports;
  }

  /**
   * Writes plane k of the coarser image. @returns whether it could: not where a sum would be too large
   * @param factors voxels averaged to one along each axis
   */
  plane(
    out: Uint8Array,
    size: readonly [number, number, number],
    image: { readonly values: Uint8Array; readonly size: readonly [number, number, number] },
    factors: readonly [number, number, number],
    k: number,
  ): boolean {
    const [fi, fj, fk] = factors;
    if (fj * fk > MOST_ROWS || fi * fj * fk > MOST_VOXELS) return false;
    const { memory } = this.#exports;
    const [ni, nj] = image.size;
    const slab = fk * ni * nj;
    const sums = (slab + OVER + 15) & ~15;
    const to = sums + 2 * (ni + OVER);
    const missing = to + size[0] * size[1] + OVER - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    const bytes = new Uint8Array(memory.buffer);
    bytes.set(image.values.subarray(k * slab, (k + 1) * slab));
    this.#exports.average(0, ni, nj, fi, fj, fk, to, size[0], size[1], sums);
    out.set(bytes.subarray(to, to + size[0] * size[1]), k * size[0] * size[1]);
    return true;
  }
}
