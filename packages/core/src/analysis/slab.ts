import { NavError } from '../base/index.js';
import type { GridShape } from '../volume/index.js';
import type { ModelDescription, SegmentationModel } from './model.js';
import type { BoxMeans } from './patient-grid.js';
import type { Pause } from './pause.js';
import type { AxisTiles } from './tiles.js';

/** How a value becomes what the network takes. */
export type Normalise = (value: number) => number;

/** What the tiles of a volume are computed from. */
export interface TileWork {
  readonly model: SegmentationModel;
  readonly grid: GridShape;
  /** One for each channel. */
  readonly images: readonly BoxMeans[];
  readonly normalise: readonly Normalise[];
  /** Along i, j, k. */
  readonly tiles: readonly [AxisTiles, AxisTiles, AxisTiles];
  readonly pause: Pause;
  readonly progress: ((fraction: number) => void) | undefined;
}

/** Labels whose probabilities are kept: with `softmax` the background is what the others leave. */
export function keptLabels({ output }: ModelDescription): ModelDescription['output']['labels'] {
  return output.kind === 'softmax' ? output.labels.slice(1) : output.labels;
}

/** Full scale of a kept probability: 1 is this. */
export const FULL = 65_535;

/**
 * Probabilities of every voxel of the grid, for each kept label, in {@link FULL}ths. Layers of tiles are done from the feet to the head; of images and of
 * sums in single precision there is never more than one layer, as thick as a tile.
 */
export async function probabilitiesOf(work: TileWork): Promise<Uint16Array[]> {
  const { grid, model, tiles } = work;
  const [ni, nj, nk] = grid.size;
  const area = ni * nj;
  const depth = model.description.patch[2];
  const kept = keptLabels(model.description).map(() => new Uint16Array(area * nk));
  const images = work.images.map(() => new Float32Array(area * depth));
  const sums = kept.map(() => new Float32Array(area * depth));
  const starts = tiles[2].starts;
  let loaded = 0;
  for (let layer = 0; layer < starts.length; layer += 1) {
    const first = starts[layer] as number;
    const next = starts[layer + 1] ?? nk;
    const held = Math.max(0, loaded - first);
    for (let k = first + held; k < first + depth; k += 1) {
      work.images.forEach((image, c) => {
        image.sliceInto(images[c] as Float32Array, area * (k - first), k);
      });
      await work.pause.take();
    }
    loaded = first + depth;
    await layerOfTiles(work, layer, images, sums);
    const finished = Math.min(next - first, depth);
    kept.forEach((out, n) => {
      store(out, area * first, (sums[n] as Float32Array).subarray(0, area * finished));
    });
    // What the next layer shares with this one moves to its place; behind it the sums begin at nothing.
    for (const slab of [...images, ...sums]) slab.copyWithin(0, area * finished);
    for (const slab of sums) slab.fill(0, area * (depth - finished));
  }
  return kept;
}

function store(out: Uint16Array, at: number, sums: Float32Array): void {
  for (let n = 0; n < sums.length; n += 1) out[at + n] = Math.round(FULL * Math.min(1, Math.max(0, sums[n] as number)));
}

/** All tiles of one layer, added to the sums. */
async function layerOfTiles(
  work: TileWork,
  layer: number,
  images: readonly Float32Array[],
  sums: readonly Float32Array[],
): Promise<void> {
  const { model, tiles, grid, pause, progress } = work;
  const { patch, channels, output } = model.description;
  const voxels = patch[0] * patch[1] * patch[2];
  const input = new Float32Array(channels * voxels);
  const perLayer = tiles[0].starts.length * tiles[1].starts.length;
  const all = perLayer * tiles[2].starts.length;
  let done = layer * perLayer;
  for (let b = 0; b < tiles[1].starts.length; b += 1) {
    for (let a = 0; a < tiles[0].starts.length; a += 1) {
      const corner = (tiles[0].starts[a] as number) + grid.size[0] * (tiles[1].starts[b] as number);
      let seen = false;
      images.forEach((image, c) => {
        const into = input.subarray(c * voxels, (c + 1) * voxels);
        seen = cut(into, image, corner, grid.size, patch, work.normalise[c] as Normalise) || seen;
      });
      // Where there is no image there is nothing to find, and the sums stay as they are.
      if (seen) {
        const answer = checked(await model.run(input), output.labels.length * voxels, model);
        activate(answer, voxels, output);
        const skipped = output.labels.length - sums.length;
        sums.forEach((sum, n) => {
          const given = answer.subarray((n + skipped) * voxels, (n + skipped + 1) * voxels);
          add(
            sum,
            given,
            corner,
            grid.size,
            patch,
            [0, 1, 2].map((r) => weightsOf(tiles, r, [a, b, layer])),
          );
        });
      }
      done += 1;
      progress?.(done / all);
      await pause.take();
    }
  }
}

function weightsOf(tiles: TileWork['tiles'], axis: number, place: readonly number[]): Float64Array {
  return (tiles[axis] as AxisTiles).weights[place[axis] as number] as Float64Array;
}

type Three = readonly [number, number, number];

/** A tile of the layer, normalised; whether any of it is image. */
function cut(out: Float32Array, image: Float32Array, corner: number, size: Three, patch: Three, normalise: Normalise): boolean {
  let seen = false;
  for (let k = 0, n = 0; k < patch[2]; k += 1) {
    for (let j = 0; j < patch[1]; j += 1) {
      const row = corner + size[0] * (j + size[1] * k);
      for (let i = 0; i < patch[0]; i += 1, n += 1) {
        const value = image[row + i] as number;
        seen ||= !Number.isNaN(value);
        out[n] = normalise(value);
      }
    }
  }
  return seen;
}

function add(
  sum: Float32Array,
  given: Float32Array,
  corner: number,
  size: Three,
  patch: Three,
  weights: readonly Float64Array[],
): void {
  const [wi, wj, wk] = weights as [Float64Array, Float64Array, Float64Array];
  for (let k = 0, n = 0; k < patch[2]; k += 1) {
    for (let j = 0; j < patch[1]; j += 1) {
      const row = corner + size[0] * (j + size[1] * k);
      const w = (wk[k] as number) * (wj[j] as number);
      for (let i = 0; i < patch[0]; i += 1, n += 1) {
        sum[row + i] = (sum[row + i] as number) + w * (wi[i] as number) * (given[n] as number);
      }
    }
  }
}

/** Logits made probabilities, in place: softmax over the labels, or each for itself. */
function activate(answer: Float32Array, voxels: number, { kind, gives, labels }: ModelDescription['output']): void {
  if (gives === 'probability') return;
  if (kind === 'sigmoid') {
    for (let n = 0; n < answer.length; n += 1) answer[n] = 1 / (1 + Math.exp(-(answer[n] as number)));
    return;
  }
  for (let n = 0; n < voxels; n += 1) {
    let most = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < labels.length; c += 1) most = Math.max(most, answer[c * voxels + n] as number);
    let sum = 0;
    for (let c = 0; c < labels.length; c += 1) sum += Math.exp((answer[c * voxels + n] as number) - most);
    for (let c = 0; c < labels.length; c += 1) answer[c * voxels + n] = Math.exp((answer[c * voxels + n] as number) - most) / sum;
  }
}

function checked(answer: Float32Array, length: number, { description: d }: SegmentationModel): Float32Array {
  const bad = (what: string): never => {
    throw new NavError('analysis/bad-output', `"${d.name}" gave ${what}: its description does not belong to its weights.`);
  };
  if (answer.length !== length) bad(`${answer.length} numbers for a patch in place of ${length}`);
  for (let n = 0; n < length; n += 1) {
    const x = answer[n] as number;
    if (!Number.isFinite(x)) bad('a number that is not finite');
    if (d.output.gives === 'probability' && !(x >= -1e-4 && x <= 1 + 1e-4)) bad(`${x} as a probability`);
  }
  return answer;
}
