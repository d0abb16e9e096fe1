import { apply, type Frame, frame, isNavError, point, transform } from '@trocar/core';
import { fromRotationVector, identity4, multiply4, Random, transformPoint } from '@trocar/core/math';
import { simulateUltrasound, type UltrasoundSimulation } from '@trocar/core/testing';
import { type Volume, volume } from '@trocar/core/volume';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { registerToUltrasound, type UltrasoundRegistration } from './register-to-ultrasound.js';

const seed = inject('seed');
const us = frame('us');
const mr = frame('mr');

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...[0, 1, 2].map((r) => (a[r] as number) - (b[r] as number)));

describe('registering to simulated ultrasound', () => {
  let sim: UltrasoundSimulation;
  let found: UltrasoundRegistration<'us', 'mr'>;
  const start = { searchMm: 8, searchDeg: 8, seed: 3 };
  beforeAll(async () => {
    sim = simulateUltrasound({ seed: 11 + seed, shiftMm: 3 });
    // A start about 7 mm and 6° off at the middle of the ultrasound.
    const middle = [0, 1, 2].map((r) => sim.targets.us.reduce((s, p) => s + (p.xyz[r] as number) / sim.targets.us.length, 0));
    const off = fromRotationVector(identity4(), [0.07, -0.05, 0.06]);
    const turned = transformPoint(new Float64Array(3), off, middle);
    [4, -4, 4].forEach((mm, r) => {
      off[12 + r] = (middle[r] as number) - (turned[r] as number) + mm;
    });
    const initial = transform(us, mr, multiply4(identity4(), off, sim.usFromMr.matrix));
    found = await registerToUltrasound(sim.us, [sim.t1, sim.flair], { initial, ...start });
  }, 240_000);

  it('finds the pose, says so, and says how well', () => {
    expect(found.outcome).toBe('ok');
    expect(found.findings).toEqual([]);
    expect(found.confidence).toBeGreaterThan(0.9);
    const errors = sim.targets.mr.map((p, k) => distance(apply(found.usFromMoving, p).xyz, sim.targets.us[k]?.xyz ?? []));
    expect(errors.reduce((a, b) => a + b, 0) / errors.length).toBeLessThan(2);
    const { rmsMm, p95Mm } = found.expectedTre(sim.targets.us[0] as never);
    expect(rmsMm).toBeGreaterThan(0.3);
    expect(rmsMm).toBeLessThan(3);
    expect(p95Mm).toBeGreaterThan(rmsMm);
  });

  it.each([0, 2])(
    'is not ok with MR that is mirrored along axis %d: nothing is right there',
    async (axis) => {
      const m = identity4();
      m[5 * axis] = -1;
      m[12 + axis] = sim.targets.mr.reduce((sum, p) => sum + (2 * (p.xyz[axis] as number)) / sim.targets.mr.length, 0);
      const mirrored = [sim.t1, sim.flair].map((v) => ({
        ...v,
        frameFromIndex: multiply4(new Float64Array(16), m, v.frameFromIndex),
      }));
      const wrong = await registerToUltrasound(sim.us, mirrored, { initial: sim.usFromMr, ...start });
      expect(wrong.outcome).not.toBe('ok');
      expect(wrong.evidence.gain).toBeLessThan(0.6 * found.evidence.gain);
    },
    120_000,
  );

  it('turns each flip into an error that shows: the inverse, and the pose with left and right exchanged', () => {
    const wrong = (m: ArrayLike<number>): number => {
      const errors = sim.targets.mr.map((p, k) =>
        distance(transformPoint(new Float64Array(3), m, p.xyz), sim.targets.us[k]?.xyz ?? []),
      );
      return errors.reduce((a, b) => a + b, 0) / errors.length;
    };
    const m = found.usFromMoving.matrix;
    const mirrored = Float64Array.from(m, (x, n) => (n % 4 < 2 !== n < 8 && n < 12 ? -x : x));
    const transposed = Float64Array.from(m, (x, n) => (n < 12 && n % 4 < 3 ? (m[4 * (n % 4) + Math.floor(n / 4)] as number) : x));
    for (const flipped of [mirrored, transposed]) expect(wrong(flipped)).toBeGreaterThan(5);
  });
});

/** Echoes without structure on a small grid. */
function speckle<F extends string>(of: Frame<F>, seedOf: number): Volume<F> {
  const random = new Random(seedOf);
  const voxels = Float32Array.from({ length: 44 ** 3 }, () => 50 + 20 * random.normal());
  const frameFromIndex = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, -20, -20, -20, 1];
  return volume({ frame: of, voxels, size: [44, 44, 44], frameFromIndex });
}

describe('what cannot be registered', () => {
  const a = speckle(us, 1);
  const b = speckle(mr, 2);
  const code = async (work: Promise<unknown>): Promise<string> => {
    try {
      await work;
    } catch (error) {
      if (isNavError(error)) return error.code;
      throw error;
    }
    return 'none';
  };

  it.each([
    [1, 4],
    [3, 10],
  ])(
    'noise is never called ok (seed %d, searched to %d mm and degrees)',
    async (noiseSeed, range) => {
      const noise = speckle(mr, noiseSeed + 1);
      const result = await registerToUltrasound(speckle(us, noiseSeed), [noise], { searchMm: range, searchDeg: range });
      expect(result.outcome).not.toBe('ok');
      expect(result.confidence).toBeLessThan(0.9);
    },
    120_000,
  );

  it('is refused with what, where and why', async () => {
    expect(await code(registerToUltrasound(a, []))).toBe('registration/bad-option');
    expect(await code(registerToUltrasound(a, [b], { searchMm: -1 }))).toBe('registration/bad-option');
    expect(await code(registerToUltrasound(a, [b], { searchDeg: Number.NaN }))).toBe('registration/bad-option');
    expect(await code(registerToUltrasound(a, [b], { seed: 0.5 }))).toBe('registration/bad-option');
    const elsewhere = frame('ct') as never;
    expect(await code(registerToUltrasound(a, [b, { ...b, frame: elsewhere }]))).toBe('frame/mismatch');
    const swapped = transform(mr, us, identity4()) as never;
    expect(await code(registerToUltrasound(a, [b], { initial: swapped }))).toBe('frame/mismatch');
    expect(await code(registerToUltrasound(a, [b], { probe: point(mr, [0, 0, 0]) as never }))).toBe('frame/mismatch');
    const sheared = { ...b, frameFromIndex: Float64Array.from(b.frameFromIndex, (x, n) => (n === 4 ? 0.2 : x)) };
    expect(await code(registerToUltrasound(a, [sheared]))).toBe('volume/sheared');
    const blank = { ...a, voxels: new Float32Array(44 ** 3) };
    expect(await code(registerToUltrasound(blank, [b]))).toBe('registration/no-overlap');
    const away = transform(us, mr, [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 500, 0, 0, 1]);
    expect(await code(registerToUltrasound(a, [b], { initial: away }))).toBe('registration/no-overlap');
  }, 120_000);

  it('ends soon after it is told to', async () => {
    const controller = new AbortController();
    const work = code(registerToUltrasound(a, [b], { signal: controller.signal, progress: () => controller.abort() }));
    expect(await work).toBe('registration/aborted');
  });
});
