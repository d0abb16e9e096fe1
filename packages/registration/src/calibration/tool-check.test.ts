import { frame, isNavError, type Point, point } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { headLayout, localised, moved, pointsIn } from '../testing/layouts.js';
import { direction, type PivotScene, pivotRecording, posed, stylus, tracker, turn } from '../testing/poses.js';
import { calibratePivot } from './pivot.js';
import { checkTool, type ToolCheck } from './tool-check.js';
import { checkReference, type ReferenceCheckOptions } from './tool-check-reference.js';

const DEGREE = Math.PI / 180;
const seed = inject('seed');
const tip = frame('tip');
const scene: PivotScene = { count: 200, coneRad: 35 * DEGREE, positionSdMm: 0.15, rotationSdRad: 0.05 * DEGREE };

/** A good calibration, and a check whose tool is bent and whose divot has moved by this much. */
function checked(bentMm: number, movedMm: number, change: Partial<PivotScene> = {}, limitMm = 1): ToolCheck {
  const random = new Random(seed);
  const recording = pivotRecording(random, { ...scene, ...change });
  const away = direction(random);
  const shift = (by: number, p: ArrayLike<number>): number[] => [0, 1, 2].map((i) => (p[i] as number) + by * (away[i] as number));
  const calibration = { matrix: posed(turn([0, 0, 1], 0), shift(bentMm, recording.tip)) };
  const stylusFromTip = { ...calibratePivot(pivotRecording(random, scene).list, tip).stylusFromTip, ...calibration };
  return checkTool(recording.list, stylusFromTip as never, point(tracker, shift(movedMm, recording.pivot)), { limitMm });
}

describe('a tool check', () => {
  it('passes a good tool with its statistics', () => {
    const result = checked(0, 0);
    expect(result.pass).toBe(true);
    expect(result.outcome).toBe('ok');
    expect(result.offsetMm).toBeLessThan(0.1);
    expect(result.upper95Mm).toBeLessThan(0.2);
    expect(result.maxMm).toBeGreaterThan(result.rmsMm);
  });

  it('tells a bent tool from a moved divot', () => {
    const bent = checked(2, 0, { spinRad: 0.3 });
    expect(bent.pass).toBe(false);
    expect(bent.findings.map((f) => f.code)).toEqual(['off', 'bent']);
    expect(Math.hypot(...bent.inTool)).toBeCloseTo(2, 0);
    expect(Math.hypot(...bent.inReference)).toBeLessThan(0.3);
    const displaced = checked(0, 2, { spinRad: 0.3 });
    expect(displaced.findings.map((f) => f.code)).toEqual(['off', 'displaced']);
    expect(Math.hypot(...displaced.inReference)).toBeCloseTo(2, 0);
  });

  it('finds a bent tool whose offset averages out because it was turned all round', () => {
    const result = checked(2, 0, { coneRad: 170 * DEGREE });
    expect(result.offsetMm).toBeLessThan(1);
    expect(result.pass).toBe(false);
    expect(result.outcome).toBe('failed');
    expect(result.findings.map((f) => f.code)).toContain('bent');
  });

  it('says where one orientation cannot tell, and where the jitter is too large to', () => {
    const still = checked(2, 0, { coneRad: 0.5 * DEGREE, spinRad: 0 });
    expect(still.findings.map((f) => f.code)).toEqual(['off', 'same-orientation']);
    expect(still.inTool[0]).toBeNaN();
    const shaky = checked(0, 0, { count: 10, positionSdMm: 2 });
    expect(shaky.pass).toBe(false);
    expect(shaky.findings.map((f) => f.code)).toContain('unsure');
  });

  it('keeps its promise: a tool exactly at the limit passes at most one time in twenty', () => {
    const random = new Random(seed);
    const trials = 200 * inject('effort');
    let passed = 0;
    for (let trial = 0; trial < trials; trial += 1) {
      const recording = pivotRecording(random, { ...scene, count: 30, positionSdMm: 0.5 });
      const away = direction(random);
      const known = point(
        tracker,
        [0, 1, 2].map((i) => (recording.pivot[i] as number) + (away[i] as number)),
      );
      const stylusFromTip = { to: stylus, from: tip, matrix: posed(turn([0, 0, 1], 0), recording.tip) } as never;
      if (checkTool(recording.list, stylusFromTip, known, { limitMm: 1 }).pass) passed += 1;
    }
    expect(passed / trials).toBeLessThanOrEqual(0.05 + 2 * Math.sqrt(0.0475 / trials));
  });

  it('refuses a limit that is none', () => {
    expect(() => checked(0, 0, {}, -1)).toThrow(/limitMm/);
  });
});

const reference = frame('reference');

/** Landmarks touched before and after the reference moved. */
function touched(random: Random, motion: Float64Array, n: number, fleMm: number): [Point<'reference'>[], Point<'reference'>[]] {
  const places = headLayout(random, n);
  const sd = [fleMm, fleMm, fleMm].map((x) => x / Math.sqrt(3));
  return [pointsIn(reference, localised(random, places, sd)), pointsIn(reference, localised(random, moved(motion, places), sd))];
}

const nowhere = posed(turn([0, 0, 1], 0), [0, 0, 0]);

function refusal(n: number, options: ReferenceCheckOptions): unknown {
  try {
    checkReference(...touched(new Random(seed), nowhere, n, 0.3), options);
  } catch (error) {
    return isNavError(error) ? error.code : error;
  }
  return 'not refused';
}

describe('a reference check', () => {
  it('finds the motion, and lets a reference pass that did not move', () => {
    const motion = posed(turn([0, 0, 1], 2 * DEGREE), [2, -1, 1]);
    const [before, after] = touched(new Random(seed), motion, 6, 0.3);
    const result = checkReference(before, after, { limitMm: 1.5, fleMm: 0.3 });
    expect(result.pass).toBe(false);
    expect(result.findings.map((f) => f.code)).toEqual(['moved']);
    for (let i = 0; i < 3; i += 1) expect(result.motion[12 + i]).toBeCloseTo(motion[12 + i] as number, 0);
    // Exchanged, the motion is the inverse: the direction matters.
    expect(checkReference(after, before, { limitMm: 1.5, fleMm: 0.3 }).motion[12]).toBeLessThan(-1);
    const same = checkReference(...touched(new Random(seed), nowhere, 6, 0.3), { limitMm: 1.5 });
    expect(same.pass).toBe(true);
    expect(same.fleMm).toBeGreaterThan(0.1);
    expect(same.fleMm).toBeLessThan(0.6);
  });

  it('raises no alarm more often than it says where nothing moved', () => {
    const random = new Random(seed);
    const trials = 2000 * inject('effort');
    const p = { known: 0, estimated: 0 };
    for (let trial = 0; trial < trials; trial += 1) {
      const pair = touched(random, nowhere, 5, 0.5);
      if (checkReference(...pair, { limitMm: 5, fleMm: 0.5 }).pValue < 0.05) p.known += 1;
      if (checkReference(...pair, { limitMm: 5 }).pValue < 0.05) p.estimated += 1;
    }
    for (const count of [p.known, p.estimated]) expect(Math.abs(count / trials - 0.05)).toBeLessThan(0.02);
  });

  it('says that one landmark itself moved', () => {
    const [before, after] = touched(new Random(seed), nowhere, 6, 0.2);
    const xyz = after[2]?.xyz as Float64Array;
    const spoilt = after.map((p, k) =>
      k === 2 ? point(reference, [(xyz[0] as number) + 6, xyz[1] as number, xyz[2] as number]) : p,
    );
    const result = checkReference(before, spoilt, { limitMm: 3, fleMm: 0.2 });
    expect(result.pass).toBe(false);
    expect(result.findings.find((f) => f.code === 'changed-shape')?.index).toBe(2);
  });

  it('does with one divot where its error is known, and refuses what it cannot do', () => {
    expect(checkReference(...touched(new Random(seed), posed(nowhere, [0, 4, 0]), 1, 0.3), { limitMm: 2, fleMm: 0.3 }).pass).toBe(
      false,
    );
    expect(checkReference(...touched(new Random(seed), nowhere, 1, 0.3), { limitMm: 2, fleMm: 0.3 }).pass).toBe(true);
    expect(refusal(1, { limitMm: 2 })).toBe('registration/too-few-points');
    expect(refusal(0, { limitMm: 2, fleMm: 0.3 })).toBe('registration/too-few-points');
    expect(refusal(4, { limitMm: 0 })).toBe('calibration/bad-option');
    const [before, after] = touched(new Random(seed), nowhere, 4, 0.3);
    expect(() => checkReference(before, after.slice(1), { limitMm: 2 })).toThrow(/same ones/);
  });
});
