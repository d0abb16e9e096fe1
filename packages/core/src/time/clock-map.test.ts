import { describe, expect, inject, it } from 'vitest';
import { Random } from '../math/index.js';
import { ClockMap, type ClockMapOptions } from './index.js';

/** 60 Hz with a crystal 20 ppm off, counted from 1; and 5 ms of constant delay that no one-way method can see. */
const PERIOD = (1000 / 60) * (1 + 20e-6);
const DELAY = 5;
const START = 12_345;
const trueTime = (count: number): number => START + count * PERIOD;

type Arrival = (random: Random, earliest: number) => number;
const exponential = (random: Random, mean: number): number => -mean * Math.log(1 - random.uniform());
const jitter: Arrival = (random, t) => t + exponential(random, 1);
const spikes: Arrival = (random, t) => jitter(random, t) + (random.uniform() < 0.01 ? random.between(20, 80) : 0);
const normal: Arrival = (random, t) => t + 6 + random.normal();
const polled =
  (everyMs: number): Arrival =>
  (random, t) =>
    Math.ceil((t + exponential(random, 0.3)) / everyMs) * everyMs;

interface Run {
  readonly map: ClockMap;
  readonly sd: number;
  readonly p99: number;
  readonly mean: number;
  readonly withinBound: number;
  readonly methods: Set<string>;
}

/** The research table's simulation: errors of the mapped time about their mean, after warm-up. */
function simulate(arrival: Arrival, seed: number, options: ClockMapOptions = {}): Run {
  const map = new ClockMap(options);
  const random = new Random(seed);
  const pair = new Float64Array(2);
  const cell = new Float64Array(1);
  const errors: number[] = [];
  const bounds: number[] = [];
  const methods = new Set<string>();
  for (let count = 1; count <= 20_000; count += 1) {
    pair[0] = count;
    pair[1] = arrival(random, trueTime(count) + DELAY);
    map.push(pair);
    cell[0] = count;
    map.map(cell);
    if (!((cell[0] as number) <= (pair[1] as number) + 1e-9)) throw new Error(`later than its arrival at ${count}`);
    if (count <= 2000) continue;
    errors.push((cell[0] as number) - trueTime(count));
    bounds.push(map.boundMs);
    methods.add(map.method);
  }
  const mean = errors.reduce((a, b) => a + b, 0) / errors.length;
  const off = errors.map((e) => Math.abs(e - mean));
  const sorted = [...off].sort((a, b) => a - b);
  const sd = Math.sqrt(off.reduce((a, b) => a + b * b, 0) / off.length);
  const p99 = sorted[Math.floor(0.99 * (sorted.length - 1))] as number;
  const withinBound = off.filter((e, i) => e <= (bounds[i] as number)).length / off.length;
  return { map, sd, p99, mean, withinBound, methods };
}

const seeds = Array.from({ length: 4 * inject('effort') }, (_, i) => i + 1);

describe('ClockMap, in the simulations of the research table', () => {
  it.each([
    ['exponential jitter of 1 ms', jitter],
    ['1 % spikes of 20 to 80 ms beside it', spikes],
  ])('keeps to 0.006 ms sd and 0.022 ms p99 behind %s, and to its bound', (_, arrival) => {
    for (const seed of seeds) {
      const run = simulate(arrival, seed);
      expect(run.sd).toBeLessThanOrEqual(0.006);
      expect(run.p99).toBeLessThanOrEqual(0.022);
      expect(Math.abs(run.mean - DELAY)).toBeLessThan(0.01);
      expect(run.methods).toEqual(new Set(['hull']));
      expect(run.withinBound).toBeGreaterThanOrEqual(0.99);
      expect(run.map.boundMs).toBeLessThan(0.1);
      expect([run.map.restarts, run.map.strays]).toEqual([0, 0]);
    }
  });

  it.each([
    ['polled every 4 ms', polled(4), 0.079, 0.3, 1],
    ['polled every 15.6 ms', polled(15.6), 0.079, 0.3, 4],
    ['with normally distributed delays', normal, 0.3, 4, 6],
  ])('filters a device %s, and keeps near the least delay', (_, arrival, sd, bias, bound) => {
    for (const seed of seeds) {
      const run = simulate(arrival, seed);
      expect(run.methods).toEqual(new Set(['kalman']));
      expect(run.sd).toBeLessThanOrEqual(sd);
      expect(run.mean - DELAY).toBeLessThan(bias);
      expect(run.withinBound).toBeGreaterThanOrEqual(0.99);
      expect(run.map.boundMs).toBeLessThan(bound);
      expect([run.map.restarts, run.map.strays]).toEqual([0, 0]);
    }
  });

  it('changes its method once when the delays change, and no time leaps', () => {
    const map = new ClockMap();
    const random = new Random(3);
    const every4 = polled(4);
    let changes = 0;
    let leap = 0;
    let before = { method: map.method, error: Number.NaN };
    for (let count = 1; count <= 30_000; count += 1) {
      const isPolled = count > 10_000 && count <= 20_000;
      const arrival = (isPolled ? every4 : jitter)(random, trueTime(count) + DELAY);
      map.push(Float64Array.of(count, arrival));
      const cell = Float64Array.of(count);
      map.map(cell);
      const now = { method: map.method, error: (cell[0] as number) - trueTime(count) };
      if (now.method !== before.method) changes += 1;
      if (count > 1000 && now.error < arrival - trueTime(count) - 1e-9) leap = Math.max(leap, Math.abs(now.error - before.error));
      before = now;
    }
    expect(changes).toBe(2);
    expect(map.method).toBe('hull');
    // The two kinds of delay differ by a millisecond in the mean.
    expect(leap).toBeLessThan(1.5);
  });

  it.each([
    [15.6, 4],
    [4, 15.6],
  ])('forgets the mean of a poll of %d ms within a minute of one of %d', (before, after) => {
    const map = new ClockMap();
    const random = new Random(5);
    const [first, second] = [polled(before), polled(after)];
    let worst = 0;
    for (let count = 1; count <= 20_000; count += 1) {
      const arrival = (count <= 10_000 ? first : second)(random, trueTime(count) + DELAY);
      map.push(Float64Array.of(count, arrival));
      const cell = Float64Array.of(count);
      map.map(cell);
      if (count > 13_600) worst = Math.max(worst, Math.abs((cell[0] as number) - trueTime(count) - DELAY));
    }
    expect(map.restarts).toBe(0);
    expect(worst).toBeLessThan(1.5);
  });

  it('finds a polled device again that changed its rate by 3000 ppm', () => {
    const map = new ClockMap();
    const random = new Random(5);
    const every4 = polled(4);
    let due = 1000;
    let worst = 0;
    for (let count = 1; count <= 12_000; count += 1) {
      due += count <= 5000 ? PERIOD : PERIOD * 1.003;
      map.push(Float64Array.of(count, every4(random, due)));
      const cell = Float64Array.of(count);
      map.map(cell);
      if (count > 5000 + 2 * 1500) worst = Math.max(worst, Math.abs((cell[0] as number) - due));
    }
    expect(worst).toBeLessThan(1.5);
  });
});

/** A map that has seen `n` counts from `first` on, 10 ms apart, the first at 1000 ms. */
function settled(n: number, first = 1, options: ClockMapOptions = {}): ClockMap {
  const map = new ClockMap(options);
  for (let i = 0; i < n; i += 1) map.push(Float64Array.of(first + i, 1000 + 10 * i));
  return map;
}

function mapped(map: ClockMap, count: number): number {
  const cell = Float64Array.of(count);
  map.map(cell);
  return cell[0] as number;
}

describe('ClockMap', () => {
  it('maps a count to its arrival until it knows better, and states no bound', () => {
    const map = new ClockMap();
    expect(mapped(map, 7)).toBeNaN();
    map.push(Float64Array.of(7, 100));
    expect(mapped(map, 7)).toBe(100);
    expect(map.ready).toBe(false);
    expect(map.periodMs).toBeNaN();
    expect(map.boundMs).toBe(Number.POSITIVE_INFINITY);
    for (let count = 8; count < 40; count += 1) map.push(Float64Array.of(count, 100 + 10 * (count - 7)));
    expect(map.periodMs).toBeCloseTo(10, 9);
    expect(map.boundMs).toBeLessThan(0.01);
  });

  it('is less sure of a count after a long gap', () => {
    const map = new ClockMap();
    const random = new Random(1);
    const push = (count: number): void => map.push(Float64Array.of(count, jitter(random, 10 * count)));
    for (let count = 1; count <= 2000; count += 1) push(count);
    const before = map.boundMs;
    push(20_000);
    expect(map.boundMs).toBeGreaterThan(5 * before);
    expect(Math.abs(mapped(map, 20_000) - 200_000)).toBeLessThan(map.boundMs);
    expect(map.restarts).toBe(0);
  });

  it.each([
    ['32-bit counter', {}, 2 ** 32, 1],
    ['16-bit counter', { wrap: 65_536 }, 65_536, 1],
    ['8-bit counter', { wrap: 256 }, 256, 1],
    ['clock that tells the seconds of the day', { wrap: 86_400, unitMs: 1000 }, 86_400, 0.01],
  ])('follows the wrap of a %s, also for a count from before it', (_, options, wrap, step) => {
    const map = new ClockMap(options);
    const raw = (i: number): number => (((i * step) % wrap) + wrap) % wrap;
    for (let i = -600; i < 600; i += 1) {
      map.push(Float64Array.of(raw(i), 10_000 + 10 * i));
      expect(mapped(map, raw(i))).toBeCloseTo(10_000 + 10 * i, 5);
      if (i > -570) expect(mapped(map, raw(i - 1))).toBeCloseTo(10_000 + 10 * (i - 1), 5);
    }
    expect([map.restarts, map.strays]).toEqual([0, 0]);
  });

  it('goes on after a gap in the counts', () => {
    const map = settled(200);
    map.push(Float64Array.of(700, 1000 + 10 * 699));
    expect(mapped(map, 700)).toBeCloseTo(7990, 6);
    expect([map.restarts, map.strays]).toEqual([0, 0]);
  });

  it('knows time stamps of a known unit from the first on', () => {
    const map = new ClockMap({ unitMs: 1000, wrap: Number.POSITIVE_INFINITY });
    const utc = 1_790_000_000;
    map.push(Float64Array.of(utc, 530));
    map.push(Float64Array.of(utc + 0.02, 520));
    expect(mapped(map, utc + 0.02)).toBeCloseTo(520, 3);
    expect(mapped(map, utc)).toBeCloseTo(500, 3);
    map.push(Float64Array.of(utc + 0.04, 570));
    expect(mapped(map, utc + 0.04)).toBeCloseTo(540, 3);
  });

  it('does not believe a unit that the arrivals contradict', () => {
    const map = new ClockMap({ unitMs: 1000 });
    for (let i = 0; i < 60; i += 1) map.push(Float64Array.of(1e6 + 20 * i, 500 + 20 * i));
    expect(map.periodMs).toBeCloseTo(1, 6);
  });

  it('takes packets that were overtaken for what they are', () => {
    const random = new Random(4);
    const map = new ClockMap({ unitMs: 1, wrap: Number.POSITIVE_INFINITY });
    for (let i = 0; i < 2000; i += 1) {
      // Eight tools with stamps of their own in one frame, in any order.
      for (let tool = 0; tool < 8; tool += 1) {
        const stamp = 1e12 + 20 * i + random.below(15);
        map.push(Float64Array.of(stamp, 20 * i + 20 + tool * 0.01));
        if (i > 100) expect(Math.abs(mapped(map, stamp) - (stamp - 1e12) - 6)).toBeLessThan(0.5);
      }
    }
    expect([map.restarts, map.strays]).toEqual([0, 0]);
  });

  it.each([
    ['goes back', 5],
    ['jumps ahead', 100_000],
  ])('begins anew at a counter that %s, at the third packet, and meanwhile maps to the arrival', (_, count) => {
    const map = settled(100, 11);
    for (let i = 0; i < 3; i += 1) {
      map.push(Float64Array.of(count + i, 2010 + 10 * i));
      expect(mapped(map, count + i)).toBe(2010 + 10 * i);
      expect(map.restarts).toBe(i < 2 ? 0 : 1);
    }
    expect(map.strays).toBe(3);
    expect(map.size).toBe(1);
  });

  it('begins anew at a counter that goes back within the first packets', () => {
    const map = settled(8, 100);
    for (let i = 1; i <= 30; i += 1) map.push(Float64Array.of(i, 1100 + 10 * i));
    expect(map.restarts).toBe(1);
    expect(map.periodMs).toBeCloseTo(10, 9);
  });

  it.each([
    ['from the future', 3600],
    ['of zero', Number.NaN],
    ['from the past', -3600],
  ])('leaves a single wild stamp %s out, and maps it to its arrival', (_, offset) => {
    const utc = 1_790_000_000;
    const map = new ClockMap({ unitMs: 1000, wrap: Number.POSITIVE_INFINITY });
    for (let i = 0; i < 500; i += 1) {
      const wild = i % 100 === 50;
      const stamp = wild ? (Number.isNaN(offset) ? 0 : utc + offset) : utc + i / 50;
      map.push(Float64Array.of(stamp, 1000 + 20 * i));
      expect(mapped(map, stamp)).toBeCloseTo(1000 + 20 * i, 3);
    }
    expect([map.restarts, map.strays]).toEqual([0, 5]);
  });

  it.each([
    ['forward by an hour', 3600],
    ['forward by 50 ms', 0.05],
    ['back by an hour', -3600],
    ['back by 300 ms', -0.3],
    ['back by 50 ms', -0.05],
  ])('begins anew, once, when the UTC of a device steps %s', (_, step) => {
    const random = new Random(6);
    const utc = 1_790_000_000;
    const map = new ClockMap({ unitMs: 1000, wrap: Number.POSITIVE_INFINITY });
    let late = 0;
    for (let i = 0; i < 6000; i += 1) {
      const stamp = utc + i / 60 + (i < 3000 ? 0 : step);
      const due = 5 + (i * 1000) / 60;
      map.push(Float64Array.of(stamp, jitter(random, due)));
      const error = mapped(map, stamp) - due;
      // Never younger than the packet, and right again within the window.
      expect(error).toBeLessThan(8);
      if (i > 3000 + 1600) late = Math.max(late, Math.abs(error));
    }
    expect(map.restarts).toBe(1);
    expect(late).toBeLessThan(0.2);
  });

  it.each([8, -8])('follows a UTC that steps by %d ms within a window, never younger than its packet', (step) => {
    const map = new ClockMap({ unitMs: 1, wrap: Number.POSITIVE_INFINITY });
    const random = new Random(7);
    for (let i = 0; i < 6000; i += 1) {
      const due = 5 + (i * 1000) / 60;
      const stamp = 1.79e12 + (i * 1000) / 60 + (i < 3000 ? 0 : step);
      const arrival = jitter(random, due);
      map.push(Float64Array.of(stamp, arrival));
      const at = mapped(map, stamp);
      expect(at).toBeLessThanOrEqual(arrival);
      expect(at).toBeGreaterThan(due - 17);
      if (i > 3000 + 1600) expect(Math.abs(at - due)).toBeLessThan(0.2);
    }
    expect(map.restarts).toBe(0);
  });

  it('begins anew when the host slept and its clock with it', () => {
    const map = settled(500);
    // An hour of frames passed on the device, none on the host.
    for (let i = 0; i < 30; i += 1) map.push(Float64Array.of(360_500 + i, 6010 + 10 * i));
    expect(map.restarts).toBe(1);
    expect(mapped(map, 360_529)).toBeCloseTo(6300, 6);
  });

  it('takes one stall of the host for a stall, and a counter that stood still for a new beginning', () => {
    const map = new ClockMap();
    for (let i = 1; i <= 100; i += 1) map.push(Float64Array.of(i, 10 * i));
    map.push(Float64Array.of(101, 3010));
    expect(mapped(map, 101)).toBeCloseTo(1010, 6);
    for (let i = 102; i <= 140; i += 1) map.push(Float64Array.of(i, 10 * i + 2000));
    expect(map.restarts).toBe(1);
    expect(mapped(map, 140)).toBeCloseTo(3400, 6);
  });

  it('learns nothing from a repeated count or from what is no number', () => {
    const map = new ClockMap();
    map.push(Float64Array.of(1, 10));
    map.push(Float64Array.of(1, 999));
    map.push(Float64Array.of(Number.NaN, 20));
    map.push(Float64Array.of(2, Number.NaN));
    expect(map.size).toBe(1);
    map.reset();
    expect([map.size, map.restarts]).toEqual([0, 0]);
  });

  it.each([
    [{ window: 8 }, /at least 32/],
    [{ wrap: 0 }, /wrap > 0/],
    [{ unitMs: -1 }, /unitMs > 0/],
    [{ unitMs: Number.NaN }, /unitMs > 0/],
  ])('refuses %o', (options, message) => {
    expect(() => new ClockMap(options)).toThrowError(message);
  });
});
