import { isNavError, type Point, point, transform } from '@trocar/core';
import { identity4, invertRigid, Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import {
  CT,
  cap,
  disturbance,
  errorAt,
  headMesh,
  meshOf,
  SurfaceSampler,
  seenBy,
  TRACKER,
  touched,
} from '../testing/surfaces.js';
import { prepareSurface } from './prepare-surface.js';
import { registerSurface, type SurfaceRegistrationOptions } from './register-surface.js';

const seed = inject('seed');
const HEAD = headMesh({ skull: [74, 95, 88], noseMm: 24, earMm: 12, jawMm: 2 }, 4);
const PREPARED = prepareSurface(HEAD);
const SAMPLER = new SurfaceSampler(HEAD, cap([0, 0, 0], [0.2, -1, 0.15], 65));
const BALL = meshOf((x, y, z) => Math.hypot(x, y, z) - 80, [-85, -85, -85, 85, 85, 85], 4);

const places = (random: Random, count = 150): number[][] => touched(random, SAMPLER, { count, noiseMm: 0.4 });
const cloud = (xyz: readonly (readonly number[])[]): Point<'tracker'>[] => xyz.map((p) => point(TRACKER, p));
const START = transform(CT, TRACKER, identity4());

function refusal(
  points: readonly Point<'tracker'>[],
  options: SurfaceRegistrationOptions<'ct', 'tracker'> = { start: START },
): string {
  try {
    return registerSurface(CT, TRACKER, PREPARED, points, options)
      .findings.map((f) => f.code)
      .join(' ');
  } catch (error) {
    if (isNavError(error)) return error.code;
    throw error;
  }
}

describe('what a surface registration refuses, by name', () => {
  const random = new Random(seed);

  it('takes the same cloud as it is: nothing below is refused for another reason', () => {
    expect(refusal(cloud(places(random)))).toBe('');
    expect(refusal(cloud(places(random)), {})).toBe('');
  });

  it('a mirrored cloud, with and without a start', () => {
    const mirrored = cloud(places(random).map(([x, y, z]) => [-(x as number), y as number, z as number]));
    expect(refusal(mirrored)).toBe('registration/mirrored');
    expect(refusal(mirrored, {})).toBe('registration/mirrored');
  });

  it('RAS coordinates where LPS are meant', () => {
    const ras = cloud(places(random).map(([x, y, z]) => [-(x as number), -(y as number), z as number]));
    expect(refusal(ras)).toBe('registration/ras-lps');
    // Without a start the half-turn is found. It needs to be allowed, as for a patient who was turned over.
    expect(refusal(ras, {})).toBe('registration/ras-lps');
    expect(refusal(ras, { allow: ['half-turn'] })).toBe('');
    const prone = transform(CT, TRACKER, [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    expect(refusal(ras, { start: prone })).toBe('registration/ras-lps');
    expect(refusal(ras, { start: prone, allow: ['half-turn'] })).toBe('');
  });

  it('metres, whichever side is in them', () => {
    expect(refusal(cloud(places(random).map((p) => p.map((x) => x / 1000))))).toBe('registration/units');
    expect(refusal(cloud(places(random).map((p) => p.map((x) => x * 1000))), {})).toBe('registration/units');
  });

  it('a cloud 1 % too large or too small, and by how much', () => {
    for (const factor of [1.01, 0.99]) {
      const points = cloud(touched(random, SAMPLER, { count: 400, noiseMm: 0.3 }).map((p) => p.map((x) => x * factor)));
      const result = registerSurface(CT, TRACKER, PREPARED, points, { start: START });
      expect(result.findings.map((f) => f.code)).toContain('registration/scale');
      expect(result.outcome).toBe('failed');
      expect(Math.abs(result.scale.error - (factor - 1))).toBeLessThan(4 * result.scale.sd);
    }
  });

  it('too few, one place, a line, no numbers, bad deviations', () => {
    expect(refusal(cloud(places(random, 9)))).toBe('registration/too-few-points');
    expect(refusal(cloud(Array.from({ length: 20 }, () => [1, 2, 3])))).toBe('registration/duplicate-points');
    expect(refusal(cloud(Array.from({ length: 20 }, () => [1 + 0.3 * random.normal(), 2, 3 + 0.3 * random.normal()])))).toBe(
      'registration/duplicate-points',
    );
    expect(refusal(cloud(Array.from({ length: 20 }, (_, n) => [3 * n, n, 2 * n])))).toBe('registration/collinear');
    const wild = places(random).map((p) => ({ frame: TRACKER, xyz: Float64Array.from(p) })) as unknown as Point<'tracker'>[];
    (wild[7] as { xyz: ArrayLike<number> }).xyz = [1, Number.NaN, 2];
    expect(refusal(wild)).toBe('registration/not-finite');
    expect(refusal(cloud(places(random)), { start: START, sdMm: [1, 2] })).toBe('registration/bad-weights');
    expect(refusal(cloud(places(random)), { start: START, sdMm: -1 })).toBe('registration/bad-weights');
  });

  it('points of something else, and a start far away', () => {
    const strewn = cloud(Array.from({ length: 100 }, () => [0, 1, 2].map(() => random.between(-70, 70))));
    expect(refusal(strewn)).toContain('registration/no-overlap');
    expect(refusal(cloud(places(random).map((p) => p.map((x) => x + 400))))).toBe('registration/no-overlap');
  });

  it('the inverse of the start is no start: the direction of a pose counts', () => {
    const truth = disturbance(random, [0, 0, 0], 40, 120);
    const points = seenBy(truth, places(random));
    const good = registerSurface(CT, TRACKER, PREPARED, points, { start: transform(CT, TRACKER, truth) });
    expect(good.outcome).toBe('ok');
    expect(errorAt(good.edge.matrix, truth, [0, 0, 0])).toBeLessThan(1);
    const inverse = transform(CT, TRACKER, invertRigid(new Float64Array(16), truth));
    let ended: string;
    try {
      ended = registerSurface(CT, TRACKER, PREPARED, points, { start: inverse }).outcome;
    } catch (error) {
      ended = isNavError(error) ? error.code : 'crash';
    }
    expect(ended).not.toBe('ok');
    expect(ended).not.toBe('crash');
  });
});

describe('patches that slide', () => {
  it('a patch of a ball is ambiguous and says that it turns', () => {
    const random = new Random(seed + 1);
    const sampler = new SurfaceSampler(BALL, cap([0, 0, 0], [0, -1, 0], 50));
    const points = cloud(touched(random, sampler, { count: 150, noiseMm: 0.4 }));
    const result = registerSurface(CT, TRACKER, prepareSurface(BALL), points, { start: START });
    expect(result.outcome).toBe('ambiguous');
    expect(result.findings.map((f) => f.code)).toContain('registration/slippage');
    expect(result.findings.find((f) => f.code === 'registration/slippage')?.message).toMatch(/slides about .* 2 more ways/);
    expect(result.weakest.kind).toBe('turn');
    // The axis passes through the ball's middle.
    const { axis, through } = result.weakest;
    const off = [0, 1, 2].map((k) => {
      const [i, j] = [(k + 1) % 3, (k + 2) % 3] as const;
      return (through[i] as number) * (axis[j] as number) - (through[j] as number) * (axis[i] as number);
    });
    expect(Math.hypot(...off)).toBeLessThan(10);
  });

  it('one cheek only is worse held than the face, and says so in its error bar', () => {
    const random = new Random(seed + 2);
    const small = new SurfaceSampler(HEAD, cap([0, 0, 0], [1, -0.3, 0.4], 22));
    const near = registerSurface(CT, TRACKER, PREPARED, cloud(touched(random, small, { count: 150, noiseMm: 0.4 })), {
      start: START,
    });
    const face = registerSurface(CT, TRACKER, PREPARED, cloud(places(random)), { start: START });
    const target = point(CT, [0, 0, 0]);
    expect(near.expectedTre(target).rmsMm).toBeGreaterThan(2 * face.expectedTre(target).rmsMm);
  });
});
