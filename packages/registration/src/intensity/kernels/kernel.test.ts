import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { Random } from '@trocar/core/math';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { type ByteImage, HOLE } from '../byte-image.js';
import { Comparison } from '../evaluate.js';
import { type Motion, type MotionKind, moved, PARAMETERS } from '../motion.js';
import { parzenWindow } from '../mutual-information.js';
import { drawSamples, type SampleSet, sampleWeights } from '../samples.js';
import { TwinKernel } from './twin.js';
import { log, TwinHistogram } from './twin-parzen.js';
import { kernelModule, WasmKernel } from './wasm.js';

/** Smooth blobs with noise; with holes on request. */
function blobs(random: Random, size: readonly [number, number, number], holes = false, noise = 10): ByteImage {
  const [ni, nj, nk] = size;
  const values = new Uint8Array(ni * nj * nk);
  const centres = Array.from({ length: 5 }, () => size.map((n) => random.between(0.2, 0.8) * n));
  for (let n = 0; n < values.length; n += 1) {
    const at = [n % ni, Math.floor(n / ni) % nj, Math.floor(n / (ni * nj))];
    const d2 = centres.map((c) => c.reduce((s, x, a) => s + ((x - (at[a] as number)) / 8) ** 2, 0));
    values[n] = Math.min(254, d2.reduce((s, d) => s + 180 * Math.exp(-d), 0) + random.between(0, noise));
    if (holes && random.uniform() < 0.002) values[n] = HOLE;
  }
  return { values, size, frameFromIndex: Float64Array.of(2, 0, 0, 0, 0, -2, 0, 0, 0, 0, 3, 0, -20, 25, -30, 1), holes };
}

function samplesOf(image: ByteImage, random: Random, count = 5001): SampleSet {
  const centre = [0, 0, 0] as const;
  return drawSamples(image, image, sampleWeights(image), random, { count, fixedBins: 24, fine: 256, centre });
}

const KINDS: readonly MotionKind[] = ['rigid', 'similarity', 'affine'];

let module: WebAssembly.Module;
beforeAll(async () => {
  module = (await kernelModule()) as WebAssembly.Module;
});

describe('the kernels', () => {
  it('are what their sources compile to, as is the program of the worker threads', () => {
    const root = resolve(import.meta.dirname, '../../../../..');
    execFileSync(process.execPath, ['scripts/build-kernels.mjs', '--check'], { cwd: root, stdio: 'pipe' });
  });

  it('WebAssembly and typed arrays give the same numbers to the last bit', () => {
    const random = new Random(inject('seed'));
    for (let round = 0; round < 6; round += 1) {
      const holes = round % 2 === 1;
      const image = blobs(random, [21, 23, 17], holes);
      const set = samplesOf(blobs(random, [19, 22, 18], holes), random);
      // In the last rounds bytes stand for others, as in the finish: all but the hole's.
      const exchange = round < 4 ? undefined : Uint8Array.from({ length: 256 }, (_, b) => (b === HOLE ? HOLE : (b * 7) % 255));
      const pair = [new WasmKernel(module), new TwinKernel()].map(
        (kernel) => new Comparison(kernel, set, image, 'mi', 24, exchange),
      );
      const motion = moved(
        'affine',
        START,
        Float64Array.from({ length: 12 }, () => random.between(-6, 6)),
        20,
      );
      const [a, b] = pair.map((c) => ({
        score: c.score(motion, true),
        slope: c.slope('affine', motion),
        information: c.information('affine', motion),
      }));
      expect(a?.score.overlap).toBeGreaterThan(0.3);
      expect(a).toEqual(b);
      expect(pair[0]?.score(motion, false)).toEqual(a?.score);
      if (exchange === undefined) continue;
      const exchanged = { ...image, values: image.values.map((b) => exchange[b] as number) };
      expect(new Comparison(new TwinKernel(), set, exchanged, 'mi', 24).score(motion, true)).toEqual(a?.score);
    }
  });

  it('their logarithm is right to two units in the last place, and harmless at 0', () => {
    const random = new Random(inject('seed') + 2);
    for (let n = 0; n < 20_000; n += 1) {
      const p = n < 10_000 ? 2 ** random.between(-60, 2) : 1 + random.between(-1e-3, 1e-3);
      const truth = Math.log(p);
      expect(Math.abs(log(p) - truth)).toBeLessThanOrEqual(2 * 2.3e-16 * Math.abs(truth));
    }
    expect(log(1)).toBe(0);
    expect(0 * log(0)).toBe(-0);
  });

  it('entropies are those of the counts under a cubic B-spline, summed plainly', () => {
    const random = new Random(inject('seed') + 3);
    const [rows, bins, fine] = [6, 12, 32];
    const counts = Uint32Array.from({ length: rows * fine }, () => Math.max(0, random.below(9) - 4));
    const total = counts.reduce((sum, c) => sum + c, 0);
    const joint = new Float64Array(rows * bins);
    counts.forEach((count, n) => {
      const u = 1 + ((n % fine) * (bins - 4)) / (fine - 1);
      for (let b = 0; b < bins; b += 1) {
        const cell = bins * Math.floor(n / fine) + b;
        joint[cell] = (joint[cell] as number) + (count / total) * spline(u - b);
      }
    });
    const entropy = (p: Float64Array): number => -p.reduce((sum, x) => sum + (x > 0 ? x * Math.log(x) : 0), 0);
    const fixed = new Float64Array(rows).map((_, a) => joint.subarray(a * bins, (a + 1) * bins).reduce((x, y) => x + y));
    const moving = new Float64Array(bins).map((_, b) => joint.filter((_, n) => n % bins === b).reduce((x, y) => x + y));
    const set = { fixedBins: rows, fine } as SampleSet;
    const found = new TwinHistogram().entropies(set, parzenWindow(bins, fine), counts, total);
    expect(found.joint).toBeCloseTo(entropy(joint), 12);
    expect(found.fixed).toBeCloseTo(entropy(fixed), 12);
    expect(found.moving).toBeCloseTo(entropy(moving), 12);
  });

  it.each(KINDS.flatMap((kind) => (['mi', 'nmi'] as const).map((metric) => ({ kind, metric }))))(
    'the slope of $metric is the difference quotient: $kind',
    ({ kind, metric }) => {
      const random = new Random(inject('seed') + 1);
      const image = blobs(random, [41, 43, 33], false, 0);
      const inner = { ...image, frameFromIndex: image.frameFromIndex.slice() };
      const set = samplesOf(inner, random, 40_000);
      // Only the samples well inside, so that none crosses the border between the two evaluations.
      const comparison = new Comparison(new TwinKernel(), inside(set, 15), image, metric, 24);
      const motion = moved(
        kind,
        START,
        Float64Array.from({ length: PARAMETERS[kind] }, () => random.between(-1, 1)),
        20,
      );
      expect(comparison.score(motion, true).overlap).toBe(1);
      const slope = comparison.slope(kind, motion);
      const h = 0.5;
      const scale = Math.hypot(...slope);
      slope.forEach((g, k) => {
        const value = (step: number): number => {
          const s = new Float64Array(PARAMETERS[kind]);
          s[k] = step;
          return comparison.score(moved(kind, motion, s, comparison.radiusMm)).value;
        };
        expect(Math.abs((value(h) - value(-h)) / (2 * h) - g)).toBeLessThan(0.06 * scale);
      });
    },
  );
});

/** The cubic B-spline. */
function spline(x: number): number {
  const a = Math.abs(x);
  return a < 1 ? (4 - 6 * a * a + 3 * a ** 3) / 6 : a < 2 ? (2 - a) ** 3 / 6 : 0;
}

const START: Motion = { linear: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1), at: new Float64Array(3) };

function inside(set: SampleSet, mm: number): SampleSet {
  const keep = [...set.x.keys()].filter(
    (n) =>
      Math.max(Math.abs((set.x[n] as number) - 20), Math.abs((set.y[n] as number) + 15), Math.abs((set.z[n] as number) - 15)) <
      mm,
  );
  const count = keep.length - (keep.length % 4);
  const kept = new Set(keep.slice(0, count));
  const pick = <T extends Float32Array | Int32Array>(a: T): T => a.filter((_, n) => kept.has(n)) as T;
  return { ...set, count, x: pick(set.x), y: pick(set.y), z: pick(set.z), rows: pick(set.rows) };
}
