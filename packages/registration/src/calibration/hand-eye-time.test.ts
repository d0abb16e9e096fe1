import { apply, isNavError, type NavErrorCode, point, transform } from '@trocar/core';
import { fromQuaternion, fromRotationVector, invertRigid, multiply4, Random, rotationAngleBetween } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { base, eye, hand, handEyeRecording, noisy, target } from '../testing/hand-eye.js';
import { lastingNoise, posed } from '../testing/poses.js';
import { calibrateHandEye } from './hand-eye.js';
import { estimateTimeOffset, pairInTime } from './hand-eye-time.js';
import type { CalibrationPose, PoseList } from './poses.js';

const seed = inject('seed');

function codeOf(run: () => unknown): NavErrorCode | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (isNavError(error)) return error.code;
    throw error;
  }
}

/** A hand that waves smoothly, with its pose at any time (ms), and what a camera in it sees of a target. */
function waving(random: Random): { handAt: (t: number) => Float64Array; seenAt: (t: number) => Float64Array; x: Float64Array } {
  const { x, y } = handEyeRecording(random, { count: 1 });
  const waves = Array.from({ length: 6 }, (_, i) => ({
    size: i < 3 ? 0.5 : 120,
    rate: random.between(0.25, 0.6),
    phase: random.between(0, 6),
  }));
  const handAt = (t: number): Float64Array => {
    const v = waves.map(({ size, rate, phase }) => size * Math.sin((2 * Math.PI * rate * t) / 1000 + phase));
    return posed(fromRotationVector(new Float64Array(16), v.slice(0, 3)), v.slice(3));
  };
  const seenAt = (t: number): Float64Array => {
    const m = multiply4(new Float64Array(16), handAt(t), x);
    return multiply4(m, invertRigid(m, m), y);
  };
  return { handAt, seenAt, x };
}

/** The hand at 100 Hz and the target at 25 Hz, whose times are late by `lagMs`. */
function recording(
  lagMs: number,
  sd: readonly [number, number] = [0.3, 0.002],
): { hands: PoseList<'base', 'hand'>; seen: PoseList<'eye', 'target'>; x: Float64Array } {
  const random = new Random(seed);
  const { handAt, seenAt, x } = waving(random);
  const hands = Array.from({ length: 1000 }, (_, k): CalibrationPose => ({ timeMs: 10 * k, matrix: handAt(10 * k) }));
  const seen = Array.from(
    { length: 250 },
    (_, k): CalibrationPose => ({ timeMs: 40 * k + lagMs, matrix: noisy(random, seenAt(40 * k), sd) }),
  );
  return { hands: { to: base, from: hand, poses: hands }, seen: { to: eye, from: target, poses: seen }, x };
}

const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...[12, 13, 14].map((i) => (a[i] as number) - (b[i] as number)));

describe('two recordings', () => {
  it.each([-180, 0, 37, 420])('%i ms apart are brought together, and calibrated as if they had never been', (lagMs) => {
    const { hands, seen, x } = recording(lagMs);
    const lag = estimateTimeOffset(hands, seen);
    expect(Math.abs(lag.offsetMs + lagMs)).toBeLessThan(6);
    expect(lag.correlation).toBeGreaterThan(0.95);
    const first = pairInTime(hands, seen, { offsetMs: lag.offsetMs });
    const rough = calibrateHandEye(hand, eye, first.first, first.second, { holdOut: 0 });
    const offsetMs = lag.offsetMs + (rough.timeOffsetMs?.value ?? Number.NaN);
    expect(Math.abs(offsetMs + lagMs)).toBeLessThan(0.6);
    const { first: a, second: b } = pairInTime(hands, seen, { offsetMs });
    const result = calibrateHandEye(hand, eye, a, b, { holdOut: 0 });
    expect(result.findings).toEqual([]);
    expect(apart(result.edge.matrix, x)).toBeLessThan(0.6);
    expect(rotationAngleBetween(result.edge.matrix, x)).toBeLessThan(0.001);
  });

  it('with a lag left in them are found out, with its size and its sense', () => {
    const { hands, seen } = recording(30);
    const { first, second } = pairInTime(hands, seen);
    const result = calibrateHandEye(hand, eye, first, second, { holdOut: 0 });
    expect(result.findings.map((f) => f.code)).toContain('time-offset');
    expect(result.outcome).toBe('failed');
    expect(Math.abs((result.timeOffsetMs?.value ?? 0) + 30)).toBeLessThan(4);
  });

  it('of another length scale are found out', () => {
    const { hands, seen } = recording(0, [0.05, 0.0005]);
    const longer = seen.poses.map((p) => ({ ...p, matrix: Array.from(p.matrix, (v, i) => (i >= 12 && i < 15 ? v * 1.02 : v)) }));
    const { first, second } = pairInTime(hands, { ...seen, poses: longer });
    const result = calibrateHandEye(hand, eye, first, second, { holdOut: 0 });
    expect(result.findings.map((f) => f.code)).toContain('length-factor');
    expect(result.lengthFactor?.value).toBeCloseTo(1 / 1.02, 2);
  });

  it('are read between their poses along the shorter arc, whatever the sign of a quaternion, and not across gaps', () => {
    const poses = [0, 40, 400].map((timeMs, k) => ({
      timeMs,
      matrix: fromQuaternion(new Float64Array(16), [0, 0, Math.sin(0.1 * k), Math.cos(0.1 * k)], [10 * k, 0, 0]),
    }));
    const list = { to: base, from: hand, poses };
    const asked = {
      to: eye,
      from: target,
      poses: [-5, 20, 40, 200].map((timeMs) => ({ timeMs, matrix: poses[0]?.matrix ?? [] })),
    };
    const { first, unpaired } = pairInTime(list, asked);
    expect(unpaired).toBe(2);
    expect(first.poses.map((p) => p.matrix[12])).toEqual([5, 10]);
    expect(
      rotationAngleBetween(first.poses[0]?.matrix ?? [], fromRotationVector(new Float64Array(16), [0, 0, 0.1])),
    ).toBeLessThan(1e-12);
  });

  it('that cannot be paired are refused', () => {
    const { hands, seen } = recording(0);
    const untimed = { ...hands, poses: hands.poses.map(({ matrix }) => ({ matrix })) };
    const later = { ...hands, poses: hands.poses.map((p) => ({ ...p, timeMs: (p.timeMs ?? 0) + 1e6 })) };
    const still = { ...hands, poses: hands.poses.map((p) => ({ ...p, matrix: hands.poses[0]?.matrix ?? [] })) };
    expect(codeOf(() => pairInTime(untimed, seen))).toBe('calibration/unpaired');
    expect(codeOf(() => pairInTime({ ...hands, poses: [...hands.poses].reverse() }, seen))).toBe('calibration/unpaired');
    expect(codeOf(() => pairInTime(later, seen))).toBe('calibration/unpaired');
    expect(codeOf(() => estimateTimeOffset(later, seen))).toBe('calibration/unpaired');
    expect(codeOf(() => estimateTimeOffset(still, seen))).toBe('calibration/unpaired');
  });
});

describe('errors that last from pose to pose', () => {
  it('are noticed, and the bound covers them', () => {
    const far = point(eye, [100, -200, 700]);
    let [seen, said, inside] = [0, 0, 0];
    const runs = 8;
    for (let k = 0; k < runs; k += 1) {
      const random = new Random(50 * seed + k);
      const { handAt, seenAt, x } = waving(random);
      const noise = lastingNoise(random, 0.9);
      const count = 240;
      const hands = Array.from({ length: count }, (_, i) => ({ timeMs: 40 * i, matrix: handAt(40 * i) }));
      const poses = hands.map(({ timeMs }) => {
        const n = noise();
        const small = posed(
          fromRotationVector(
            new Float64Array(16),
            Array.from(n.subarray(3), (v) => 0.003 * v),
          ),
          Array.from(n.subarray(0, 3), (v) => 0.5 * v),
        );
        return { timeMs, matrix: multiply4(new Float64Array(16), seenAt(timeMs), small) };
      });
      const result = calibrateHandEye(
        hand,
        eye,
        { to: base, from: hand, poses: hands },
        { to: eye, from: target, poses },
        { holdOut: 0 },
      );
      expect(result.errors).toBe('lasting');
      expect(result.effectivePoses).toBeLessThan(60);
      const [p, q] = [apply(result.edge, far), apply(transform(hand, eye, x), far)];
      const error = Math.hypot(...[0, 1, 2].map((i) => (p.xyz[i] as number) - (q.xyz[i] as number)));
      const tre = result.expectedTre(p);
      seen += error * error;
      said += tre.rmsMm ** 2;
      if (error <= tre.p95Mm) inside += 1;
    }
    expect(Math.sqrt(said / seen)).toBeGreaterThan(0.6);
    expect(Math.sqrt(said / seen)).toBeLessThan(1.9);
    expect(inside).toBeGreaterThanOrEqual(runs - 2);
  });
});
