import { describe, expect, it } from 'vitest';
import { systemClock } from './clock.js';

describe('the system clock', () => {
  it('never runs backwards, counts milliseconds, and adds up', async () => {
    const clock = systemClock();
    const start = clock.now();
    let last = start;
    for (let i = 0; i < 10_000; i += 1) {
      const now = clock.now();
      expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
    const waited = clock.now() - start;
    // Milliseconds, not seconds and not microseconds.
    expect(waited).toBeGreaterThan(25);
    expect(waited).toBeLessThan(5_000);
    expect(clock.plus(start, 12.5) - start).toBeCloseTo(12.5, 6);
  });

  it('tells the wall-clock time of a moment', () => {
    const clock = systemClock();
    expect(Math.abs(clock.utc(clock.now()).getTime() - Date.now())).toBeLessThan(1000);
  });
});
