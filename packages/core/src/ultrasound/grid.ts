import { NavError } from '../base/index.js';
import { svd3 } from '../math/index.js';
import type { RowSpans } from './clip.js';
import type { Sweep } from './sweep.js';

/** The voxels of an output volume: how many, and where. */
export interface SweepGrid {
  /** Voxels along i, j, k. */
  readonly size: readonly [number, number, number];
  /** p = frameFromIndex · (i, j, k): 16 doubles, column-major, mm; (0, 0, 0) is the CENTRE of the first voxel. */
  readonly frameFromIndex: Float64Array;
}

/** How {@link gridOfSweep} lays its voxels. */
export interface SweepGridOptions {
  /** Edge of a voxel, mm; one number or one per axis. */
  readonly spacingMm: number | readonly [number, number, number];
  /**
   * `frame`: along the axes of the sweep's frame. `sweep` (the default): along the images' rows and columns, averaged, and across
   * them, which takes the least memory.
   */
  readonly axes?: 'frame' | 'sweep';
  /** Voxels of a larger volume are refused. Default 512 million. */
  readonly mostVoxels?: number;
}

/** Pixels at the very edge of the box stay inside in spite of rounding: voxels. */
const MARGIN = 1e-6;
/** A box may take so many voxels unless told otherwise. */
const MOST_VOXELS = 512e6;

/**
 * A box around every pixel of a sweep that its clip leaves.
 * @throws NavError `ultrasound/bad-option` (spacing), `ultrasound/too-large`
 */
export function gridOfSweep<F extends string>(sweep: Sweep<F>, spans: RowSpans, options: SweepGridOptions): SweepGrid {
  const spacing = spacingsOf(options.spacingMm);
  const axes = options.axes === 'frame' ? [1, 0, 0, 0, 1, 0, 0, 0, 1] : sweepAxes(sweep);
  const { low, high } = reachAlong(sweep, outlineOf(spans), axes);
  const size = [0, 1, 2].map((a) => Math.floor(((high[a] as number) - (low[a] as number)) / (spacing[a] as number) + MARGIN) + 2);
  const voxels = size.reduce((product, n) => product * n, 1);
  if (!(voxels <= (options.mostVoxels ?? MOST_VOXELS))) {
    throw new NavError(
      'ultrasound/too-large',
      `The sweep's box would take ${size.join(' × ')} voxels. Choose larger voxels or clip.`,
      {
        detail: { size },
      },
    );
  }
  const frameFromIndex = new Float64Array(16);
  for (let a = 0; a < 3; a += 1) {
    for (let r = 0; r < 3; r += 1) {
      frameFromIndex[4 * a + r] = (axes[3 * a + r] as number) * (spacing[a] as number);
      const from = (low[a] as number) - MARGIN * (spacing[a] as number);
      frameFromIndex[12 + r] = (frameFromIndex[12 + r] as number) + (axes[3 * a + r] as number) * from;
    }
  }
  frameFromIndex[15] = 1;
  return { size: size as [number, number, number], frameFromIndex };
}

/** One spacing for each axis. */
export function spacingsOf(spacingMm: SweepGridOptions['spacingMm']): [number, number, number] {
  const spacing = typeof spacingMm === 'number' ? [spacingMm, spacingMm, spacingMm] : [...spacingMm];
  if (spacing.length !== 3 || !spacing.every((mm) => Number.isFinite(mm) && mm > 0)) {
    throw new NavError(
      'ultrasound/bad-option',
      `The voxels' edge must be a positive number of millimetres, not ${spacing.join(', ')}.`,
    );
  }
  return spacing as [number, number, number];
}

/** Corners of the convex hull of the clipped pixels, column and row: what a box must hold. */
function outlineOf(spans: RowSpans): number[] {
  const ends: number[] = [];
  for (let row = 0; 4 * row < spans.length; row += 1) {
    const [a, b, c, d] = [0, 1, 2, 3].map((n) => spans[4 * row + n] as number) as [number, number, number, number];
    const first = b > a ? a : c;
    const last = d > c ? d : b;
    if (last > first) ends.push(first, row, last - 1, row);
  }
  return [...chainOf(ends, 0, 1), ...chainOf(ends, 2, -1)];
}

/** The corners of one side, row by row (Andrew 1979, Inf. Process. Lett. 9:216). @param from 0 for the left ends, 2 for the right ones */
function chainOf(ends: readonly number[], from: 0 | 2, side: 1 | -1): number[] {
  const chain: number[] = [];
  for (let n = from; n < ends.length; n += 4) {
    const [x, y] = [ends[n] as number, ends[n + 1] as number];
    while (chain.length >= 4) {
      const [ax, ay, bx, by] = chain.slice(-4) as [number, number, number, number];
      if (side * ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) < 0) break;
      chain.length -= 2;
    }
    chain.push(x, y);
  }
  return chain;
}

/** The mean directions of rows, columns and across: the nearest rotation to the sum of the frames' (polar, by SVD). */
function sweepAxes<F extends string>(sweep: Sweep<F>): number[] {
  const sum = new Float64Array(9);
  for (const { frameFromImage: m } of sweep.frames) {
    const x = [0, 1, 2].map((r) => m[r] as number);
    const y = [0, 1, 2].map((r) => m[4 + r] as number);
    const z = cross(x, y);
    [x, y, z].forEach((v, a) => {
      const length = Math.hypot(...v);
      // Row-major, with the axes as columns.
      for (let r = 0; r < 3; r += 1) sum[3 * r + a] = (sum[3 * r + a] as number) + (v[r] as number) / length;
    });
  }
  const { u, v } = svd3(sum);
  const rotation = new Array<number>(9).fill(0);
  for (let r = 0; r < 3; r += 1) {
    for (let a = 0; a < 3; a += 1) {
      for (let k = 0; k < 3; k += 1)
        rotation[3 * a + r] = (rotation[3 * a + r] as number) + (u[3 * r + k] as number) * (v[3 * a + k] as number);
    }
  }
  return rotation;
}

const cross = (a: readonly number[], b: readonly number[]): number[] => {
  const [ax = 0, ay = 0, az = 0] = a;
  const [bx = 0, by = 0, bz = 0] = b;
  return [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
};

function reachAlong<F extends string>(
  sweep: Sweep<F>,
  outline: readonly number[],
  axes: readonly number[],
): { low: number[]; high: number[] } {
  const low = [0, 0, 0].map(() => Number.POSITIVE_INFINITY);
  const high = [0, 0, 0].map(() => Number.NEGATIVE_INFINITY);
  for (const { frameFromImage: m } of sweep.frames) {
    for (let a = 0; a < 3; a += 1) {
      const along = (c: number): number =>
        [0, 1, 2].reduce((sum, r) => sum + (axes[3 * a + r] as number) * (m[4 * c + r] as number), 0);
      const [x, y, t] = [along(0), along(1), along(3)];
      for (let n = 0; n < outline.length; n += 2) {
        const p = x * (outline[n] as number) + y * (outline[n + 1] as number) + t;
        if (p < (low[a] as number)) low[a] = p;
        if (p > (high[a] as number)) high[a] = p;
      }
    }
  }
  return { low, high };
}
