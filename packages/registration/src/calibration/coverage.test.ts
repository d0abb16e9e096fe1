import { frame, isNavError, type Status } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { type PivotScene, pivotRecording, posed, stylus, tracker, turn } from '../testing/poses.js';
import { PivotCollector, type PivotCollectorOptions } from './coverage.js';
import { calibratePivot } from './pivot.js';

const DEGREE = Math.PI / 180;
const seed = inject('seed');
const tip = frame('tip');
const scene: PivotScene = { count: 400, coneRad: 40 * DEGREE, positionSdMm: 0.2 };

const collector = (options: PivotCollectorOptions = {}): PivotCollector<'tracker', 'stylus', 'tip'> =>
  new PivotCollector({ to: tracker, from: stylus, tip }, options);

/** A tool of 150 mm along its z, its tip at a fixed place, leaning by `angle` so that its handle goes towards `towards`. */
function leaning(towards: readonly [number, number], angle: number): Float64Array {
  // The tip lies at −z of the marker: a turn about (−y, x) moves the handle, above it, towards (x, y).
  const rotation = turn([-towards[1], towards[0], 0], angle);
  const out = posed(rotation, [0, 0, 0]);
  const away = [0, 1, 2].map((i) => -150 * (out[8 + i] as number));
  return posed(rotation, [10 - (away[0] as number), 20 - (away[1] as number), -1000 - (away[2] as number)]);
}

describe('a pivot collector', () => {
  it('ends with the calibration of the poses it was given', () => {
    const { list } = pivotRecording(new Random(seed), scene);
    const live = collector();
    list.poses.forEach((p) => {
      expect(live.add(p.matrix, p.status as Status, p.timeMs as number)).toBe(true);
    });
    const result = live.finish();
    const whole = calibratePivot(list, tip);
    expect(result.outcome).toBe('ok');
    expect(Array.from(result.tipMm)).toEqual(Array.from(whole.tipMm));
    const gauge = live.gauge();
    expect(Math.hypot(...gauge.tipMm.map((x, i) => x - (whole.tipMm[i] as number)))).toBeLessThan(0.2);
    expect(gauge.rmsMm).toBeCloseTo(whole.rmsMm, 1);
    expect(gauge.coverage).toBeGreaterThan(0.9);
  });

  it('keeps new orientations once it is full: a tool at rest does not crowd out the rest', () => {
    const live = collector({ capacity: 100 });
    const random = new Random(seed);
    const { list, tip: truth } = pivotRecording(random, { ...scene, count: 150 });
    const rest = list.poses[0]?.matrix as Float64Array;
    for (let k = 0; k < 1000; k += 1)
      live.add(
        Float64Array.from(rest, (x, i) => (i === 12 ? x + 0.1 * random.normal() : x)),
        'ok',
        k,
      );
    expect(live.kept).toBe(100);
    for (const [k, p] of list.poses.entries()) live.add(p.matrix, 'ok', 1000 + k);
    expect(live.kept).toBe(100);
    const result = live.finish();
    expect(result.spread.coneRad).toBeGreaterThan(25 * DEGREE);
    expect(Math.hypot(...result.tipMm.map((x, i) => x - (truth[i] as number)))).toBeLessThan(2 * result.tip95Mm);
  });

  it('says towards which side the tool was not tilted, and is content when it was', () => {
    const live = collector();
    let t = 0;
    const lean = (x: number, y: number): void => {
      for (let a = 0; a <= 35; a += 1) live.add(leaning([x, y], a * DEGREE), 'ok', t++);
    };
    expect(live.gauge().hint).toContain('divot');
    // Everywhere but towards +x.
    for (let s = 2; s <= 14; s += 1) lean(Math.cos((s * Math.PI) / 8), Math.sin((s * Math.PI) / 8));
    const before = live.gauge();
    expect(before.coverage).toBeLessThan(0.95);
    expect(before.hint).toBe('Tilt the handle farther towards +x of "tracker".');
    for (const s of [-1, 0, 1]) lean(Math.cos((s * Math.PI) / 8), Math.sin((s * Math.PI) / 8));
    const after = live.gauge();
    expect(after.coverage).toBeGreaterThan(0.95);
    expect(after.hint).toBe('All directions are covered.');
  });

  it('counts what it does not use, refuses a hidden marker, and begins anew', () => {
    const live = collector();
    const { list } = pivotRecording(new Random(seed), scene);
    for (const [k, p] of list.poses.entries()) live.add(p.matrix, k % 3 === 0 ? 'ok' : 'missing', k);
    expect([live.given, live.seen, live.kept]).toEqual([400, 134, 134]);
    expect(codeOf(() => live.finish())).toBe('calibration/hidden');
    live.reset();
    expect(codeOf(() => live.finish())).toBe('calibration/too-few-poses');
    for (const p of list.poses) live.add(p.matrix, 'ok', 0);
    expect(live.finish().outcome).toBe('ok');
    const untold = collector({ acceptUnknown: true });
    for (const p of list.poses) untold.add(p.matrix, 'unknown', 0);
    expect(untold.finish().outcome).toBe('ok');
    expect(codeOf(() => collector({ capacity: 3 }))).toBe('calibration/bad-option');
  });

  it('does not take in what is no pose', () => {
    const live = collector();
    expect(live.add(new Float64Array(16).fill(Number.NaN), 'ok', 0)).toBe(false);
    expect(live.seen).toBe(0);
  });
});

function codeOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return isNavError(error) ? error.code : error;
  }
  return 'nothing thrown';
}
