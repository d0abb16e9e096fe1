import { at } from './rigid-fit.js';

/**
 * Which two correspondences (point i of one side is point a of the other, and j is b) can hold at once: where the two sides'
 * distances agree, | |xᵢ − xⱼ| − |y_a − y_b| | ≤ `toleranceMm`, and neither point is used twice. Node i · m + a; rows of bits.
 */
export class Compatibility {
  readonly toCount: number;
  readonly fromCount: number;
  readonly nodes: number;
  /** 32-bit words in a row. */
  readonly words: number;
  readonly #bits: Uint32Array;

  constructor(to: ArrayLike<number>, from: ArrayLike<number>, toleranceMm: number) {
    const [toCount, fromCount] = [to.length / 3, from.length / 3];
    this.toCount = toCount;
    this.fromCount = fromCount;
    this.nodes = toCount * fromCount;
    this.words = Math.ceil(this.nodes / 32);
    this.#bits = new Uint32Array(this.nodes * this.words);
    const own = distancesOf(to);
    const other = distancesOf(from);
    for (let i = 1; i < toCount; i += 1) {
      for (let j = 0; j < i; j += 1) {
        const wanted = at(own, i * toCount + j);
        for (let a = 1; a < fromCount; a += 1) {
          for (let b = 0; b < a; b += 1) {
            if (Math.abs(wanted - at(other, a * fromCount + b)) > toleranceMm) continue;
            this.#join(i * fromCount + a, j * fromCount + b);
            this.#join(i * fromCount + b, j * fromCount + a);
          }
        }
      }
    }
  }

  #join(u: number, v: number): void {
    const bits = this.#bits;
    bits[u * this.words + (v >> 5)] = at(bits, u * this.words + (v >> 5)) | (1 << (v & 31));
    bits[v * this.words + (u >> 5)] = at(bits, v * this.words + (u >> 5)) | (1 << (u & 31));
  }

  /** out = set ∩ the neighbours of node v; whether anything is left. */
  neighbours(out: Uint32Array, set: Uint32Array, v: number): boolean {
    let any = 0;
    const row = v * this.words;
    for (let w = 0; w < this.words; w += 1) any |= out[w] = at(set, w) & at(this.#bits, row + w);
    return any !== 0;
  }

  /** set ← set without node v and its neighbours: what may still share v's colour. */
  strike(set: Uint32Array, v: number): void {
    const row = v * this.words;
    for (let w = 0; w < this.words; w += 1) set[w] = at(set, w) & ~at(this.#bits, row + w);
    set[v >> 5] = at(set, v >> 5) & ~(1 << (v & 31));
  }
}

export function distance(xyz: ArrayLike<number>, i: number, j: number): number {
  return Math.hypot(
    at(xyz, 3 * i) - at(xyz, 3 * j),
    at(xyz, 3 * i + 1) - at(xyz, 3 * j + 1),
    at(xyz, 3 * i + 2) - at(xyz, 3 * j + 2),
  );
}

/** All distances between points, n × n. */
function distancesOf(xyz: ArrayLike<number>): Float64Array {
  const n = xyz.length / 3;
  const out = new Float64Array(n * n);
  for (let i = 1; i < n; i += 1) for (let j = 0; j < i; j += 1) out[i * n + j] = out[j * n + i] = distance(xyz, i, j);
  return out;
}
