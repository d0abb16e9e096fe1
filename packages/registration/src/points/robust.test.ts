import { frame, isNavError, point } from '@trocar/core';
import { Random, rotationAngleBetween } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { tukeyWeight } from '../accuracy/robust.js';
import { type PointRegistration, type PointRegistrationOptions, registerPoints } from '../index.js';
import { headLayout, localised, moved, pointsIn, randomPose } from '../testing/layouts.js';

const ct = frame('ct');
const tracker = frame('tracker');
const SD = 0.3;
const FLE = SD * Math.sqrt(3);

function register(
  to: readonly ArrayLike<number>[],
  from: readonly ArrayLike<number>[],
  options?: PointRegistrationOptions,
): PointRegistration<'ct', 'tracker'> {
  return registerPoints(ct, tracker, pointsIn(ct, to), pointsIn(tracker, from), options);
}

interface Scene {
  readonly random: Random;
  readonly from: Float64Array[];
  readonly to: Float64Array[];
  readonly truth: Float64Array;
  readonly bad: Set<number>;
}

/** `n` pairs of which `wrong` are off by 5 to 60 mm, each its own way. */
function sceneOf(seed: number, n: number, wrong: number): Scene {
  const random = new Random(seed);
  const from =
    n <= 16
      ? headLayout(random, n)
      : Array.from({ length: n }, () => Float64Array.from([90, 90, 90], (w) => random.between(-w, w)));
  const truth = randomPose(random);
  const to = localised(random, moved(truth, from), [SD, SD, SD]);
  const bad = new Set<number>();
  while (bad.size < wrong) bad.add(random.below(n));
  for (const k of bad) {
    const direction = [random.normal(), random.normal(), random.normal()];
    const size = random.between(5, 60) / Math.hypot(...direction);
    to[k] = (to[k] as Float64Array).map((x, i) => x + size * (direction[i] as number));
  }
  return { random, from, to, truth, bad };
}

const runs = Math.min(1000, 30 * inject('effort'));
/** Fewer of the large ones, which take longest. */
const most = (n: number): number => (n > 16 ? Math.ceil(runs / 2) : runs);

describe('robust: tukey', () => {
  it.each([
    [6, 1],
    [6, 2],
    [8, 3],
    [12, 4],
    [25, 9],
  ])('%i pairs, %i of them wrong: found, and the pose is that of the others', (n, wrong) => {
    let found = 0;
    const runs = most(n);
    for (let run = 0; run < runs; run += 1) {
      const { from, to, bad } = sceneOf(5000 * n + run, n, wrong);
      let result: PointRegistration<'ct', 'tracker'>;
      try {
        result = register(to, from, { robust: 'tukey', fleMm: FLE });
      } catch (error) {
        // A few of the accidents cannot be told from another mistake; then they are refused, never taken.
        if (!isNavError(error)) throw error;
        continue;
      }
      const out = new Set(result.residuals.flatMap((r, k) => (r.inlier ? [] : [k])));
      if (out.size === wrong && [...bad].every((k) => out.has(k))) {
        found += 1;
        expect(result.outcome).toBe('ok');
        const kept = from.map((_, k) => k).filter((k) => !bad.has(k));
        const pick = (p: Float64Array[]): Float64Array[] => kept.map((k) => p[k] as Float64Array);
        const clean = register(pick(to), pick(from), { fleMm: FLE });
        expect(rotationAngleBetween(result.edge.matrix, clean.edge.matrix)).toBeLessThan(1e-9);
        const target = point(ct, [0, 0, 0]);
        expect(result.expectedTre(target).p95Mm).toBeCloseTo(clean.expectedTre(target).p95Mm, 9);
      }
    }
    expect(found / runs).toBeGreaterThan(n === 6 && wrong === 2 ? 0.85 : 0.93);
  });

  it('with the noise level estimated, too', () => {
    let found = 0;
    for (let run = 0; run < runs; run += 1) {
      const { from, to, bad } = sceneOf(900 + run, 8, 2);
      const result = register(to, from, { robust: 'tukey' });
      const out = new Set(result.residuals.flatMap((r, k) => (r.inlier ? [] : [k])));
      if (out.size === 2 && [...bad].every((k) => out.has(k))) found += 1;
    }
    expect(found / runs).toBeGreaterThan(0.9);
  });

  it('leaves clean pairs alone, and then equals the plain fit', () => {
    let same = 0;
    for (let run = 0; run < runs; run += 1) {
      const { from, to } = sceneOf(100 + run, 4 + (run % 8), 0);
      const plain = register(to, from, { fleMm: FLE });
      const robust = register(to, from, { robust: 'tukey', fleMm: FLE });
      if (robust.residuals.every((r) => r.inlier)) {
        same += 1;
        expect(robust.edge.matrix).toEqual(plain.edge.matrix);
      }
    }
    expect(same / runs).toBeGreaterThan(0.97);
  });

  it('is the same every time, and for another seed the same answer', () => {
    const { from, to, bad } = sceneOf(3, 40, 10);
    const one = register(to, from, { robust: 'tukey', fleMm: FLE, seed: 1 });
    expect(register(to, from, { robust: 'tukey', fleMm: FLE, seed: 1 }).edge.matrix).toEqual(one.edge.matrix);
    expect(register(to, from, { robust: 'tukey', fleMm: FLE, seed: 2 }).residuals.map((r) => r.inlier)).toEqual(
      one.residuals.map((r) => r.inlier),
    );
    expect(one.residuals.filter((r, k) => r.inlier === bad.has(k))).toHaveLength(0);
  });

  it('two exchanged fiducials are still named as exchanged', () => {
    const { from, to } = sceneOf(12, 9, 0);
    const touched = from.map((p, k) => from[k === 2 ? 6 : k === 6 ? 2 : k] ?? p);
    for (const robust of ['none', 'tukey'] as const) {
      expect(() => register(to, touched, { robust, fleMm: FLE })).toThrowError(
        expect.toSatisfy((e) => isNavError(e, 'registration/swapped') && String(e.detail['indices']) === '2,6'),
      );
    }
  });

  it('half of the pairs is no majority: whichever half is kept, the result is not ok', () => {
    const { random, from, to } = sceneOf(33, 10, 0);
    const other = randomPose(random);
    const torn = to.map((p, k) => (k < 5 ? p : (moved(other, [from[k] as Float64Array])[0] as Float64Array)));
    let outcome: string;
    try {
      const result = register(torn, from, { robust: 'tukey', fleMm: FLE });
      outcome = result.outcome;
      expect(result.findings.map((f) => f.code)).toContain('no-consensus');
    } catch (error) {
      if (!isNavError(error)) throw error;
      outcome = 'refused';
    }
    expect(outcome).not.toBe('ok');
  });

  it('a layout that hardly fixes the rotation is found so before it is refused', () => {
    const thin = [0, 30, 70, 120, 150].map((x, k) => Float64Array.of(x, k % 2 === 0 ? 0 : 6, 0));
    const pose = randomPose(new Random(2));
    const codes = (fleMm: number): readonly string[] => register(moved(pose, thin), thin, { fleMm }).findings.map((f) => f.code);
    expect(codes(0.5)).toEqual([]);
    expect(codes(1.6)).toEqual(['uncertain-rotation']);
    expect(() => codes(4)).toThrowError(expect.toSatisfy((e) => isNavError(e, 'registration/collinear')));
  });

  it('anisotropic noise on both sides', () => {
    const { random, from, to, bad } = sceneOf(21, 8, 0);
    const covariances = {
      to: to.map(() => [0.09, 0, 0, 0, 0.09, 0, 0, 0, 0.36]),
      from: from.map(() => [0.01, 0, 0, 0, 0.04, 0, 0, 0, 0.01]),
    };
    const moved_ = localised(random, to, [0, 0, 0.5]);
    moved_[3] = (moved_[3] as Float64Array).map((x) => x + 9);
    const result = register(moved_, from, { robust: 'tukey', covariances });
    expect(bad.size).toBe(0);
    expect(result.residuals.map((r) => r.inlier).indexOf(false)).toBe(3);
    expect(result.outcome).toBe('ok');
  });

  it('Tukey’s constant for three dimensions keeps 95 % of the efficiency', () => {
    // Efficiency of the location estimate with weight w: ⟨w + s w′ / 3⟩² / ⟨w² s² / 3⟩ over the length s of N(0, I₃).
    const random = new Random(1);
    let slope = 0;
    let square = 0;
    const count = 200_000;
    for (let i = 0; i < count; i += 1) {
      const s = Math.hypot(random.normal(), random.normal(), random.normal());
      const w = tukeyWeight(s, 5.49);
      const derivative = (tukeyWeight(s + 1e-4, 5.49) - tukeyWeight(s - 1e-4, 5.49)) / 2e-4;
      slope += (w + (s * derivative) / 3) / count;
      square += (w * w * s * s) / 3 / count;
    }
    expect((slope * slope) / square).toBeCloseTo(0.95, 2);
  });
});

describe('the suggestion to leave one pair out', () => {
  it('names the wrong one, and what leaving it out would change', () => {
    for (const options of [{ fleMm: FLE }, {}]) {
      const { from, to } = sceneOf(8, 7, 0);
      to[4] = (to[4] as Float64Array).map((x, i) => x + (i === 1 ? 7 : 0));
      const result = register(to, from, options);
      const drop = result.dropSuggestion;
      expect(drop?.index).toBe(4);
      expect(drop?.pValue).toBeLessThan(0.001);
      const without = register(to, from, { ...options, weights: [1, 1, 1, 1, 0, 1, 1] });
      const target = point(ct, [10, 0, 0]);
      expect(drop?.before.expectedTre(target).p95Mm).toBe(result.expectedTre(target).p95Mm);
      expect(drop?.after.freMm).toBeCloseTo(without.freMm, 9);
      if (options.fleMm === undefined) {
        expect(drop?.after.fleMm).toBeCloseTo(without.fleMm, 9);
        expect(drop?.after.expectedTre(target).p95Mm).toBeCloseTo(without.expectedTre(target).p95Mm, 9);
        expect(drop?.after.expectedTre(target).p95Mm).toBeLessThan(drop?.before.expectedTre(target).p95Mm as number);
      } else {
        expect(drop?.after.health?.pValue).toBeGreaterThan(0.001);
        expect(drop?.before.health?.pValue).toBeLessThan(0.001);
        // A known noise level does not fall: one pair fewer means more error expected, and that is told.
        expect(drop?.after.expectedTre(target).p95Mm).toBeGreaterThan(drop?.before.expectedTre(target).p95Mm as number);
      }
    }
  });

  it('is not made of clean pairs, nor where the rest could not fix a pose', () => {
    let made = 0;
    for (let run = 0; run < 5 * runs; run += 1) {
      const { from, to } = sceneOf(7000 + run, 4 + (run % 8), 0);
      if (register(to, from, run % 2 === 0 ? { fleMm: FLE } : {}).dropSuggestion !== undefined) made += 1;
    }
    expect(made).toBeLessThanOrEqual(Math.max(2, 0.004 * 5 * runs));
    const three = sceneOf(1, 3, 0);
    expect(register(three.to, three.from).dropSuggestion).toBeUndefined();
  });
});
