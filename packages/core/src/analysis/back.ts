import type { AnyVolume, GridShape } from '../volume/index.js';
import type { ModelDescription } from './model.js';
import { indexFromIndex } from './patient-grid.js';
import type { Pause } from './pause.js';
import { FULL, keptLabels } from './slab.js';

/** Probabilities on the network's grid, and how they are read at the voxels of a volume. */
export interface KeptProbabilities {
  readonly grid: GridShape;
  readonly description: ModelDescription;
  /** One for each kept label, in {@link FULL}ths. */
  readonly kept: readonly Uint16Array[];
}

/** What is found at the voxels of the volume. */
export interface VoxelAnswers {
  readonly labels: Uint8Array;
  /** Entropy of the labels' probabilities, in 255ths of the greatest that there is. */
  readonly entropy: Uint8Array;
  /** Voxels whose entropy is above the limit, and those that have a label. */
  readonly uncertain: number;
  readonly labelled: number;
}

/**
 * Trilinear places in the network's grid, for the voxels of a volume; beyond the outermost centres the border's value. Of hundreds of millions of
 * voxels nothing is allocated, and where no label has any probability nothing is computed.
 */
export class GridReader {
  readonly #m: Float64Array;
  readonly #size: readonly [number, number, number];
  /** 1 where one of the eight corners of the cell that begins there holds anything. */
  readonly #occupied: Uint8Array;
  #o = 0;
  #dx = 0;
  #dy = 0;
  #dz = 0;
  #fx = 0;
  #fy = 0;
  #fz = 0;

  constructor(grid: GridShape, v: GridShape, kept: readonly Uint16Array[]) {
    this.#m = indexFromIndex(grid, v);
    this.#size = grid.size;
    this.#occupied = occupiedCells(grid.size, kept);
  }

  /** Goes to the volume's voxel i, j, k; false where there is nothing. */
  set(i: number, j: number, k: number): boolean {
    const m = this.#m;
    const ni = this.#size[0];
    const nj = this.#size[1];
    const nk = this.#size[2];
    const x = within((m[0] as number) * i + (m[4] as number) * j + (m[8] as number) * k + (m[12] as number), ni - 1);
    const y = within((m[1] as number) * i + (m[5] as number) * j + (m[9] as number) * k + (m[13] as number), nj - 1);
    const z = within((m[2] as number) * i + (m[6] as number) * j + (m[10] as number) * k + (m[14] as number), nk - 1);
    const x0 = Math.floor(x);
    const y0 = Math.floor(y);
    const z0 = Math.floor(z);
    const o = x0 + ni * (y0 + nj * z0);
    if (this.#occupied[o] === 0) return false;
    this.#o = o;
    this.#dx = x0 < ni - 1 ? 1 : 0;
    this.#dy = y0 < nj - 1 ? ni : 0;
    this.#dz = z0 < nk - 1 ? ni * nj : 0;
    this.#fx = x - x0;
    this.#fy = y - y0;
    this.#fz = z - z0;
    return true;
  }

  /** The value there, in the stored unit. */
  read(v: Uint16Array): number {
    const o = this.#o;
    const dx = this.#dx;
    const p = o + this.#dy;
    const q = o + this.#dz;
    const r = p + this.#dz;
    const fx = this.#fx;
    const fy = this.#fy;
    const a = mix(v[o] as number, v[o + dx] as number, fx);
    const b = mix(v[p] as number, v[p + dx] as number, fx);
    const c = mix(v[q] as number, v[q + dx] as number, fx);
    const d = mix(v[r] as number, v[r + dx] as number, fx);
    return mix(mix(a, b, fy), mix(c, d, fy), this.#fz);
  }
}

function mix(a: number, b: number, f: number): number {
  return a + f * (b - a);
}

function within(x: number, most: number): number {
  return Math.min(most, Math.max(0, x));
}

function occupiedCells([ni, nj, nk]: readonly [number, number, number], kept: readonly Uint16Array[]): Uint8Array {
  const out = new Uint8Array(ni * nj * nk);
  for (const values of kept) for (let n = 0; n < out.length; n += 1) if (values[n] !== 0) out[n] = 1;
  // A cell has what its far corners have: one axis after the other, from the front, so that each takes its neighbour's own.
  for (const [step, length] of [
    [1, ni],
    [ni, nj],
    [ni * nj, nk],
  ] as const) {
    for (let n = 0; n + step < out.length; n += 1)
      if (Math.floor(n / step) % length < length - 1 && out[n + step] === 1) out[n] = 1;
  }
  return out;
}

/**
 * Labels and entropy at the volume's own voxels, from the probabilities interpolated there. `softmax`: the label of the greatest probability,
 * of equal ones the first in the list, the background among them. `sigmoid`: the label of the greatest at or above one half.
 */
export async function answersAt(
  v: AnyVolume,
  { grid, description, kept }: KeptProbabilities,
  uncertainAbove: number,
  pause: Pause,
): Promise<VoxelAnswers> {
  const [ni, nj, nk] = v.size;
  const labels = new Uint8Array(ni * nj * nk);
  const entropy = new Uint8Array(ni * nj * nk);
  const values = keptLabels(description).map((label) => label.value);
  const softmax = description.output.kind === 'softmax';
  const reader = new GridReader(grid, v, kept);
  const p = new Float64Array(kept.length);
  let [uncertain, labelled] = [0, 0];
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, n += 1) {
        if (!reader.set(i, j, k)) continue;
        let sum = 0;
        let best = -1;
        for (let c = 0; c < kept.length; c += 1) {
          const x = reader.read(kept[c] as Uint16Array) / FULL;
          p[c] = x;
          sum += x;
          if (best < 0 || x > (p[best] as number)) best = c;
        }
        if (sum === 0) continue;
        const top = p[best] as number;
        if (softmax ? top > 1 - sum : top >= 0.5) {
          labels[n] = values[best] as number;
          labelled += 1;
        }
        const h = softmax ? softmaxEntropy(p, sum) : sigmoidEntropy(p);
        entropy[n] = Math.round(255 * h);
        if (h > uncertainAbove) uncertain += 1;
      }
    }
    await pause.take();
  }
  return { labels, entropy, uncertain, labelled };
}

const term = (x: number): number => (x > 0 ? -x * Math.log(x) : 0);

/** Shannon's entropy of the labels and the background, as a share of the greatest. */
function softmaxEntropy(p: Float64Array, sum: number): number {
  let h = term(Math.max(0, 1 - sum));
  for (let c = 0; c < p.length; c += 1) h += term(p[c] as number);
  return Math.min(1, h / Math.log(p.length + 1));
}

/** The greatest entropy of a single label, as a share of one bit. */
function sigmoidEntropy(p: Float64Array): number {
  let most = 0;
  for (let c = 0; c < p.length; c += 1) most = Math.max(most, term(p[c] as number) + term(1 - (p[c] as number)));
  return most / Math.LN2;
}

/** The probability of one label at the volume's voxels, in 255ths. */
export function probabilityAt(v: AnyVolume, grid: GridShape, values: Uint16Array): Uint8Array {
  const [ni, nj, nk] = v.size;
  const out = new Uint8Array(ni * nj * nk);
  const reader = new GridReader(grid, v, [values]);
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, n += 1) {
        if (reader.set(i, j, k)) out[n] = Math.round((255 * reader.read(values)) / FULL);
      }
    }
  }
  return out;
}
