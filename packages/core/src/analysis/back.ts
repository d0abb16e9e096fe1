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

/** Trilinear places in the network's grid, for the voxels of a volume row by row; beyond the outermost centres the border's value. */
export class GridReader {
  readonly #m: Float64Array;
  readonly #size: readonly [number, number, number];
  /** Of the place last set: the eight neighbours, and their weights. */
  readonly at = new Int32Array(8);
  readonly weight = new Float64Array(8);

  constructor(grid: GridShape, v: GridShape) {
    this.#m = indexFromIndex(grid, v);
    this.#size = grid.size;
  }

  /** Goes to the volume's voxel i, j, k. */
  set(i: number, j: number, k: number): void {
    const m = this.#m;
    const [ni, nj, nk] = this.#size;
    const along = (r: number, n: number): number =>
      Math.min(
        n - 1,
        Math.max(0, (m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number)),
      );
    const x = along(0, ni);
    const y = along(1, nj);
    const z = along(2, nk);
    const [x0, y0, z0] = [Math.floor(x), Math.floor(y), Math.floor(z)];
    const [fx, fy, fz] = [x - x0, y - y0, z - z0];
    const dx = x0 < ni - 1 ? 1 : 0;
    const dy = y0 < nj - 1 ? ni : 0;
    const dz = z0 < nk - 1 ? ni * nj : 0;
    const o = x0 + ni * (y0 + nj * z0);
    for (let n = 0; n < 8; n += 1) {
      this.at[n] = o + (n & 1 ? dx : 0) + (n & 2 ? dy : 0) + (n & 4 ? dz : 0);
      this.weight[n] = (n & 1 ? fx : 1 - fx) * (n & 2 ? fy : 1 - fy) * (n & 4 ? fz : 1 - fz);
    }
  }

  /** The value there, in the stored unit. */
  read(values: Uint16Array): number {
    const { at, weight } = this;
    let sum = 0;
    for (let n = 0; n < 8; n += 1) sum += (weight[n] as number) * (values[at[n] as number] as number);
    return sum;
  }
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
  const reader = new GridReader(grid, v);
  const p = new Float64Array(kept.length);
  let [uncertain, labelled] = [0, 0];
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, n += 1) {
        reader.set(i, j, k);
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
  const reader = new GridReader(grid, v);
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, n += 1) {
        reader.set(i, j, k);
        out[n] = Math.round((255 * reader.read(values)) / FULL);
      }
    }
  }
  return out;
}
