import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { Random } from '../math/index.js';
import { RoundTrip } from './index.js';

/** A link between two clocks: the ways differ, spike, and the clocks drift. Times in ms. */
interface Link {
  readonly there: (random: Random) => number;
  readonly back: (random: Random) => number;
  readonly remote: (local: number) => number;
}

const delay =
  (least: number, jitter: number, spikes: number) =>
  (random: Random): number =>
    least - jitter * Math.log(1 - random.uniform()) + (random.uniform() < spikes ? random.between(20, 200) : 0);

/** Loopback to a bad radio link: 0.05 to 5 ms one way, up to three times that the other, jitter up to as much as the delay. */
function anyLink(random: Random): Link {
  const there = 10 ** random.between(-1.3, 0.7);
  const back = there * 10 ** random.between(-0.5, 0.5);
  const spikes = random.uniform() < 0.5 ? 0.02 : 0;
  const offset = random.between(-1e7, 1e7);
  const rate = 1 + random.between(-100, 100) * 1e-6;
  return {
    there: delay(there, there * random.between(0.02, 1), spikes),
    back: delay(back, back * random.between(0.02, 1), spikes),
    remote: (t) => offset + t * rate,
  };
}

/** A browser's clock outside an isolated page. */
const coarse = (ms: number): number => Math.floor(ms * 10) / 10;

/** One echo from `t` on; the local time at which it is back. */
function echo(trip: RoundTrip, link: Link, random: Random, t: number): { back: number; took: number } {
  const there = link.there(random);
  const took = there + link.back(random) + 0.02;
  expect(trip.push([coarse(t), link.remote(t + there), link.remote(t + there + 0.02), coarse(t + took)])).toBe(true);
  return { back: t + took, took: took - 0.02 };
}

describe('RoundTrip', () => {
  it('keeps its bound on 99 of 100 asymmetric links from the first echo on, and between echoes, within half the least round trip + 0.5 ms', () => {
    const links = 60 * inject('effort');
    let kept = 0;
    let moments = 0;
    let wide = 0;
    for (let n = 0; n < links; n += 1) {
      const random = new Random(n + 1);
      const link = anyLink(random);
      const trip = new RoundTrip();
      let broken = false;
      let least = Number.POSITIVE_INFINITY;
      let t = 1000;
      for (let i = 0; i < 300; i += 1) {
        const { back, took } = echo(trip, link, random, t);
        least = Math.min(least, took);
        // As the client asks: five at once, then every second, sooner while the bound is not tight.
        t = back + (i < 5 ? 0 : trip.isTight ? 1000 : 100);
        for (let at = back; at <= t; at += Math.max(1, (t - back) / 4)) {
          moments += 1;
          if (Math.abs(trip.offsetAt(at) - (link.remote(at) - at)) > trip.boundAt(at) + 1e-6) broken = true;
          if (trip.boundAt(at) > least / 2 + 0.5) wide += 1;
        }
      }
      if (!broken) kept += 1;
      expect(trip.restarts).toBe(0);
    }
    expect(kept / links).toBeGreaterThanOrEqual(0.99);
    expect(wide / moments).toBeLessThan(0.001);
  });

  it('finds offset and skew, and carries remote times over', () => {
    const random = new Random(5);
    const rate = 1 + 80e-6;
    const link: Link = { there: delay(0.3, 0.2, 0.02), back: delay(1.2, 0.5, 0.02), remote: (t) => 1e6 + t * rate };
    const trip = new RoundTrip();
    let t = 0;
    for (let i = 0; i < 600; i += 1) t = echo(trip, link, random, t).back + 1000;
    expect(Math.abs(trip.skewPpm - 80)).toBeLessThan(3);
    expect(Math.abs(trip.skewPpm - 80)).toBeLessThanOrEqual(trip.skewBoundPpm);
    for (const local of [t - 500, t, t + 60_000]) {
      const cell = Float64Array.of(link.remote(local));
      trip.toLocal(cell);
      expect(Math.abs((cell[0] as number) - local)).toBeLessThanOrEqual(trip.boundAt(local));
      expect(cell[0]).toBeCloseTo(link.remote(local) - trip.offsetAt(local), 3);
    }
  });

  it('grows its bound with the time since the last echo, by what is not known of the skew', () => {
    const trip = new RoundTrip({ driftPpm: 100, wanderPpm: 2, resolutionMs: 0 });
    trip.push([0, 1000.5, 1000.5, 1]);
    expect(trip.boundMs).toBeCloseTo(0.5, 3);
    expect(trip.skewBoundPpm).toBeCloseTo(100, 9);
    expect(trip.boundAt(10_001) - trip.boundMs).toBeCloseTo(1.02, 9);
    expect(trip.boundAt(-9_999) - trip.boundMs).toBeCloseTo(1.02, 9);
  });

  it('is never further off than it says, whatever the delays of the two ways', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), fc.double({ min: -1e7, max: 1e7, noNaN: true }), (seed, offset) => {
        const random = new Random(seed);
        // Below the number of echoes from which skew is estimated, the bound is no matter of probability.
        const trip = new RoundTrip({ window: 15, resolutionMs: 0 });
        for (let i = 0; i < 60; i += 1) {
          const t1 = i * 200;
          const there = random.between(0.01, 30) ** random.between(0.2, 1);
          const back = random.between(0.01, 30) ** random.between(0.2, 1);
          const t2 = t1 + there + offset;
          const t3 = t2 + random.between(0, 5);
          trip.push([t1, t2, t3, t3 - offset + back]);
          expect(Math.abs(trip.offsetMs - offset)).toBeLessThanOrEqual(trip.boundMs + 1e-6);
        }
        expect(trip.size).toBeLessThanOrEqual(15);
        expect(trip.restarts).toBe(0);
      }),
    );
  });

  it('loosens a limit by the wander: a skew that changes slowly breaks no promise and is no step', () => {
    const random = new Random(8);
    const fine = { resolutionMs: 0.001 };
    const trips = [new RoundTrip(fine), new RoundTrip({ ...fine, wanderPpm: 0 })] as const;
    // From 40 to 46 ppm in 20 minutes, as of a machine that warms up.
    const remote = (t: number): number => 500 + t * (1 + 40e-6) + (t * t * 6e-6) / (2 * 1_200_000);
    for (let t = 0; t < 1_200_000; t += 1000) {
      const there = t + random.between(0.05, 0.07);
      const back = there + random.between(0.05, 0.07);
      for (const trip of trips) trip.push([t, remote(there), remote(there), back]);
      const [trip] = trips;
      expect(Math.abs(trip.offsetAt(t + 500) - (remote(t + 500) - t - 500))).toBeLessThanOrEqual(trip.boundAt(t + 500));
    }
    expect(trips[0].restarts).toBe(0);
    expect(trips[0].boundMs).toBeLessThan(0.07);
    expect(trips[1].restarts).toBeGreaterThan(0);
  });

  it('learns the skew of a slow and restless link from its quickest echoes, and how well', () => {
    for (let seed = 1; seed <= 10 * inject('effort'); seed += 1) {
      const random = new Random(seed);
      const ppm = random.between(-90, 90);
      const link: Link = { there: delay(20, 5, 0.02), back: delay(10, 5, 0.02), remote: (t) => 1e5 + t * (1 + ppm * 1e-6) };
      const trip = new RoundTrip();
      let t = 0;
      for (let i = 0; i < 300; i += 1) t = echo(trip, link, random, t).back + 500;
      // The limits alone, 30 ms apart over two and a half minutes, leave 100 ppm.
      expect(trip.skewBoundPpm).toBeLessThan(40);
      expect(Math.abs(trip.skewPpm - ppm)).toBeLessThanOrEqual(trip.skewBoundPpm);
    }
  });

  it.each([
    ['forward', 40],
    ['forward by an hour, while the host slept', 3_600_000],
    ['back', -40],
  ])('begins anew when the remote clock steps %s, with the echo that shows it', (_, step) => {
    const random = new Random(9);
    const trip = new RoundTrip();
    const stepAt = 100_000;
    const link: Link = {
      there: delay(1, 0.5, 0),
      back: delay(1, 0.5, 0),
      remote: (t) => 7000 + t + (t < stepAt ? 0 : step),
    };
    let t = 0;
    while (t < 2 * stepAt) {
      const { back } = echo(trip, link, random, t);
      expect(Math.abs(trip.offsetAt(back) - (link.remote(back) - back))).toBeLessThanOrEqual(trip.boundAt(back));
      t = back + 1000;
    }
    expect(trip.restarts).toBe(1);
  });

  it('uses the quickest echo of a steady clock, and lets it go when it is beyond the horizon', () => {
    const trip = new RoundTrip({ driftPpm: 0, wanderPpm: 0, resolutionMs: 0, horizonMs: 25 });
    trip.push([0, 100.5, 100.5, 1]);
    expect(trip.offsetMs).toBe(100);
    expect(trip.boundMs).toBe(0.5);
    for (const t of [10, 16]) trip.push([t, t + 109, t + 109, t + 10]);
    expect(trip.offsetMs).toBe(100);
    expect(trip.minRoundTripMs).toBe(1);
    trip.push([30, 139, 139, 40]);
    expect(trip.offsetMs).toBe(104);
    expect(trip.boundMs).toBe(5);
    trip.reset();
    expect(trip.offsetMs).toBeNaN();
    expect(trip.minRoundTripMs).toBeNaN();
    expect(trip.isTight).toBe(false);
  });

  it('keeps the tighter limits when it thins old echoes', () => {
    const trip = new RoundTrip({ window: 8, driftPpm: 0, wanderPpm: 0, resolutionMs: 0 });
    for (let i = 0; i < 40; i += 1) {
      const there = i === 3 ? 1 : 6;
      const back = i === 6 ? 2 : 6;
      trip.push([20 * i, 20 * i + 50 + there, 20 * i + 50 + there, 20 * i + there + back]);
    }
    expect(trip.size).toBeLessThanOrEqual(8);
    expect([trip.offsetMs, trip.boundMs]).toEqual([49.5, 1.5]);
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
    expect(() => new RoundTrip({ horizonMs: 0 })).toThrowError(/horizonMs/);
  });
});
