import { describe, expect, it } from 'vitest';
import { isRefusal } from '../../suite/src/refusal.js';
import { USUAL_ERRORS } from '../../suite/src/truth.js';
import { phantomCase } from './case.js';
import { LEVELS, percentile, study, studyRun, summarise } from './study.js';

const given = phantomCase(1, 16);

/** Whether `hits` of n is what a probability gives: within 3.5 standard deviations of the binomial. */
function isCredible(share: number, probability: number, n: number): boolean {
  return Math.abs(share - probability) <= 3.5 * Math.sqrt((probability * (1 - probability)) / n);
}

describe('the bound at the target', () => {
  it('holds as often as it says at every level, without being told the noise, and is not loose', () => {
    const runs = 200;
    const summary = summarise(study(given, runs, 5000, { tip: 'stored' }));
    LEVELS.forEach((level, k) => {
      expect(isCredible(summary.coverage[k] as number, level, runs), `${level}: ${summary.coverage[k]}`).toBe(true);
    });
    expect(summary.refused).toBe(0);
    expect(summary.medianBoundMm / summary.empirical95Mm).toBeLessThan(1.5);
    expect(summary.medianBoundMm / summary.empirical95Mm).toBeGreaterThan(0.8);
  });

  it('holds with a stylus that was pivoted, and so does the bound of its tip', () => {
    const runs = 50;
    const summary = summarise(study(given, runs, 6000));
    expect(isCredible(summary.coverage[LEVELS.indexOf(0.95)] as number, 0.95, runs)).toBe(true);
    expect(isCredible(summary.tipCoverage, 0.95, runs), `tip: ${summary.tipCoverage}`).toBe(true);
    expect(summary.medianTip95Mm).toBeLessThan(0.1);
  });

  it('holds with a badly calibrated tip too, whose error no residual shows', () => {
    const errors = { ...USUAL_ERRORS, tipSdMm: 0.4 };
    const runs = study(given, 120, 9000, { errors, tip: 'stored' });
    const { coverage, refused } = summarise(runs);
    expect(coverage[LEVELS.indexOf(0.95)]).toBeGreaterThan(0.9);
    // A tip that is longer or shorter than calibrated looks like another scale: some are found by that.
    expect(refused).toBeLessThan(0.2);
    // Without the tip's share the bound would not: the same runs against the bounds of a tip taken for exact.
    const blind = study(given, 120, 9000, { errors: { ...USUAL_ERRORS, tipSdMm: 0 }, tip: 'stored' });
    const at = LEVELS.indexOf(0.95);
    const both = runs.flatMap((r, n) => {
      const b = blind[n] as (typeof runs)[number];
      return isRefusal(r) || isRefusal(b) ? [] : [r.treMm <= (b.bounds[at] as number)];
    });
    expect(both.filter((within) => within).length / both.length).toBeLessThan(0.88);
  });

  it('is the same again for the same seed', () => {
    expect(studyRun(given, 77)).toEqual(studyRun(given, 77));
    expect(studyRun(given, 77)).not.toEqual(studyRun(given, 78));
  });
});

it('takes percentiles between neighbours', () => {
  expect(percentile([3, 1, 2], 0.5)).toBe(2);
  expect(percentile([0, 10], 0.25)).toBe(2.5);
});
