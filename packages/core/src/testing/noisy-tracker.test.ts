import { describe, expect, it } from 'vitest';
import { PoseSample } from '../frames/index.js';
import { fromQuaternion, Random, rotationAngleBetween } from '../math/index.js';
import type { Instant } from '../time/index.js';
import { assertWithin, manualClock, observePose, within } from './index.js';

const truth = fromQuaternion(new Float64Array(16), [0, 0, Math.SQRT1_2, Math.SQRT1_2], [100, -50, 25]);

function poseOf(s: PoseSample): Float64Array {
  return fromQuaternion(new Float64Array(16), s.values.subarray(6, 10), s.values.subarray(3, 6));
}

describe('a noisy tracker', () => {
  it('without noise says the truth', () => {
    const s = new PoseSample();
    observePose(s, truth, 5 as Instant, { latencyMs: 3 }, new Random(1));
    expect([s.status, s.measuredAt, s.arrivedAt]).toEqual(['ok', 5, 8]);
    assertWithin(within.mm(1e-12), poseOf(s), truth);
  });

  it('errs as much as its model says, per axis and in angle, with outliers at their rate', () => {
    const random = new Random(2);
    const s = new PoseSample();
    const n = 20_000;
    const sum = [0, 0, 0];
    let angle2 = 0;
    let outliers = 0;
    for (let i = 0; i < n; i += 1) {
      observePose(
        s,
        truth,
        0 as Instant,
        { positionSdMm: [0.1, 0.2, 0.4], rotationSdRad: 0.003, outlierRate: 0.01, outlierMm: 50 },
        random,
      );
      const off = [0, 1, 2].map((k) => (s.values[3 + k] as number) - (truth[12 + k] as number));
      if (Math.hypot(...off) > 10) outliers += 1;
      else for (const k of [0, 1, 2]) sum[k] = (sum[k] as number) + (off[k] as number) ** 2;
      angle2 += rotationAngleBetween(poseOf(s), truth) ** 2;
    }
    const sd = sum.map((v) => Math.sqrt(v / (n - outliers)));
    for (const [k, want] of [0.1, 0.2, 0.4].entries()) expect((sd[k] as number) / want).toBeCloseTo(1, 1);
    expect(Math.sqrt(angle2 / n / 3) / 0.003).toBeCloseTo(1, 1);
    expect(outliers / n).toBeGreaterThan(0.007);
    expect(outliers / n).toBeLessThan(0.013);
  });

  it('does not see through an occlusion, and goes on afterwards as if there had been none', () => {
    const run = (occlusions: { fromMs: number; toMs: number }[]): PoseSample[] => {
      const random = new Random(3);
      return [0, 10, 20, 30].map((t) => {
        const s = new PoseSample();
        observePose(s, truth, t as Instant, { positionSdMm: 0.3, occlusions }, random);
        return s;
      });
    };
    const free = run([]);
    const hidden = run([{ fromMs: 10, toMs: 30 }]);
    expect(hidden.map((s) => s.status)).toEqual(['ok', 'missing', 'missing', 'ok']);
    expect(hidden[1]?.values.slice(3).every(Number.isNaN)).toBe(true);
    expect(hidden[3]?.values).toEqual(free[3]?.values);
  });
});

describe('a manual clock', () => {
  it('moves only when told to, and never back', () => {
    const clock = manualClock(100);
    expect(clock.now()).toBe(100);
    clock.advance(5);
    clock.set(110);
    expect(clock.plus(clock.now(), -10)).toBe(100);
    expect(() => clock.set(109)).toThrowError(/never goes back/);
    expect(() => clock.advance(-1)).toThrowError(/never goes back/);
    expect(clock.utc(clock.now()).toISOString()).toBe('2026-01-01T00:00:00.110Z');
  });
});
