import { describe, expect, it } from 'vitest';
import { phantomCase } from './case.js';
import { LEVELS, percentile, study, studyRun, summarise } from './study.js';
import { USUAL_ERRORS } from './truth.js';

const given = phantomCase(1, 16);

/** Whether `hits` of n is what a probability gives: within 3.5 standard deviations of the binomial. */
function isCredible(share: number, probability: number, n: number): boolean {
  return Math.abs(share - probability) <= 3.5 * Math.sqrt((probability * (1 - probability)) / n);
}

describe('the bound at the target', () => {
  it('holds as often as it says at every level, without being told the noise, and is not loose', () => {
    const runs = 300;
    const summary = summarise(study(given, runs, 5000));
    LEVELS.forEach((level, k) => {
      expect(isCredible(summary.coverage[k] as number, level, runs), `${level}: ${summary.coverage[k]}`).toBe(true);
    });
    expect(summary.medianBoundMm / summary.empirical95Mm).toBeLessThan(1.5);
    expect(summary.medianBoundMm / summary.empirical95Mm).toBeGreaterThan(0.8);
  });

  it('holds with a badly calibrated tip too, whose error no residual shows', () => {
    const errors = { ...USUAL_ERRORS, tipSdMm: 0.4 };
    const runs = study(given, 200, 9000, errors);
    const { coverage } = summarise(runs);
    expect(coverage[LEVELS.indexOf(0.95)]).toBeGreaterThan(0.9);
    // Without the tip's share the bound would not: the same runs against the bounds of a tip taken for exact.
    const blind = study(given, 200, 9000, { ...USUAL_ERRORS, tipSdMm: 0 });
    const within = runs.filter((r, n) => r.treMm <= ((blind[n] as (typeof runs)[number]).bounds[LEVELS.indexOf(0.95)] as number));
    expect(within.length / runs.length).toBeLessThan(0.88);
  });

  it('is the same again for the same seed', () => {
    expect(studyRun(given, 77)).toEqual(studyRun(given, 77));
    expect(studyRun(given, 77).treMm).not.toBe(studyRun(given, 78).treMm);
  });
});

it('takes percentiles between neighbours', () => {
  expect(percentile([3, 1, 2], 0.5)).toBe(2);
  expect(percentile([0, 10], 0.25)).toBe(2.5);
});
