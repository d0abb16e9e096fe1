import { frame, isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { pivotRecording, posed } from '../testing/poses.js';
import { calibratePivot } from './pivot.js';
import type { CalibrationPose, PoseList } from './poses.js';

const tip = frame('tip');
const DEGREE = Math.PI / 180;
/** What NDI's trackers write where there is no number. */
const BAD_FLOAT = -3.697314e28;

const scene = { count: 200, coneRad: 35 * DEGREE, positionSdMm: 0.2, rotationSdRad: 0.1 * DEGREE };

const at = (pose: CalibrationPose, place: (x: number, i: number) => number): CalibrationPose => ({
  ...pose,
  matrix: posed(
    pose.matrix,
    [12, 13, 14].map((i) => place(pose.matrix[i] as number, i)),
  ),
});

const spoilt = (list: PoseList<'tracker', 'stylus'>, place: (x: number, i: number) => number): typeof list => ({
  ...list,
  poses: list.poses.map((pose, k) => (k % 5 === 2 ? at(pose, place) : pose)),
});

function refusalOf(list: PoseList<'tracker', 'stylus'>): string {
  try {
    return calibratePivot(list, tip).outcome;
  } catch (error) {
    if (isNavError(error)) return error.code;
    throw error;
  }
}

describe('wild poses among good ones, all said to be measured', () => {
  const { list, tip: truth } = pivotRecording(new Random(inject('seed')), scene);
  const clean = calibratePivot({ ...list, poses: list.poses.filter((_, k) => k % 5 !== 2) }, tip);

  it.each([
    ['a device’s number for nothing', () => BAD_FLOAT, 40],
    ['a place that no tracker reaches', (x: number) => x + 1e7, 0],
    ['the origin', () => 0, 0],
  ] as const)('%s: left out, and neither the unit nor the pose of the others is doubted', (_, place, hidden) => {
    const result = calibratePivot(spoilt(list, place), tip);
    expect(result.outcome).toBe('ok');
    expect(result.counts.hidden).toBe(hidden);
    expect(result.inliers.some((k) => k % 5 === 2)).toBe(false);
    expect(Math.hypot(...result.tipMm.map((x, i) => x - (clean.tipMm[i] as number)))).toBeLessThan(1e-5);
    expect(Math.hypot(...result.tipMm.map((x, i) => x - (truth[i] as number)))).toBeLessThan(result.tip95Mm);
  });

  it('do not hide that the others are in metres', () => {
    const metres = { ...list, poses: list.poses.map((pose) => at(pose, (x) => x / 1000)) };
    expect(refusalOf(metres)).toBe('calibration/units');
    expect(refusalOf(spoilt(metres, (x) => 500 + x))).toBe('calibration/units');
  });

  it('where they are the most: hidden', () => {
    const most = { ...list, poses: list.poses.map((pose, k) => (k % 5 < 3 ? at(pose, () => BAD_FLOAT) : pose)) };
    expect(refusalOf(most)).toBe('calibration/hidden');
  });
});
