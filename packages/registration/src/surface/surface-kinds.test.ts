import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { isNavError, point, transform } from '@trocar/core';
import { readVolume } from '@trocar/core/io';
import { identity4, multiply4, Random } from '@trocar/core/math';
import { isosurface, type Mesh, mesh, volume } from '@trocar/core/volume';
import { describe, expect, inject, it } from 'vitest';
import {
  CT,
  cap,
  disturbance,
  errorAt,
  headField,
  headMesh,
  SurfaceSampler,
  seenBy,
  TRACKER,
  touched,
} from '../testing/surfaces.js';
import { prepareSurface } from './prepare-surface.js';
import { registerSurface, type SurfaceRegistrationOptions } from './register-surface.js';

const seed = inject('seed');
const SHAPE = { skull: [74, 95, 88], noseMm: 24, earMm: 12, jawMm: 2 } as const;
const HEAD = headMesh(SHAPE, 5);
const FACE = cap([0, 0, 0], [0.2, -1, 0.15], 62);
const WHOLE = prepareSurface(HEAD);
const SAMPLER = new SurfaceSampler(HEAD, FACE);

/** A cloud of the head's face laid on a surface from 8°/8 mm off; the error at the head's middle, mm. */
function laid(surface: Mesh<'ct'>, random: Random, options: SurfaceRegistrationOptions<'ct', 'tracker'> = {}) {
  const truth = disturbance(random, [0, 0, 0], 120, 200);
  const points = seenBy(truth, touched(random, SAMPLER, { count: 150, noiseMm: 0.4 }));
  const start = transform(CT, TRACKER, multiply4(new Float64Array(16), disturbance(random, [0, 0, 0], 8, 8), truth));
  const prepared = surface === HEAD ? WHOLE : prepareSurface(surface);
  const result = registerSurface(CT, TRACKER, prepared, points, { start, ...options });
  return { prepared, result, error: errorAt(result.edge.matrix, truth, [0, 0, 0]) };
}

/** Triangles kept or changed one by one. */
function remade(change: (corners: number[], t: number) => number[] | undefined): Mesh<'ct'> {
  const triangles: number[] = [];
  for (let t = 0; 3 * t < HEAD.triangles.length; t += 1) {
    triangles.push(...(change([...HEAD.triangles.subarray(3 * t, 3 * t + 3)], t) ?? []));
  }
  return mesh({ frame: CT, positions: HEAD.positions, triangles: Uint32Array.from(triangles) });
}

describe('surfaces of every kind', () => {
  it('triangles without area are counted and change nothing', () => {
    const bad = remade((c, t) => (t % 50 === 7 ? [...c, c[0] as number, c[1] as number, c[1] as number] : c));
    const { prepared, result, error } = laid(bad, new Random(seed));
    expect(prepared.findings.map((f) => f.code)).toEqual(['registration/bad-mesh']);
    expect(prepared.findings[0]?.message).toMatch(/no area/);
    const clean = laid(HEAD, new Random(seed));
    expect(clean.prepared.findings).toEqual([]);
    expect(result.outcome).toBe('ok');
    expect(Math.abs(error - clean.error)).toBeLessThan(1e-6);
  });

  it('triangles turned the wrong way are said, and move the pose by nothing that matters', () => {
    const turned = remade((c, t) => (t % 9 === 4 ? [c[0], c[2], c[1]] : c) as number[]);
    const { prepared, result, error } = laid(turned, new Random(seed + 1));
    expect(prepared.findings[0]?.message).toMatch(/disagree about which side is out/);
    expect(result.outcome).toBe('ok');
    expect(Math.abs(error - laid(HEAD, new Random(seed + 1)).error)).toBeLessThan(0.02);
  });

  it('a soup of single triangles, as STL holds it, is the same surface', () => {
    const positions = new Float64Array(3 * HEAD.triangles.length);
    HEAD.triangles.forEach((v, n) => {
      positions.set(HEAD.positions.subarray(3 * v, 3 * v + 3), 3 * n);
    });
    const soup = mesh({ frame: CT, positions, triangles: Uint32Array.from(HEAD.triangles.keys()) });
    const { prepared, error } = laid(soup, new Random(seed + 2));
    const whole = laid(HEAD, new Random(seed + 2));
    expect([prepared.closed, prepared.findings]).toEqual([whole.prepared.closed, []]);
    expect(Math.abs(error - whole.error)).toBeLessThan(1e-6);
  });

  it('an open face is enough, and says that it is open', () => {
    const middle = (c: readonly number[], k: number): number =>
      c.reduce((sum, v) => sum + (HEAD.positions[3 * v + k] as number), 0) / 3;
    const wide = cap([0, 0, 0], [0.2, -1, 0.15], 75);
    const face = remade((c) => (wide([middle(c, 0), middle(c, 1), middle(c, 2)], [0, 0, 1]) ? c : undefined));
    const { prepared, result, error } = laid(face, new Random(seed + 3));
    expect(prepared.closed).toBe(false);
    expect(result.outcome).toBe('ok');
    expect(error).toBeLessThan(1);
  });

  it('the symmetric method ends where point-to-plane does', () => {
    const plain = laid(HEAD, new Random(seed + 4));
    const symmetric = laid(HEAD, new Random(seed + 4), { method: 'symmetric' });
    expect(symmetric.result.outcome).toBe('ok');
    expect(symmetric.result.edge.provenance?.method).toBe('surface-symmetric');
    expect(errorAt(symmetric.result.edge.matrix, plain.result.edge.matrix, [0, 0, 0])).toBeLessThan(0.05);
  });

  it('noise above the known level is a poor fit; as large as known it is not', () => {
    expect(laid(HEAD, new Random(seed + 5), { sdMm: 0.4 }).result.outcome).toBe('ok');
    const poor = laid(HEAD, new Random(seed + 5), { sdMm: 0.2 }).result;
    expect(poor.outcome).toBe('failed');
    expect(poor.findings.map((f) => f.code)).toContain('poor-fit');
    // Only how the points compare: nothing to contradict.
    expect(laid(HEAD, new Random(seed + 5), { sdMm: 0.2, scale: 'estimated' }).result.outcome).toBe('ok');
  });
});

describe('from a volume to a registration', () => {
  const field = headField(SHAPE);

  /** The head sampled on a grid, with air of −1000 and skin of 0 and more. */
  function sampled(frameFromIndex: readonly number[], size: readonly [number, number, number]) {
    const m = frameFromIndex;
    const at = (r: number, i: number, j: number, k: number): number =>
      (m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number);
    const voxels = new Float32Array(size[0] * size[1] * size[2]);
    for (let n = 0; n < voxels.length; n += 1) {
      const [i, j, k] = [n % size[0], Math.floor(n / size[0]) % size[1], Math.floor(n / (size[0] * size[1]))];
      voxels[n] = Math.max(-1000, Math.min(100, -500 - 100 * field(at(0, i, j, k), at(1, i, j, k), at(2, i, j, k))));
    }
    return volume({ frame: CT, voxels, size, frameFromIndex });
  }

  const straight = [5, 0, 0, 0, 0, 5, 0, 0, 0, 0, 5, 0, -102, -135, -140, 1];
  const oblique = multiply4(new Float64Array(16), disturbance(new Random(4), [0, 0, 0], 20, 0), straight);
  const grids: readonly (readonly [string, readonly number[]])[] = [
    ['a straight grid', straight],
    ['a grid whose x runs backwards', [-5, 0, 0, 0, 0, 5, 0, 0, 0, 0, 5, 0, 103, -135, -140, 1]],
    ['an oblique grid', [...oblique]],
  ];

  it.each(grids)('%s: the skin at −500 HU is the head, on its own side', (_, frameFromIndex) => {
    const random = new Random(seed + 8);
    const skin = isosurface(sampled(frameFromIndex, [42, 50, 50]), -500, { outerOnly: true, largestOnly: true });
    const { result, error } = laid(skin, random);
    expect(result.outcome).toBe('ok');
    expect(error).toBeLessThan(1);
  });

  it('the same volume read with RAS for LPS is refused, with and without a start', () => {
    const ras = straight.map((x, n) => (n % 4 < 2 ? -x : x));
    const prepared = prepareSurface(isosurface(sampled(ras, [42, 50, 50]), -500, { largestOnly: true }));
    // In RAS the sampled field is the head itself again: the points are what must be turned.
    const turned = prepareSurface(isosurface(sampled(straight, [42, 50, 50]), -500, { largestOnly: true }));
    const random = new Random(seed + 9);
    const points = touched(random, SAMPLER, { count: 150, noiseMm: 0.4 }).map(([x, y, z]) =>
      point(TRACKER, [-(x as number), -(y as number), z as number]),
    );
    for (const start of [transform(CT, TRACKER, identity4()), undefined]) {
      for (const surface of [turned, prepared]) {
        try {
          registerSurface(CT, TRACKER, surface, points, { start });
          expect.unreachable();
        } catch (error) {
          expect(isNavError(error, 'registration/ras-lps')).toBe(true);
        }
      }
    }
  });
});

const data = process.env['TROCAR_DATA'] ?? resolve(import.meta.dirname, '../../../../../shared/data');
/** The T1 has nine times the triangles, and takes as much longer. */
const scan = resolve(data, inject('effort') > 1 ? 'head-mr/head_T1.nii.gz' : 'head-mr/head_PD.nii.gz');

describe.skipIf(!existsSync(scan))("a real head's skin (TROCAR_DATA/head-mr)", () => {
  it('its face is found from a start and is right or said without one; mirrored it is refused', async () => {
    const head = await readVolume(scan, { frame: CT });
    const sorted = head.voxels.slice().sort();
    const level = 0.15 * (sorted[Math.floor(0.98 * sorted.length)] as number);
    const skin = isosurface(head, level, { outerOnly: true, largestOnly: true });
    const prepared = prepareSurface(skin);
    const { middle } = prepared.index;
    const random = new Random(seed + 10);
    const sampler = new SurfaceSampler(skin, cap([...middle], [0, -1, 0.1], 55));
    const places = touched(random, sampler, { count: 250, noiseMm: 0.5, outliers: 0.1 });
    const truth = disturbance(random, [0, 0, 0], 130, 300);
    const start = transform(
      CT,
      TRACKER,
      multiply4(new Float64Array(16), disturbance(random, middle as unknown as number[], 12, 12), truth),
    );
    const near = registerSurface(CT, TRACKER, prepared, seenBy(truth, places), { start });
    expect(near.outcome).toBe('ok');
    expect(errorAt(near.edge.matrix, truth, [...middle])).toBeLessThan(1);
    const lost = registerSurface(CT, TRACKER, prepared, seenBy(truth, places));
    if (errorAt(lost.edge.matrix, truth, [...middle]) > 3) expect(lost.outcome).not.toBe('ok');
    // Mirrored, this face lies on the head to a millimetre: the noise alone must give it away, with a start and without.
    const flipped = places.map(([x, y, z]) => [2 * (middle[0] as number) - (x as number), y as number, z as number]);
    for (const options of [{ start }, {}]) {
      try {
        registerSurface(CT, TRACKER, prepared, seenBy(truth, flipped), options);
        expect.unreachable('a mirrored cloud was registered');
      } catch (error) {
        expect(isNavError(error, 'registration/mirrored')).toBe(true);
      }
    }
  });
});
