import { frame } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { type PivotScene, pivotRecording } from '../testing/poses.js';
import { calibratePivot } from './pivot.js';

/** A small form of bench/calibration.ts: does the bound hold as often as it says? */

const DEGREE = Math.PI / 180;
const tip = frame('tip');

describe('the 95 % bound of a pivoted tip', () => {
  it.each<[string, PivotScene]>([
    ['12 poses', { count: 12, coneRad: 60 * DEGREE, positionSdMm: 0.25 }],
    [
      'rotation errors, which act with the tool’s length',
      { count: 80, coneRad: 30 * DEGREE, positionSdMm: 0.15, rotationSdRad: 0.2 * DEGREE },
    ],
    ['20 % gross errors', { count: 80, coneRad: 35 * DEGREE, positionSdMm: 0.25, outlierShare: 0.2 }],
    [
      'a hand at 60 Hz, and noise that lasts',
      { count: 200, coneRad: 35 * DEGREE, positionSdMm: 0.25, posesPerMove: 30, noiseDecay: 0.8 },
    ],
  ])('holds 95 times in 100: %s', (_, scene) => {
    const random = new Random(inject('seed'));
    const trials = 60 * inject('effort');
    let [held, predicted, squares] = [0, 0, 0];
    for (let trial = 0; trial < trials; trial += 1) {
      const recording = pivotRecording(random, scene);
      const { tipMm, tip95Mm, tipCovariance } = calibratePivot(recording.list, tip);
      const error = Math.hypot(...tipMm.map((x, i) => x - (recording.tip[i] as number)));
      if (error <= tip95Mm) held += 1;
      squares += error * error;
      predicted += (tipCovariance[0] as number) + (tipCovariance[4] as number) + (tipCovariance[8] as number);
    }
    // 3.5 standard deviations of chance about 93 … 97 %.
    const chance = 3.5 * Math.sqrt(0.0475 / trials);
    expect(held / trials).toBeGreaterThan(0.93 - chance);
    expect(held / trials).toBeLessThanOrEqual(Math.min(1, 0.97 + chance));
    // Where noise lasts, its correlation is estimated too: the variance then errs to the safe side, by a third at 60 effective poses.
    const ratio = predicted / squares;
    expect(ratio).toBeGreaterThan(0.65);
    if (scene.noiseDecay === undefined) expect(ratio).toBeLessThan(1.5);
  });
});
