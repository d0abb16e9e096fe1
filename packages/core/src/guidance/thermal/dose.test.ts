import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frame } from '../../frames/index.js';
import { codeOf } from '../../test-support/error-code.js';
import { isosurface, volume } from '../../volume/index.js';
import { DoseAccumulator, DoseRate, isodose, LETHAL_CEM43_MIN, probeDose } from './index.js';

const held = (celsius: number, minutes: number, options = {}): number =>
  probeDose([0, minutes * 60], [celsius, celsius], { maxGapS: 1e6, ...options }).cem43Min;

describe('CEM43', () => {
  it.each([
    // Isoeffect times that follow from the definition (Sapareto & Dewey 1984): one degree halves the time above 43 °C, and
    // quarters the dose below.
    [43, 60, 60],
    [44, 30, 60],
    [45, 15, 60],
    [46, 7.5, 60],
    [50, 1.875, 240],
    [55, 240 / 4096, 240],
    [57, 1 / 60, 2 ** 14 / 60],
    [42, 60, 15],
    [41, 60, 3.75],
    [40, 64, 1],
    [39, 256, 1],
    [38.9, 256, 0],
    [37, 600, 0],
  ])('%s °C for %s min is %s equivalent minutes', (celsius, minutes, expected) => {
    expect(held(celsius, minutes)).toBeCloseTo(expected, 10);
  });

  it('counts by the convention that is asked for', () => {
    expect(held(38, 1024, { floorC: 37 })).toBeCloseTo(1, 10);
    expect(held(36, 2 ** 14, { floorC: Number.NEGATIVE_INFINITY })).toBeCloseTo(1, 10);
    // A breakpoint elsewhere: 1 at 43 °C still, and no jump where R changes.
    const rate = new DoseRate({ breakpointC: 43.5, rAbove: 0.43, rBelow: 0.233 });
    expect(rate.at(43)).toBeCloseTo(1, 12);
    expect(rate.at(43.5 - 1e-9) / rate.at(43.5 + 1e-9)).toBeCloseTo(1, 7);
    expect(rate.at(44.5) / rate.at(43.5)).toBeCloseTo(1 / 0.43, 9);
    expect(new DoseRate({ breakpointC: 42, floorC: 37 }).at(43)).toBeCloseTo(1, 12);
    for (const bad of [{ rAbove: 1 }, { rBelow: 0 }, { breakpointC: Number.NaN }, { floorC: 44 }, { maxGapS: 0 }]) {
      expect(codeOf(() => held(43, 1, bad))).toBe('thermal/bad-option');
    }
  });

  it('is exact for straight lines: as fine steps sum up to, through floor and breakpoint, up and down', () => {
    const celsius = fc.double({ min: 30, max: 70, noNaN: true });
    fc.assert(
      fc.property(celsius, celsius, fc.double({ min: 0.1, max: 600, noNaN: true }), (a, b, seconds) => {
        const rate = new DoseRate();
        const n = 4000;
        let sum = 0;
        for (let i = 0; i < n; i += 1) sum += rate.at(a + ((b - a) * (i + 0.5)) / n) * (seconds / 60 / n);
        const exact = rate.overLine(a, b, seconds);
        // The sum misses by a step at the floor's jump, and by the midpoint rule's h² elsewhere.
        const step = (rate.at(rate.floorC) * seconds) / 60 / n;
        expect(Math.abs(exact - sum)).toBeLessThan(1e-4 * sum + 2 * step);
        expect(rate.overLine(b, a, seconds)).toBe(exact);
      }),
    );
  });

  it('does not depend on where a straight line was sampled', () => {
    const inner = fc.array(fc.integer({ min: 1, max: 999 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(inner, (parts) => {
        const times = [0, ...new Set([...parts].sort((p, q) => p - q)), 1000].map((t) => t * 0.3);
        const line = times.map((t) => 37 + (t / 300) * 25);
        const options = { maxGapS: 1e6 };
        expect(probeDose(times, line, options).cem43Min).toBeCloseTo(probeDose([0, 300], [37, 62], options).cem43Min, 6);
      }),
    );
  });

  it('takes a gap as unknown: the dose is a lower bound and says so', () => {
    const dose = probeDose([0, 5, 10, 15, 60, 65], [43, 43, Number.NaN, 43, 43, 43]);
    expect(dose).toEqual({
      cem43Min: expect.closeTo(10 / 60, 12),
      complete: false,
      gaps: [{ fromS: 5, toS: 60 }],
      measuredS: 10,
    });
    expect(probeDose([0, 5], [43, 43])).toMatchObject({ complete: true, gaps: [] });
    expect(probeDose([0, 5], [43, Number.POSITIVE_INFINITY]).complete).toBe(false);
  });

  it('refuses a series that is none', () => {
    for (const [t, c] of [
      [[0], [43]],
      [[0, 1], [43]],
      [
        [1, 0],
        [43, 43],
      ],
      [
        [0, 0],
        [43, 43],
      ],
      [
        [0, Number.NaN],
        [43, 43],
      ],
    ] as const) {
      expect(codeOf(() => probeDose(t, c))).toBe('thermal/bad-series');
    }
  });
});

describe('a dose map', () => {
  const mr = frame('mr');
  const at = (voxels: Float32Array | Int16Array, rescale = { slope: 1, intercept: 0 }, x = 0) =>
    volume({ frame: mr, voxels, size: [2, 2, 2], frameFromIndex: [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2.5, 0, x, 0, 0, 1], rescale });

  it('gathers each voxel as a probe would, with rescaled values and gaps of its own', () => {
    const times = [0, 4, 9, 12];
    const maps = times.map((_, n) => Float32Array.from({ length: 8 }, (_x, i) => 36 + 2 * i + 1.5 * n * ((i % 3) - 1)));
    (maps[2] as Float32Array)[5] = Number.NaN;
    const accumulator = new DoseAccumulator<'mr'>();
    for (const [n, m] of maps.entries()) accumulator.add(at(m), times[n] as number);
    const { dose, gapS, complete, fromS, toS } = accumulator.result();
    expect([complete, fromS, toS]).toEqual([false, 0, 12]);
    for (let i = 0; i < 8; i += 1) {
      const probe = probeDose(
        times,
        maps.map((m) => m[i] as number),
      );
      expect(Math.abs((dose.voxels[i] as number) - probe.cem43Min)).toBeLessThan(1e-6 * probe.cem43Min + 1e-12);
      expect(gapS.voxels[i]).toBe(i === 5 ? 8 : 0);
    }
    expect(dose.rescale.unit).toBe('min');
    const tenths = new DoseAccumulator<'mr'>();
    for (const s of [0, 6]) tenths.add(at(new Int16Array(8).fill(200), { slope: 0.1, intercept: 25 }), s);
    expect(tenths.result().dose.voxels[0]).toBeCloseTo(0.1 * 4, 6);
  });

  it('takes maps too far apart as a gap, and refuses another geometry, frame or order', () => {
    const accumulator = new DoseAccumulator<'mr'>({ maxGapS: 5 });
    expect(codeOf(() => accumulator.result())).toBe('thermal/bad-series');
    const hot = (x = 0) => at(new Float32Array(8).fill(50), undefined, x);
    accumulator.add(hot(), 0);
    expect(codeOf(() => accumulator.add(hot(1), 1))).toBe('thermal/bad-series');
    expect(codeOf(() => accumulator.add(hot(), 0))).toBe('thermal/bad-series');
    expect(codeOf(() => accumulator.add({ ...hot(), frame: frame('ct') } as never, 1))).toBe('frame/mismatch');
    accumulator.add(hot(), 6);
    expect(accumulator.result()).toMatchObject({ complete: false });
    expect(Array.from(accumulator.result().dose.voxels)).toEqual(new Array(8).fill(0));
  });

  it('has an isodose volume whose surface and millilitres are those of a known ball', () => {
    const n = 41;
    const voxels = Float32Array.from({ length: n ** 3 }, (_, i) => {
      const r = Math.hypot((i % n) - 20, (Math.floor(i / n) % n) - 20, Math.floor(i / n / n) - 20);
      return LETHAL_CEM43_MIN * 2 ** (15 - r);
    });
    const dose = volume({ frame: mr, voxels, size: [n, n, n], frameFromIndex: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] });
    const ball = (4 / 3) * Math.PI * 15 ** 3;
    expect(Math.abs(isodose(dose).ml * 1000 - ball) / ball).toBeLessThan(0.01);
    expect(isodose(dose, 240 * 2 ** 5).ml).toBeLessThan(isodose(dose).ml * 0.32);
    expect(isosurface(isodose(dose).mask, 0.5).triangles.length).toBeGreaterThan(1000);
    expect(codeOf(() => isodose(dose, 0))).toBe('thermal/bad-option');
  });
});
