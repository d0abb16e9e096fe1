import type { AnyVolume } from '../volume/index.js';
import { mostExtinction, type TransferFunction } from './transfer-function.js';

/** Voxels along the edge of a block. */
export const BLOCK_EDGE = 8;

/** The lowest and highest stored value of every block of a volume: what an empty block is told by. */
export interface VolumeBlocks {
  /** Blocks along each axis. */
  readonly size: readonly [number, number, number];
  /** One a block, i fastest; above `high` where the block has no value that is a number. */
  readonly low: Float32Array;
  readonly high: Float32Array;
}

/** Voxels looked at before the time is asked for again. */
const AT_A_TIME = 2 ** 14;

/** How many blocks there are along each axis. */
export function blockCounts(v: Pick<AnyVolume, 'size'>): [number, number, number] {
  return v.size.map((n) => Math.ceil(n / BLOCK_EDGE)) as [number, number, number];
}

/**
 * Finds lowest and highest stored values, a little at a time. Block b holds the indices from 8b − ½ to 8b + 7½, and what is
 * interpolated there takes voxels 8b − 1 to 8b + 8: all of these count, so nothing drawn in a block lies outside its two numbers.
 *
 * O(voxels), one pass: rows are reduced first, and rows and slices between two blocks are counted to both.
 */
export class BlockSurvey {
  readonly #v: Pick<AnyVolume, 'size' | 'voxels'>;
  readonly #blocks: VolumeBlocks;
  readonly #rowLow: Float32Array;
  readonly #rowHigh: Float32Array;
  /** The next row, counted through all slices. */
  #row = 0;

  constructor(v: Pick<AnyVolume, 'size' | 'voxels'>) {
    this.#v = v;
    const size = blockCounts(v);
    const [bi, bj, bk] = size;
    const low = new Float32Array(bi * bj * bk).fill(Number.POSITIVE_INFINITY);
    const high = new Float32Array(bi * bj * bk).fill(Number.NEGATIVE_INFINITY);
    this.#blocks = { size, low, high };
    this.#rowLow = new Float32Array(bi);
    this.#rowHigh = new Float32Array(bi);
  }

  /**
   * Goes on for about so long.
   * @param ms time to take; at least one step of 16 thousand voxels is done
   * @returns the blocks, once all voxels were looked at
   */
  advance(ms: number): VolumeBlocks | undefined {
    const [ni, nj, nk] = this.#v.size;
    const rows = Math.max(1, Math.floor(AT_A_TIME / ni));
    const until = performance.now() + ms;
    do {
      const end = Math.min(nj * nk, this.#row + rows);
      for (; this.#row < end; this.#row += 1) this.#count(this.#row % nj, Math.floor(this.#row / nj));
    } while (this.#row < nj * nk && performance.now() < until);
    return this.#row === nj * nk ? this.#blocks : undefined;
  }

  #count(j: number, k: number): void {
    const [ni, nj] = this.#v.size;
    const { size, low, high } = this.#blocks;
    const [bi, bj, bk] = size;
    reduceRow(this.#v.voxels, ni * (j + nj * k), ni, this.#rowLow, this.#rowHigh);
    for (let c = firstBlock(k); c <= lastBlock(k, bk); c += 1) {
      for (let b = firstBlock(j); b <= lastBlock(j, bj); b += 1) {
        const at = bi * (b + bj * c);
        for (let a = 0; a < bi; a += 1) {
          if ((this.#rowLow[a] as number) < (low[at + a] as number)) low[at + a] = this.#rowLow[a] as number;
          if ((this.#rowHigh[a] as number) > (high[at + a] as number)) high[at + a] = this.#rowHigh[a] as number;
        }
      }
    }
  }
}

function firstBlock(n: number): number {
  return Math.max(0, Math.floor((n - 1) / BLOCK_EDGE));
}

function lastBlock(n: number, blocks: number): number {
  return Math.min(blocks - 1, Math.floor((n + 1) / BLOCK_EDGE));
}

/** Comparisons alone: a NaN is neither lower nor higher. */
function reduceRow(voxels: ArrayLike<number>, start: number, ni: number, low: Float32Array, high: Float32Array): void {
  for (let a = 0; a < low.length; a += 1) {
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    const end = start + Math.min(ni, BLOCK_EDGE * (a + 1) + 1);
    for (let n = start + Math.max(0, BLOCK_EDGE * a - 1); n < end; n += 1) {
      const x = voxels[n] as number;
      if (x < least) least = x;
      if (x > most) most = x;
    }
    low[a] = least;
    high[a] = most;
  }
}

/**
 * How many blocks, diagonals counting one, each block is away from one that is not wholly clear: 0 is not clear itself, d ≥ 1 has
 * only clear blocks within d − 1. At most 255.
 */
export function emptyDistances(
  blocks: VolumeBlocks,
  points: TransferFunction,
  rescale: AnyVolume['rescale'],
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(blocks.low.length);
  for (let n = 0; n < out.length; n += 1) {
    const a = rescale.slope * (blocks.low[n] as number) + rescale.intercept;
    const b = rescale.slope * (blocks.high[n] as number) + rescale.intercept;
    const none = !((blocks.low[n] as number) <= (blocks.high[n] as number));
    out[n] = !none && mostExtinction(points, Math.min(a, b), Math.max(a, b)) > 0 ? 0 : 255;
  }
  spread(out, blocks.size);
  return out;
}

/** Chessboard distances from the zeros, in place: two passes over the half neighbourhoods (Rosenfeld and Pfaltz 1966). */
function spread(d: Uint8Array, [ni, nj, nk]: readonly [number, number, number]): void {
  for (const way of [1, -1] as const) {
    const start = way === 1 ? 0 : d.length - 1;
    for (let count = 0, n = start; count < d.length; count += 1, n += way) {
      const i = n % ni;
      const j = Math.floor(n / ni) % nj;
      const k = Math.floor(n / (ni * nj));
      let least = d[n] as number;
      for (let dk = -1; dk <= 0; dk += 1) {
        for (let dj = -1; dj <= (dk === 0 ? 0 : 1); dj += 1) {
          for (let di = -1; di <= (dk === 0 && dj === 0 ? -1 : 1); di += 1) {
            const a = i + way * di;
            const b = j + way * dj;
            const c = k + way * dk;
            if (a < 0 || b < 0 || c < 0 || a >= ni || b >= nj || c >= nk) continue;
            least = Math.min(least, (d[a + ni * (b + nj * c)] as number) + 1);
          }
        }
      }
      d[n] = least;
    }
  }
}
