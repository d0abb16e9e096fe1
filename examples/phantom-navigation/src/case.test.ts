import { existsSync } from 'node:fs';
import { isNavError } from '@trocar/core';
import { readVolume } from '@trocar/core/io';
import { abdomenPhantom, headPhantom, type Phantom } from '@trocar/core/testing';
import { volume } from '@trocar/core/volume';
import { beforeAll, describe, expect, it } from 'vitest';
import { findBody } from '../../suite/src/skin.js';
import { volumeCase } from './case.js';
import { CT } from './frames.js';

const data = process.env['TROCAR_DATA'] ?? new URL('../../../../shared/data', import.meta.url).pathname;

const phantoms = [
  ['a head CT', () => headPhantom({ spacingMm: 2.5 })],
  [
    'a head MR, oblique, from the front',
    () => headPhantom({ spacingMm: 2.5, contrast: 'mr', axes: 'SRP', obliqueRad: [0.1, 0.2, 0] }),
  ],
  ['an abdomen CT that ends within the trunk', () => abdomenPhantom({ spacingMm: 3 })],
] as const;

describe.each(phantoms)('on %s', (_, make) => {
  let phantom: Phantom;
  beforeAll(() => {
    phantom = make();
  });

  it('fiducials lie on the true skin, reachable and apart, and the way leads under it', () => {
    const made = volumeCase(phantom.volume, 3);
    expect(made.fiducials.length).toBeGreaterThanOrEqual(6);
    const distance = (p: ArrayLike<number>): number =>
      phantom.signedDistance('skin', p[0] as number, p[1] as number, p[2] as number);
    // Some rays end on a skin marker, which stands 4 mm above the skin.
    for (const f of made.fiducials) {
      expect(distance(f.xyz)).toBeGreaterThan(-1.5);
      expect(distance(f.xyz)).toBeLessThan(6);
    }
    made.fiducials.forEach((f, i) => {
      const above = Array.from(f.xyz).map((v, k) => v + 40 * ((made.normals[i] as readonly number[])[k] as number));
      expect(distance(above)).toBeGreaterThan(20);
      for (let j = 0; j < i; j += 1) {
        const other = made.fiducials[j]?.xyz as ArrayLike<number>;
        expect(Math.hypot(...Array.from(f.xyz).map((v, k) => v - (other[k] as number)))).toBeGreaterThan(15);
      }
    });
    expect(Math.abs(distance(made.plan.entry.xyz))).toBeLessThan(6);
    expect(distance(made.plan.target.xyz)).toBeLessThan(-10);
    expect(made.plan.frameOfReferenceUid).toBe(phantom.volume.frameOfReferenceUid);
  });

  it('the body found is the body: its volume to 6 %, no table, nothing outside', () => {
    const body = findBody(phantom.volume);
    const voxel = [0, 4, 8].reduce((p, c) => p * Math.hypot(...Array.from(phantom.volume.frameFromIndex).slice(c, c + 3)), 1);
    const air = phantom.labels.reduce((n, l) => n + (l === 0 ? 1 : 0), 0);
    const truth = (phantom.labels.length - air) * voxel;
    expect(body.sizeMm3 / truth).toBeGreaterThan(0.94);
    expect(body.sizeMm3 / truth).toBeLessThan(1.06);
  });
});

describe('a case on a volume', () => {
  it('is the same for the same volume and seed', () => {
    const { volume: v } = headPhantom({ spacingMm: 4 });
    const [a, b, other] = [volumeCase(v, 1), volumeCase(v, 1), volumeCase(v, 2)];
    expect(a.fiducials).toEqual(b.fiducials);
    expect(a.plan).toEqual(b.plan);
    expect(other.fiducials).not.toEqual(a.fiducials);
  });

  it('leaves the table under a patient alone', () => {
    const { volume: v } = headPhantom({ spacingMm: 2, noise: 0 });
    const [ni, nj, nk] = v.size;
    const voxels = Int16Array.from(v.voxels);
    // A board along the back, two voxels thick, that just touches the head.
    for (let k = 0; k < nk; k += 1)
      for (let j = nj - 7; j < nj - 5; j += 1) for (let i = 0; i < ni; i += 1) voxels[i + ni * (j + nj * k)] = 100;
    const withTable = volume({ ...v, frameOfReferenceUid: '2.25.3', voxels });
    const made = volumeCase(withTable, 1);
    const back = (v.frameFromIndex[13] as number) + (nj - 8) * 2;
    for (const f of made.fiducials) expect(f.xyz[1]).toBeLessThan(back - 30);
  });

  it('refuses a tilted one, and one without a body', () => {
    const tilted = headPhantom({ spacingMm: 4, tiltDegrees: 18.5 });
    const codeOf = (run: () => unknown): unknown => {
      try {
        return run();
      } catch (error) {
        return isNavError(error) ? error.code : error;
      }
    };
    expect(codeOf(() => volumeCase(tilted.volume, 1))).toBe('volume/sheared');
    const air = volume({
      ...headPhantom({ size: [40, 40, 40] }).volume,
      frameOfReferenceUid: '2.25.4',
      voxels: new Int16Array(64000).fill(-1000),
    });
    expect(codeOf(() => volumeCase(air, 1))).toBe('registration/failed');
  });

  it('finds the body where a part of the image has no values', () => {
    const { volume: v } = headPhantom({ spacingMm: 4, contrast: 'mr' });
    const [ni, nj] = v.size;
    const voxels = Float32Array.from(v.voxels, (x, n) => (Math.floor(n / (ni * nj)) < 4 ? Number.NaN : x));
    const whole = findBody(v);
    const part = findBody({ ...v, voxels });
    expect(part.threshold / whole.threshold).toBeGreaterThan(0.9);
    expect(part.threshold / whole.threshold).toBeLessThan(1.1);
    expect(part.sizeMm3).toBeGreaterThan(0.85 * whole.sizeMm3);
  });

  it('passes on what was taken for granted of the image, not what concerns no plan', () => {
    const { volume: v } = headPhantom({ spacingMm: 4 });
    const codes = ['orientation-assumed', 'unit-assumed', 'spacing-rounded', 'lossy-compression', 'gaps-filled'] as const;
    const told = codes.map((code) => ({ code, message: `about ${code}` }));
    const other = [{ code: 'ignored-files' as const, message: 'a note lay beside it' }];
    expect(volumeCase({ ...v, warnings: [...told, ...other] }, 1).warnings).toEqual(told.map((w) => w.message));
  });

  it('binds plans to the content where a file names no frame of reference, and tells two contents apart', () => {
    const phantom = headPhantom({ spacingMm: 4 });
    const other = headPhantom({ spacingMm: 4, seed: 2 });
    const [a, b] = [phantom, other].map((p) => volumeCase({ ...p.volume, frameOfReferenceUid: undefined }, 1));
    expect(a?.plan.frameOfReferenceUid).toMatch(/^content:[0-9a-f]{8}$/);
    expect(a?.plan.frameOfReferenceUid).not.toBe(b?.plan.frameOfReferenceUid);
    expect(a?.warnings).toHaveLength(1);
  });

  it
    .skipIf(!existsSync(data))
    .each([
      'head-mr/head_T1.nii.gz',
      'head-mr/head_PD.nii.gz',
      'phantom-ct-mr/pork_CT_0p78x0p78x1p25.nii.gz',
      'rire/training_001_mr_T1.mha',
    ])('is made of %s', async (file) => {
    const made = volumeCase(await readVolume(`${data}/${file}`, { frame: CT }), 1);
    expect(made.fiducials).toHaveLength(8);
    expect(made.plan.lengthMm).toBeGreaterThan(30);
    const body = findBody(made.volume);
    expect(body.inside(...(Array.from(made.plan.target.xyz) as [number, number, number]))).toBe(true);
    expect(body.sizeMm3).toBeGreaterThan(2e6);
    expect(body.sizeMm3).toBeLessThan(5e6);
  });
});
