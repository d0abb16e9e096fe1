import { apply, frame, isNavError, point, pointCovariance } from '@trocar/core';
import { multiply4, Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { across, direction, lastingNoise, observed, pivotRecording, posed, stylus, tracker, turn } from '../testing/poses.js';
import { calibratePivot } from './pivot.js';
import type { PoseList } from './poses.js';
import { calibrateSpin, type SpinOptions } from './spin.js';
import { alongShaft } from './spin-shaft.js';

const DEGREE = Math.PI / 180;
const seed = inject('seed');
type List = PoseList<'tracker', 'stylus'>;

interface Scene {
  readonly count?: number;
  /** The tool is turned to and fro by this, rad, to either side. */
  readonly spinRad?: number;
  readonly rotationSdRad?: number;
  readonly noiseDecay?: number;
  readonly outlierShare?: number;
  /** The shaft wanders by this, rad (rms per axis). */
  readonly wobbleRad?: number;
}

/** A tool spun about a random axis: even angles in random order. */
function spinRecording(random: Random, scene: Scene): { readonly list: List; readonly axis: [number, number, number] } {
  const count = scene.count ?? 200;
  const axis = direction(random);
  const main = turn(direction(random), random.between(0, 3));
  const noise = lastingNoise(random, scene.noiseDecay ?? 0);
  const poses = Array.from({ length: count }, (_, k) => {
    const angle = (scene.spinRad ?? Math.PI) * Math.sin((2 * Math.PI * 3 * k) / count);
    const [a, b] = across(axis);
    const n = noise();
    const wobble = [0, 1, 2].map(
      (i) => (scene.wobbleRad ?? 0) * (random.normal() * (a[i] as number) + random.normal() * (b[i] as number)),
    );
    const truth = multiply4(new Float64Array(16), multiply4(new Float64Array(16), main, turn(wobble, 1)), turn(axis, angle));
    const gross = random.uniform() < (scene.outlierShare ?? 0);
    const error = [3, 4, 5].map((i) => (scene.rotationSdRad ?? 0) * (n[i] as number) + (gross ? random.between(-0.6, 0.6) : 0));
    return { matrix: observed(posed(truth, [100, 50, -900]), [0, 0, 0], error), timeMs: (k * 1000) / 60, status: 'ok' as const };
  });
  return { list: { to: tracker, from: stylus, poses }, axis };
}

/** Angle between two directions, whichever way they point, degrees. */
const off = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  const cosine = Math.abs([0, 1, 2].reduce((sum, i) => sum + (a[i] as number) * (b[i] as number), 0));
  const sine = Math.sqrt(Math.max(0, 1 - cosine * cosine));
  return Math.atan2(sine, cosine) / DEGREE;
};

describe('a spin calibration', () => {
  it('finds the axis of perfect poses', () => {
    const { list, axis } = spinRecording(new Random(seed), {});
    const result = calibrateSpin(list);
    expect(off(result.axis, axis)).toBeLessThan(1e-5);
    expect(result.outcome).toBe('ok');
    expect(result.spinDeg).toBeGreaterThan(340);
    expect(result.axis95Deg).toBeLessThan(1e-5);
    expect(result.sign).toBe('largest-component');
    expect(Math.max(...result.axis) + Math.min(...result.axis)).toBeGreaterThan(0);
  });

  it('points from the marker to the tip, and carries both errors into one transform', () => {
    const { list, axis } = spinRecording(new Random(seed), { rotationSdRad: 0.1 * DEGREE });
    for (const way of [1, -1]) {
      const tipMm = axis.map((x, i) => way * 150 * x + (i === 0 ? 5 : 0));
      const result = calibrateSpin(list, { tip: point(stylus, tipMm) });
      expect(result.sign).toBe('tip');
      expect([0, 1, 2].reduce((sum, i) => sum + (result.axis[i] as number) * (tipMm[i] as number), 0)).toBeGreaterThan(0);
    }
    const { list: pivoted } = pivotRecording(new Random(seed), { count: 200, coneRad: 0.6, positionSdMm: 0.2 });
    const pivot = calibratePivot(pivoted, frame('tip'));
    const spin = calibrateSpin(list, { tip: pivot.tip });
    const shaft = alongShaft(pivot.stylusFromTip, spin);
    const ahead = apply(shaft, point(frame('tip'), [0, 0, 10])).xyz;
    for (let i = 0; i < 3; i += 1) expect(ahead[i]).toBeCloseTo((pivot.tipMm[i] as number) + 10 * (spin.axis[i] as number), 9);
    // At the tip the error is the pivot's; 100 mm ahead the axis' is added, a hundredfold.
    const atTip = pointCovariance(new Float64Array(9), shaft.covariance as ArrayLike<number>, pivot.tipMm);
    const far = Array.from(pivot.tipMm, (x, i) => x + 100 * (spin.axis[i] as number));
    const atFar = pointCovariance(new Float64Array(9), shaft.covariance as ArrayLike<number>, far);
    for (let i = 0; i < 9; i += 1) {
      expect(atTip[i]).toBeCloseTo(pivot.tipCovariance[i] as number, 9);
      expect(atFar[i]).toBeCloseTo((pivot.tipCovariance[i] as number) + 1e4 * (spin.covariance[i] as number), 7);
    }
  });

  it('leaves wrong poses out', () => {
    const { list, axis } = spinRecording(new Random(seed), { rotationSdRad: 0.2 * DEGREE, outlierShare: 0.25 });
    const result = calibrateSpin(list);
    expect(result.outcome).toBe('ok');
    expect(result.inliers.length).toBeGreaterThan(130);
    expect(result.inliers.length).toBeLessThan(175);
    expect(off(result.axis, axis)).toBeLessThan(2 * result.axis95Deg);
    expect(calibrateSpin(list, { robust: 'none' }).findings.map((f) => f.code)).toContain('wobble');
  });

  it.each<[string, Scene]>([
    ['a full turn', { count: 100, rotationSdRad: 0.2 * DEGREE }],
    ['40° to each side', { count: 100, spinRad: 40 * DEGREE, rotationSdRad: 0.2 * DEGREE }],
    ['lasting noise', { count: 400, rotationSdRad: 0.2 * DEGREE, noiseDecay: 0.8 }],
  ])('knows how well it knows the axis: %s', (_, scene) => {
    const random = new Random(seed);
    const trials = 120 * inject('effort');
    let [covered, squares, predicted] = [0, 0, 0];
    for (let trial = 0; trial < trials; trial += 1) {
      const { list, axis } = spinRecording(random, scene);
      const result = calibrateSpin(list);
      const error = off(result.axis, axis);
      if (error <= result.axis95Deg) covered += 1;
      squares += (error * DEGREE) ** 2;
      predicted += (result.covariance[0] as number) + (result.covariance[4] as number) + (result.covariance[8] as number);
    }
    expect(covered / trials).toBeGreaterThan(0.9);
    expect(covered / trials).toBeLessThan(0.99);
    expect(predicted / squares).toBeGreaterThan(0.75);
    expect(predicted / squares).toBeLessThan(1.35);
  });

  it.each<[string, () => List, SpinOptions<'stylus'>, string]>([
    [
      'too little turning',
      () => spinRecording(new Random(seed), { spinRad: 15 * DEGREE, rotationSdRad: 0.001 }).list,
      {},
      'calibration/narrow',
    ],
    [
      'no turning',
      () => spinRecording(new Random(seed), { spinRad: 0, rotationSdRad: 0.001 }).list,
      {},
      'calibration/motionless',
    ],
    [
      'another tool’s tip',
      () => spinRecording(new Random(seed), {}).list,
      { tip: point(frame('probe'), [0, 0, 1]) as never },
      'frame/mismatch',
    ],
    ['a limit of 0', () => spinRecording(new Random(seed), {}).list, { maxWobbleRad: 0 }, 'calibration/bad-option'],
  ])('refuses %s', (_, list, options, code) => {
    let refused: unknown;
    try {
      calibrateSpin(list(), options);
    } catch (error) {
      refused = error;
    }
    expect(isNavError(refused) ? refused.code : refused).toBe(code);
  });

  it('does not trust a shaft that wandered, a tool that was tilted, or a tip beside the shaft', () => {
    const wandered = calibrateSpin(spinRecording(new Random(seed), { wobbleRad: 5 * DEGREE }).list);
    expect(wandered.findings.map((f) => f.code)).toContain('wobble');
    const tilted = calibrateSpin(pivotRecording(new Random(seed), { count: 200, coneRad: 60 * DEGREE, spinRad: 0.5 }).list);
    expect(tilted.findings.map((f) => f.code)).toContain('no-single-axis');
    const { list, axis } = spinRecording(new Random(seed), {});
    const beside = calibrateSpin(list, {
      tip: point(
        stylus,
        across(axis)[0].map((x) => 100 * x),
      ),
    });
    expect(beside.findings.map((f) => f.code)).toEqual(['sign-unknown']);
  });
});
