import { spacingOf, type VoxelArray } from '@trocar/core/volume';
import type { Breath } from './breath.js';
import type { Averager } from './kernels/averaging.js';

/**
 * An image as the mutual-information kernels work on it: one byte a voxel, 0 … 254 from black to white of a window, 255
 * where there is no value. Geometry as in Volume: index (0, 0, 0) is the CENTRE of the first voxel; may mirror.
 */
export interface ByteImage {
  readonly values: Uint8Array;
  readonly size: readonly [number, number, number];
  /** 16 doubles, column-major, mm. */
  readonly frameFromIndex: Float64Array;
  /** Whether any voxel is {@link HOLE}. */
  readonly holes: boolean;
}

/** The byte of a voxel without a value. */
export const HOLE = 255;
/** The largest byte of a voxel with one. */
export const WHITE = 254;

/** How stored values become bytes: step (value − low) · gain of a curve. */
export interface Stretch {
  readonly low: number;
  readonly gain: number;
  readonly curve: Uint8Array;
}

/** Steps of the curve of a volume. */
export const STRETCH_STEPS = 1024;

/** Averages the blocks of slice k into bytes; a block with a value that is no number is a hole. Says whether there is one. */
export function averageSlice(
  out: Uint8Array,
  size: readonly [number, number, number],
  voxels: VoxelArray,
  full: readonly [number, number, number],
  factors: readonly [number, number, number],
  { low, gain, curve }: Stretch,
  row: Float64Array,
  k: number,
): boolean {
  const scale = gain / (factors[0] * factors[1] * factors[2]);
  let holes = false;
  let n = size[0] * size[1] * k;
  for (let j = 0; j < size[1]; j += 1, n += size[0]) {
    row.fill(0);
    for (let c = 0; c < factors[2]; c += 1) {
      for (let b = 0; b < factors[1]; b += 1) {
        addRow(row, voxels, full[0] * (factors[1] * j + b + full[1] * (factors[2] * k + c)), factors[0]);
      }
    }
    if (toBytes(out, n, row, scale, low * gain - 0.5, curve)) holes = true;
  }
  return holes;
}

/** row[i] += the sum of `factor` stored values from i · factor on. */
function addRow(row: Float64Array, voxels: VoxelArray, from: number, factor: number): void {
  if (factor === 1) {
    for (let i = 0; i < row.length; i += 1) row[i] = (row[i] as number) + (voxels[from + i] as number);
    return;
  }
  let at = from;
  for (let i = 0; i < row.length; i += 1) {
    let sum = row[i] as number;
    for (let a = 0; a < factor; a += 1, at += 1) sum += voxels[at] as number;
    row[i] = sum;
  }
}

/** The curve's bytes at row · scale − offset. Says whether any is a hole: not a number. */
function toBytes(out: Uint8Array, from: number, row: Float64Array, scale: number, offset: number, curve: Uint8Array): boolean {
  const last = curve.length - 1;
  let holes = false;
  for (let i = 0; i < row.length; i += 1) {
    const x = (row[i] as number) * scale - offset;
    if (x >= 0) out[from + i] = curve[x < last ? x | 0 : last] as number;
    else if (x < 0) out[from + i] = curve[0] as number;
    else {
      out[from + i] = HOLE;
      holes = true;
    }
  }
  return holes;
}

export function shrunkSize(size: readonly number[], factors: readonly number[]): [number, number, number] {
  return size.map((n, a) => Math.max(1, Math.floor(n / (factors[a] as number)))) as [number, number, number];
}

/** The new voxel centres are the blocks' centres. */
export function shrunkGeometry(from: ArrayLike<number>, factors: readonly number[]): Float64Array {
  const m = Float64Array.from(from);
  for (let r = 0; r < 3; r += 1) {
    for (let a = 0; a < 3; a += 1) {
      const f = factors[a] as number;
      m[12 + r] = (m[12 + r] as number) + ((f - 1) / 2) * (from[4 * a + r] as number);
      m[4 * a + r] = f * (from[4 * a + r] as number);
    }
  }
  return m;
}

/**
 * The image with `factors` voxels averaged to one; a block with more holes than values is a hole.
 * @param kernel does the same faster, where there is one
 */
export async function coarser(
  image: ByteImage,
  factors: readonly [number, number, number],
  breath: Breath,
  kernel?: Averager,
): Promise<ByteImage> {
  const [fi, fj, fk] = factors;
  if (fi * fj * fk === 1) return image;
  const size = shrunkSize(image.size, factors);
  const values = breath.bytes(size[0] * size[1] * size[2]);
  const frameFromIndex = shrunkGeometry(image.frameFromIndex, factors);
  if (image.holes) return { values, size, frameFromIndex, holes: averageWithHoles(values, size, image, factors) };
  const row = new Int32Array(size[0]);
  for (let k = 0; k < size[2]; k += 1) {
    if (!kernel?.plane(values, size, image, factors, k)) averageBytes(values, size, image, factors, row, k);
    await breath.take();
  }
  return { values, size, frameFromIndex, holes: false };
}

/** The same for bytes without holes. */
function averageBytes(
  out: Uint8Array,
  size: readonly [number, number, number],
  { values, size: full }: ByteImage,
  factors: readonly [number, number, number],
  row: Int32Array,
  k: number,
): void {
  const [fi, fj, fk] = factors;
  const count = fi * fj * fk;
  let n = size[0] * size[1] * k;
  for (let j = 0; j < size[1]; j += 1) {
    row.fill(0);
    for (let c = 0; c < fk; c += 1) {
      for (let b = 0; b < fj; b += 1) {
        const from = full[0] * (fj * j + b + full[1] * (fk * k + c));
        if (fi === 2) addPairs(row, values, from);
        else addBlocks(row, values, from, fi);
      }
    }
    for (let i = 0; i < row.length; i += 1, n += 1) out[n] = (2 * (row[i] as number) + count) / (2 * count);
  }
}

function addPairs(row: Int32Array, values: Uint8Array, from: number): void {
  for (let i = 0, at = from; i < row.length; i += 1, at += 2) {
    row[i] = (row[i] as number) + (values[at] as number) + (values[at + 1] as number);
  }
}

function addBlocks(row: Int32Array, values: Uint8Array, from: number, factor: number): void {
  for (let i = 0, at = from; i < row.length; i += 1) {
    let sum = row[i] as number;
    for (let a = 0; a < factor; a += 1, at += 1) sum += values[at] as number;
    row[i] = sum;
  }
}

function averageWithHoles(
  out: Uint8Array,
  size: readonly [number, number, number],
  image: ByteImage,
  [fi, fj, fk]: readonly [number, number, number],
): boolean {
  const [ni, nj] = image.size;
  const half = (fi * fj * fk) / 2;
  let holes = false;
  let n = 0;
  for (let k = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) {
        let sum = 0;
        let count = 0;
        for (let c = k * fk; c < (k + 1) * fk; c += 1) {
          for (let b = j * fj; b < (j + 1) * fj; b += 1) {
            const row = ni * (b + nj * c) + i * fi;
            for (let a = row; a < row + fi; a += 1) {
              const x = image.values[a] as number;
              if (x === HOLE) continue;
              sum += x;
              count += 1;
            }
          }
        }
        if (count < half) holes = true;
        out[n] = count < half ? HOLE : (sum / count + 0.5) | 0;
      }
    }
  }
  return holes;
}

/** How many voxels to average along each axis to come nearest to a spacing, mm, keeping at least 8 of them. */
export function factorsTowards(v: Pick<ByteImage, 'size' | 'frameFromIndex'>, spacingMm: number): [number, number, number] {
  const spacing = spacingOf(v);
  const factor = (a: 0 | 1 | 2): number => Math.max(1, Math.min(Math.round(spacingMm / spacing[a]), Math.floor(v.size[a] / 8)));
  return [factor(0), factor(1), factor(2)];
}
