import type { CubeImage } from './cube-image.js';
import { moved } from './descend.js';
import { CHANNELS, type Descriptors, mindDescriptors } from './mind.js';

/** Descriptors of both sides at one resolution, for judging poses by another metric than they were found by. */
export interface MindPair {
  readonly fixed: Descriptors;
  readonly moving: readonly Descriptors[];
  /** Cubes of the fixed side that are looked at. */
  readonly looked: Int32Array;
}

/** At most so many places are compared. */
const LOOKED = 4000;

/** Descriptors of images on one spacing, and where they are compared. */
export function mindPair(fixed: CubeImage, moving: readonly CubeImage[]): MindPair {
  const own = mindDescriptors(fixed, 1, 2);
  const there: number[] = [];
  for (let n = 0; n < fixed.values.length; n += 1) if (!Number.isNaN(own.values[CHANNELS * n] as number)) there.push(n);
  const step = Math.max(1, Math.floor(there.length / LOOKED));
  return {
    fixed: own,
    moving: moving.map((image) => mindDescriptors(image, 1, 2)),
    looked: Int32Array.from(there.filter((_, k) => k % step === 0)),
  };
}

/** Mean squared difference of the descriptors under a pose (moving from fixed, column-major), to the nearest cube; NaN off the images. */
export function mindDifference({ fixed, moving, looked }: MindPair, m: ArrayLike<number>): number {
  const [first] = moving as readonly [Descriptors];
  const h = fixed.spacingMm;
  const [si, sj] = fixed.size;
  const [ni, nj, nk] = first.size;
  let sum = 0;
  let count = 0;
  for (const n of looked) {
    const x = fixed.origin[0] + h * (n % si);
    const y = fixed.origin[1] + h * (Math.floor(n / si) % sj);
    const z = fixed.origin[2] + h * Math.floor(n / (si * sj));
    const i = Math.round((row(m, 0, x, y, z) - first.origin[0]) / h);
    const j = Math.round((row(m, 1, x, y, z) - first.origin[1]) / h);
    const k = Math.round((row(m, 2, x, y, z) - first.origin[2]) / h);
    if (i < 0 || j < 0 || k < 0 || i >= ni || j >= nj || k >= nk) continue;
    const at = CHANNELS * (i + ni * (j + nj * k));
    let own = 0;
    for (const { values } of moving) {
      for (let c = 0; c < CHANNELS; c += 1) {
        const d = (fixed.values[CHANNELS * n + c] as number) - (values[at + c] as number);
        own += d * d;
      }
    }
    if (Number.isNaN(own)) continue;
    sum += own;
    count += 1;
  }
  return count > looked.length / 4 ? sum / (count * CHANNELS * moving.length) : Number.NaN;
}

function row(m: ArrayLike<number>, r: number, x: number, y: number, z: number): number {
  return (m[r] as number) * x + (m[4 + r] as number) * y + (m[8 + r] as number) * z + (m[12 + r] as number);
}

/** How far the poses lie that the pose is compared with, mm. */
const AROUND_MM = 3;

/**
 * How far the cost at a pose lies under that at twelve poses around it, in units of their standard deviation: above 0 where a
 * metric likes it better than its surroundings; NaN where it cannot be told.
 */
export function peakAt(
  costAt: (matrix: ArrayLike<number>) => number,
  matrix: ArrayLike<number>,
  pivot: ArrayLike<number>,
  reachMm: number,
): number {
  const here = costAt(matrix);
  const around: number[] = [];
  for (let axis = 0; axis < 6; axis += 1) {
    for (const sign of [-1, 1]) {
      const xi = [0, 0, 0, 0, 0, 0];
      xi[axis] = sign * (axis < 3 ? AROUND_MM : AROUND_MM / reachMm);
      const there = costAt(moved(matrix, xi, pivot));
      if (!Number.isNaN(there)) around.push(there);
    }
  }
  if (around.length < 6) return Number.NaN;
  const mean = around.reduce((a, b) => a + b, 0) / around.length;
  const sd = Math.sqrt(around.reduce((a, b) => a + (b - mean) ** 2, 0) / around.length);
  return sd > 0 ? (mean - here) / sd : 0;
}
