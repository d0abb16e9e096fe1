import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { isNavError } from '../base/index.js';
import { Random } from '../math/index.js';
import { smoothNoise } from '../testing/ultrasound/noise.js';
import {
  FILLED,
  type FillOptions,
  fillHoles,
  gridOfSweep,
  makeSweep,
  type ReconstructionWorker,
  reconstructLikePlus,
  reconstructSweep,
  rowSpans,
  type SweepFrame,
  startReconstructionWorker,
} from './index.js';
import { SCENE, sceneSweep } from './test-support/scenes.js';

const codeOf = async (run: () => unknown): Promise<string> => {
  try {
    await run();
  } catch (error) {
    if (!isNavError(error)) throw error;
    return error.code;
  }
  return 'nothing';
};

describe('workers', () => {
  let threads: ReconstructionWorker[] = [];
  beforeAll(() => {
    threads = Array.from({ length: 4 }, () => startReconstructionWorker());
  });
  afterAll(() => {
    for (const thread of threads) thread.terminate();
  });

  it('give the same volume to the last bit, 1, 2 or 4 of them, as none', async () => {
    for (const compounding of ['mean', 'latest', 'maximum'] as const) {
      for (const axes of ['sweep', 'frame'] as const) {
        const sweep = sceneSweep({ seed: 9, frames: 20 });
        const options = { spacingMm: 0.4, compounding, axes, fillGapsMm: 1.3, voxels: 'float32' } as const;
        const alone = await reconstructSweep(sweep, options);
        for (const count of [1, 2, 4]) {
          const together = await reconstructSweep(sweep, { ...options, workers: threads.slice(0, count) });
          expect(Buffer.compare(Buffer.from(together.coverage), Buffer.from(alone.coverage))).toBe(0);
          const bytes = (v: typeof alone): Buffer => Buffer.from((v.volume.voxels as Float32Array).buffer);
          expect(Buffer.compare(bytes(together), bytes(alone))).toBe(0);
          expect(together.filled).toBe(alone.filled);
        }
      }
    }
  });

  it('stop when told, and say so', async () => {
    const one = startReconstructionWorker();
    const aborter = new AbortController();
    const running = reconstructSweep(sceneSweep({ frames: 200 }), {
      workers: [one],
      signal: aborter.signal,
      progress: () => aborter.abort(),
    });
    expect(await codeOf(() => running)).toBe('ultrasound/aborted');
  });
});

describe('truth', () => {
  /** A body with structures of two sizes, grey. */
  const fine = smoothNoise(5, 2.5);
  const coarse = smoothNoise(6, 8);
  const grey = (x: number, y: number, z: number): number => 110 + 40 * coarse(x, y, z) + 25 * fine(x, y, z);

  /** Root mean square error of voxels that both have, against the body. */
  const errorsOf = async (seed: number): Promise<{ ours: number; plus: number }> => {
    const sweep = sceneSweep({ seed, grey, noise: 20, size: [80, 60], frames: 40, pixelMm: 0.12, stepMm: 0.15, tilt: 0.05 });
    const spacingMm = 0.5;
    const grid = gridOfSweep(sweep, rowSpans(sweep.size), { spacingMm, axes: 'frame' });
    const ours = await reconstructSweep(sweep, { grid });
    const plus = reconstructLikePlus(sweep, { spacingMm, grid, interpolation: 'linear', compounding: 'mean' });
    const m = grid.frameFromIndex;
    const [ni, nj] = grid.size;
    const sums = { ours: 0, plus: 0 };
    let count = 0;
    for (let n = 0; n < ours.coverage.length; n += 1) {
      if (ours.coverage[n] !== 1 || plus.voxels[n] === 0) continue;
      const [i, j, k] = [n % ni, Math.floor(n / ni) % nj, Math.floor(n / ni / nj)];
      const truth = grey(
        (m[0] as number) * i + (m[12] as number),
        (m[5] as number) * j + (m[13] as number),
        (m[10] as number) * k + (m[14] as number),
      );
      const clamped = Math.max(0, Math.min(255, truth));
      sums.ours += ((ours.volume.voxels[n] as number) - clamped) ** 2;
      sums.plus += ((plus.voxels[n] as number) - clamped) ** 2;
      count += 1;
    }
    return { ours: Math.sqrt(sums.ours / count), plus: Math.sqrt(sums.plus / count) };
  };

  it('is nearer in the default mode than by the rules of PLUS', async () => {
    for (let seed = 1; seed <= Math.min(4, 1 + inject('effort')); seed += 1) {
      const { ours, plus } = await errorsOf(seed);
      expect(ours).toBeLessThan(plus);
    }
  });
});

/** Looks out from every hole along every axis; NaN where nothing bridges it. */
function holesSlowly(voxels: Float32Array, coverage: Uint8Array, { size, spacingMm, maxGapMm }: FillOptions): number[] {
  const strides = [1, size[0], size[0] * size[1]];
  return [...voxels].map((value, at) => {
    if (coverage[at] === 1) return value;
    let [sum, weight] = [0, 0];
    for (let a = 0; a < 3; a += 1) {
      const [stride, length, mm] = [strides[a] as number, size[a] as number, spacingMm[a] as number];
      const here = Math.floor(at / stride) % length;
      const towards = (step: number): number => {
        for (let n = 1; here + step * n >= 0 && here + step * n < length; n += 1)
          if (coverage[at + step * n * stride] === 1) return n;
        return Number.POSITIVE_INFINITY;
      };
      const [back, on] = [towards(-1), towards(1)];
      const gapMm = (back + on) * mm;
      if (!(gapMm <= maxGapMm + 1e-9)) continue;
      const [a0, a1] = [voxels[at - back * stride] as number, voxels[at + on * stride] as number];
      sum += (a0 * on + a1 * back) / (back + on) / gapMm ** 2;
      weight += gapMm ** -2;
    }
    return sum / weight;
  });
}

describe('gaps', () => {
  it('are filled between seen voxels, linearly, and never outwards', () => {
    const size = [9, 1, 1] as const;
    const voxels = Uint8Array.of(0, 0, 10, 0, 0, 0, 50, 0, 0);
    const coverage = Uint8Array.of(0, 0, 1, 0, 0, 0, 1, 0, 0);
    expect(fillHoles(voxels, coverage, { size, spacingMm: [0.5, 0.5, 0.5], maxGapMm: 2 })).toBe(3);
    expect([...voxels]).toEqual([0, 0, 10, 20, 30, 40, 50, 0, 0]);
    expect([...coverage]).toEqual([0, 0, 1, 2, 2, 2, 1, 0, 0]);
  });

  it('are those of every hole by itself', () => {
    fc.assert(
      fc.property(
        fc.nat(1e6),
        fc.double({ min: 0.05, max: 0.95, noNaN: true }),
        fc.constantFrom(1, 1.5, 2.5, 9),
        (seed, share, maxGapMm) => {
          const random = new Random(seed);
          const options = { size: [9, 7, 11], spacingMm: [0.5, 0.7, 0.3], maxGapMm } as const;
          const coverage = Uint8Array.from({ length: 9 * 7 * 11 }, () => (random.uniform() < share ? 1 : 0));
          const voxels = Float32Array.from(coverage, (seen) => (seen === 1 ? random.between(1, 255) : Number.NaN));
          const expected = holesSlowly(voxels, coverage, options);
          const filled = fillHoles(voxels, coverage, options);
          expect(coverage.filter((mark) => mark === FILLED)).toHaveLength(filled);
          let worst = 0;
          expected.forEach((value, n) => {
            expect(Number.isNaN(value)).toBe(coverage[n] === 0);
            if (coverage[n] !== 0) worst = Math.max(worst, Math.abs(value - (voxels[n] as number)));
          });
          expect(worst).toBeLessThan(1e-4);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('stay where they are wider than said', () => {
    const coverage = Uint8Array.of(1, 0, 0, 0, 1);
    const options = { size: [5, 1, 1], spacingMm: [0.5, 0.5, 0.5], maxGapMm: 1.99 } as const;
    expect(fillHoles(new Uint8Array(5), coverage, options)).toBe(0);
  });

  it('are averaged over the axes that bridge them, by the inverse square of the gap', () => {
    const voxels = new Float32Array(27);
    const coverage = new Uint8Array(27);
    for (const [at, value] of [
      [12, 10],
      [14, 20],
      [4, 40],
      [22, 40],
    ] as const) {
      voxels[at] = value;
      coverage[at] = 1;
    }
    fillHoles(voxels, coverage, { size: [3, 3, 3], spacingMm: [1, 1, 2], maxGapMm: 4 });
    expect(voxels[13]).toBeCloseTo((15 / 4 + 40 / 16) / (1 / 4 + 1 / 16), 5);
  });
});

describe('refused by name', () => {
  const m = Float64Array.of(0.1, 0, 0, 0, 0, 0.1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
  const image = (over: Partial<SweepFrame> = {}): SweepFrame => ({ pixels: new Uint8Array(12), frameFromImage: m, ...over });
  const make = (...frames: SweepFrame[]): unknown => makeSweep({ frame: SCENE, size: [4, 3], frames });
  const scaled = (s: number): Float64Array => m.map((x, n) => (n < 12 ? x * s : x));

  it.each<[string, () => unknown, string]>([
    ['no frames', () => make(), 'ultrasound/no-frames'],
    ['no pose', () => make(image({ status: 'missing' })), 'ultrasound/no-frames'],
    ['an image of another size', () => make(image({ pixels: new Uint8Array(11) })), 'ultrasound/bad-image'],
    ['a size that cannot be', () => makeSweep({ frame: SCENE, size: [0, 3], frames: [image()] }), 'ultrasound/bad-image'],
    ['NaN', () => make(image({ frameFromImage: m.map((x, n) => (n === 12 ? Number.NaN : x)) })), 'ultrasound/bad-geometry'],
    ['metres', () => make(image({ frameFromImage: scaled(0.001) })), 'ultrasound/bad-geometry'],
    ['no calibration', () => make(image({ frameFromImage: scaled(100) })), 'ultrasound/bad-geometry'],
    [
      'parallel axes',
      () => make(image({ frameFromImage: m.map((x, n) => (n === 4 ? 0.1 : n === 5 ? 0 : x)) })),
      'ultrasound/bad-geometry',
    ],
    ['row-major', () => make(image({ frameFromImage: m.map((x, n) => (n === 3 ? 20 : x)) })), 'ultrasound/bad-geometry'],
    ['a time twice', () => make(image({ timeMs: 5 }), image({ timeMs: 5 })), 'ultrasound/bad-times'],
    ['time backwards', () => make(image({ timeMs: 5 }), image({ timeMs: 4 })), 'ultrasound/bad-times'],
    ['times for some', () => make(image({ timeMs: 5 }), image()), 'ultrasound/bad-times'],
    ['an empty clip', () => rowSpans([4, 3], { rectangle: { origin: [9, 9], size: [2, 2] } }), 'ultrasound/bad-clip'],
    [
      'a folded fan',
      () => rowSpans([4, 3], { fan: { apex: [0, 0], anglesDeg: [10, -10], radii: [0, 9] } }),
      'ultrasound/bad-clip',
    ],
    ['no voxels', () => reconstructSweep(sceneSweep(), { spacingMm: 0 }), 'ultrasound/bad-option'],
    ['a box beyond reason', () => reconstructSweep(sceneSweep(), { spacingMm: 0.001 }), 'ultrasound/too-large'],
    ['another mask', () => reconstructSweep(sceneSweep(), { importance: new Uint8Array(3) }), 'ultrasound/bad-option'],
  ])('%s', async (_, run, code) => {
    expect(await codeOf(run)).toBe(code);
  });

  it('frames without a pose are left out and counted', async () => {
    const sweep = makeSweep({
      frame: SCENE,
      size: [4, 3],
      frames: [image({ status: 'missing' }), image(), image({ status: 'stale' })],
    });
    expect(sweep.frames).toHaveLength(1);
    expect((await reconstructSweep(sweep)).withoutPose).toEqual([0, 2]);
  });
});
