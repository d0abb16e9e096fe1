import { invert4, multiply4 } from '@trocar/core/math';
import { type AnyVolume, cornersOf, spacingOf } from '@trocar/core/volume';
import type { CubeImage } from './cube-image.js';

/** An axis-aligned box in a frame, mm: least and greatest x, y, z. */
export interface Box {
  readonly low: readonly [number, number, number];
  readonly high: readonly [number, number, number];
}

/** The box around a volume's voxel centres. */
export function boxOf(v: AnyVolume): Box {
  const corners = cornersOf(v);
  const edge = (r: number, pick: (...x: number[]) => number): number => pick(...corners.map((c) => c[r] as number));
  return {
    low: [edge(0, Math.min), edge(1, Math.min), edge(2, Math.min)],
    high: [edge(0, Math.max), edge(1, Math.max), edge(2, Math.max)],
  };
}

/** What both boxes hold; low beyond high where that is nothing. */
export function commonBox(a: Box, b: Box): Box {
  const pick = (r: 0 | 1 | 2): [number, number] => [Math.max(a.low[r], b.low[r]), Math.min(a.high[r], b.high[r])];
  const [x, y, z] = [pick(0), pick(1), pick(2)];
  return { low: [x[0], y[0], z[0]], high: [x[1], y[1], z[1]] };
}

/** How voxels become the values that are averaged. */
export interface Reading {
  /** The rescaled value as it shall count; NaN leaves the voxel out. */
  readonly value: (rescaled: number) => number;
}

/** Averages of blocks of voxels: sums and counts on a coarser grid of the volume's own axes. */
export interface Blocks {
  readonly size: readonly [number, number, number];
  readonly frameFromIndex: Float64Array;
  readonly sum: Float32Array;
  readonly count: Float32Array;
}

/**
 * A volume on cubes of `spacingMm` that cover `box`: blocks of voxels averaged to about that spacing, then trilinear. NaN
 * where fewer than half of what lies around is image.
 */
export function cubesOf(v: AnyVolume, spacingMm: number, box: Box, reading: Reading): CubeImage {
  return cubesFrom(blocksOf(v, spacingMm, box, reading), spacingMm, box);
}

/** The second half of {@link cubesOf}. */
export function cubesFrom(blocks: Blocks, spacingMm: number, box: Box): CubeImage {
  const extent = (r: 0 | 1 | 2): number => Math.max(1, Math.floor((box.high[r] - box.low[r]) / spacingMm + 1e-6) + 1);
  const size: [number, number, number] = [extent(0), extent(1), extent(2)];
  const origin: [number, number, number] = [box.low[0], box.low[1], box.low[2]];
  const image = { size, spacingMm, origin, values: new Float32Array(size[0] * size[1] * size[2]) };
  interpolateBlocks(image, blocks);
  return image;
}

/** The first half of {@link cubesOf}: what of the volume lies in the box, averaged to about the spacing. */
export function blocksOf(v: AnyVolume, spacingMm: number, box: Box, reading: Reading): Blocks {
  const spacing = spacingOf(v);
  const factor = spacing.map((s) => Math.max(1, Math.round(spacingMm / s))) as [number, number, number];
  const [first, last] = indexRange(v, box, factor);
  const size = [0, 1, 2].map((r) =>
    Math.max(0, Math.ceil(((last[r] as number) - (first[r] as number) + 1) / (factor[r] as number))),
  ) as [number, number, number];
  const m = Float64Array.from(v.frameFromIndex);
  for (let r = 0; r < 3; r += 1) {
    let shift = m[12 + r] as number;
    for (let a = 0; a < 3; a += 1) {
      shift += (v.frameFromIndex[4 * a + r] as number) * ((first[a] as number) + ((factor[a] as number) - 1) / 2);
      m[4 * a + r] = (v.frameFromIndex[4 * a + r] as number) * (factor[a] as number);
    }
    m[12 + r] = shift;
  }
  const blocks = {
    size,
    frameFromIndex: m,
    sum: new Float32Array(size[0] * size[1] * size[2]),
    count: new Float32Array(size[0] * size[1] * size[2]),
  };
  sumBlocks(blocks, v, first, last, factor, reading);
  return blocks;
}

/** The voxels that blocks covering the box are made of. */
function indexRange(v: AnyVolume, box: Box, factor: readonly number[]): [number[], number[]] {
  const inverse = new Float64Array(16);
  invert4(inverse, v.frameFromIndex);
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let n = 0; n < 8; n += 1) {
    const p = [0, 1, 2].map((r) => ((n >> r) & 1 ? box.high[r] : box.low[r]) as number);
    for (let r = 0; r < 3; r += 1) {
      const index =
        (inverse[r] as number) * (p[0] as number) +
        (inverse[4 + r] as number) * (p[1] as number) +
        (inverse[8 + r] as number) * (p[2] as number) +
        (inverse[12 + r] as number);
      low[r] = Math.min(low[r] as number, index);
      high[r] = Math.max(high[r] as number, index);
    }
  }
  const first = low.map((x, r) => Math.max(0, Math.floor(x) - (factor[r] as number)));
  const last = high.map((x, r) => Math.min((v.size[r] as number) - 1, Math.ceil(x) + (factor[r] as number)));
  return [first, last];
}

function sumBlocks(
  blocks: Blocks,
  v: AnyVolume,
  first: readonly number[],
  last: readonly number[],
  factor: readonly [number, number, number],
  reading: Reading,
): void {
  const { slope, intercept } = v.rescale;
  const [i0, j0, k0] = first as [number, number, number];
  const [i1, j1, k1] = last as [number, number, number];
  const { voxels } = v;
  const { sum, count } = blocks;
  const identity = reading.value === sameValue;
  for (let k = k0; k <= k1; k += 1) {
    const bk = Math.floor((k - k0) / factor[2]);
    for (let j = j0; j <= j1; j += 1) {
      const row = blocks.size[0] * (Math.floor((j - j0) / factor[1]) + blocks.size[1] * bk);
      const from = v.size[0] * (j + v.size[1] * k);
      let run = 0;
      let n = row;
      for (let i = i0; i <= i1; i += 1) {
        const raw = slope * (voxels[from + i] as number) + intercept;
        const x = identity ? raw : reading.value(raw);
        if (!Number.isNaN(x)) {
          sum[n] = (sum[n] as number) + x;
          count[n] = (count[n] as number) + 1;
        }
        run += 1;
        if (run === factor[0]) {
          run = 0;
          n += 1;
        }
      }
    }
  }
  const full = factor[0] * factor[1] * factor[2];
  for (let n = 0; n < count.length; n += 1) count[n] = (count[n] as number) / full;
  for (let n = 0; n < sum.length; n += 1) sum[n] = (sum[n] as number) / full;
}

/** Values as they are; NaN stays out. */
export function sameValue(x: number): number {
  return x;
}

function interpolateBlocks(image: CubeImage, blocks: Blocks): void {
  const inverse = new Float64Array(16);
  invert4(inverse, blocks.frameFromIndex);
  const h = image.spacingMm;
  const place = Float64Array.of(h, 0, 0, 0, 0, h, 0, 0, 0, 0, h, 0, ...image.origin, 1);
  const m = multiply4(new Float64Array(16), inverse, place);
  const [ni, nj, nk] = image.size;
  const cell = new Float64Array(2);
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, n += 1) {
        weighted(
          cell,
          blocks,
          (m[0] as number) * i + (m[4] as number) * j + (m[8] as number) * k + (m[12] as number),
          (m[1] as number) * i + (m[5] as number) * j + (m[9] as number) * k + (m[13] as number),
          (m[2] as number) * i + (m[6] as number) * j + (m[10] as number) * k + (m[14] as number),
        );
        const count = cell[1] as number;
        image.values[n] = count > 0.5 ? (cell[0] as number) / count : Number.NaN;
      }
    }
  }
}

/** Trilinear sum and count of the blocks at an index, into `out`; nothing lies beyond the blocks. */
function weighted(out: Float64Array, blocks: Blocks, x: number, y: number, z: number): void {
  const [ni, nj, nk] = blocks.size;
  const x0 = Math.floor(x);
  const y0 = Math.floor(y);
  const z0 = Math.floor(z);
  let sum = 0;
  let count = 0;
  for (let c = 0; c < 8; c += 1) {
    const i = x0 + (c & 1);
    const j = y0 + ((c >> 1) & 1);
    const k = z0 + (c >> 2);
    if (i < 0 || j < 0 || k < 0 || i >= ni || j >= nj || k >= nk) continue;
    const w = (c & 1 ? x - x0 : 1 - x + x0) * (c & 2 ? y - y0 : 1 - y + y0) * (c & 4 ? z - z0 : 1 - z + z0);
    const n = i + ni * (j + nj * k);
    sum += w * (blocks.sum[n] as number);
    count += w * (blocks.count[n] as number);
  }
  out[0] = sum;
  out[1] = count;
}
