import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../math/index.js';
import { RoundTrip } from './index.js';

describe('RoundTrip', () => {
  it('is never further off than it says, whatever the delays of the two ways', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), fc.double({ min: -1e7, max: 1e7, noNaN: true }), (seed, offset) => {
        const random = new Random(seed);
        const trip = new RoundTrip({ window: 16, resolutionMs: 0 });
        for (let i = 0; i < 60; i += 1) {
          const t1 = i * 200;
          const there = random.between(0.01, 30) ** random.between(0.2, 1);
          const back = random.between(0.01, 30) ** random.between(0.2, 1);
          const t2 = t1 + there + offset;
          const t3 = t2 + random.between(0, 5);
          trip.push([t1, t2, t3, t3 - offset + back]);
          expect(Math.abs(trip.offsetMs - offset)).toBeLessThanOrEqual(trip.boundMs + 1e-6);
        }
        expect(trip.size).toBe(16);
      }),
    );
  });

  it('keeps its promise while the clocks drift by as much as it allows for', () => {
    const random = new Random(5);
    const trip = new RoundTrip({ driftPpm: 100, resolutionMs: 0 });
    const remote = (t: number): number => 1000 + t * (1 + 90e-6);
    for (let t = 0; t < 600_000; t += 1000) {
      const there = random.between(0.1, 4);
      const back = random.between(0.1, 4);
      trip.push([t, remote(t + there), remote(t + there), t + there + back]);
      const truth = remote(t + there + back) - (t + there + back);
      expect(Math.abs(trip.offsetMs - truth)).toBeLessThanOrEqual(trip.boundMs + 1e-9);
    }
    expect(trip.boundMs).toBeLessThan(3);
  });

  it('uses the quickest echo, and lets it go when it is old', () => {
    const trip = new RoundTrip({ window: 3, driftPpm: 0, resolutionMs: 0 });
    trip.push([0, 100.5, 100.5, 1]);
    expect(trip.offsetMs).toBe(100);
    expect(trip.boundMs).toBe(0.5);
    for (const t of [10, 20]) trip.push([t, t + 109, t + 109, t + 10]);
    expect(trip.offsetMs).toBe(100);
    trip.push([30, 139, 139, 40]);
    expect(trip.offsetMs).toBe(104);
    expect(trip.boundMs).toBe(5);
    trip.reset();
    expect(trip.offsetMs).toBeNaN();
  });

  it.each([
    ['answered before it was asked', [10, 5, 5, 9]],
    ['of a remote clock that went back', [0, 10, 8, 5]],
    ['with a held time longer than the trip', [0, 10, 20, 5]],
    ['that is no number', [0, Number.NaN, 1, 2]],
  ])('does not use an echo %s', (_, stamps) => {
    const trip = new RoundTrip();
    expect(trip.push(stamps)).toBe(false);
    expect(trip.size).toBe(0);
  });

  it('allows for the steps of a coarse clock', () => {
    const trip = new RoundTrip({ resolutionMs: 0.1 });
    expect(trip.push([1, 51, 51.1, 1])).toBe(true);
    expect(trip.boundMs).toBeCloseTo(0.1, 12);
    expect(() => new RoundTrip({ window: 0 })).toThrowError(/window/);
  });
});
