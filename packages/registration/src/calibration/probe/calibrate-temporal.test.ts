import { isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { calibrateTemporal, type TemporalCalibration } from './calibrate-temporal.js';
import { LineFinder, type LineOptions } from './line.js';
import { type WaterTank, type WaterTankOptions, waterTank } from './test-support/water-tank.js';

const rowsOf = ({ size, video }: WaterTank, options: LineOptions = {}): Float64Array => {
  const finder = new LineFinder(size, options);
  for (const image of video.images) finder.add(image);
  return finder.rows();
};

function lagOf(seed: number, options: WaterTankOptions): TemporalCalibration & { readonly tank: WaterTank } {
  const tank = waterTank(new Random(seed), options);
  const result = calibrateTemporal({ timesMs: tank.video.timesMs, rows: rowsOf(tank) }, tank.tracker);
  return { ...result, tank };
}

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (isNavError(error)) return error.code;
    throw error;
  }
  return 'nothing';
};

describe('the lag of a video of a water tank against a tracker', () => {
  it('is found to within a millisecond, with its sign, in every seed', () => {
    for (let seed = 1; seed <= 5 * inject('effort'); seed += 1) {
      const lagMs = new Random(1000 + seed).between(-400, 400);
      const { outcome, lagMs: found, sdMs, pixelsPerMm, explained, tank, used } = lagOf(seed, { lagMs });
      expect([seed, outcome]).toEqual([seed, 'ok']);
      expect(Math.abs(found - lagMs)).toBeLessThan(1);
      expect(Math.sign(found)).toBe(Math.sign(lagMs));
      expect(sdMs).toBeLessThan(1);
      expect(explained).toBeGreaterThan(0.99);
      expect(Math.abs(Math.abs(pixelsPerMm) - 5)).toBeLessThan(0.1);
      expect(used).toBeGreaterThan(0.85 * tank.video.images.length);
    }
  });

  it('does not follow echoes that are brighter than the bottom', () => {
    const { outcome, lagMs, used, tank } = lagOf(3, { lagMs: -64.8, echoes: 0.15 });
    expect(outcome).toBe('ok');
    expect(Math.abs(lagMs + 64.8)).toBeLessThan(1.5);
    expect(used).toBeLessThan(tank.video.images.length);
  });

  it('of a motion that repeats itself is ambiguous', () => {
    const { outcome, findings } = lagOf(4, { lagMs: 20, noiseMm: 0.3, motion: (t) => 8 * Math.sin(t / 55) });
    expect([outcome, findings.map((f) => f.code)]).toEqual(['ambiguous', ['ambiguous']]);
  });

  it('of two motions is none', () => {
    const tank = waterTank(new Random(5), { lagMs: 0 });
    const { tracker } = waterTank(new Random(6), { lagMs: 0, motion: (t) => 9 * Math.sin(t / 800) + 4 * Math.sin(t / 517) });
    const found = calibrateTemporal({ timesMs: tank.video.timesMs, rows: rowsOf(tank) }, tracker);
    expect(found.outcome).toBe('failed');
    expect(found.findings.map((f) => f.code)).toContain('disagree');
  });

  it('needs a motion, lines, and clocks that agree', () => {
    const tank = waterTank(new Random(7), { lagMs: 0 });
    const video = { timesMs: tank.video.timesMs, rows: rowsOf(tank) };
    const still = { ...tank.tracker, places: tank.tracker.places.map((_, n) => n % 3) };
    expect(codeOf(() => calibrateTemporal(video, still))).toBe('calibration/motionless');
    expect(codeOf(() => calibrateTemporal({ ...video, rows: video.rows.map(() => 50) }, tank.tracker))).toBe(
      'calibration/motionless',
    );
    const later = { ...tank.tracker, timesMs: tank.tracker.timesMs.map((t) => t + 1e6) };
    expect(codeOf(() => calibrateTemporal(video, later))).toBe('calibration/too-few-poses');
    expect(codeOf(() => calibrateTemporal({ ...video, rows: [1] }, tank.tracker))).toBe('calibration/bad-option');
  });
});

describe('a line in images', () => {
  it('is where it was drawn, at the middle of the clip, however it is slanted', () => {
    const tank = waterTank(new Random(8), { lagMs: 0, seconds: 2 });
    const motion = rowsOf(tank);
    const clipped = rowsOf(tank, { clip: { origin: [6, 16], size: [44, 220] } });
    let seen = 0;
    motion.forEach((row, n) => {
      if (Number.isNaN(row) || Number.isNaN(clipped[n] as number)) return;
      seen += 1;
      expect(Math.abs(row - (clipped[n] as number))).toBeLessThan(0.5);
    });
    expect(seen).toBeGreaterThan(0.8 * motion.length);
  });

  it('is not seen in noise', () => {
    const random = new Random(9);
    const finder = new LineFinder([60, 80]);
    for (let n = 0; n < 20; n += 1) finder.add(Uint8Array.from({ length: 4800 }, () => random.below(60)));
    expect([...finder.rows()].filter((row) => !Number.isNaN(row))).toEqual([]);
  });

  it('needs images of its size and a clip that leaves some', () => {
    expect(codeOf(() => new LineFinder([60, 80], { clip: { origin: [59, 0], size: [10, 80] } }))).toBe('calibration/bad-option');
    expect(codeOf(() => new LineFinder([60, 80]).add(new Uint8Array(10)))).toBe('calibration/bad-option');
  });
});
