import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { smoothNoise } from '../../testing/ultrasound/noise.js';
import {
  gridOfSweep,
  type ReconstructionWorker,
  reconstructSweep,
  rowSpans,
  type Sweep,
  type SweepReconstruction,
  type SweepReconstructionOptions,
  startReconstructionWorker,
} from '../index.js';
import { sceneSweep, shuffled } from '../test-support/scenes.js';

const body = smoothNoise(5, 4);
const grey = (x: number, y: number, z: number): number => 120 + 40 * body(x, y, z);

/** Root mean square error against the body over voxels that all of them know, grey levels. */
function errorsOf(made: readonly SweepReconstruction<'scene'>[]): number[] {
  const { size, frameFromIndex: m } = (made[0] as SweepReconstruction<'scene'>).volume;
  const sums = made.map(() => 0);
  let count = 0;
  for (let n = 0; n < size[0] * size[1] * size[2]; n += 1) {
    if (made.some((r) => r.coverage[n] === 0)) continue;
    const index = [n % size[0], Math.floor(n / size[0]) % size[1], Math.floor(n / size[0] / size[1])] as const;
    const at = (r: number): number => index.reduce((sum, x, a) => sum + (m[4 * a + r] as number) * x, m[12 + r] as number);
    const truth = grey(at(0), at(1), at(2));
    made.forEach((r, which) => {
      sums[which] = (sums[which] as number) + ((r.volume.voxels[n] as number) - truth) ** 2;
    });
    count += 1;
  }
  expect(count).toBeGreaterThan(1000);
  return sums.map((sum) => Math.sqrt(sum / count));
}

describe('backward reconstruction', () => {
  const made = async (sweep: Sweep<'scene'>, options: SweepReconstructionOptions): Promise<SweepReconstruction<'scene'>> =>
    reconstructSweep(sweep, { spacingMm: 0.4, voxels: 'float32', ...options });

  it('is nearer to the body than forward where images are sparser than voxels', async () => {
    for (let seed = 1; seed <= 2 * inject('effort'); seed += 1) {
      const sweep = sceneSweep({ seed, grey, noise: 5, size: [60, 50], frames: 12, pixelMm: 0.15, stepMm: 1, tilt: 0.03 });
      const backward = await made(sweep, { mode: 'backward', elevationMm: 2.4 });
      const forward = await made(sweep, {});
      const bridged = await made(sweep, { fillGapsMm: 2 });
      const [ours = 0, forwards = 0] = errorsOf([backward, forward]);
      expect(ours).toBeLessThan(0.7 * forwards);
      const [oursAgain = 0, filled = 0] = errorsOf([backward, bridged]);
      expect(oursAgain).toBeLessThan(0.7 * filled);
      expect(backward.seen).toBeGreaterThan(forward.seen);
    }
  });

  it('gives back a body that changes evenly, between two images too', async () => {
    const even = (x: number, y: number, z: number): number => 20 + 1.1 * x + 0.9 * y + 0.7 * z;
    const sweep = sceneSweep({ seed: 4, grey: even, size: [60, 50], frames: 8, pixelMm: 0.15, stepMm: 1, tilt: 0 });
    const { volume, coverage } = await made(sweep, { mode: 'backward', elevationMm: 2.2 });
    const { size, frameFromIndex: m } = volume;
    let worst = 0;
    // Inside, where images lie on both sides and the voxel's cut lies in them whole.
    for (let k = 4; k < size[2] - 4; k += 1) {
      for (let j = 2; j < size[1] - 2; j += 1) {
        for (let i = 2; i < size[0] - 2; i += 1) {
          const n = i + size[0] * (j + size[1] * k);
          expect(coverage[n]).toBe(1);
          const at = (r: number): number =>
            (m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number);
          worst = Math.max(worst, Math.abs((volume.voxels[n] as number) - even(at(0), at(1), at(2))));
        }
      }
    }
    // Pixels are whole grey levels.
    expect(worst).toBeLessThan(0.5);
  });

  it('knows nothing beyond half the width of the beam, nor beside the clip', async () => {
    const clip = { rectangle: { origin: [10, 0], size: [30, 30] } } as const;
    const sweep = sceneSweep({ seed: 3, frames: 2, stepMm: 5, tilt: 0, grey: () => 100, pixelMm: 0.2 });
    const { volume, coverage } = await made(sweep, { mode: 'backward', elevationMm: 2, clip });
    const [first, second] = sweep.frames.map((f) => f.frameFromImage);
    const normal = [0, 1, 2].map((r) => ((second?.[12 + r] as number) - (first?.[12 + r] as number)) / 5);
    const { size, frameFromIndex: m } = volume;
    let unknown = 0;
    coverage.forEach((mark, n) => {
      const [i, j, k] = [n % size[0], Math.floor(n / size[0]) % size[1], Math.floor(n / size[0] / size[1])];
      const p = [0, 1, 2].map(
        (r) => (m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number),
      );
      const d = p.reduce((sum, x, r) => sum + (x - (first?.[12 + r] as number)) * (normal[r] as number), 0);
      const nearest = Math.min(Math.abs(d), Math.abs(d - 5));
      if (nearest > 1) expect(mark).toBe(0);
      if (mark === 0) unknown += 1;
      else expect(volume.voxels[n]).toBeCloseTo(100, 2);
    });
    expect(unknown).toBeGreaterThan(coverage.length / 4);
  });

  it.each([
    ['no width', { mode: 'backward' }],
    ['a width of nothing', { mode: 'backward', elevationMm: 0 }],
    ['a width for forward', { elevationMm: 2 }],
    ['the latest', { mode: 'backward', elevationMm: 2, compounding: 'latest' }],
    ['nearest', { mode: 'backward', elevationMm: 2, interpolation: 'nearest' }],
  ] as const)('refuses %s', async (_, options) => {
    const refused = await reconstructSweep(sceneSweep(), options).catch((error: unknown) => error);
    expect(isNavError(refused, 'ultrasound/bad-option')).toBe(true);
  });
});

describe('workers of backward reconstruction', () => {
  let threads: ReconstructionWorker[] = [];
  beforeAll(() => {
    threads = Array.from({ length: 4 }, () => startReconstructionWorker());
  });
  afterAll(() => {
    for (const thread of threads) thread.terminate();
  });

  it('give the same bits, 1, 2 or 4 of them, as none, in any order', async () => {
    const sweep = sceneSweep({ seed: 8, frames: 15 });
    const importance = Uint8Array.from({ length: 1200 }, (_, n) => (n * 37) % 256);
    const clip = { fan: { apex: [20, -10], anglesDeg: [-30, 35], radii: [12, 38] } } as const;
    const grid = gridOfSweep(sweep, rowSpans(sweep.size, clip), { spacingMm: 0.4, axes: 'frame' });
    const options = { mode: 'backward', elevationMm: 1.5, grid, clip, importance, voxels: 'float32' } as const;
    const alone = await reconstructSweep(sweep, options);
    const bits = (r: typeof alone): Buffer => Buffer.from((r.volume.voxels as Float32Array).buffer);
    expect(alone.seen).toBeGreaterThan(1000);
    for (const count of [0, 1, 2, 4]) {
      const mixed = { ...sweep, frames: shuffled(sweep, count) };
      const together = await reconstructSweep(mixed, { ...options, workers: threads.slice(0, count) });
      expect(Buffer.compare(bits(together), bits(alone))).toBe(0);
      expect(Buffer.compare(Buffer.from(together.coverage), Buffer.from(alone.coverage))).toBe(0);
    }
  });
});
