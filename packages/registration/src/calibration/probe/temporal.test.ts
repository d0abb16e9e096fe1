import { isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { estimateSignalLag, type Signal } from './temporal.js';

/** A hand that moves up and down, never twice alike. */
const motion = (t: number): number => 20 * Math.sin(t / 310) + 9 * Math.sin(t / 173 + 1) + 4 * Math.sin(t / 97 + 2);

/** Video at 30 Hz, tracker at 40 Hz with clocks of their own. */
function signals(random: Random, lagMs: number, gain: number, noise: number): { follower: Signal; leader: Signal } {
  const sample = (periodMs: number, f: (t: number) => number, sd: number): Signal => {
    const timesMs = Array.from({ length: Math.floor(10_000 / periodMs) }, (_, n) => n * periodMs + random.between(-1, 1));
    return { timesMs, values: timesMs.map((t) => f(t) + sd * random.normal()) };
  };
  return {
    follower: sample(1000 / 30, (t) => 300 + gain * motion(t), Math.abs(gain) * noise),
    leader: sample(25, (t) => motion(t - lagMs), noise / 3),
  };
}

describe('the lag of two signals', () => {
  it.each([-210.4, -64.8266, 0, 33.3, 480])(
    '%s ms is found to less than a millisecond, whatever the sign of the gain',
    (lagMs) => {
      for (const gain of [12, -12]) {
        const { follower, leader } = signals(new Random(1), lagMs, gain, 0.3);
        const found = estimateSignalLag(follower, leader);
        expect(found.outcome).toBe('ok');
        expect(Math.abs(found.lagMs - lagMs)).toBeLessThan(1);
        expect(Math.abs(found.gain - gain)).toBeLessThan(0.3);
      }
    },
  );

  it('has an error bar that holds', () => {
    let inside = 0;
    let squares = 0;
    const runs = 40 * inject('effort');
    for (let seed = 1; seed <= runs; seed += 1) {
      const { follower, leader } = signals(new Random(seed), 50, 12, 0.5);
      const { lagMs, sdMs } = estimateSignalLag(follower, leader, { mostLagMs: 200 });
      if (Math.abs(lagMs - 50) < 2 * sdMs) inside += 1;
      squares += ((lagMs - 50) / sdMs) ** 2;
    }
    expect(inside / runs).toBeGreaterThan(0.9);
    expect(Math.sqrt(squares / runs)).toBeGreaterThan(0.5);
    expect(Math.sqrt(squares / runs)).toBeLessThan(1.4);
  });

  it('of a pure oscillation is ambiguous: one period later is as good', () => {
    const timesMs = Array.from({ length: 300 }, (_, n) => 33 * n);
    const random = new Random(4);
    const noisy = (): Signal => ({ timesMs, values: timesMs.map((t) => Math.sin(t / 60) + 0.1 * random.normal()) });
    expect(estimateSignalLag(noisy(), noisy()).outcome).toBe('ambiguous');
  });

  it('of signals of different motions is no lag', () => {
    const { follower } = signals(new Random(1), 0, 1, 0.1);
    const timesMs = follower.timesMs;
    const random = new Random(9);
    const values = Array.from(timesMs, () => random.normal());
    expect(estimateSignalLag(follower, { timesMs, values }).outcome).toBe('failed');
  });

  it('is refused by name', () => {
    const timesMs = Array.from({ length: 40 }, (_, n) => 30 * n);
    const good = { timesMs, values: timesMs.map(motion) };
    const codeOf = (follower: Signal, leader: Signal): string => {
      try {
        estimateSignalLag(follower, leader);
      } catch (error) {
        if (!isNavError(error)) throw error;
        return error.code;
      }
      return 'nothing';
    };
    expect(codeOf({ timesMs: [1, 2], values: [1, 2] }, good)).toBe('calibration/too-few-poses');
    expect(codeOf({ timesMs, values: timesMs.map(() => Number.NaN) }, good)).toBe('calibration/not-finite');
    expect(codeOf({ timesMs: [...timesMs].reverse(), values: good.values }, good)).toBe('calibration/bad-option');
    expect(codeOf({ timesMs, values: timesMs.map(() => 5) }, good)).toBe('calibration/motionless');
    expect(codeOf({ timesMs: timesMs.map((t) => t + 1e6), values: good.values }, good)).toBe('calibration/bad-option');
  });
});
