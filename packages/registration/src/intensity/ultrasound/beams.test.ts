import { frame } from '@trocar/core';
import { fromRotationVector, identity4, Random, transformPoint } from '@trocar/core/math';
import { volume } from '@trocar/core/volume';
import { describe, expect, inject, it } from 'vitest';
import { fanApex, reflections } from './beams.js';
import type { CubeImage } from './cube-image.js';
import { isCt } from './modality.js';

const random = new Random(inject('seed'));

/** Cubes of 1.5 mm that hold what `value` says of each place, mm. */
function cubes(size: number, value: (p: Float64Array) => number): CubeImage {
  const image = { size: [size, size, size] as const, spacingMm: 1.5, origin: [-60, -60, -60] as const };
  const p = new Float64Array(3);
  const values = Float32Array.from({ length: size ** 3 }, (_, n) => {
    [n % size, Math.floor(n / size) % size, Math.floor(n / (size * size))].forEach((i, r) => {
      p[r] = -60 + 1.5 * i;
    });
    return value(p);
  });
  return { ...image, values };
}

/** A swept sector: within half an angle along x, less along y, between two depths from the apex, turned by `turn`. */
function sector(turn: Float64Array, depth: readonly [number, number], tilt: number): { image: CubeImage; apex: Float64Array } {
  const back = Float64Array.from(turn, (_, n) => (n < 12 && n % 4 < 3 ? (turn[4 * (n % 4) + Math.floor(n / 4)] as number) : 0));
  const q = new Float64Array(3);
  const behind = (depth[0] + depth[1]) / 2;
  const image = cubes(80, (p) => {
    const [x, y, z] = transformPoint(q, back, p) as unknown as [number, number, number];
    const r = Math.hypot(x, y, z + behind);
    const [u, v] = [Math.atan2(x, z + behind), Math.atan2(y, z + behind)];
    return r > depth[0] && r < depth[1] && Math.abs(u) < 0.5 && Math.abs(v) < tilt ? 100 : Number.NaN;
  });
  return { image, apex: transformPoint(new Float64Array(3), turn, [0, 0, -behind]) };
}

describe('the apex of a fan', () => {
  it.each([
    ['of a convex probe', [45, 125], 0.3],
    ['of a sector probe', [12, 100], 0.4],
  ] as const)('is found by its shape alone, %s', (_, depth, tilt) => {
    const turn = fromRotationVector(identity4(), [random.between(-1, 1), random.between(-1, 1), random.between(-1, 1)]);
    const { image, apex } = sector(turn, depth, tilt);
    const found = fanApex(image);
    const off = Math.hypot(...[0, 1, 2].map((r) => (found?.place[r] ?? Number.NaN) - (apex[r] as number)));
    expect(off).toBeLessThan(6);
  });

  it('is not made up for a ball or a box', () => {
    expect(fanApex(cubes(80, (p) => (Math.hypot(...p) < 45 ? 1 : Number.NaN)))).toBeUndefined();
    expect(fanApex(cubes(80, (p) => (p.every((x) => Math.abs(x) < 40) ? 1 : Number.NaN)))).toBeUndefined();
  });
});

describe('what CT sends back', () => {
  it('is a border met head-on, and nothing of a border along the beam', () => {
    // A wall across x, seen from far along x, from the side, and at 60°.
    const wall = cubes(40, (p) => (Math.abs((p[0] as number) + 31) < 4 ? 1 : 0));
    const at = (image: CubeImage): number => Math.max(...image.values.filter((x) => !Number.isNaN(x)));
    const ahead = at(reflections(wall, [-10_000, -30, -30]));
    expect(ahead).toBeGreaterThan(0.3);
    expect(at(reflections(wall, [-31, -10_000, -30]))).toBeLessThan(0.01 * ahead);
    const slanted = at(reflections(wall, [-31 - 5000, -30 - 5000 * Math.sqrt(3), -30]));
    expect(slanted / ahead).toBeCloseTo(0.5, 1);
  });
});

describe('CT', () => {
  const image = (modality: string | undefined, values: readonly number[], unit?: string) =>
    volume({
      frame: frame('ct'),
      voxels: Int16Array.from({ length: 1000 }, (_, n) => values[n % values.length] as number),
      size: [10, 10, 10],
      frameFromIndex: identity4(),
      ...(modality !== undefined && { modality }),
      ...(unit !== undefined && { rescale: { slope: 1, intercept: 0, unit } }),
    });

  it.each([
    ['what says so', 'CT', [0, 5], undefined, true],
    ['nothing that says otherwise', 'MR', [-1000, 40], undefined, false],
    ['what has its unit', undefined, [30, 40], 'HU', true],
    ['what has air and tissue', undefined, [-1000, -1000, 40, 60, 400], undefined, true],
    ['not what is positive', undefined, [0, 0, 400, 600], undefined, false],
    ['not z scores', undefined, [-2, -1, 0, 1, 2], undefined, false],
  ] as const)('is %s', (_, modality, values, unit, is) => {
    expect(isCt(image(modality, values, unit))).toBe(is);
  });
});
