import { isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { calibrateProbe } from './calibrate-probe.js';
import type { WireObservation } from './observations.js';
import { fCalPhantom, patternsOf } from './phantom.js';
import { apartMm, IMAGE, PHANTOM, PROBE, wireScene } from './test-support/wire-scenes.js';
import { validateProbe } from './validate-probe.js';

/** Fits of many images on a machine that does other things as well. */
const MINUTES = 600_000;

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (!isNavError(error)) throw error;
    return error.code;
  }
  return 'nothing';
};

describe('without noise', () => {
  it('the truth comes back: the map, the pixels, the lag, however the image is held', () => {
    for (let seed = 1; seed <= 3; seed += 1) {
      const scene = wireScene(new Random(seed), { images: 60 });
      const found = calibrateProbe(PROBE, IMAGE, PHANTOM, scene.observations, { folds: 3, lagMs: 0 });
      expect(apartMm(found.probeFromImage, scene.probeFromImage)).toBeLessThan(1e-3);
      expect(apartMm(found.linear.probeFromImage, scene.probeFromImage)).toBeLessThan(1e-6);
      expect(found.outcome).toBe('ok');
      expect(found.heldOut?.meanMm).toBeLessThan(1e-3);
    }
  });

  it('two N-wires are enough', () => {
    const phantom = fCalPhantom('1.0');
    const scene = wireScene(new Random(3), { images: 40, phantom });
    const found = calibrateProbe(PROBE, IMAGE, phantom, scene.observations, { folds: 0, lagMs: 0 });
    expect(apartMm(found.probeFromImage, scene.probeFromImage)).toBeLessThan(1e-3);
  });

  it('an image stored mirrored, upside down, or both is numbered the right way round', () => {
    const scene = wireScene(new Random(5), { images: 40 });
    const flip = (o: WireObservation, mirrored: boolean, upsideDown: boolean): WireObservation => {
      const rows = [0, 1, 2].map((p) =>
        [0, 1, 2].map((w) => [o.dots[2 * (3 * p + w)] as number, o.dots[2 * (3 * p + w) + 1] as number]),
      );
      const turned = rows.map((row) => row.map(([u = 0, v = 0]) => [mirrored ? 819 - u : u, upsideDown ? 615 - v : v]));
      if (mirrored) for (const row of turned) row.reverse();
      if (upsideDown) turned.reverse();
      return { ...o, dots: Float64Array.from(turned.flat(2)) };
    };
    for (const [mirrored, upsideDown] of [
      [true, false],
      [false, true],
      [true, true],
    ] as const) {
      const observations = scene.observations.map((o) => flip(o, mirrored, upsideDown));
      const found = calibrateProbe(PROBE, IMAGE, PHANTOM, observations, { folds: 0, lagMs: 0 });
      const m = scene.probeFromImage;
      const truth = m.map((x, n) => {
        if (n < 4) return mirrored ? -x : x;
        if (n < 8) return upsideDown ? -x : x;
        if (n < 12) return x;
        return x + (mirrored ? 819 * (m[n - 12] as number) : 0) + (upsideDown ? 615 * (m[n - 8] as number) : 0);
      });
      truth[15] = 1;
      expect(apartMm(found.linear.probeFromImage, truth)).toBeLessThan(1e-6);
    }
  });
});

describe('with noise', () => {
  const NOISE = { dotNoise: 1.5, poseNoise: [0.15, 0.002] } as const;

  it('spoilt images are found and do not matter', () => {
    const clean = wireScene(new Random(11), { ...NOISE });
    const mixed = wireScene(new Random(11), { ...NOISE, outlierShare: 0.15 });
    const found = calibrateProbe(PROBE, IMAGE, PHANTOM, mixed.observations, { folds: 0, lagMs: 0 });
    const left = new Set(found.residuals.filter((r) => !r.used).map((r) => r.index));
    expect([...mixed.spoilt].filter((n) => !left.has(n))).toEqual([]);
    const best = calibrateProbe(PROBE, IMAGE, PHANTOM, clean.observations, { folds: 0, lagMs: 0 });
    expect(apartMm(found.probeFromImage, mixed.probeFromImage)).toBeLessThan(
      2 * apartMm(best.probeFromImage, clean.probeFromImage) + 0.2,
    );
  });

  it('the lag is found to within its own error bar, and costs nothing where there is none', () => {
    for (const lagMs of [-180, 0, 430]) {
      const scene = wireScene(new Random(21), { ...NOISE, images: 120, lagMs });
      const found = calibrateProbe(PROBE, IMAGE, PHANTOM, scene.observations, { folds: 0 });
      expect(found.lagSdMs).toBeLessThan(10);
      expect(Math.abs(found.lagMs - lagMs)).toBeLessThan(4 * found.lagSdMs + 2);
      expect(apartMm(found.probeFromImage, scene.probeFromImage)).toBeLessThan(1.5);
    }
  });

  it(
    'the error map tells how large the errors are',
    () => {
      const runs = 12 * inject('effort');
      let [sum, predicted] = [0, 0];
      for (let seed = 1; seed <= runs; seed += 1) {
        const scene = wireScene(new Random(100 + seed), { ...NOISE, images: 80 });
        const found = calibrateProbe(PROBE, IMAGE, PHANTOM, scene.observations, { folds: 0, lagMs: 0 });
        for (const [u, v] of [
          [100, 100],
          [410, 308],
          [700, 500],
        ] as const) {
          const off = [0, 1, 2].map((r) => {
            const d = (c: number): number => (found.probeFromImage[c] as number) - (scene.probeFromImage[c] as number);
            return d(r) * u + d(4 + r) * v + d(12 + r);
          });
          sum += off.reduce((s, x) => s + x * x, 0);
          predicted += found.expectedErrorMm(u, v) ** 2;
        }
      }
      const ratio = Math.sqrt(sum / predicted);
      expect(ratio).toBeGreaterThan(0.7);
      expect(ratio).toBeLessThan(1.4);
    },
    MINUTES,
  );

  it('what a validation holds changes nothing, and held-out images are told apart from the fit', () => {
    const scene = wireScene(new Random(31), { ...NOISE });
    const found = calibrateProbe(PROBE, IMAGE, PHANTOM, scene.observations.slice(0, 80), { lagMs: 0 });
    const before = [...found.probeFromImage];
    const check = validateProbe(found, PHANTOM, scene.observations.slice(80));
    expect(check.distancesMm).toHaveLength(3 * 40);
    expect([...found.probeFromImage]).toEqual(before);
    expect(found.heldOut?.rmsMm).toBeGreaterThan(0);
    expect(found.heldOut?.distancesMm).toHaveLength(3 * 80);
  });
});

describe('refused by name', () => {
  const scene = wireScene(new Random(1), { images: 20 });
  const first = scene.observations[0] as WireObservation;
  const with0 = (over: Partial<WireObservation>): WireObservation[] => [{ ...first, ...over }, ...scene.observations.slice(1)];
  /** One N-wire, always in the same row of the image. */
  const ONE = { name: 'one', patterns: PHANTOM.patterns.slice(0, 1) };
  const inLine = scene.observations.map((o, n) => ({ ...o, dots: Float64Array.of(200, 100, 300 + 5 * n, 100, 500, 100) }));
  const run = (observations: readonly WireObservation[], options = {}): unknown =>
    calibrateProbe(PROBE, IMAGE, PHANTOM, observations, { lagMs: 0, ...options });

  it.each<[string, () => unknown, string]>([
    ['too few images', () => run(scene.observations.slice(0, 5)), 'calibration/too-few-poses'],
    ['dots of another phantom', () => run(with0({ dots: new Float64Array(12) })), 'calibration/bad-option'],
    ['a dot that is not a number', () => run(with0({ dots: first.dots.map(() => Number.NaN) })), 'calibration/not-finite'],
    [
      'a scaled pose',
      () => run(with0({ phantomFromProbe: Float64Array.from(first.phantomFromProbe, (x) => 2 * x) })),
      'calibration/not-rigid',
    ],
    ['images out of order', () => run([...scene.observations].reverse()), 'calibration/bad-option'],
    [
      'a lag without times',
      () =>
        run(
          scene.observations.map(({ timeMs: _, ...o }) => o),
          { lagMs: 20 },
        ),
      'calibration/bad-option',
    ],
    [
      'a probe that stays',
      () => run(scene.observations.map((o) => ({ ...o, phantomFromProbe: first.phantomFromProbe }))),
      'calibration/motionless',
    ],
    ['dots in one line', () => calibrateProbe(PROBE, IMAGE, ONE, inLine, { lagMs: 0 }), 'calibration/narrow'],
    ['a phantom without wires', () => patternsOf({ name: 'none', patterns: [] }), 'calibration/bad-option'],
  ])('%s', (_, go, code) => {
    expect(codeOf(go)).toBe(code);
  });
});
