import { describe, expect, inject, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { Random } from '../../math/index.js';
import { type QaMeasurement, qaTrend } from './index.js';

const WEEK = 7 * 864e5;

/** Weekly measurements of 0.3 ± 0.05 mm, drifting by `perMonth` σ a month after the first 20. */
function weeks(random: Random, count: number, sigmasPerMonth = 0): QaMeasurement[] {
  return Array.from({ length: count }, (_, n) => ({
    time: 1.7e12 + n * WEEK,
    value: 0.3 + 0.05 * (random.normal() + (sigmasPerMonth * Math.max(0, n - 20) * 7) / 30),
  }));
}

describe('a control chart', () => {
  const flat = (values: readonly number[]): QaMeasurement[] => values.map((value, n) => ({ time: n * WEEK, value }));
  /** Eight values of mean 0 and σ 1. */
  const unit = [1, -1, 1, -1, 1, -1, 1, -1].map((x) => x * Math.sqrt(7 / 8));

  it.each([
    ['one beyond 3σ', [3.1], 'beyond-3-sigma'],
    ['two of three beyond 2σ', [2.1, 0, 2.2], 'two-of-three-beyond-2-sigma'],
    ['four of five beyond 1σ', [-1.1, -1.2, 0.5, -1.1, -1.3], 'four-of-five-beyond-1-sigma'],
    ['eight on one side', [0.5, 0.1, 0.3, 0.2, 0.4, 0.1, 0.2, 0.3], 'eight-on-one-side'],
  ] as const)('tells %s at the point that breaks it', (_, values, rule) => {
    const { points, mean, sigma, limits } = qaTrend(flat([...unit, ...values]), { baseline: 8 });
    expect([mean, sigma, limits[1]]).toEqual([expect.closeTo(0, 12), expect.closeTo(1, 12), expect.closeTo(3, 12)]);
    expect(points.at(-1)?.rules).toContain(rule);
    expect(points.at(-2)?.rules).not.toContain(rule);
  });

  it('stops beyond 3σ and out of tolerance, and says why', () => {
    expect(qaTrend(flat([...unit, 3.2]), { baseline: 8 })).toMatchObject({ verdict: 'stop' });
    const out = qaTrend(flat([...unit, 0.9]), { baseline: 8, tolerance: { high: 0.8 } });
    expect([out.verdict, out.reasons[0]]).toEqual(['stop', expect.stringContaining('out of tolerance')]);
    expect(qaTrend(flat([...unit, 0.1]), { baseline: 8 }).verdict).toBe('steady');
  });

  it.each([
    ['too few', [1, 2, 3], {}],
    ['no spread', Array.from({ length: 20 }, () => 1), {}],
    ['a baseline of 3', [...unit, ...unit], { baseline: 3 }],
    ['no number', [...unit, Number.NaN], { baseline: 8 }],
  ] as const)('of %s is refused', (_, values, options) => {
    const error = ((): unknown => {
      try {
        return qaTrend(flat(values), options);
      } catch (e) {
        return e;
      }
    })();
    expect(isNavError(error, 'dicom/bad-trend')).toBe(true);
  });

  it('of times out of order is refused', () => {
    const list = flat([...unit, 1]).map((m, n) => (n === 4 ? { ...m, time: 0 } : m));
    expect(() => qaTrend(list, { baseline: 8 })).toThrow('not later');
  });
});

describe('a drift', () => {
  const runs = 100 * inject('effort');

  it('that is none is called one no more often than the stated chance; 3σ is broken about once in 150 measurements', () => {
    const random = new Random(inject('seed'));
    let [drifts, wild, points] = [0, 0, 0];
    for (let n = 0; n < runs; n += 1) {
      const trend = qaTrend(weeks(random, 60));
      if (trend.drift.significant) drifts += 1;
      wild += trend.points.slice(20).filter((p) => p.rules.includes('beyond-3-sigma')).length;
      points += 40;
    }
    // Binomial: 0.01 of the runs, and three standard deviations.
    expect(drifts / runs).toBeLessThan(0.01 + 3 * Math.sqrt((0.01 * 0.99) / runs));
    // A baseline of 20 knows its σ within 16 %: more than the 0.0027 of a known one.
    expect(wild / points).toBeLessThan(0.015);
  });

  it('of half a σ a month is found within nine months in 95 of 100 series, and its slope is right', () => {
    const random = new Random(inject('seed') + 1);
    let [found, total] = [0, 0];
    for (let n = 0; n < runs; n += 1) {
      const trend = qaTrend(weeks(random, 60, 0.5));
      if (trend.drift.significant) found += 1;
      total += trend.drift.perMonth / 0.05;
    }
    expect(found / runs).toBeGreaterThan(0.95);
    // The slope of the whole, of which the first third is flat.
    expect(total / runs).toBeGreaterThan(0.3);
    expect(total / runs).toBeLessThan(0.55);
  });

  it('is measured by its robust slope in spite of wild points', () => {
    const random = new Random(7);
    const list = Array.from({ length: 60 }, (_, n) => ({
      time: n * WEEK,
      value: (0.02 * n * 7) / 30 + 0.01 * random.normal() + (n % 10 === 3 ? 5 : 0),
    }));
    expect(qaTrend(list).drift.perMonth).toBeCloseTo(0.02, 2);
  });
});
