import { Random } from '@trocar/core/math';
import { describe, expect, it } from 'vitest';
import { SenderClock } from './sender-clock.js';

const out = new Float64Array(1);
const at = (clock: SenderClock, stamp: number, arrived: number): number => {
  clock.measure(Float64Array.of(stamp), Float64Array.of(arrived), out);
  return out[0] as number;
};
/** A day that no clock here knows of. */
const DAY = 1.2e12;

describe('stamps of a sender', () => {
  it('become host times that are steadier than the arrivals, and never later', () => {
    const random = new Random(1);
    const clock = new SenderClock();
    const errors: number[] = [];
    for (let i = 0; i < 2000; i += 1) {
      const sent = (1000 / 60) * i;
      // 5 ms at least, 1 ms more in the mean, and now and then 50.
      const late = 5 - Math.log(1 - random.uniform()) + (random.uniform() < 0.01 ? 50 : 0);
      // The sender's clock is 20 ppm fast.
      const host = at(clock, DAY + sent * 1.00002, 500 + sent + late);
      expect(host).toBeLessThanOrEqual(500 + sent + late + 0.002);
      if (i >= 1000) errors.push(host - (500 + sent));
    }
    const mean = errors.reduce((sum, e) => sum + e, 0) / errors.length;
    const sd = Math.sqrt(errors.reduce((sum, e) => sum + (e - mean) ** 2, 0) / errors.length);
    expect(mean).toBeCloseTo(5, 0);
    expect(sd).toBeLessThan(0.05);
  });

  it('of none are arrivals, each later than the last, though they come in one packet', () => {
    const clock = new SenderClock();
    const times = [100, 100, 100, 101].map((arrived) => at(clock, Number.NaN, arrived));
    expect(times[0]).toBe(100);
    for (let i = 1; i < 4; i += 1) expect(times[i]).toBeGreaterThan(times[i - 1] as number);
    expect(times[3]).toBe(101);
  });

  it('repeated give the same time again, exactly', () => {
    const clock = new SenderClock();
    for (let i = 0; i < 50; i += 1) at(clock, DAY + 10 * i, 1000 + 10 * i);
    const last = at(clock, DAY + 500, 1500);
    expect([1510, 1520, 1900].map((arrived) => at(clock, DAY + 500, arrived))).toEqual([last, last, last]);
  });

  it('overtaken by another are placed before it', () => {
    const clock = new SenderClock();
    for (let i = 0; i < 50; i += 1) at(clock, DAY + 10 * i, 1000 + 10 * i);
    const second = at(clock, DAY + 510, 1511);
    const first = at(clock, DAY + 500, 1511);
    expect(second - first).toBeCloseTo(10, 3);
  });

  it.each([-3_600_000, 3_600_000])('of a clock that was set by %d ms go on, at arrivals, then steady again', (step) => {
    const clock = new SenderClock();
    let last = 0;
    for (let i = 0; i < 200; i += 1) {
      const host = at(clock, DAY + 10 * i + (i < 100 ? 0 : step), 1000 + 10 * i);
      expect(host).toBeGreaterThan(last);
      expect(Math.abs(host - (1000 + 10 * i))).toBeLessThan(1);
      last = host;
    }
  });

  it('of a new connection may be those of another clock', () => {
    const clock = new SenderClock();
    for (let i = 0; i < 50; i += 1) at(clock, DAY + 10 * i, 1000 + 10 * i);
    clock.restart();
    expect(at(clock, 5, 2000)).toBe(2000);
    expect(at(clock, 15, 2010)).toBeCloseTo(2010, 3);
  });
});
