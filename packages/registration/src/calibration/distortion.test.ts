import { frame, isNavError, type NavErrorCode, type Point, point } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { type DistortionOptions, fitDistortion } from './distortion.js';
import { BernsteinBasis } from './distortion-basis.js';

const seed = inject('seed');
const effort = inject('effort');
const em = frame('em');
const raw = frame('raw');

/** A field that bends smoothly, up to some 6 mm, and is no polynomial. */
function bent([x, y, z]: readonly [number, number, number]): [number, number, number] {
  return [
    x + 4 * Math.sin(y / 150) + 0.00004 * x * z,
    y + 3 * Math.cos((x + z) / 200) - 2,
    z + 5 * Math.exp(-((x - 200) ** 2 + (y - 150) ** 2) / 40_000) + 0.003 * (x - y),
  ];
}

interface Scene {
  readonly truth: Point<'em'>[];
  readonly seen: Point<'raw'>[];
}

/** Readings all over a 400 × 300 × 300 mm volume. */
function readings(random: Random, count: number, noiseMm: number, only?: (p: readonly number[]) => boolean): Scene {
  const truth: Point<'em'>[] = [];
  const seen: Point<'raw'>[] = [];
  while (truth.length < count) {
    const p: [number, number, number] = [random.between(0, 400), random.between(0, 300), random.between(0, 300)];
    if (only && !only(p)) continue;
    truth.push(point(em, p));
    seen.push(
      point(
        raw,
        bent(p).map((c) => c + noiseMm * random.normal()),
      ),
    );
  }
  return { truth, seen };
}

const fit = ({ truth, seen }: Scene, options: DistortionOptions = {}): ReturnType<typeof fitDistortion<'em', 'raw'>> =>
  fitDistortion(em, raw, truth, seen, options);

function codeOf(run: () => unknown): NavErrorCode | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (isNavError(error)) return error.code;
    throw error;
  }
}

const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...[0, 1, 2].map((i) => (a[i] as number) - (b[i] as number)));

describe('Bernstein polynomials over a box', () => {
  it('add up to 1, are not negative inside, and reproduce a linear function from its values at the knots', () => {
    const random = new Random(seed);
    const box = { low: Float64Array.of(-10, 5, 100), high: Float64Array.of(30, 6, 400) };
    for (const degree of [1, 3, 5]) {
      const basis = new BernsteinBasis(degree, box);
      const b = new Float64Array(basis.size);
      for (let n = 0; n < 50; n += 1) {
        const p = [0, 1, 2].map((i) => random.between(box.low[i] as number, box.high[i] as number));
        basis.evaluate(b, p);
        expect(b.reduce((s, v) => s + v, 0)).toBeCloseTo(1, 12);
        expect(Math.min(...b)).toBeGreaterThanOrEqual(0);
        let x = 0;
        b.forEach((v, k) => {
          x += v * (-10 + (40 * Math.floor(k / (degree + 1) ** 2)) / degree);
        });
        expect(x).toBeCloseTo(p[0] as number, 9);
      }
    }
  });
});

describe('a distortion correction', () => {
  it('takes a smooth distortion of 6 mm below a twentieth of a millimetre at points it has not seen', () => {
    const correction = fit(readings(new Random(seed), 2000, 0));
    const fresh = readings(new Random(seed + 1), 300, 0);
    const out = new Float64Array(3);
    let sum = 0;
    let n = 0;
    fresh.seen.forEach((p, k) => {
      if (!correction.correctInto(out, p.xyz)) return;
      sum += apart(out, fresh.truth[k]?.xyz as ArrayLike<number>) ** 2;
      n += 1;
    });
    expect(n).toBeGreaterThan(270);
    expect(correction.beforeRmsMm).toBeGreaterThan(3);
    expect(Math.sqrt(sum / n)).toBeLessThan(0.05);
    // What is said of unseen points is true of them.
    expect(Math.sqrt(sum / n) / correction.crossValidatedMm).toBeGreaterThan(0.5);
    expect(Math.sqrt(sum / n) / correction.crossValidatedMm).toBeLessThan(2);
  });

  it('takes a distortion that is a polynomial away to rounding: nothing is lost to the ridge', () => {
    const random = new Random(seed);
    const truth: Point<'em'>[] = [];
    const seen: Point<'raw'>[] = [];
    for (let k = 0; k < 500; k += 1) {
      const q = [0, 1, 2].map(() => random.between(-200, 200)) as [number, number, number];
      seen.push(point(raw, q));
      truth.push(point(em, [q[0] + 1e-4 * q[1] * q[2], q[1] + 1e-6 * q[0] ** 3, q[2] - 1e-4 * q[0] * q[1]]));
    }
    expect(fit({ truth, seen }, { degree: 3 }).maxMm).toBeLessThan(1e-6);
  });

  it('says truly how uncertain a correction is, and what noise a reading has', () => {
    const sd = 0.3;
    const runs = 12 * effort;
    const probes = readings(new Random(seed + 5), 40, 0);
    let [seen, said, noise] = [0, 0, 0];
    for (let k = 0; k < runs; k += 1) {
      const correction = fit(readings(new Random(100 * seed + k), 600, sd), { degree: 4 });
      noise += ((correction.noise[0] as number) + (correction.noise[4] as number) + (correction.noise[8] as number)) / 3 / runs;
      probes.seen.forEach((p, i) => {
        const found = correction.correct(p);
        if (found.status !== 'ok') return;
        seen += apart(found.point.xyz, probes.truth[i]?.xyz as ArrayLike<number>) ** 2;
        said += (found.covariance[0] as number) + (found.covariance[4] as number) + (found.covariance[8] as number);
      });
    }
    expect(Math.sqrt(noise)).toBeGreaterThan(0.97 * sd);
    expect(Math.sqrt(noise)).toBeLessThan(1.05 * sd);
    expect(Math.sqrt(seen / said)).toBeGreaterThan(0.9);
    expect(Math.sqrt(seen / said)).toBeLessThan(1.12);
  });

  it('guesses nothing outside the calibrated box, nor in a corner of it that no reading was near', () => {
    const hole = readings(new Random(seed), 1200, 0.1, ([x = 0, y = 0, z = 0]) => !(x > 250 && y > 150 && z > 150));
    const correction = fit(hole, { degree: 5 });
    const out = new Float64Array(3);
    expect(correction.correct(point(raw, [200, 150, -30])).status).toBe('outside');
    expect(correction.correctInto(out, [200, 150, -30])).toBe(false);
    expect(out.every(Number.isNaN)).toBe(true);
    const corner = Array.from(correction.box.high, (c) => c - 1);
    expect(correction.correct(point(raw, corner)).status).toBe('uncovered');
    expect(correction.correct(point(raw, [200, 100, 100])).status).toBe('ok');
    const wider = fit(hole, { degree: 2, marginMm: 40 });
    expect(wider.correct(point(raw, [200, 150, -30])).status).toBe('ok');
  });

  it('says that there is nothing to correct, and that there are too few readings for a degree', () => {
    const random = new Random(seed);
    const truth = Array.from({ length: 400 }, () =>
      point(
        em,
        [0, 1, 2].map(() => random.between(0, 300)),
      ),
    );
    const seen = truth.map((p) =>
      point(
        raw,
        Array.from(p.xyz, (c) => c + random.normal()),
      ),
    );
    expect(fit({ truth, seen }, { degree: 4 }).findings.map((f) => f.code)).toContain('no-gain');
    expect(fit(readings(random, 400, 0.5), { degree: 5 }).findings.map((f) => f.code)).toContain('overfit');
    // Left to itself it takes a degree that foretells.
    const free = fit({ truth, seen });
    expect(free.degree).toBeLessThanOrEqual(2);
    expect(free.crossValidatedMm).toBeLessThan(1.8);
  });

  it('refuses metres, another order, a mirrored side, another frame, too few and NaN', () => {
    const { truth, seen } = readings(new Random(seed), 300, 0.1);
    const changed = (f: (c: number, i: number) => number): Point<'raw'>[] => seen.map((p) => point(raw, Array.from(p.xyz, f)));
    expect(codeOf(() => fit({ truth, seen: changed((c) => c / 1000) }))).toBe('calibration/units');
    expect(codeOf(() => fit({ truth, seen: changed((c, i) => (i === 0 ? -c : c)) }))).toBe('calibration/failed');
    expect(codeOf(() => fit({ truth, seen: changed((c, i) => (i < 2 ? -c : c)) }))).toBe('calibration/failed');
    expect(codeOf(() => fit({ truth, seen: [...seen].reverse() }))).toBe('calibration/failed');
    expect(codeOf(() => fit({ truth: truth.slice(0, 8), seen: seen.slice(0, 8) }))).toBe('registration/too-few-points');
    expect(codeOf(() => fit({ truth, seen }, { degree: 6 }))).toBe('registration/too-few-points');
    expect(codeOf(() => fit({ truth: truth.slice(1), seen }))).toBe('registration/count-mismatch');
    expect(codeOf(() => fit({ truth, seen }, { degree: 2.5 }))).toBe('calibration/bad-option');
    expect(codeOf(() => fit({ truth, seen }, { groups: [1, 2] }))).toBe('calibration/bad-option');
    // @ts-expect-error the readings come second, in the raw frame.
    expect(codeOf(() => fitDistortion(em, raw, seen, truth))).toBe('frame/mismatch');
  });
});
