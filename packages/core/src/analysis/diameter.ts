import { type AnyVolume, spacingOf } from '../volume/index.js';
import type { Component } from './components.js';

/** Where a component's surface passes between voxels. */
export interface SurfacePoints {
  /** x, y, z after x, y, z, mm. */
  readonly points: Float64Array;
  /** Faces of voxels between the component and what is not it. */
  readonly faces: number;
  /** Their area, mm²: 3/2 of the surface's in the mean over all directions. */
  readonly areaMm2: number;
}

/** One point on each exposed face's axis: half-way, or where the probability passes one half. */
export function surfacePoints(v: AnyVolume, { indices }: Component, probability: AnyVolume | undefined): SurfacePoints {
  const [ni, nj, nk] = v.size;
  const m = v.frameFromIndex;
  const stored = v.voxels[indices[0] as number];
  const spacing = spacingOf(v);
  const steps = [1, ni, ni * nj];
  const points: number[] = [];
  let areaMm2 = 0;
  for (const n of indices) {
    const at = [n % ni, Math.floor(n / ni) % nj, Math.floor(n / (ni * nj))];
    for (let axis = 0; axis < 3; axis += 1) {
      for (const sign of [-1, 1]) {
        const to = (at[axis] as number) + sign;
        const inside = to >= 0 && to < ([ni, nj, nk][axis] as number);
        const other = n + sign * (steps[axis] as number);
        if (inside && v.voxels[other] === stored) continue;
        const share = inside && probability !== undefined ? crossing(probability, n, other) : 0.5;
        const p = at.map((x, r) => (r === axis ? x + sign * share : x)) as [number, number, number];
        for (let r = 0; r < 3; r += 1) {
          points.push(
            (m[r] as number) * p[0] + (m[4 + r] as number) * p[1] + (m[8 + r] as number) * p[2] + (m[12 + r] as number),
          );
        }
        areaMm2 += ((spacing[0] * spacing[1] * spacing[2]) as number) / (spacing[axis] as number);
      }
    }
  }
  return { points: Float64Array.from(points), faces: points.length / 3, areaMm2 };
}

/** Where between a voxel and its neighbour the probability is one half, as a share of the way; half-way where it passes it nowhere. */
function crossing({ voxels, rescale: { slope, intercept } }: AnyVolume, from: number, to: number): number {
  const a = slope * (voxels[from] as number) + intercept;
  const b = slope * (voxels[to] as number) + intercept;
  return a >= 0.5 && b < 0.5 ? (a - 0.5) / (a - b) : 0.5;
}

/** Directions in which the outermost points are looked for, over half of the sphere: about 6° apart. */
const DIRECTIONS = 600;

/**
 * The largest distance between two points. Only points that are the outermost in some direction can be its ends; of those in {@link DIRECTIONS}
 * (a Fibonacci lattice) all pairs are tried. On a smooth surface what is missed is below 0.2 %.
 */
export function largestDiameter(points: Float64Array): {
  readonly lengthMm: number;
  readonly ends: [Float64Array, Float64Array];
} {
  const outermost = new Set<number>();
  const golden = Math.PI * (3 - Math.sqrt(5));
  for (let d = 0; d < DIRECTIONS; d += 1) {
    const z = (d + 0.5) / DIRECTIONS;
    const ring = Math.sqrt(1 - z * z);
    const [x, y] = [ring * Math.cos(golden * d), ring * Math.sin(golden * d)];
    let [low, high, lowAt, highAt] = [Infinity, -Infinity, 0, 0];
    for (let n = 0; n < points.length; n += 3) {
      const along = x * (points[n] as number) + y * (points[n + 1] as number) + z * (points[n + 2] as number);
      if (along < low) [low, lowAt] = [along, n];
      if (along > high) [high, highAt] = [along, n];
    }
    outermost.add(lowAt).add(highAt);
  }
  const ends = [...outermost];
  let [best, first, second] = [-1, 0, 0];
  for (let a = 0; a < ends.length; a += 1) {
    for (let b = 0; b <= a; b += 1) {
      const [m, n] = [ends[a] as number, ends[b] as number];
      let square = 0;
      for (let r = 0; r < 3; r += 1) square += ((points[m + r] as number) - (points[n + r] as number)) ** 2;
      if (square > best) [best, first, second] = [square, m, n];
    }
  }
  return { lengthMm: Math.sqrt(best), ends: [points.slice(first, first + 3), points.slice(second, second + 3)] };
}
