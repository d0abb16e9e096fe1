import { frame, isNavError, type NavErrorCode } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { matchPoints, type PointMatch } from '../index.js';
import { headLayout, localised, moved, pointsIn, randomPose } from '../testing/layouts.js';

const ct = frame('ct');
const tracker = frame('tracker');
const SD = 0.3;
const FLE = SD * Math.sqrt(3);

function match(to: readonly ArrayLike<number>[], from: readonly ArrayLike<number>[], fleMm = FLE): PointMatch<'ct', 'tracker'> {
  return matchPoints(ct, tracker, pointsIn(ct, to), pointsIn(tracker, from), { fleMm });
}

function refused(code: NavErrorCode, doing: () => unknown): void {
  expect(doing).toThrowError(expect.toSatisfy((e) => isNavError(e, code)));
}

/** A permutation of 0 … n − 1. */
function shuffle(random: Random, n: number): number[] {
  const order = Array.from({ length: n }, (_, k) => k);
  for (let k = n - 1; k > 0; k -= 1) {
    const j = random.below(k + 1);
    [order[k], order[j]] = [order[j] as number, order[k] as number];
  }
  return order;
}

interface Scene {
  readonly to: Float64Array[];
  readonly from: Float64Array[];
  /** truth[i] is the from point of to point i, or −1. */
  readonly truth: number[];
}

/** Both sides show `common` fiducials in any order, and each has spurious points in the same region. */
function sceneOf(random: Random, common: number, extraTo: number, extraFrom: number): Scene {
  const places = headLayout(random, common);
  const noise = (n: number): Float64Array[] =>
    Array.from({ length: n }, () => Float64Array.from([75, 95, 85], (w) => random.between(-w, w)));
  const image = moved(randomPose(random), [...places, ...noise(extraTo)]);
  const to = localised(random, image, [SD, SD, SD]);
  const from = [...places, ...noise(extraFrom)];
  const toOrder = shuffle(random, to.length);
  const fromOrder = shuffle(random, from.length);
  const at = (list: readonly Float64Array[], order: readonly number[]): Float64Array[] =>
    order.map((k) => list[k] as Float64Array);
  return {
    to: at(to, toOrder),
    from: at(from, fromOrder),
    truth: toOrder.map((k) => (k < common ? fromOrder.indexOf(k) : -1)),
  };
}

/** Whether a result claims something that is not so. */
function wrong(result: Pick<PointMatch<'ct', 'tracker'>, 'pairs'>, truth: readonly number[]): boolean {
  return result.pairs.some(([i, a]) => truth[i] !== a);
}

const runs = Math.min(2000, 40 * inject('effort'));

describe('matchPoints', () => {
  it.each([
    [4, 0, 0],
    [5, 0, 2],
    [6, 2, 2],
    [8, 4, 0],
    [12, 4, 4],
    [20, 0, 0],
  ])('%i fiducials, %i and %i spurious points: finds the order, and is never wrong', (common, extraTo, extraFrom) => {
    const random = new Random(100 * common + extraTo + 10 * inject('seed'));
    let right = 0;
    let slowest = 0;
    for (let run = 0; run < runs; run += 1) {
      const { to, from, truth } = sceneOf(random, common, extraTo, extraFrom);
      const begun = performance.now();
      const result = match(to, from);
      slowest = Math.max(slowest, performance.now() - begun);
      expect(result.search.complete).toBe(true);
      if (result.outcome === 'ok') expect(wrong(result, truth)).toBe(false);
      if (result.outcome === 'ok' && result.pairs.length === common) right += 1;
    }
    console.log(`matchPoints ${common} + ${extraTo} / ${extraFrom}: right ${right} of ${runs}, slowest ${slowest.toFixed(1)} ms`);
    // Four points have an accidental near-symmetry, or a poor χ², now and then; then the result says so.
    expect(right / runs).toBeGreaterThan(common === 4 ? 0.85 : 0.95);
  });

  it('the registration is that of the known order', () => {
    const random = new Random(4);
    const { to, from, truth } = sceneOf(random, 8, 2, 2);
    const result = match(to, from);
    expect(result.registration?.outcome).toBe('ok');
    expect(result.unmatched.to).toHaveLength(2);
    expect(result.unmatched.from).toEqual(from.map((_, k) => k).filter((k) => !truth.includes(k)));
    expect(result.degreesOfFreedom).toBe(18);
    expect(result.registration?.health?.chiSquare).toBeCloseTo(result.chiSquare, 6);
  });

  it('symmetric layouts are ambiguous, with the other answer, and never silently one of them', () => {
    const random = new Random(8);
    const square = [0, 1, 2, 3].map((k) =>
      Float64Array.of(50 * Math.cos((k * Math.PI) / 2), 50 * Math.sin((k * Math.PI) / 2), 0),
    );
    const rectangle = [
      [40, 25, 0],
      [-40, 25, 0],
      [40, -25, 0],
      [-40, -25, 0],
      [0, 0, 30],
    ].map((p) => Float64Array.from(p));
    const cube = [0, 1, 2, 3, 4, 5, 6, 7].map((k) => Float64Array.of(40 * (k & 1), 20 * (k & 2), 10 * (k & 4)));
    const isosceles = [
      [0, 0, 0],
      [60, 0, 0],
      [30, 50, 0],
    ].map((p) => Float64Array.from(p));
    for (const layout of [square, rectangle, cube, isosceles]) {
      for (let run = 0; run < 10; run += 1) {
        const to = localised(random, moved(randomPose(random), layout), [SD, SD, SD]);
        const result = match(to, layout);
        expect(result.outcome).toBe('ambiguous');
        expect(result.findings.map((f) => f.code)).toContain('rival');
        expect(result.rivals[0]?.pairs).toHaveLength(layout.length);
        expect(result.rivals[0]?.pairs).not.toEqual(result.pairs);
      }
    }
  });

  it('one point that breaks the symmetry makes it sure', () => {
    const random = new Random(3);
    const layout = [
      [40, 25, 0],
      [-40, 25, 0],
      [40, -25, 0],
      [-40, -25, 0],
      [10, 5, 30],
    ].map((p) => Float64Array.from(p));
    for (let run = 0; run < 20; run += 1) {
      const to = localised(random, moved(randomPose(random), layout), [SD, SD, SD]);
      const result = match(to, layout);
      expect(result.outcome).toBe('ok');
      expect(result.pairs).toEqual([0, 1, 2, 3, 4].map((k) => [k, k]));
    }
  });

  it('a mirrored copy does not match, and is called so', () => {
    const random = new Random(5);
    for (let run = 0; run < 30; run += 1) {
      const { to, from } = sceneOf(random, 6 + random.below(4), 0, 1);
      const flipped = from.map((p) => Float64Array.of(-(p[0] as number), p[1] as number, p[2] as number));
      const result = match(to, flipped);
      expect(result.outcome).not.toBe('ok');
      expect(result.findings.map((f) => f.code)).toContain('mirrored');
    }
  });

  it('three of many match by chance, and that is said', () => {
    const random = new Random(31);
    let said = 0;
    for (let run = 0; run < 30; run += 1) {
      const { to, from } = sceneOf(random, 3, 7, 7);
      const result = matchPoints(ct, tracker, pointsIn(ct, to), pointsIn(tracker, from), { fleMm: FLE, minimum: 3 });
      expect(result.outcome).not.toBe('ok');
      if (result.findings.some((f) => f.code === 'chance' || f.code === 'rival')) said += 1;
    }
    expect(said).toBeGreaterThan(25);
  });

  it('a wrong fiducial is left unmatched rather than bent into the fit', () => {
    const random = new Random(41);
    for (let run = 0; run < 20; run += 1) {
      const { to, from, truth } = sceneOf(random, 8, 0, 0);
      to[5] = (to[5] as Float64Array).map((x, i) => x + (i === 2 ? 9 : 0));
      const result = match(to, from);
      expect(wrong(result, truth)).toBe(false);
      expect(result.unmatched.to).toContain(5);
    }
  });

  it('unrelated points do not match', () => {
    const random = new Random(6);
    for (let run = 0; run < runs; run += 1) {
      const result = match(headLayout(random, 5 + random.below(6)), headLayout(random, 5 + random.below(6)));
      expect(result.outcome).not.toBe('ok');
      if (result.pairs.length === 0) expect(result.registration).toBeUndefined();
    }
  });

  it('metres against millimetres, too few, too many and senseless options are refused', () => {
    const random = new Random(7);
    const { to, from } = sceneOf(random, 6, 0, 0);
    refused('registration/units', () =>
      match(
        to,
        from.map((p) => p.map((x) => x / 1000)),
      ),
    );
    refused('registration/too-few-points', () => match(to.slice(4), from));
    const many = Array.from({ length: 65 }, () => Float64Array.from([0, 0, 0], () => random.between(-100, 100)));
    refused('registration/too-large', () => match(many, from));
    refused('registration/bad-option', () => match(to, from, 0));
    refused('registration/bad-option', () => match(to, from, Number.NaN));
    refused('registration/bad-option', () =>
      matchPoints(ct, tracker, pointsIn(ct, to), pointsIn(tracker, from), { fleMm: 1, minimum: 2 }),
    );
  });

  it('ends in bounded time on the worst layouts, and says when it did not try everything', () => {
    const grid = Array.from({ length: 64 }, (_, k) => Float64Array.of(10 * (k & 3), 10 * ((k >> 2) & 3), 10 * (k >> 4)));
    const begun = performance.now();
    const result = match(grid, grid, 1);
    const took = performance.now() - begun;
    console.log(
      `matchPoints, a 4 × 4 × 4 grid with itself: ${result.outcome}, ${result.search.nodes} branches, ${took.toFixed(0)} ms`,
    );
    // 2 to 4 s of a processor; how long that is on the clock depends on what else runs.
    expect(result.search.complete).toBe(false);
    expect(result.outcome).toBe('ambiguous');
    expect(result.findings.map((f) => f.code)).toEqual(['search-cut-short', 'rival']);
  }, 240_000);
});
