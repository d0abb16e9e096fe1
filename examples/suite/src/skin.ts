import { NavError } from '@trocar/core';
import { Sampler, spacingOf, type Volume } from '@trocar/core/volume';

/** Where a body is in its image: a coarse mask for "inside", and the full image for where exactly its skin is. */
export interface Body {
  /** Value between air and tissue, in the volume's rescaled unit. */
  readonly threshold: number;
  /** Volume of the body, mm³. */
  readonly sizeMm3: number;
  /** The body's centre of mass, volume frame, mm. */
  readonly centre: readonly [number, number, number];
  /** Whether a place lies in the body, holes filled, table left out; to one coarse voxel. */
  inside(x: number, y: number, z: number): boolean;
  /** Whether the image shows anything there but air: body, table, anything. False outside the image. */
  dense(x: number, y: number, z: number): boolean;
  /** How far a place is from the image's border, mm, along the nearest grid axis; negative outside. */
  depthInImage(x: number, y: number, z: number): number;
}

/** Coarse voxels have about this edge: fine enough for a nose, coarse enough for a 512² series in a second. */
const COARSE_MM = 2.5;

interface Coarse {
  readonly size: readonly [number, number, number];
  readonly step: readonly [number, number, number];
  readonly values: Float32Array;
}

/**
 * Finds the body in a CT or MR: threshold between air and tissue (Otsu 1979, lowered for MR, whose skin may be dark), the
 * largest connected piece after an opening that cuts a table off, and everything enclosed by it.
 * @throws NavError `registration/failed` where nothing in the image looks like a body
 */
export function findBody<F extends string>(v: Volume<F>): Body {
  const coarse = coarsen(v);
  const threshold = skinThreshold(coarse.values, v.modality);
  const tissue = Uint8Array.from(coarse.values, (value) => (value > threshold ? 1 : 0));
  const opened = dilateWithin(largestPiece(erode(tissue, coarse.size), coarse.size), tissue, coarse.size);
  const mask = fill(opened, coarse.size);
  const count = mask.reduce((sum, m) => sum + m, 0);
  const voxel = spacingOf(v).reduce((p, s, a) => p * s * (coarse.step[a] as number), 1);
  if (count * voxel < 20_000) {
    throw new NavError(
      'registration/failed',
      'No body was found in the volume: less than 20 ml stands out from air. Load an image that shows skin.',
      { detail: { ml: (count * voxel) / 1000, threshold } },
    );
  }
  return bodyOf(v, coarse, mask, { threshold, sizeMm3: count * voxel });
}

function bodyOf<F extends string>(
  v: Volume<F>,
  coarse: Coarse,
  mask: Uint8Array,
  found: Pick<Body, 'threshold' | 'sizeMm3'>,
): Body {
  const sampler = new Sampler(v);
  const m = sampler.indexFromFrame;
  const spacing = spacingOf(v);
  const index = (r: number, x: number, y: number, z: number): number =>
    (m[r] as number) * x + (m[4 + r] as number) * y + (m[8 + r] as number) * z + (m[12 + r] as number);
  const cell = (r: 0 | 1 | 2, x: number, y: number, z: number): number => Math.floor((index(r, x, y, z) + 0.5) / coarse.step[r]);
  return {
    ...found,
    centre: centreOf(v, coarse, mask),
    inside: (x, y, z) => {
      const [i, j, k] = [cell(0, x, y, z), cell(1, x, y, z), cell(2, x, y, z)];
      const [ni, nj, nk] = coarse.size;
      return i >= 0 && j >= 0 && k >= 0 && i < ni && j < nj && k < nk && mask[i + ni * (j + nj * k)] === 1;
    },
    dense: (x, y, z) => sampler.at(x, y, z) > found.threshold,
    depthInImage: (x, y, z) =>
      Math.min(
        ...[0, 1, 2].map((r) => {
          const i = index(r, x, y, z);
          return Math.min(i + 0.5, (v.size[r] as number) - 0.5 - i) * (spacing[r] as number);
        }),
      ),
  };
}

function centreOf<F extends string>(v: Volume<F>, coarse: Coarse, mask: Uint8Array): [number, number, number] {
  const [ni, nj] = coarse.size;
  const sum = [0, 0, 0];
  let count = 0;
  mask.forEach((inside, n) => {
    if (inside === 0) return;
    count += 1;
    const at = [n % ni, Math.floor(n / ni) % nj, Math.floor(n / (ni * nj))];
    for (let r = 0; r < 3; r += 1) sum[r] = (sum[r] as number) + ((at[r] as number) + 0.5) * (coarse.step[r] as number) - 0.5;
  });
  const m = v.frameFromIndex;
  return [0, 1, 2].map((r) => {
    const along = [0, 1, 2].reduce((s, a) => s + ((m[4 * a + r] as number) * (sum[a] as number)) / count, 0);
    return along + (m[12 + r] as number);
  }) as [number, number, number];
}

/** Means over blocks of voxels, rescaled. */
function coarsen<F extends string>(v: Volume<F>): Coarse {
  const step = spacingOf(v).map((s, a) => Math.max(1, Math.min(v.size[a] as number, Math.round(COARSE_MM / s)))) as [
    number,
    number,
    number,
  ];
  const size = v.size.map((n, a) => Math.floor(n / (step[a] as number))) as [number, number, number];
  const values = new Float32Array(size[0] * size[1] * size[2]);
  const [vi, vj] = v.size;
  const scale = v.rescale.slope / (step[0] * step[1] * step[2]);
  let n = 0;
  for (let k = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) {
        let sum = 0;
        for (let c = k * step[2]; c < (k + 1) * step[2]; c += 1) {
          for (let b = j * step[1]; b < (j + 1) * step[1]; b += 1) {
            const base = vi * (b + vj * c);
            for (let a = i * step[0]; a < (i + 1) * step[0]; a += 1) sum += v.voxels[base + a] as number;
          }
        }
        values[n] = sum * scale + v.rescale.intercept;
      }
    }
  }
  return { size, step, values };
}

/** A value between air and tissue. */
export function skinThreshold(all: Float32Array, modality: string): number {
  // Where a resampled image has no value, it has NaN: those voxels are no part of the histogram.
  const values = all.filter((value) => Number.isFinite(value));
  const sorted = Float32Array.from(values).sort();
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] as number;
  const [low, high] = [at(0.005), at(0.995)];
  // CT numbers mean something, and padding far below air would pull a histogram apart. No MR goes that far below zero.
  if (modality === 'CT' || low < -500) return -400;
  const bins = 256;
  const counts = new Float64Array(bins);
  for (const value of values) {
    const bin = Math.floor(((value - low) / (high - low || 1)) * bins);
    const clipped = Math.max(0, Math.min(bins - 1, bin));
    counts[clipped] = (counts[clipped] as number) + 1;
  }
  const cut = otsu(counts);
  // Otsu lands halfway between air and bright tissue; skin and air are told apart lower down.
  return low + ((cut * 0.45) / bins) * (high - low);
}

/** The bin that splits a histogram with the largest variance between its two parts (Otsu 1979). */
function otsu(counts: Float64Array): number {
  const total = counts.reduce((a, b) => a + b, 0);
  const sum = counts.reduce((a, b, i) => a + b * i, 0);
  let [below, sumBelow, best, cut] = [0, 0, -1, 0];
  for (let i = 0; i < counts.length; i += 1) {
    below += counts[i] as number;
    sumBelow += i * (counts[i] as number);
    if (below === 0 || below === total) continue;
    const apart = sumBelow / below - (sum - sumBelow) / (total - below);
    const between = below * (total - below) * apart * apart;
    if (between > best) {
      best = between;
      cut = i + 1;
    }
  }
  return cut;
}

type Size = readonly [number, number, number];

/** Calls `visit` with the up to six neighbours of voxel n; a neighbour outside the grid is −1. */
function neighbours(n: number, size: Size, visit: (m: number) => void): void {
  const [ni, nj, nk] = size;
  const i = n % ni;
  const j = Math.floor(n / ni) % nj;
  const k = Math.floor(n / (ni * nj));
  visit(i > 0 ? n - 1 : -1);
  visit(i < ni - 1 ? n + 1 : -1);
  visit(j > 0 ? n - ni : -1);
  visit(j < nj - 1 ? n + ni : -1);
  visit(k > 0 ? n - ni * nj : -1);
  visit(k < nk - 1 ? n + ni * nj : -1);
}

/** Voxels whose neighbours in the grid are all set: cuts a table and cushions off. The image's border does not erode. */
function erode(mask: Uint8Array, size: Size): Uint8Array {
  const out = Uint8Array.from(mask);
  mask.forEach((set, n) => {
    if (set === 1) {
      neighbours(n, size, (m) => {
        if (m >= 0 && mask[m] === 0) out[n] = 0;
      });
    }
  });
  return out;
}

/** One step back out, but only into voxels of `allowed`. */
function dilateWithin(mask: Uint8Array, allowed: Uint8Array, size: Size): Uint8Array {
  const out = Uint8Array.from(mask);
  mask.forEach((set, n) => {
    if (set === 0) return;
    neighbours(n, size, (m) => {
      if (m >= 0 && allowed[m] === 1) out[m] = 1;
    });
  });
  return out;
}

function largestPiece(mask: Uint8Array, size: Size): Uint8Array {
  const piece = new Int32Array(mask.length);
  const queue = new Int32Array(mask.length);
  let [best, bestCount, label] = [0, 0, 0];
  for (let seed = 0; seed < mask.length; seed += 1) {
    if (mask[seed] === 0 || piece[seed] !== 0) continue;
    label += 1;
    const count = flood(seed, queue, size, (n) => {
      if (mask[n] === 0 || piece[n] !== 0) return false;
      piece[n] = label;
      return true;
    });
    if (count > bestCount) [best, bestCount] = [label, count];
  }
  return Uint8Array.from(piece, (p) => (p === best && best > 0 ? 1 : 0));
}

/** Visits everything connected to `seed` that `take` takes, and returns how many that were. */
function flood(seed: number, queue: Int32Array, size: Size, take: (n: number) => boolean): number {
  if (!take(seed)) return 0;
  let [head, tail] = [0, 1];
  queue[0] = seed;
  while (head < tail) {
    const n = queue[head] as number;
    head += 1;
    neighbours(n, size, (m) => {
      if (m >= 0 && take(m)) {
        queue[tail] = m;
        tail += 1;
      }
    });
  }
  return tail;
}

/**
 * The mask with what air from the image's edges cannot reach: sinuses, lungs, dark bone. From the twelve edges, not from the
 * six faces: where the image ends within a body, bone and airways are open to a face.
 */
function fill(mask: Uint8Array, size: Size): Uint8Array {
  const [ni, nj, nk] = size;
  const outside = new Uint8Array(mask.length);
  const queue = new Int32Array(mask.length);
  const take = (n: number): boolean => {
    if (mask[n] === 1 || outside[n] === 1) return false;
    outside[n] = 1;
    return true;
  };
  for (let k = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1) {
        const faces = Number(i === 0 || i === ni - 1) + Number(j === 0 || j === nj - 1) + Number(k === 0 || k === nk - 1);
        if (faces >= 2) flood(i + ni * (j + nj * k), queue, size, take);
      }
    }
  }
  return Uint8Array.from(outside, (o) => 1 - o);
}
