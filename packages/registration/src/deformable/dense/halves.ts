import { type Level, look } from './level.js';

/**
 * Edge of the blocks that are held out: six cubes, so that windows and neighbouring control points do not tell one half of the
 * other's images, and no less than this, mm.
 */
const BLOCK_MM = 12;
const BLOCK_CUBES = 6;

function edgeOf(spacingMm: number): number {
  return Math.max(BLOCK_CUBES, Math.round(BLOCK_MM / spacingMm));
}

/** The block of each cube, and whether it is of one half or the other, as on a chequerboard. */
interface Board {
  readonly block: Int32Array;
  readonly half: Uint8Array;
  readonly count: number;
}

function boardOf({ size, spacingMm }: Level): Board {
  const edge = edgeOf(spacingMm);
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
  const enough = 0.25 * edgeOf(on.spacingMm) ** 3;
  return sums.map((s, b) => ((seen[b] as number) >= enough ? s / (seen[b] as number) : Number.NaN));
}

/** What changes from one set of blocks to another. */
export interface Gain {
  /** Blocks that were compared. */
  readonly blocks: number;
  /** Fall of the difference as a share of the difference before. */
  readonly share: number;
  /** The mean fall over its own standard error. */
  readonly z: number;
}

/** Blocks that differ by more than this share of all blocks do count no more than these: what was cut out differs most. */
const MOST_TOLD = 0.9;

/**
 * How much lower differences are after than before, block by block, each by as much as it shows: in a block without contrast the
 * difference is next to nothing, and a tenth of it no gain.
 */
export function gainOf(before: Float64Array, after: Float64Array): Gain {
  const known = [...before.keys()].filter((b) => !Number.isNaN((before[b] as number) + (after[b] as number)));
  const blocks = known.length;
  if (blocks < 2) return { blocks, share: 0, z: 0 };
  const most = known.map((b) => before[b] as number).sort((x, y) => x - y)[Math.floor(MOST_TOLD * (blocks - 1))] as number;
  let [sum, squares, total] = [0, 0, 0];
  for (const b of known) {
    const was = Math.min(most, before[b] as number);
    const d = was - Math.min(most, after[b] as number);
    sum += d;
    squares += d * d;
    total += was;
  }
  const variance = Math.max(0, squares / blocks - (sum / blocks) ** 2) / (blocks - 1);
  return { blocks, share: total > 0 ? sum / total : 0, z: variance > 0 ? sum / blocks / Math.sqrt(variance) : 0 };
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
