import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { gridOfSweep, rowSpans, type SweepFrame } from '../../index.js';
import { sceneSweep } from '../../test-support/scenes.js';
import { SlabCompounder } from '../compounder.js';
import type { SlabPlan, VoxelBox } from '../slab.js';
import { CompoundKernel } from './wasm.js';

const bits = (x: Float32Array | Uint8Array): Buffer => Buffer.from(x.buffer);

/** What a slab holds after its images, and the boxes that they changed. */
function compounded(plan: SlabPlan, frames: readonly SweepFrame[], bare: boolean) {
  const slab = new SlabCompounder(plan, bare);
  const boxes = frames.map((f, n): VoxelBox | undefined => slab.add(f.pixels, f.frameFromImage, n));
  const out = new Float32Array(plan.grid.size[0] * plan.grid.size[1] * (plan.end - plan.first));
  const seen = new Uint8Array(out.length);
  slab.read(out, seen);
  const whole = new Uint8Array(out.length);
  slab.read(whole, new Uint8Array(out.length));
  return { out, whole, seen, boxes };
}

/** A sweep whose rows lie exactly along the grid, or stand still along one of its axes. */
function squarely(frames: readonly SweepFrame[], along: number): SweepFrame[] {
  return frames.map(({ pixels }, n) => {
    const m = new Float64Array(16);
    m[along % 3] = along < 3 ? 0.25 : -0.25;
    m[4 + ((along + 1) % 3)] = 0.25;
    m.set([6, 6, 6], 12);
    m[12 + ((along + 2) % 3)] = 1 + 0.25 * n;
    m[15] = 1;
    return { pixels, frameFromImage: m };
  });
}

describe('the kernel of compounding', () => {
  it('is there', () => {
    const sweep = sceneSweep();
    const spans = rowSpans(sweep.size);
    const grid = gridOfSweep(sweep, spans, { spacingMm: 1 });
    const plan: SlabPlan = {
      grid,
      first: 0,
      end: 1,
      interpolation: 'linear',
      compounding: 'mean',
      columns: 40,
      spans,
      importance: undefined,
    };
    expect(CompoundKernel.make(plan, 0, 1, new Float64Array(6))).toBeDefined();
  });

  it.each([
    ['linear', 'mean'],
    ['linear', 'latest'],
    ['linear', 'maximum'],
    ['nearest', 'mean'],
    ['nearest', 'latest'],
    ['nearest', 'maximum'],
  ] as const)('gives the bits of typed arrays: %s %s', (interpolation, compounding) => {
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.nat(1e6),
          spacingMm: fc.constantFrom(0.11, 0.37, 0.5, 1.7, 4.1),
          fan: fc.boolean(),
          part: fc.boolean(),
          masked: fc.boolean(),
          along: fc.option(fc.nat(5)),
        }),
        ({ seed, spacingMm, fan, part, masked, along }) => {
          // A third of the pixels are left out.
          const importance = masked
            ? Uint8Array.from({ length: 1200 }, (_, n) => Math.max(0, ((n * 37) % 384) - 128))
            : undefined;
          const sweep = sceneSweep({ seed, frames: 5 });
          const clip = fan ? { fan: { apex: [20, -10], anglesDeg: [-30, 35], radii: [12, 33] } as const } : {};
          const spans = rowSpans(sweep.size, clip);
          const scene = gridOfSweep(sweep, spans, { spacingMm });
          const cube = {
            size: [30, 30, 30] as const,
            frameFromIndex: Float64Array.of(0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 1),
          };
          const grid = along === null ? scene : cube;
          const frames = along === null ? sweep.frames : squarely(sweep.frames, along);
          const nk = grid.size[2];
          const [first, end] = part ? [Math.floor(nk / 3), Math.ceil((2 * nk) / 3)] : [0, nk];
          const plan: SlabPlan = {
            grid,
            first,
            end,
            interpolation,
            compounding,
            columns: sweep.size[0],
            spans,
            importance,
          };
          const fast = compounded(plan, frames, false);
          const slow = compounded(plan, frames, true);
          expect(fast.boxes).toEqual(slow.boxes);
          expect(part || fast.seen.some((x) => x === 1)).toBe(true);
          expect(Buffer.compare(bits(fast.seen), bits(slow.seen))).toBe(0);
          expect(Buffer.compare(bits(fast.out), bits(slow.out))).toBe(0);
          expect(Buffer.compare(bits(fast.whole), bits(slow.whole))).toBe(0);
        },
      ),
      { numRuns: 12 * inject('effort') },
    );
  });
});
