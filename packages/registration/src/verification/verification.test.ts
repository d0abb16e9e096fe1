import { frame, isNavError, point, transform } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { registerPoints } from '../points/register-points.js';
import { headLayout, localised, moved, pointsIn, randomPose } from '../testing/layouts.js';
import { posed, turn } from '../testing/poses.js';
import { averageRunLength, RegistrationWatch } from './registration-watch.js';
import { type CheckLandmark, landmarksNeeded, verifyRegistration } from './verify-registration.js';

const seed = inject('seed');
const effort = inject('effort');
const ct = frame('ct');
const tracker = frame('tracker');
const exact = transform(ct, tracker, posed(turn([1, 2, 3], 0.5), [10, 20, 30]));

/** Landmarks that an exact registration misses by normal errors of this rms length. */
function landmarks(random: Random, n: number, rmsMm: number): CheckLandmark<'ct', 'tracker'>[] {
  const places = headLayout(random, n);
  const sd = [1, 1, 1].map(() => rmsMm / Math.sqrt(3));
  const known = localised(random, moved(exact.matrix, places), sd);
  return places.map((p, k) => ({ known: point(ct, known[k] as Float64Array), measured: point(tracker, p), label: `L${k + 1}` }));
}

describe('the check of a registration at independent landmarks', () => {
  it('accepts what it can show, says what it cannot, and rejects what is wrong', () => {
    const good = verifyRegistration(exact, landmarks(new Random(seed), 10, 0.5), { limitMm: 2 });
    expect(good.accepted).toBe(true);
    expect(good.outcome).toBe('ok');
    expect(good.upperMm).toBeGreaterThan(good.rmsMm);
    expect(good.upper95Mm / good.upperMm).toBeCloseTo(1.614, 3);
    const few = verifyRegistration(exact, landmarks(new Random(seed), 2, 1.4), { limitMm: 2 });
    expect(few.findings.map((f) => f.code)).toEqual(['unproven']);
    expect(few.landmarksNeeded).toBeGreaterThan(2);
    const bad = verifyRegistration(exact, landmarks(new Random(seed), 10, 5), { limitMm: 2 });
    expect(bad.findings.map((f) => f.code)).toEqual(['rejected']);
    expect(bad.landmarksNeeded).toBe(Number.POSITIVE_INFINITY);
  });

  it('accepts an error at the limit one time in twenty, and its bound holds 19 times in 20', () => {
    const random = new Random(seed);
    const trials = 2000 * effort;
    let [accepted, held] = [0, 0];
    for (let trial = 0; trial < trials; trial += 1) {
      const result = verifyRegistration(exact, landmarks(random, 6, 2), { limitMm: 2 });
      if (result.accepted) accepted += 1;
      if (result.upperMm >= 2) held += 1;
    }
    expect(Math.abs(accepted / trials - 0.05)).toBeLessThan(0.02);
    expect(accepted + held).toBe(trials);
  });

  it('knows how many landmarks a claim takes', () => {
    const needed = landmarksNeeded(1, 1.5);
    expect(landmarksNeeded(1, 1.2)).toBeGreaterThan(needed);
    expect(landmarksNeeded(1, 1.5, 0.99)).toBeGreaterThan(needed);
    // 3 N = 21 or more: 21 / χ²(0.05; 21) = 21 / 11.59 = 1.346², 18 / χ²(0.05; 18) = 1.385²; 12 gives 1.516², 15 1.437².
    expect(needed).toBe(5);
    expect(landmarksNeeded(2, 1.5)).toBe(Number.POSITIVE_INFINITY);
  });

  it('holds the landmarks against the covariance of the registration: χ² per landmark and for all', () => {
    const random = new Random(seed);
    const trials = 300 * effort;
    const alarms = { each: 0, all: 0, half: 0 };
    for (let trial = 0; trial < trials; trial += 1) {
      const pose = randomPose(random);
      const fiducials = headLayout(random, 6);
      const sd = [0.3, 0.3, 0.3];
      const { edge } = registerPoints(
        ct,
        tracker,
        pointsIn(ct, localised(random, moved(pose, fiducials), sd)),
        pointsIn(tracker, fiducials),
        { fleMm: 0.3 * Math.sqrt(3) },
      );
      const places = headLayout(random, 5);
      const known = localised(random, moved(pose, places), [0.2, 0.2, 0.2]);
      const checks = places.map((p, k) => ({ known: point(ct, known[k] as Float64Array), measured: point(tracker, p) }));
      const result = verifyRegistration(edge, checks, { limitMm: 5, fleMm: 0.2 * Math.sqrt(3) });
      alarms.each += result.landmarks.filter((l) => l.pValue < 0.05).length / 5;
      if (result.pValue < 0.05) alarms.all += 1;
      if (result.pValue < 0.5) alarms.half += 1;
    }
    expect(Math.abs(alarms.each / trials - 0.05)).toBeLessThan(0.03);
    expect(Math.abs(alarms.all / trials - 0.05)).toBeLessThan(0.04);
    expect(Math.abs(alarms.half / trials - 0.5)).toBeLessThan(0.1);
  });

  it('finds a registration whose error bounds are wrong, and one landmark that is', () => {
    const covariance = Float64Array.from({ length: 36 }, (_, i) => (i % 7 === 0 ? (i < 21 ? 0.01 : 1e-9) : 0));
    const sure = transform(ct, tracker, exact.matrix, { covariance });
    const misfit = verifyRegistration(sure, landmarks(new Random(seed), 8, 1), { limitMm: 3 });
    expect(misfit.findings.map((f) => f.code)).toContain('misfit');
    expect(misfit.accepted).toBe(false);
    const places = landmarks(new Random(seed), 8, 0.1).map((l, k) =>
      k === 4
        ? {
            ...l,
            known: point(
              ct,
              [0, 1, 2].map((i) => (l.known.xyz[i] as number) + 1),
            ),
          }
        : l,
    );
    const one = verifyRegistration(sure, places, { limitMm: 3 });
    expect(one.findings.filter((f) => f.code === 'outlier').map((f) => f.index)).toEqual([4]);
    expect(one.findings.find((f) => f.code === 'outlier')?.message).toContain('L5');
  });

  it('refuses no landmark, a limit that is none, another frame', () => {
    const codeOf = (run: () => unknown): unknown => {
      try {
        run();
      } catch (error) {
        return isNavError(error) ? error.code : error;
      }
      return 'nothing thrown';
    };
    const some = landmarks(new Random(seed), 3, 1);
    expect(codeOf(() => verifyRegistration(exact, [], { limitMm: 2 }))).toBe('registration/too-few-points');
    expect(codeOf(() => verifyRegistration(exact, some, { limitMm: 0 }))).toBe('registration/bad-option');
    expect(
      codeOf(() =>
        verifyRegistration(
          exact,
          some.map((l) => ({ ...l, known: l.measured as never })),
          { limitMm: 2 },
        ),
      ),
    ).toBe('frame/mismatch');
    expect(codeOf(() => new RegistrationWatch({ sdMm: 0 }))).toBe('registration/bad-option');
    expect(codeOf(() => new RegistrationWatch({ sdMm: 1 }).add([0, Number.NaN, 0]))).toBe('registration/not-finite');
  });
});

/** Checks until the alarm. */
function runLength(random: Random, watch: RegistrationWatch, most = 20_000): number {
  for (let n = 1; n <= most; n += 1) {
    const report = watch.add([random.normal(), random.normal(), random.normal()], n);
    if (report.outcome === 'failed') return n;
  }
  return most;
}

describe('the watch over a registration', () => {
  it('raises false alarms as seldom as it says', () => {
    const random = new Random(seed);
    const runs = 300 * effort;
    let sum = 0;
    const watch = new RegistrationWatch({ sdMm: 1, falseAlarmEvery: 100 });
    for (let run = 0; run < runs; run += 1) {
      watch.reset();
      sum += runLength(random, watch);
    }
    // Run lengths are nearly exponential: their mean is known to 1 / √runs.
    expect(Math.abs(sum / runs / 100 - 1)).toBeLessThan(3.5 / Math.sqrt(runs));
    expect(averageRunLength(1.5, 4)).toBeGreaterThan(averageRunLength(1.5, 3));
  });

  it('finds a shift soon, dates it and measures it', () => {
    const random = new Random(seed);
    const [delays, dates, sizes]: [number[], number[], number[]] = [[], [], []];
    const watch = new RegistrationWatch({ sdMm: 0.5, shiftMm: 1.5, falseAlarmEvery: 500 });
    for (let run = 0; run < 100 * effort; run += 1) {
      watch.reset();
      for (let n = 0; n < 30; n += 1)
        watch.add(
          [0, 1, 2].map(() => 0.5 * random.normal()),
          n,
        );
      if (watch.report().outcome === 'failed') continue;
      let n = 30;
      while (watch.report().outcome === 'ok')
        watch.add([1.5 + 0.5 * random.normal(), 0.5 * random.normal(), 0.5 * random.normal()], n++);
      for (let more = 0; more < 10; more += 1)
        watch.add([1.5 + 0.5 * random.normal(), 0.5 * random.normal(), 0.5 * random.normal()], n + more);
      const report = watch.report();
      delays.push(n - 30);
      dates.push((report.since as number) - 30);
      sizes.push(report.shiftMm);
      expect(report.sinceMs).toBe(report.since);
      expect(report.findings[0]?.code).toBe('moved');
    }
    const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    expect(mean(delays)).toBeLessThan(5);
    expect(Math.abs(mean(dates))).toBeLessThan(2);
    expect(mean(sizes)).toBeCloseTo(1.5, 0);
  });

  it('finds a drift that no single check would, and forgets on reset', () => {
    const random = new Random(seed);
    const watch = new RegistrationWatch({ sdMm: 1, shiftMm: 1.5 });
    let n = 0;
    while (watch.report().outcome === 'ok' && n < 200) {
      watch.add(
        [0, 0, 0.05 * n].map((x) => x + random.normal()),
        n,
      );
      n += 1;
    }
    expect(n).toBeLessThan(60);
    watch.reset();
    expect(watch.report()).toMatchObject({ outcome: 'ok', checks: 0, level: 0 });
  });

  it('checks a landmark through the registration, the right way round', () => {
    const watch = new RegistrationWatch({ sdMm: 0.1 });
    const known = point(ct, moved(exact.matrix, [[5, 6, 7]])[0] as Float64Array);
    expect(watch.addLandmark(exact, known, point(tracker, [5, 6, 7])).level).toBeLessThan(1e-9);
    const far = watch.addLandmark(
      exact,
      point(
        ct,
        [0, 1, 2].map((i) => (known.xyz[i] as number) - (i === 0 ? 3 : 0)),
      ),
      point(tracker, [5, 6, 7]),
    );
    expect(far.outcome).toBe('failed');
    expect(far.shift[0]).toBeGreaterThan(2.9);
  });
});
