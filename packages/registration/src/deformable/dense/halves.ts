import { type Level, look } from './level.js';

/** Edge of the blocks that are held out, mm: wider than what neighbouring displacements know of each other's images. */
const BLOCK_MM = 12;

/** The block of each cube, and whether it is of one half or the other, as on a chequerboard. */
interface Board {
  readonly block: Int32Array;
  readonly half: Uint8Array;
  readonly count: number;
}

function boardOf({ size, spacingMm }: Level): Board {
  const edge = Math.max(2, Math.round(BLOCK_MM / spacingMm));
  const blocks = size.map((n) => Math.ceil(n / edge)) as [number, number, number];
  const block = new Int32Array(size[0] * size[1] * size[2]);
  const half = new Uint8Array(block.length);
  for (let k = 0, n = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) {
        const [a, b, c] = [Math.floor(i / edge), Math.floor(j / edge), Math.floor(k / edge)];
        block[n] = a + blocks[0] * (b + blocks[1] * c);
        half[n] = (a + b + c) & 1;
      }
    }
  }
  return { block, half, count: blocks[0] * blocks[1] * blocks[2] };
}

/** Two levels that see the same images, each only its half of the blocks. */
export function halvesOf(on: Level): readonly [Level, Level] {
  const { half } = boardOf(on);
  const only = (which: number): Level => ({ ...on, weights: on.weights.map((w, n) => (half[n] === which ? w : 0)) });
  return [only(0), only(1)];
}

/** Mean difference in each block under a map; NaN where fewer than a quarter of its usual cubes are seen. */
export function blockDifferences(on: Level, matrix: ArrayLike<number>, displacements?: Float32Array): Float64Array {
  look(on, matrix, displacements);
  const { block, count } = boardOf(on);
  const sums = new Float64Array(count);
  const seen = new Float64Array(count);
  on.compared.difference.forEach((e, n) => {
    if (on.weights[n] === 0 || Number.isNaN(e)) return;
    const b = block[n] as number;
    sums[b] = (sums[b] as number) + e;
    seen[b] = (seen[b] as number) + 1;
  });
  const enough = 0.25 * (BLOCK_MM / on.spacingMm) ** 3;
  return sums.map((s, b) => ((seen[b] as number) >= enough ? s / (seen[b] as number) : Number.NaN));
}

/** What changes from one set of blocks to another. */
export interface Gain {
  /** Blocks that were compared. */
  readonly blocks: number;
  /** Fall of the difference as a share of the difference before: geometric mean over the blocks. */
  readonly share: number;
  /** The mean of the falls' logarithms over its own standard error. */
  readonly z: number;
}

/** How much lower differences are after than before, block by block. */
export function gainOf(before: Float64Array, after: Float64Array): Gain {
  let [sum, squares, blocks] = [0, 0, 0];
  before.forEach((x, b) => {
    // A ratio, so that few blocks of strong contrast do not decide alone.
    const d = Math.log(x / (after[b] as number));
    if (Number.isNaN(d)) return;
    sum += d;
    squares += d * d;
    blocks += 1;
  });
  if (blocks < 2) return { blocks, share: 0, z: 0 };
  const variance = Math.max(0, squares / blocks - (sum / blocks) ** 2) / (blocks - 1);
  return { blocks, share: 1 - Math.exp(-sum / blocks), z: variance > 0 ? sum / blocks / Math.sqrt(variance) : 0 };
}

/** Two halves' gains as one. */
export function joined(a: Gain, b: Gain): Gain {
  const blocks = a.blocks + b.blocks;
  return {
    blocks,
    share: blocks > 0 ? (a.share * a.blocks + b.share * b.blocks) / blocks : 0,
    z: (a.z + b.z) / Math.SQRT2,
  };
}
