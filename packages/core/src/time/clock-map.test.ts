import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../math/index.js';
import { ClockMap } from './index.js';

/** 60 Hz with a crystal 20 ppm off, counted from 1; and 5 ms of constant delay that no one-way method can see. */
const PERIOD = (1000 / 60) * (1 + 20e-6);
const DELAY = 5;
const START = 12_345;
const trueTime = (count: number): number => START + count * PERIOD;

/** Errors of the map against truth plus the constant delay, after warm-up. */
function errors(jitter: (random: Random) => number, n = 6000, options = {}): number[] {
  const map = new ClockMap(options);
  const random = new Random(11);
  const pair = new Float64Array(2);
  const cell = new Float64Array(1);
  const out: number[] = [];
  for (let count = 1; count <= n; count += 1) {
    pair[0] = count;
    pair[1] = trueTime(count) + DELAY + jitter(random);
    map.push(pair);
    cell[0] = count;
    map.map(cell);
    expect(cell[0]).toBeLessThanOrEqual((pair[1] as number) + 1e-9);
    if (count > 900) out.push((cell[0] as number) - trueTime(count) - DELAY);
  }
  return out;
}

const exponential = (mean: number) => (random: Random) => -mean * Math.log(1 - random.uniform());
const absolutes = (xs: readonly number[]): number[] => xs.map(Math.abs).sort((a, b) => a - b);
const quantile = (xs: readonly number[], q: number): number => absolutes(xs)[Math.floor(q * (xs.length - 1))] as number;

describe('ClockMap', () => {
  it('finds the time behind exponential jitter of 1 ms to 0.1 ms, 99 of 100', () => {
    expect(quantile(errors(exponential(1)), 0.99)).toBeLessThan(0.1);
  });

  it('is not moved by late spikes of 20 to 80 ms', () => {
    const spiky = (random: Random): number => exponential(1)(random) + (random.uniform() < 0.01 ? random.between(20, 80) : 0);
    expect(quantile(errors(spiky), 0.99)).toBeLessThan(0.1);
  });

  it('follows a device that is polled every 4 ms to 1 ms', () => {
    const polled = (random: Random): number => random.between(0, 4) + exponential(0.3)(random);
    expect(quantile(errors(polled), 0.99)).toBeLessThan(1);
  });

  it('equals a slow hull over the same window', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 20, max: 63 }), (seed, n) => {
        const random = new Random(seed);
        const map = new ClockMap({ window: 64 });
        const points: [number, number][] = [];
        let count = 0;
        for (let i = 0; i < n; i += 1) {
          count += 1 + random.below(3);
          const arrival = count * 10 + random.between(0, 30);
          points.push([count, arrival]);
          map.push(Float64Array.of(count, arrival));
        }
        const cell = Float64Array.of(count);
        map.map(cell);
        expect(cell[0]).toBeCloseTo(slowHull(points, count), 6);
      }),
    );
  });

  it('maps a count to its arrival until it knows better', () => {
    const map = new ClockMap();
    const cell = Float64Array.of(7);
    map.map(cell);
    expect(cell[0]).toBeNaN();
    map.push(Float64Array.of(7, 100));
    cell[0] = 7;
    map.map(cell);
    expect(cell[0]).toBe(100);
    expect(map.ready).toBe(false);
    expect(map.periodMs).toBeNaN();
    for (let count = 8; count < 40; count += 1) map.push(Float64Array.of(count, 100 + 10 * (count - 7)));
    expect(map.periodMs).toBeCloseTo(10, 9);
  });

  it('follows the wrap of a 32-bit counter, also for a count from before it', () => {
    const map = new ClockMap();
    const cell = new Float64Array(1);
    const top = 2 ** 32;
    for (let i = -50; i < 50; i += 1) {
      map.push(Float64Array.of((top + i) % top, 1000 + 10 * i));
      cell[0] = (top + i) % top;
      map.map(cell);
      expect(cell[0]).toBeCloseTo(1000 + 10 * i, 6);
      cell[0] = (top + i - 1) % top;
      if (i > -30) {
        map.map(cell);
        expect(cell[0]).toBeCloseTo(1000 + 10 * (i - 1), 6);
      }
    }
    expect(map.restarts).toBe(0);
  });

  it.each([
    ['a counter that goes back', 5, 0],
    ['a counter that jumps ahead', 100_000, 0],
  ])('begins anew at %s', (_, count, extra) => {
    const map = new ClockMap();
    for (let i = 1; i <= 100; i += 1) map.push(Float64Array.of(i + 10, 10 * i));
    map.push(Float64Array.of(count, 1010 + extra));
    expect(map.restarts).toBe(1);
    const cell = Float64Array.of(count);
    map.map(cell);
    expect(cell[0]).toBe(1010 + extra);
  });

  it('takes one stall of the host for a stall, and a counter that stood still for a new beginning', () => {
    const map = new ClockMap();
    const cell = new Float64Array(1);
    for (let i = 1; i <= 100; i += 1) map.push(Float64Array.of(i, 10 * i));
    map.push(Float64Array.of(101, 3010));
    cell[0] = 101;
    map.map(cell);
    expect(cell[0]).toBeCloseTo(1010, 6);
    for (let i = 102; i <= 140; i += 1) map.push(Float64Array.of(i, 10 * i + 2000));
    expect(map.restarts).toBe(1);
    cell[0] = 140;
    map.map(cell);
    expect(cell[0]).toBeCloseTo(3400, 6);
  });

  it('learns nothing from a repeated count or from what is no number', () => {
    const map = new ClockMap();
    map.push(Float64Array.of(1, 10));
    map.push(Float64Array.of(1, 999));
    map.push(Float64Array.of(Number.NaN, 20));
    map.push(Float64Array.of(2, Number.NaN));
    expect(map.size).toBe(1);
    expect(() => new ClockMap({ window: 8 })).toThrowError(/at least 32/);
  });
});

/** The lower hull's edge over the middle, by trying every pair: O(n³). */
function slowHull(points: readonly [number, number][], at: number): number {
  const middle = ((points[0] as [number, number])[0] + (points.at(-1) as [number, number])[0]) / 2;
  for (const a of points) {
    for (const b of points) {
      if (!(a[0] < middle && b[0] >= middle)) continue;
      const slope = (b[1] - a[1]) / (b[0] - a[0]);
      if (points.every((p) => p[1] >= a[1] + slope * (p[0] - a[0]) - 1e-9)) return a[1] + slope * (at - a[0]);
    }
  }
  throw new Error('no supporting line');
}
