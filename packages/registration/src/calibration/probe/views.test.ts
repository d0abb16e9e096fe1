import { isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { calibrateProbeByPoint, type TargetOptions } from './other-targets.js';
import { type PointViewOptions, pointViews } from './test-support/point-views.js';
import { IMAGE, PROBE } from './test-support/wire-scenes.js';
import { effectiveImages, viewsOf } from './views.js';

/** Errors at the middle of the image over calibrations, against what was told of them. */
function scored(options: PointViewOptions, runs: number, how: TargetOptions = {}) {
  let [squares, told, held, effective, groups] = [0, 0, 0, 0, 0];
  for (let seed = 1; seed <= runs; seed += 1) {
    const { probeFromImage: truth, observations } = pointViews(new Random(seed), options);
    const found = calibrateProbeByPoint(PROBE, IMAGE, observations, { folds: 0, ...how });
    const off = [0, 1, 2].map((r) =>
      [410, 0, 0, 0, 308, 0, 0, 0, 0, 0, 0, 0, 1].reduce(
        (sum, x, n) => sum + x * ((found.probeFromImage[n + r] as number) - (truth[n + r] as number)),
        0,
      ),
    );
    const mm = Math.hypot(...off);
    squares += mm * mm;
    told += found.expectedErrorMm(410, 308) ** 2;
    if (mm <= found.errorBoundMm(410, 308)) held += 1;
    effective += found.counts.effective / runs;
    groups += found.counts.groups / runs;
  }
  return { ratio: Math.sqrt(squares / told), rate: held / runs, effective, groups };
}

const RUNS = 30 * inject('effort');
/** Three pictures of each of twenty views, whose errors are mostly of the view. */
const ALIKE: PointViewOptions = { views: 20, imagesAView: 3, commonMm: 0.25, ownMm: 0.08 };

describe('the error of a calibration by a point', () => {
  it.each<[string, PointViewOptions]>([
    ['pictures of a view err alike', ALIKE],
    ['pictures of a view err each on its own', { ...ALIKE, commonMm: 0, ownMm: 0.25 }],
    ['few views are looked at long', { views: 12, imagesAView: 5, commonMm: 0.25, ownMm: 0.05 }],
  ])(
    'is as told, and within its bound at the rate of that, where %s',
    (_, options) => {
      const { ratio, rate } = scored(options, RUNS);
      expect(ratio).toBeGreaterThan(0.75);
      expect(ratio).toBeLessThan(1.2);
      // 2.5 standard deviations of a count.
      expect(rate).toBeGreaterThan(0.95 - 2.5 * Math.sqrt((0.95 * 0.05) / RUNS));
    },
    60_000,
  );

  it('is told too small where pictures of one view are taken for independent', () => {
    // Numbered so that each group holds pictures of different views.
    const mixed = Array.from({ length: 60 }, (_, n) => (n % 3) * 20 + Math.floor(n / 3));
    const { ratio, rate } = scored(ALIKE, RUNS, { views: mixed });
    expect(ratio).toBeGreaterThan(1.2);
    expect(rate).toBeLessThan(0.9);
  }, 60_000);

  it('says what its pictures are worth', () => {
    const alike = scored(ALIKE, 6);
    expect(alike.groups).toBe(20);
    expect(alike.effective).toBeLessThan(26);
    const apart = scored({ ...ALIKE, commonMm: 0, ownMm: 0.25 }, 6);
    expect(apart.effective).toBeGreaterThan(45);
  });

  it('holds what all pictures err by alike where that is told, and cannot know it where it is not', () => {
    const { observations } = pointViews(new Random(7), ALIKE);
    const told = (how: TargetOptions): number =>
      calibrateProbeByPoint(PROBE, IMAGE, observations, { folds: 0, ...how }).expectedErrorMm(600, 100);
    // Two axes of the image, and none across it.
    expect(told({ sharedMm: 0.5 }) ** 2 - told({}) ** 2).toBeCloseTo(2 * 0.25, 6);
    expect(() => told({ sharedMm: -1 })).toThrow(/0 mm or more/);
  });

  it('is not told from fewer views than there are unknowns, however many pictures', () => {
    const codeOf = (views: number, how: TargetOptions = {}): string => {
      const { observations } = pointViews(new Random(3), { ...ALIKE, views, imagesAView: 20 });
      try {
        calibrateProbeByPoint(PROBE, IMAGE, observations, { folds: 0, ...how });
      } catch (error) {
        if (isNavError(error)) return error.code;
        throw error;
      }
      return 'nothing';
    };
    expect(codeOf(4)).toBe('calibration/narrow');
    expect(codeOf(20, { views: [1, 2, 3] })).toBe('calibration/bad-option');
  });
});

describe('views', () => {
  it('are told by the poses, also where one is taken up again', () => {
    const { observations } = pointViews(new Random(5), { views: 8, imagesAView: 3, commonMm: 0.2, ownMm: 0.1 });
    const wires = [...observations, ...observations.slice(3, 6)].map(({ referenceFromProbe }) => ({
      dots: new Float64Array(2),
      phantomFromProbe: referenceFromProbe,
    }));
    expect(viewsOf(wires)).toEqual([...Array.from({ length: 24 }, (_, n) => Math.floor(n / 3)), 1, 1, 1]);
  });

  it('of exact copies are worth one picture each', () => {
    const views = [0, 0, 0, 1, 1, 1, 2, 2, 2];
    const copies = views.map((v) => Float64Array.of([1, -2, 1][v] as number));
    expect(effectiveImages(views, copies)).toBeCloseTo(3, 9);
  });
});
