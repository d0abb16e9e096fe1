import fc from 'fast-check';
import { expect, inject, it } from 'vitest';
import { identity4, invert4, multiply4 } from '../../math/index.js';
import { gridOfSweep, reconstructSweep, rowSpans, type Sweep, type SweepGrid, type SweepInterpolation } from '../index.js';
import { sceneSweep } from '../test-support/scenes.js';

/**
 * `maximum` and `latest`, with and without importance, held against every pixel by itself. What compounding adds is looked at in runs:
 * pixels of a row, one after the other, that lie in one cell.
 */

/** What one run says of one voxel. */
interface Part {
  readonly voxel: number;
  readonly image: number;
  /** Σ m w v, Σ m w and Σ m over its pixels: m importance, w what the corner gets of a pixel. */
  value: number;
  weight: number;
  mass: number;
  /** The brightest pixel that counts. */
  most: number;
}

function partsOf(sweep: Sweep<'scene'>, grid: SweepGrid, interpolation: SweepInterpolation, importance?: Uint8Array): Part[] {
  const [ni, nj, nk] = grid.size;
  const [columns, rows] = sweep.size;
  const linear = interpolation === 'linear';
  const m = identity4();
  const parts: Part[] = [];
  sweep.frames.forEach(({ pixels, frameFromImage }, image) => {
    invert4(m, grid.frameFromIndex);
    multiply4(m, m, frameFromImage);
    for (let row = 0; row < rows; row += 1) {
      let cell = '';
      let corners: Part[] = [];
      for (let column = 0; column < columns; column += 1) {
        const p = [0, 1, 2].map((r) => (m[r] as number) * column + (m[4 + r] as number) * row + (m[12 + r] as number));
        const low = p.map((x) => (linear ? Math.floor(x) : Math.round(x)));
        const inside = [ni, nj, nk].every((n, a) => (low[a] as number) >= 0 && (low[a] as number) < n - (linear ? 1 : 0));
        if (!inside) throw new Error('every pixel lies in its own box');
        if (low.join() !== cell) {
          cell = low.join();
          corners = Array.from({ length: linear ? 8 : 1 }, (_, c) => {
            const [i, j, k] = low.map((x, a) => x + ((c >> a) & 1)) as [number, number, number];
            return { voxel: i + ni * (j + nj * k), image, value: 0, weight: 0, mass: 0, most: 0 };
          });
          parts.push(...corners);
        }
        const v = pixels[row * columns + column] as number;
        const mass = (importance?.[row * columns + column] ?? 255) / 255;
        corners.forEach((part, c) => {
          const near = (x: number, a: number): number => 1 - Math.abs(x - (low[a] as number) - ((c >> a) & 1));
          const w = linear ? p.reduce((product, x, a) => product * near(x, a), mass) : mass;
          part.value += w * v;
          part.weight += w;
          part.mass += mass;
          if (mass > 0) part.most = Math.max(part.most, v);
        });
      }
    }
  });
  return parts;
}

/** A weight so near to an eighth of the pixels that rounding decides. */
const ROUNDING = 1e-9;
/** Half a step of a sum; a voxel takes no more than so many parts of one image here. */
const SUM_STEP = 2 ** -21;
const MOST_PARTS = 200;

it.each([
  ['linear', 'latest'],
  ['linear', 'maximum'],
  ['nearest', 'latest'],
  ['nearest', 'maximum'],
] as const)('%s %s is that of every pixel by itself', async (interpolation, compounding) => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        seed: fc.nat(1e6),
        spacingMm: fc.constantFrom(0.15, 0.37, 0.9),
        masked: fc.boolean(),
        axes: fc.constantFrom('frame', 'sweep'),
      }),
      async ({ seed, spacingMm, masked, axes }) => {
        const sweep = sceneSweep({ seed, frames: 4, size: [30, 20] });
        const grid = gridOfSweep(sweep, rowSpans(sweep.size), { spacingMm, axes });
        // A third of the pixels are left out.
        const importance = masked ? Uint8Array.from({ length: 600 }, (_, n) => Math.max(0, ((n * 37) % 384) - 128)) : undefined;
        const { volume, coverage } = await reconstructSweep(sweep, {
          grid,
          interpolation,
          compounding,
          voxels: 'float32',
          ...(importance && { importance }),
        });
        const unsure = new Set<number>();
        const known = new Map<number, Part[]>();
        for (const part of partsOf(sweep, grid, interpolation, importance)) {
          if (part.mass === 0) continue;
          if (interpolation === 'linear' && Math.abs(part.weight - part.mass / 8) < ROUNDING) unsure.add(part.voxel);
          if (interpolation === 'linear' && part.weight < part.mass / 8) continue;
          const others = known.get(part.voxel) ?? [];
          if (compounding === 'latest' && others[0] !== undefined && others[0].image < part.image) others.length = 0;
          known.set(part.voxel, [...others, part]);
        }
        let wrong = 0;
        coverage.forEach((mark, n) => {
          if (unsure.has(n)) return;
          const parts = known.get(n);
          if ((parts !== undefined) !== (mark === 1)) wrong += 1;
          if (parts === undefined) return;
          const weight = parts.reduce((sum, p) => sum + p.weight, 0);
          const value =
            compounding === 'maximum'
              ? Math.max(...parts.map((p) => p.most))
              : parts.reduce((sum, p) => sum + p.value, 0) / weight;
          const allowed = compounding === 'maximum' ? 0 : (MOST_PARTS * SUM_STEP * 256) / weight + 1e-4;
          if (!(Math.abs(value - (volume.voxels[n] as number)) <= allowed)) wrong += 1;
        });
        expect(wrong).toBe(0);
        expect(known.size).toBeGreaterThan(unsure.size);
      },
    ),
    { numRuns: 6 * inject('effort') },
  );
});
