import { describe, expect, inject, it } from 'vitest';
import { type LinkOptions, POOR_LINK } from './link.js';
import { quantile, simulate } from './simulation.js';

const poor = (more: number): LinkOptions => ({ ...POOR_LINK, seed: inject('seed') + more });

describe('a live session over 100 ms, 1 % loss and 64 kbit/s', () => {
  it('shows the operator within 150 ms at the median and 500 at the 99th percentile, below 64 kbit/s, and never a wrong state', () => {
    const seconds = 16 * inject('effort');
    const [one] = simulate({ seed: inject('seed'), ms: 1000 * seconds, observers: [{ link: poor(1) }] });
    expect(one?.wrong).toEqual([]);
    expect(one?.diverged).toBe(0);
    expect(one?.packetsLost).toBeGreaterThan(0);
    expect(one?.delays.length).toBeGreaterThan(20 * seconds);
    for (const [what, list] of Object.entries({ message: one?.delays, change: one?.changeDelays, age: one?.ages })) {
      expect(quantile(list ?? [], 0.5), what).toBeLessThanOrEqual(150);
      // There are a few dozen changes: their last hundredth is one of them, which the benchmark has enough of.
      expect(quantile(list ?? [], what === 'change' ? 0.95 : 0.99), what).toBeLessThanOrEqual(500);
    }
    expect((one?.downBitsPerSecond ?? 0) + (one?.upBitsPerSecond ?? 0)).toBeLessThan(64_000);
    expect(one?.liveTooLong).toBe(0);
    expect(one?.worstAgeClaim).toBeLessThanOrEqual(2);
  });

  it('is joined late, survives cuts and a restart of the operator, and is stale in between', () => {
    const plan = {
      link: poor(2),
      joinsAt: 5000,
      cuts: [
        [8000, 9500],
        [13_000, 20_000],
      ] as const,
    };
    const [late] = simulate({ seed: inject('seed') + 3, ms: 28_000, observers: [plan], restarts: [24_000] });
    expect(late?.wrong).toEqual([]);
    expect(late?.liveTooLong).toBe(0);
    expect(late?.worstAgeClaim).toBeLessThanOrEqual(2);
    // At first, and after each cut.
    expect(late?.joins).toHaveLength(3);
    expect(late?.joins[0]).toBeLessThan(1500);
    expect(Math.max(...(late?.joins ?? [Number.NaN]))).toBeLessThan(5000);
    expect(late?.connections).toBeGreaterThanOrEqual(2);
  });

  it('damaged messages show nothing wrong, and are mended', () => {
    const [one] = simulate({ seed: inject('seed') + 4, ms: 12_000, observers: [{ link: poor(5) }], damage: 0.03 });
    expect(one?.diverged).toBeGreaterThan(3);
    expect(one?.wrong).toEqual([]);
    expect(one?.delays.length).toBeGreaterThan(50);
  });

  it('half of the bandwidth is kept to by leaving motion out: changes all come, and the age stays below what is live', () => {
    const [one] = simulate({
      seed: inject('seed') + 6,
      ms: 15_000,
      observers: [{ link: { ...poor(7), bitsPerSecond: 32_000, loss: 0 } }],
    });
    expect(one?.wrong).toEqual([]);
    expect(quantile(one?.ages.slice(600) ?? [], 0.9)).toBeLessThan(1000);
    expect(one?.changeDelays.length).toBeGreaterThan(20);
  });
});
