import { apply, compose, point, type Transform, transform } from '@trocar/core';
import { invertSymmetric, Random, rotationAngleBetween } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { median } from '../accuracy/robust.js';
import { base, eye, hand, handEyeRecording, target } from '../testing/hand-eye.js';
import { stacked, tsaiLenz } from '../testing/hand-eye-oracles.js';
import { direction } from '../testing/poses.js';
import { calibrateHandEye } from './hand-eye.js';
import { daniilidis, kronecker, parkMartin } from './hand-eye-closed.js';
import { motionsBetween, motionsOf } from './hand-eye-motions.js';

const seed = inject('seed');
const effort = inject('effort');
const noise = { handSd: [0.1, 0.0005], targetSd: [0.3, 0.002] } as const;

/** Distance between where two matrices put a point of the eye, mm. */
const apart = (a: ArrayLike<number>, b: ArrayLike<number>, p: readonly number[]): number => {
  const one = apply(transform(hand, eye, a), point(eye, p)).xyz;
  const other = apply(transform(hand, eye, b), point(eye, p)).xyz;
  return Math.hypot(...[0, 1, 2].map((i) => (one[i] as number) - (other[i] as number)));
};

/** Where the error is looked at: as far from the eye as the targets are. */
const FAR = [100, -200, 700];

describe('the accuracy of a hand-eye calibration', () => {
  it('is better than that of closed forms, and with 20 % outliers as good as without', () => {
    const errors: Record<string, number[]> = {};
    const note = (name: string, x: ArrayLike<number> | undefined, truth: ArrayLike<number>): void => {
      errors[name] ??= [];
      errors[name].push(x ? apart(x, truth, FAR) : Number.POSITIVE_INFINITY);
    };
    for (let k = 0; k < 12 * effort; k += 1) {
      for (const outlierShare of [0, 0.2]) {
        const r = handEyeRecording(new Random(1000 * seed + k), { count: 24, ...noise, outlierShare });
        const pairs = stacked(r.baseFromHand.poses, r.eyeFromTarget.poses);
        const motions = motionsOf(pairs, 1);
        const tag = outlierShare > 0 ? ' spoilt' : '';
        note(`ours${tag}`, calibrateHandEye(hand, eye, r.baseFromHand, r.eyeFromTarget, { holdOut: 0 }).edge.matrix, r.x);
        note(`parkMartin${tag}`, parkMartin(motions), r.x);
        note(`daniilidis${tag}`, daniilidis(motions), r.x);
        note(`kronecker${tag}`, kronecker(pairs, motions), r.x);
        note(`tsaiLenz${tag}`, tsaiLenz(motions), r.x);
      }
    }
    const middle = (name: string): number => median(Float64Array.from(errors[name] as number[]));
    for (const name of ['parkMartin', 'daniilidis', 'kronecker', 'tsaiLenz']) {
      expect(middle('ours')).toBeLessThan(0.8 * middle(name));
      expect(middle('ours spoilt')).toBeLessThan(0.2 * middle(`${name} spoilt`));
    }
    expect(middle('ours spoilt')).toBeLessThan(1.35 * middle('ours'));
  });

  it.each([
    ['estimated', undefined],
    ['known', { hand: { positionSdMm: 0.1, rotationSdRad: 0.0005 }, other: { positionSdMm: 0.3, rotationSdRad: 0.002 } }],
  ] as const)('is what the covariance says, with %s noise', (_, known) => {
    const runs = 60 * effort;
    let [seen, said, inside, distance] = [0, 0, 0, 0];
    for (let k = 0; k < runs; k += 1) {
      const r = handEyeRecording(new Random(7000 * seed + k), { count: 30, ...noise });
      const { edge, expectedTre } = calibrateHandEye(hand, eye, r.baseFromHand, r.eyeFromTarget, {
        holdOut: 0,
        ...(known && { noise: known }),
      });
      const p = apply(edge, point(eye, FAR));
      const error = apart(edge.matrix, r.x, FAR);
      const tre = expectedTre(p);
      seen += error * error;
      said += tre.rmsMm * tre.rmsMm;
      if (error <= tre.p95Mm) inside += 1;
      distance += mahalanobis(edge, r.x) / 6;
    }
    // The mean of `runs` squares scatters by about √(2/3 / runs).
    const scatter = 3.5 * Math.sqrt(1 / runs);
    expect(Math.abs(seen / said - 1)).toBeLessThan(scatter);
    expect(Math.abs(distance / runs - 1)).toBeLessThan(scatter);
    expect(inside / runs).toBeGreaterThan(0.95 - 3.5 * Math.sqrt((0.95 * 0.05) / runs));
  });

  it('does not fail where Tsai and Lenz do: motions near a half-turn, whose axes noise turns round', () => {
    const count = 14;
    const all = Array.from({ length: count - 1 }, (_, k) => k);
    for (let k = 0; k < 4; k += 1) {
      const random = new Random(seed + k);
      const turns = Array.from({ length: count }, (_, i) =>
        i % 2 === 0 ? [0, 0, 0] : direction(random).map((c) => Math.PI * c),
      );
      const r = handEyeRecording(random, { count, ...noise, turns });
      const pairs = stacked(r.baseFromHand.poses, r.eyeFromTarget.poses);
      const consecutive = motionsBetween(
        pairs,
        all.map((i) => i + 1),
        all,
      );
      const x = calibrateHandEye(hand, eye, r.baseFromHand, r.eyeFromTarget, { holdOut: 0 }).edge.matrix;
      expect(rotationAngleBetween(x, r.x)).toBeLessThan(0.006);
      expect(rotationAngleBetween(tsaiLenz(consecutive) as Float64Array, r.x)).toBeGreaterThan(0.06);
    }
  });

  it('holds for X and Y together: a point carried round the loop', () => {
    const r = handEyeRecording(new Random(seed), { count: 40, ...noise });
    const { edge, otherEdge } = calibrateHandEye(hand, eye, r.baseFromHand, r.eyeFromTarget, { holdOut: 0 });
    const there = compose(
      compose(transform(base, hand, r.baseFromHand.poses[0]?.matrix as Float64Array), edge),
      transform(eye, target, r.eyeFromTarget.poses[0]?.matrix as Float64Array),
    );
    expect(rotationAngleBetween(there.matrix, otherEdge.matrix)).toBeLessThan(0.01);
  });
});

/** ξᵀ C⁻¹ ξ of the error of an edge. */
function mahalanobis(edge: Transform<'hand', 'eye'>, truth: Float64Array): number {
  const m = compose(transform(hand, eye, truth), transform(eye, hand, inverse(edge.matrix))).matrix;
  // T_true = Exp(ξ) T.
  const xi = [
    m[12],
    m[13],
    m[14],
    ((m[6] as number) - (m[9] as number)) / 2,
    ((m[8] as number) - (m[2] as number)) / 2,
    ((m[1] as number) - (m[4] as number)) / 2,
  ] as number[];
  const c = invertSymmetric(edge.covariance as ArrayLike<number>, 6);
  let sum = 0;
  for (let i = 0; i < 6; i += 1)
    for (let j = 0; j < 6; j += 1) sum += (xi[i] as number) * (c[6 * i + j] as number) * (xi[j] as number);
  return sum;
}

function inverse(m: ArrayLike<number>): Float64Array {
  const out = Float64Array.from(m);
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j < 3; j += 1) out[4 * j + i] = m[4 * i + j] as number;
    out[12 + i] = -[0, 1, 2].reduce((s, k) => s + (m[4 * i + k] as number) * (m[12 + k] as number), 0);
  }
  return out;
}
