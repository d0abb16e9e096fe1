import { frame, isNavError, type NavError, type NavErrorCode, point } from '@trocar/core';
import { fromRotationVector, Random, transformPoint } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { type PointRegistration, type PointRegistrationOptions, registerPoints } from '../index.js';
import { headLayout, localised, moved, pointsIn, randomPose } from '../testing/layouts.js';
import { requireNoFlip } from './axes.js';

const ct = frame('ct');
const tracker = frame('tracker');

function register(
  to: readonly ArrayLike<number>[],
  from: readonly ArrayLike<number>[],
  options?: PointRegistrationOptions,
): PointRegistration<'ct', 'tracker'> {
  return registerPoints(ct, tracker, pointsIn(ct, to), pointsIn(tracker, from), options);
}

/** The refusal's code, or the outcome. */
function outcomeOf(doing: () => { readonly outcome: string }): NavErrorCode | string {
  try {
    return doing().outcome;
  } catch (error) {
    if (!isNavError(error)) throw error;
    expect(error.message.length).toBeGreaterThan(60);
    return error.code;
  }
}

function refusal(code: NavErrorCode, doing: () => unknown): NavError {
  try {
    doing();
  } catch (error) {
    if (isNavError(error, code)) return error;
    throw error;
  }
  throw new Error(`Nothing was refused as ${code}.`);
}

const scaled = (places: readonly ArrayLike<number>[], s: number): Float64Array[] =>
  places.map((p) => Float64Array.from(p, (x) => s * x));
const mapped = (places: readonly ArrayLike<number>[], map: (x: number, y: number, z: number) => number[]): Float64Array[] =>
  places.map((p) => Float64Array.from(map(p[0] as number, p[1] as number, p[2] as number)));

/** A layout and its noisy image under any pose. */
function scene(seed: number, sd = 0.3): { random: Random; from: Float64Array[]; to: Float64Array[] } {
  const random = new Random(seed);
  const from = headLayout(random, 4 + random.below(8));
  return { random, from, to: localised(random, moved(randomPose(random), from), [sd, sd, sd]) };
}

const count = Math.min(2000, 40 * inject('effort'));
const seeds = Array.from({ length: count }, (_, i) => 1000 * inject('seed') + i);

describe('units', () => {
  it.each([
    [1000, 'metres'],
    [10, 'centimetres'],
    [25.4, 'inches'],
  ])('a factor of %d is refused as %s, on either side', (factor, unit) => {
    for (const seed of seeds.slice(0, 20)) {
      const { from, to } = scene(seed);
      const small = refusal('registration/units', () => register(to, scaled(from, 1 / factor)));
      expect(small.detail).toMatchObject({ unit, side: 'from', factor });
      const other = refusal('registration/units', () => register(scaled(to, 1 / factor), from, { fleMm: 0.5 }));
      expect(other.detail).toMatchObject({ unit, side: 'to', factor });
    }
  });
});

describe('scale', () => {
  it('1 % larger or smaller is refused by name, with the scale; a similarity is named as the way out', () => {
    for (const seed of seeds) {
      const { from, to } = scene(seed, 0.1);
      for (const s of [1.01, 0.99]) {
        const error = refusal('registration/scale', () => register(scaled(to, s), from, { fleMm: 0.1 * Math.sqrt(3) }));
        expect(error.detail['scale']).toBeGreaterThan(s - 0.006);
        expect(error.detail['scale']).toBeLessThan(s + 0.006);
        expect(error.message).toContain('registerSimilarity');
      }
    }
  });

  it('and without a known noise level, from six points on; where it is not sure enough to refuse, it is a finding', () => {
    let caught = 0;
    let runs = 0;
    for (const seed of seeds) {
      const random = new Random(seed);
      const from = headLayout(random, 6 + random.below(6));
      const to = localised(random, moved(randomPose(random), scaled(from, 1.01)), [0.2, 0.2, 0.2]);
      runs += 1;
      const outcome = outcomeOf(() => register(to, from));
      if (outcome === 'registration/scale') caught += 1;
      else expect(outcome).toBe('failed');
    }
    expect(caught / runs).toBeGreaterThan(0.85);
  });

  it('is not alleged of true registrations, nor of a single outlier', () => {
    let alleged = 0;
    const runs = 10 * count;
    const random = new Random(7);
    for (let run = 0; run < runs; run += 1) {
      const from = headLayout(random, 4 + random.below(8));
      const sd = random.between(0.05, 1.5);
      const to = localised(random, moved(randomPose(random), from), [sd, sd, sd]);
      const options = run % 2 === 0 ? {} : { fleMm: sd * Math.sqrt(3) };
      if (outcomeOf(() => register(to, from, options)) === 'registration/scale') alleged += 1;
    }
    expect(alleged).toBeLessThanOrEqual(Math.max(1, 4e-4 * runs));
    for (const seed of seeds.slice(0, 40)) {
      const { from, to, random: r } = scene(seed);
      const k = r.below(to.length);
      (to[k] as Float64Array)[0] = ((to[k] as Float64Array)[0] as number) + 8;
      expect(outcomeOf(() => register(to, from, { fleMm: 0.52 }))).not.toBe('registration/scale');
    }
  });

  it('can be allowed', () => {
    const { from, to } = scene(3, 0.1);
    expect(outcomeOf(() => register(scaled(to, 1.02), from))).toBe('registration/scale');
    expect(register(scaled(to, 1.02), from, { allow: ['scale'] }).edge.matrix).toHaveLength(16);
  });
});

describe('axes', () => {
  /** Two readings of one image, or two scans of one patient: frames that are nearly aligned. */
  function aligned(seed: number): { from: Float64Array[]; to: Float64Array[] } {
    const random = new Random(seed);
    const centre = [random.between(-80, 80), random.between(30, 120), random.between(-200, 200)];
    const from = headLayout(random, 5 + random.below(6)).map((p) => p.map((x, i) => x + (centre[i] as number)));
    const small = fromRotationVector(
      new Float64Array(16),
      [0, 0, 0].map(() => random.between(-0.1, 0.1)),
    );
    const pose = (p: Float64Array): Float64Array => {
      const about = p.map((x, i) => x - (centre[i] as number));
      const turned = transformPoint(new Float64Array(3), small, about);
      return turned.map((x, i) => x + (centre[i] as number) + random.between(-3, 3) * 0 + 4 * (i - 1));
    };
    return { from, to: localised(random, from.map(pose), [0.3, 0.3, 0.3]) };
  }

  it('RAS against LPS is refused between nearly aligned frames, on either side, with what to do', () => {
    for (const seed of seeds) {
      const { from, to } = aligned(seed);
      expect(outcomeOf(() => register(to, from))).toBe('ok');
      const flip = (p: readonly ArrayLike<number>[]): Float64Array[] => mapped(p, (x, y, z) => [-x, -y, z]);
      const error = refusal('registration/ras-lps', () => register(flip(to), from));
      expect(error.message).toContain('Negate x and y');
      refusal('registration/ras-lps', () => register(to, flip(from), { fleMm: 0.52 }));
      expect(register(flip(to), from, { allow: ['half-turn'] }).outcome).toBe('ok');
    }
  });

  it('is not alleged of a tracker’s poses: none in as many as are tried', () => {
    const random = new Random(11);
    const places = headLayout(random, 5);
    const used = [0, 1, 2, 3, 4];
    const flat = (p: readonly Float64Array[]): Float64Array => Float64Array.from(p.flatMap((q) => [...q]));
    let alleged = 0;
    for (let run = 0; run < 2000 * count; run += 1) {
      const pose = randomPose(random, 500);
      if (
        outcomeOf(() => ({ outcome: String(requireNoFlip(pose, flat(moved(pose, places)), flat(places), used)) })) !== 'undefined'
      ) {
        alleged += 1;
      }
    }
    expect(alleged).toBe(0);
  });

  it.each<[string, (x: number, y: number, z: number) => number[]]>([
    ['x negated', (x, y, z) => [-x, y, z]],
    ['y negated', (x, y, z) => [x, -y, z]],
    ['z negated', (x, y, z) => [x, y, -z]],
    ['x and y exchanged', (x, y, z) => [y, x, z]],
    ['x and z exchanged', (x, y, z) => [z, y, x]],
    ['y and z exchanged', (x, y, z) => [x, z, y]],
  ])('%s: refused as mirrored, and named where the frames are nearly aligned', (name, confuse) => {
    let named = 0;
    for (const seed of seeds.slice(0, 30)) {
      const { from, to } = aligned(seed);
      const error = refusal('registration/mirrored', () => register(to, mapped(from, confuse)));
      if (error.detail['axes'] === name) named += 1;
      else expect(error.detail['axes']).toBeUndefined();
    }
    expect(named).toBeGreaterThan(15);
  });

  it('rows and columns exchanged: refused by name', () => {
    for (const seed of seeds.slice(0, 30)) {
      const { random, from, to } = scene(seed);
      const n = from.length;
      const flat = from.flatMap((p) => [...p]);
      // Written as one row of x, one of y and one of z, and read as if it were point after point.
      const written = [0, 1, 2].flatMap((i) => from.map((p) => p[i] as number));
      const read = Array.from({ length: n }, (_, k) => Float64Array.from(written.slice(3 * k, 3 * k + 3)));
      expect(flat).toHaveLength(3 * n);
      expect(outcomeOf(() => register(to, read))).toBe('registration/transposed');
      expect(random).toBeDefined();
    }
  });
});

describe('a rigid registration that is right', () => {
  it('passes all of it, at a target too', () => {
    const { from, to } = scene(5);
    const result = register(to, from);
    expect(result.outcome).toBe('ok');
    expect(result.dropSuggestion).toBeUndefined();
    expect(result.expectedTre(point(ct, [0, 0, 0])).p95Mm).toBeGreaterThan(0);
  });
});
