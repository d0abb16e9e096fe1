import { describe, expect, it } from 'vitest';
import { packed, SenderClock, unpacked } from './frame-bytes.js';

const frames = [1, 2, 3].map((n) => ({
  echoes: Uint8Array.from({ length: 7 * n }, (_, k) => k + n),
  atMs: 1000.25 + n,
  number: n,
}));

describe('pictures on their way to a page', () => {
  it('come as they were sent', () => {
    expect(unpacked(packed(frames, 1010.5))).toEqual({ sentAtMs: 1010.5, frames });
    expect(unpacked(packed([], 3))).toEqual({ sentAtMs: 3, frames: [] });
  });

  it('that were cut short anywhere between two are none', () => {
    const bytes = packed(frames, 1010);
    const whole = new Set([8, 8 + 24 + 7, 8 + 48 + 21, bytes.length]);
    for (let n = 0; n < bytes.length; n += 1) {
      if (!whole.has(n)) expect(unpacked(bytes.subarray(0, n))).toBeUndefined();
    }
  });

  it('of the future are none', () => {
    expect(unpacked(packed(frames, 1002))).toBeUndefined();
  });
});

describe('the clock of who sends pictures', () => {
  it('is known within its bound, which slow answers do not widen', () => {
    const clock = new SenderClock();
    expect(clock.boundMs).toBe(Number.POSITIVE_INFINITY);
    const offset = 4321.5;
    let asked = 0;
    for (const [there, back] of [
      [5, 700],
      [3, 9],
      [400, 2],
      [350, 350],
    ] as const) {
      asked += 1000;
      const before = clock.boundMs;
      clock.heard(asked, asked + there + back, asked + there - offset);
      expect(clock.boundMs).toBeLessThanOrEqual(before);
      expect(Math.abs(clock.offsetMs - offset)).toBeLessThanOrEqual(clock.boundMs);
    }
    // The quickest way there and the quickest way back, of different answers.
    expect(clock.boundMs).toBeCloseTo((3 + 2) / 2, 9);
  });

  it('that jumped leaves no span', () => {
    const clock = new SenderClock();
    clock.heard(0, 10, 1000);
    clock.heard(100, 110, 5000);
    expect(clock.boundMs).toBeLessThan(0);
    clock.forget();
    expect(clock.offsetMs).toBeNaN();
  });
});
