import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AvoidLevel, avoidLevel, formatLeast } from './avoid.js';

it('a distance that is a bound is rounded down, and says that it is one', () => {
  expect([4.29, 4.2, 4.3 - 1e-6, -0.01, 0.1 + 0.2].map(formatLeast)).toEqual(
    ['4.2', '4.2', '4.2', '−0.1', '0.3'].map((text) => `≥\u202f${text}\u202fmm`),
  );
});

describe('the level of a structure', () => {
  const limits = { warnMm: 8, dangerMm: 3, hysteresisMm: 0.5 };
  const run = (distances: readonly number[]): AvoidLevel[] => {
    let level: AvoidLevel = 'unknown';
    return distances.map((d) => (level = avoidLevel(d, level, limits)));
  };

  it('rises at once, and falls only beyond the hysteresis', () => {
    expect(run([20, 8, 8.4, 8.6, 3, 3.4, 3.6, -0.1, 0.4, 0.6, Number.NaN, 8.2])).toEqual(
      'clear warn warn clear danger danger warn inside inside danger unknown clear'.split(' '),
    );
  });

  it('is never better than the distance says, and does not flicker with noise', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -5, max: 20, noNaN: true }),
        fc.array(fc.double({ min: -0.24, max: 0.24, noNaN: true }), { minLength: 4 }),
        (at, noise) => {
          const order = ['clear', 'warn', 'danger', 'inside'];
          const distances = noise.map((n) => at + n);
          const levels = run(distances);
          for (const [n, d] of distances.entries()) {
            const plain = d <= 0 ? 3 : d <= 3 ? 2 : d <= 8 ? 1 : 0;
            expect(order.indexOf(levels[n] as string)).toBeGreaterThanOrEqual(plain);
          }
          const changes = levels.filter((l, n) => n > 0 && l !== levels[n - 1]).length;
          expect(changes).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it('is never clear while nothing is known', () => {
    for (const before of ['clear', 'warn', 'danger', 'inside'] as const)
      expect(avoidLevel(Number.NaN, before, limits)).toBe('unknown');
  });
});
