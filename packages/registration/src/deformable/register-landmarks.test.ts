import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { apply, frame, isNavError, type Point, point } from '@trocar/core';
import { readPointPairs } from '@trocar/core/io';
import { fromRotationVector, Random, transformPoint } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { thinPlate } from './landmark-kernels.js';
import { type LandmarkMethod, registerLandmarks } from './register-landmarks.js';

const mr = frame('mr');
const us = frame('us');
const METHODS = ['kelvinlet', 'thin-plate'] as const;
const seed = inject('seed');

/** Landmarks in a ball of 50 mm, and where a smooth pull and a rigid motion carry them, with touching errors. */
function pairs(random: Random, count: number, { shiftMm = 8, fleMm = 0.3 } = {}) {
  const pose = fromRotationVector(new Float64Array(16), [0.2, -0.1, 0.3]);
  pose.set([10, -20, 5], 12);
  const at = [30, 10, 20];
  const carried = (p: ArrayLike<number>): Float64Array => {
    const d2 = at.reduce((s, a, r) => s + ((p[r] as number) - a) ** 2, 0);
    const pull = shiftMm * Math.exp(-d2 / (2 * 35 * 35));
    return transformPoint(new Float64Array(3), pose, [p[0] as number, (p[1] as number) - 0.3 * pull, (p[2] as number) - pull]);
  };
  const somewhere = (): number[] => {
    for (;;) {
      const p = [0, 1, 2].map(() => random.between(-50, 50));
      if (Math.hypot(...p) < 50) return p;
    }
  };
  const from = Array.from({ length: count }, somewhere);
  const to = from.map((p) => Array.from(carried(p), (x) => x + fleMm * random.normal()));
  return { from: from.map((p) => point(mr, p)), to: to.map((p) => point(us, p)), carried, somewhere };
}

const rms = (x: readonly number[]): number => Math.sqrt(x.reduce((s, v) => s + v * v, 0) / x.length);
const between = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...[0, 1, 2].map((r) => (a[r] as number) - (b[r] as number)));

describe.each(METHODS)('landmarks by %s', (method: LandmarkMethod) => {
  it('carry what lies between them, at less than half of the rigid error', () => {
    const random = new Random(seed);
    const { from, to, carried, somewhere } = pairs(random, 30);
    const found = registerLandmarks(us, mr, to, from, { method });
    expect([found.outcome, found.deformed]).toEqual(['ok', true]);
    const places = Array.from({ length: 300 }, () => point(mr, somewhere()));
    const error = rms(places.map((p) => between(found.deformation.apply(p).xyz, carried(p.xyz))));
    const rigid = rms(places.map((p) => between(apply(found.rigid, p).xyz, carried(p.xyz))));
    expect(error).toBeLessThan(0.5 * rigid);
    // What it says of itself is what it does: landmarks left out are missed as places are, but for the touching error.
    expect(rms(found.leaveOneOutMm)).toBeLessThan(rms(found.rigidLeaveOneOutMm));
    expect(rms(found.leaveOneOutMm)).toBeGreaterThan(0.7 * error);
  });

  it('have the derivative that differences give, and an inverse', () => {
    const random = new Random(seed + 1);
    const { from, to, somewhere } = pairs(random, 14);
    const { deformation } = registerLandmarks(us, mr, to, from, { method });
    const j = new Float64Array(9);
    for (let n = 0; n < 50; n += 1) {
      const p = somewhere();
      deformation.jacobian(j, p);
      for (let c = 0; c < 3; c += 1) {
        const [a, b] = [1e-4, -1e-4].map((e) =>
          deformation.map(
            new Float64Array(3),
            p.map((x, r) => x + (r === c ? e : 0)),
          ),
        ) as [Float64Array, Float64Array];
        for (let r = 0; r < 3; r += 1) expect(j[3 * c + r]).toBeCloseTo(((a[r] as number) - (b[r] as number)) / 2e-4, 4);
      }
      const here = point(mr, p);
      expect(between(deformation.applyInverse(deformation.apply(here)).xyz, p)).toBeLessThan(1e-4);
    }
  });

  it('leave out each landmark as fitting anew without it would', () => {
    const { from, to } = pairs(new Random(seed + 2), 12, { fleMm: 0.5 });
    const whole = registerLandmarks(us, mr, to, from, { method });
    const without =
      (k: number) =>
      <T>(all: readonly T[]): T[] =>
        all.filter((_, n) => n !== k);
    for (const k of [0, 5, 11]) {
      const less = registerLandmarks(us, mr, without(k)(to), without(k)(from), { method });
      const missed = between(less.deformation.apply(from[k] as Point<'mr'>).xyz, (to[k] as Point<'us'>).xyz);
      // Another rigid motion, smoothing and reach are chosen without it: alike, not the same.
      expect(whole.leaveOneOutMm[k]).toBeGreaterThan(0.3 * missed - 0.3);
      expect(whole.leaveOneOutMm[k]).toBeLessThan(3 * missed + 0.5);
    }
  });

  it('say that there is no deformation where the landmarks were only touched badly', () => {
    let kept = 0;
    for (let n = 0; n < 10; n += 1) {
      const { from, to } = pairs(new Random(seed + 10 + n), 20, { shiftMm: 0, fleMm: 1 });
      const found = registerLandmarks(us, mr, to, from, { method });
      expect(found.outcome).toBe('ok');
      if (found.deformed) kept += 1;
      else expect(found.findings.map(({ code }) => code)).toEqual(['no-deformation']);
    }
    expect(kept).toBeLessThanOrEqual(3);
  });
});

describe('thin plates', () => {
  it('keep what is affine, everywhere, with the kernel of three dimensions', () => {
    const random = new Random(seed + 3);
    const stretch = [1.04, 0.02, 0, 0, 0.01, 0.97, 0, 0, 0, 0.03, 1.02, 0, 5, 6, 7, 1];
    const from = Array.from({ length: 12 }, () => [0, 1, 2].map(() => random.between(-50, 50)));
    const to = from.map((p) => transformPoint(new Float64Array(3), stretch, p));
    const found = registerLandmarks(
      us,
      mr,
      to.map((p) => point(us, p)),
      from.map((p) => point(mr, p)),
      { method: 'thin-plate' },
    );
    expect(found.deformed).toBe(true);
    for (let n = 0; n < 20; n += 1) {
      const p = [0, 1, 2].map(() => random.between(-150, 150));
      expect(
        between(found.deformation.map(new Float64Array(3), p), transformPoint(new Float64Array(3), stretch, p)),
      ).toBeLessThan(1e-6);
    }
  });

  it('bend the least in three dimensions: their kernel is biharmonic there, as that of two, r² log r, is not', () => {
    const block = new Float64Array(9);
    const ours = (x: number, y: number, z: number): number => {
      thinPlate.block(block, x, y, z);
      return block[0] as number;
    };
    const flat = (x: number, y: number, z: number): number => (x * x + y * y + z * z) * Math.log(Math.hypot(x, y, z));
    const laplacian =
      (f: typeof ours, h: number) =>
      (x: number, y: number, z: number): number =>
        (f(x + h, y, z) + f(x - h, y, z) + f(x, y + h, z) + f(x, y - h, z) + f(x, y, z + h) + f(x, y, z - h) - 6 * f(x, y, z)) /
        (h * h);
    const twice = (f: typeof ours): number => laplacian(laplacian(f, 0.1), 0.1)(3, 4, 2);
    expect(Math.abs(twice(ours))).toBeLessThan(1e-4);
    // 6 / r² with r² = 29.
    expect(twice(flat)).toBeCloseTo(6 / 29, 2);
  });
});

it('Kelvinlets expect more error far from landmarks than among them', () => {
  const { from, to } = pairs(new Random(seed + 5), 20);
  const found = registerLandmarks(us, mr, to, from);
  const near = found.expectedRmsMm(from[3] as Point<'mr'>);
  expect(near).toBeLessThan(found.expectedRmsMm(point(mr, [150, 150, 150])));
  expect(Number.isNaN(registerLandmarks(us, mr, to, from, { method: 'thin-plate' }).expectedRmsMm(point(mr, [0, 0, 0])))).toBe(
    true,
  );
});

it('says that a pair contradicts another', () => {
  const { from, to } = pairs(new Random(seed + 8), 20);
  const beside = point(
    mr,
    Array.from((from[4] as Point<'mr'>).xyz, (x) => x + 0.3),
  );
  const away = point(
    us,
    Array.from((to[4] as Point<'us'>).xyz, (x) => x + 5),
  );
  const found = registerLandmarks(us, mr, [...to, away], [...from, beside]);
  expect(found.outcome).toBe('failed');
  expect(found.findings.map(({ code }) => code)).toContain('contradictory');
});

it('refuses too few, mirrored ones and a plane, by name', () => {
  const { from, to } = pairs(new Random(seed + 6), 12);
  const code = (doing: () => unknown): string => {
    try {
      doing();
    } catch (error) {
      return isNavError(error) ? error.code : String(error);
    }
    return 'none';
  };
  expect(code(() => registerLandmarks(us, mr, to.slice(0, 5), from.slice(0, 5)))).toBe('registration/too-few-points');
  expect(code(() => registerLandmarks(us, mr, to, from, { method: 'x' as never }))).toBe('registration/bad-option');
  const many = pairs(new Random(seed + 7), 101);
  expect(code(() => registerLandmarks(us, mr, many.to, many.from))).toBe('registration/too-large');
  const mirrored = to.map((p) => point(us, [-(p.xyz[0] as number), p.xyz[1] as number, p.xyz[2] as number]));
  expect(code(() => registerLandmarks(us, mr, mirrored, from))).toMatch(/^registration\//);
  const flat = Array.from({ length: 9 }, (_, n) => [20 * (n % 3), 20 * Math.floor(n / 3), 0.3 * (n % 2)]);
  const plane = flat.map(([x, y]) => [x as number, y as number, 0]);
  const bent = plane.map(([x, y], n) => point(us, [x as number, y as number, n % 4]));
  expect(
    code(() =>
      registerLandmarks(
        us,
        mr,
        bent,
        plane.map((p) => point(mr, p)),
        { method: 'thin-plate' },
      ),
    ),
  ).toMatch(/^registration\//);
});

const folder = resolve(
  process.env['TROCAR_DATA'] ?? resolve(import.meta.dirname, '../../../../../shared/data'),
  'brain-mr-us/landmarks',
);

describe.skipIf(!existsSync(folder))('RESECT landmarks (TROCAR_DATA/brain-mr-us/landmarks)', () => {
  it('left out, are missed no more than by the rigid motion, over the 21 cases', async () => {
    const sums = [0, 0];
    for (const name of readdirSync(folder).filter((f) => f.endsWith('.tag'))) {
      const { first, second } = await readPointPairs(resolve(folder, name));
      const found = registerLandmarks(
        us,
        mr,
        second.points.map(({ xyz }) => point(us, xyz)),
        first.points.map(({ xyz }) => point(mr, xyz)),
      );
      const left = found.deformed ? found.leaveOneOutMm : found.rigidLeaveOneOutMm;
      sums[0] = (sums[0] as number) + rms(left) / 21;
      sums[1] = (sums[1] as number) + rms(found.rigidLeaveOneOutMm) / 21;
    }
    expect(sums[0]).toBeLessThan(0.95 * (sums[1] as number));
  });
});
