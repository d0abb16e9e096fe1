import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { identity4, invert4, multiply4 } from '../../math/index.js';
import {
  gridOfSweep,
  reconstructSweep,
  rowSpans,
  type Sweep,
  SweepReconstructor,
  type SweepReconstructorInit,
} from '../index.js';
import { SCENE, sceneSweep, shuffled } from '../test-support/scenes.js';
import { SlabCompounder } from './compounder.js';

/** Pixel by pixel and corner by corner: what linear compounding means. */
function slowly(
  sweep: Sweep<'scene'>,
  init: Pick<SweepReconstructorInit<'scene'>, 'grid' | 'interpolation' | 'importance' | 'clip'>,
) {
  const [ni, nj, nk] = init.grid.size;
  const sum = new Float64Array(ni * nj * nk);
  const weight = new Float64Array(sum.length);
  const parts = new Uint32Array(sum.length);
  const spans = rowSpans(sweep.size, init.clip);
  const m = identity4();
  for (const { pixels, frameFromImage } of sweep.frames) {
    invert4(m, init.grid.frameFromIndex);
    multiply4(m, m, frameFromImage);
    const at = (r: number, u: number, v: number): number =>
      (m[r] as number) * u + (m[4 + r] as number) * v + (m[12 + r] as number);
    pixels.forEach((value, n) => {
      const [u, v] = [n % sweep.size[0], Math.floor(n / sweep.size[0])];
      const inside = [0, 2].some((s) => u >= (spans[4 * v + s] as number) && u < (spans[4 * v + s + 1] as number));
      const share = (init.importance?.[n] ?? 255) / 255;
      if (!inside || share === 0) return;
      const p = [at(0, u, v), at(1, u, v), at(2, u, v)];
      const first = p.map((x) => (init.interpolation === 'nearest' ? Math.floor(x + 0.5) : Math.floor(x)));
      for (let c = 0; c < (init.interpolation === 'nearest' ? 1 : 8); c += 1) {
        const [i = 0, j = 0, k = 0] = first.map((x, a) => x + ((c >> a) & 1));
        let w = share;
        if (init.interpolation !== 'nearest') {
          for (let a = 0; a < 3; a += 1) w *= 1 - Math.abs((p[a] as number) - (first[a] as number) - ((c >> a) & 1));
        }
        sum[i + ni * (j + nj * k)] = (sum[i + ni * (j + nj * k)] as number) + w * value;
        weight[i + ni * (j + nj * k)] = (weight[i + ni * (j + nj * k)] as number) + w;
        parts[i + ni * (j + nj * k)] = (parts[i + ni * (j + nj * k)] as number) + 1;
      }
    });
  }
  return { values: sum.map((s, n) => s / (weight[n] as number)), weight, parts };
}

const importanceOf = (size: readonly [number, number]): Uint8Array =>
  Uint8Array.from({ length: size[0] * size[1] }, (_, n) => (n * 37) % 256);

describe('compounding', () => {
  it.each(['linear', 'nearest'] as const)('%s means are those of every pixel by itself', async (interpolation) => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          seed: fc.nat(1e6),
          spacingMm: fc.constantFrom(0.1, 0.37, 0.5, 1.3),
          masked: fc.boolean(),
          fan: fc.boolean(),
        }),
        async ({ seed, spacingMm, masked, fan }) => {
          const sweep = sceneSweep({ seed, frames: 4 });
          const clip = fan ? { fan: { apex: [20, -10], anglesDeg: [-30, 35], radii: [12, 33] } as const } : {};
          const grid = gridOfSweep(sweep, rowSpans(sweep.size, clip), { spacingMm });
          const importance = masked ? importanceOf(sweep.size) : undefined;
          const options = { grid, interpolation, clip, ...(importance && { importance }) };
          const { volume, coverage } = await reconstructSweep(sweep, { ...options, voxels: 'float32' });
          const { values, weight, parts } = slowly(sweep, options);
          let wrong = 0;
          for (let n = 0; n < weight.length; n += 1) {
            // Every part of a sum, grey values and weights alike, is rounded to steps of 2⁻²⁰: half a step off at most.
            const off = (parts[n] as number) * 2 ** -21;
            if ((weight[n] as number) <= off) continue;
            const allowed = (off * 256) / ((weight[n] as number) - off) + 1e-4;
            const right = Math.abs((volume.voxels[n] as number) - (values[n] as number)) <= allowed;
            if (!right || coverage[n] !== 1) wrong += 1;
          }
          expect(wrong).toBe(0);
          expect(coverage.filter((c, n) => c === 1 && !((weight[n] as number) > 0))).toHaveLength(0);
        },
      ),
      { numRuns: 12 },
    );
  });

  it.each([
    ['linear', 'mean'],
    ['linear', 'latest'],
    ['linear', 'maximum'],
    ['nearest', 'mean'],
    ['nearest', 'latest'],
    ['nearest', 'maximum'],
  ] as const)('%s %s: the same to the last bit in any order, and in any division into slabs', (interpolation, compounding) => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.boolean(), fc.array(fc.nat(1000), { maxLength: 4 }), (seed, masked, marks) => {
        const sweep = sceneSweep({ seed });
        const spans = rowSpans(sweep.size);
        const grid = gridOfSweep(sweep, spans, { spacingMm: 0.3 + (seed % 7) / 10, axes: seed % 2 === 0 ? 'frame' : 'sweep' });
        const [ni, nj, nk] = grid.size;
        const importance = masked ? importanceOf(sweep.size) : undefined;
        const plan = { grid, first: 0, end: nk, interpolation, compounding, columns: sweep.size[0], spans, importance };
        const cuts = [0, ...marks.map((x) => x % nk), nk].sort((a, b) => a - b);
        const whole = run(plan, sweep.frames);
        const parts = cuts.slice(1).flatMap((end, n) => {
          const first = cuts[n] as number;
          return first < end ? [run({ ...plan, first, end }, shuffled(sweep, seed + n))] : [];
        });
        const joined = Float32Array.from(parts.flatMap((p) => [...p]));
        expect(joined.length).toBe(ni * nj * nk);
        expect(Buffer.compare(Buffer.from(joined.buffer), Buffer.from(whole.buffer))).toBe(0);
      }),
      { numRuns: 15 },
    );
  });

  const run = (plan: ConstructorParameters<typeof SlabCompounder>[0], frames: Sweep<'scene'>['frames']): Float32Array => {
    const slab = new SlabCompounder(plan);
    for (const f of frames) slab.add(f.pixels, f.frameFromImage, f.timeMs ?? 0);
    const count = plan.grid.size[0] * plan.grid.size[1] * (plan.end - plan.first);
    const out = new Float32Array(count);
    slab.read(out, new Uint8Array(count));
    return out;
  };

  it('a voxel never saturates: ten thousand images of one place keep their mean', () => {
    const size = [4, 4] as const;
    const frameFromImage = Float64Array.of(0.1, 0, 0, 0, 0, 0.1, 0, 0, 0, 0, 0.1, 0, 0.3, 0.3, 0.3, 1);
    const grid = { size: [3, 3, 3] as const, frameFromIndex: Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1) };
    const reconstructor = new SweepReconstructor({ frame: SCENE, size, grid });
    for (let n = 0; n < 10_000; n += 1)
      reconstructor.add({ pixels: new Uint8Array(16).fill(n < 5000 ? 10 : 200), frameFromImage });
    expect(reconstructor.voxels[0]).toBe(105);
  });

  it('brings the box of an image up to date, and nothing else changes', () => {
    const sweep = sceneSweep({ seed: 3 });
    const spans = rowSpans(sweep.size);
    const grid = gridOfSweep(sweep, spans, { spacingMm: 0.4 });
    const reconstructor = new SweepReconstructor({ frame: SCENE, size: sweep.size, grid });
    for (const frame of sweep.frames) {
      const before = reconstructor.voxels.slice();
      const box = reconstructor.add(frame);
      if (box === undefined) throw new Error('every image lies in its own sweep');
      const outside = reconstructor.voxels.filter((value, n) => {
        const ijk = [n % grid.size[0], Math.floor(n / grid.size[0]) % grid.size[1], Math.floor(n / grid.size[0] / grid.size[1])];
        return value !== before[n] && ijk.some((x, a) => x < (box.low[a] as number) || x >= (box.high[a] as number));
      });
      expect(outside).toHaveLength(0);
    }
    const whole = run(
      {
        grid,
        first: 0,
        end: grid.size[2],
        interpolation: 'linear',
        compounding: 'mean',
        columns: sweep.size[0],
        spans,
        importance: undefined,
      },
      sweep.frames,
    );
    expect([...reconstructor.voxels]).toEqual([...whole].map((v) => (Number.isNaN(v) ? 0 : Math.floor(v + 0.5))));
    expect(reconstructor.images).toBe(sweep.frames.length);
  });
});
