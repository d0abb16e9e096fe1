import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNavError } from '../base/index.js';
import { frame, transform } from '../frames/index.js';
import { fromQuaternion, identity4, Random, transformPoint } from '../math/index.js';
import {
  cornersOf,
  greyOf,
  regrid,
  requireNoShear,
  resample,
  resampleStraight,
  resliceInto,
  Sampler,
  sampleLinear,
  shearDegrees,
  spacingOf,
  type Volume,
  valueRange,
  volume,
  windowPreset,
} from './index.js';

const ct = frame('ct');
const mr = frame('mr');

/** f = 2x − 3y + 0.5z + 7 in mm: trilinear sampling must reproduce it exactly between centres. */
const plane = (x: number, y: number, z: number): number => 2 * x - 3 * y + 0.5 * z + 7;

function linearVolume(m: ArrayLike<number>, size: readonly [number, number, number]): Volume<'ct'> {
  const voxels = new Float64Array(size[0] * size[1] * size[2]);
  const p = new Float64Array(3);
  for (let k = 0, n = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) {
        transformPoint(p, m, [i, j, k]);
        voxels[n] = plane(p[0] as number, p[1] as number, p[2] as number);
      }
    }
  }
  return volume({ frame: ct, voxels, size, frameFromIndex: m });
}

/** A random oblique grid, mirrored for odd seeds, with three different spacings. */
function obliqueMatrix(seed: number): Float64Array {
  const random = new Random(seed);
  const m = fromQuaternion(
    new Float64Array(16),
    random.rotation(new Float64Array(4)),
    [1, 2, 3].map(() => random.between(-90, 90)),
  );
  [0.7, 1.3, 2.1].forEach((s, c) => {
    for (let r = 0; r < 3; r += 1) m[4 * c + r] = (m[4 * c + r] as number) * (c === 2 && seed % 2 ? -s : s);
  });
  return m;
}

describe('a volume', () => {
  it('refuses a voxel count that is not its size, and a geometry that is none', () => {
    const good = { frame: ct, voxels: new Int16Array(24), size: [2, 3, 4] as const, frameFromIndex: identity4() };
    expect(() => volume({ ...good, voxels: new Int16Array(23) })).toThrowError(/24 voxels but was given 23/);
    const flat = identity4();
    flat[10] = 0;
    for (const m of [flat, new Float64Array(16), new Float64Array(12), identity4().fill(Number.NaN)]) {
      let caught: unknown;
      try {
        volume({ ...good, frameFromIndex: m });
      } catch (error) {
        caught = error;
      }
      expect(isNavError(caught, 'volume/bad-geometry')).toBe(true);
    }
  });

  it('has its first corner at the CENTRE of voxel 0, and its last at size − 1', () => {
    const m = identity4();
    m[0] = 2;
    m[12] = 10;
    const v = volume({ frame: ct, voxels: new Int16Array(24), size: [2, 3, 4], frameFromIndex: m });
    const corners = cornersOf(v);
    expect(Array.from(corners[0] ?? [])).toEqual([10, 0, 0]);
    expect(Array.from(corners[1] ?? [])).toEqual([12, 0, 0]);
    expect(Array.from(corners[7] ?? [])).toEqual([12, 2, 3]);
  });
});

describe('sampling', () => {
  it('reproduces a linear function exactly on any oblique or mirrored grid', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), (seed) => {
        const m = obliqueMatrix(seed);
        const v = linearVolume(m, [5, 6, 7]);
        const random = new Random(seed + 1);
        const index = [random.between(0, 4), random.between(0, 5), random.between(0, 6)];
        const [x, y, z] = transformPoint(new Float64Array(3), m, index) as unknown as [number, number, number];
        expect(sampleLinear(v, x, y, z)).toBeCloseTo(plane(x, y, z), 8);
      }),
    );
  });

  it('keeps i fastest, then j, then k', () => {
    const voxels = Int16Array.from({ length: 24 }, (_, n) => n);
    const s = new Sampler(volume({ frame: ct, voxels, size: [2, 3, 4], frameFromIndex: identity4() }));
    expect(s.at(1, 0, 0)).toBe(1);
    expect(s.at(0, 1, 0)).toBe(2);
    expect(s.at(0, 0, 1)).toBe(6);
    expect(s.at(0.5, 0, 0)).toBe(0.5);
  });

  it('is inside to half a voxel beyond the border centres, and NaN further out', () => {
    const s = new Sampler(
      volume({
        frame: ct,
        voxels: Int16Array.of(1, 2),
        size: [2, 1, 1],
        frameFromIndex: identity4(),
        rescale: { slope: 10, intercept: -5 },
      }),
    );
    expect(s.at(-0.49, 0, 0)).toBe(5);
    expect(s.at(1.5, 0.5, -0.5)).toBe(15);
    expect(s.at(-0.51, 0, 0)).toBeNaN();
    expect(s.at(0, 0.51, 0)).toBeNaN();
    expect(s.at(Number.NaN, 0, 0)).toBeNaN();
  });

  it('reslices row by row, with pixel centres', () => {
    const v = linearVolume(obliqueMatrix(8), [9, 9, 9]);
    const centre = transformPoint(new Float64Array(3), v.frameFromIndex, [4, 4, 4]);
    const m = identity4();
    m[0] = 0.25;
    m[5] = 0;
    m[6] = -0.5;
    m[10] = 0;
    m[9] = 1;
    m.set(centre, 12);
    const out = new Float64Array(6);
    resliceInto(out, v, { frameFromPixel: m, width: 3, height: 2 });
    const [x, y, z] = centre as unknown as [number, number, number];
    expect(out[0]).toBeCloseTo(plane(x, y, z), 9);
    expect(out[2]).toBeCloseTo(plane(x + 0.5, y, z), 9);
    expect(out[3]).toBeCloseTo(plane(x, y, z - 0.5), 9);
    expect(() => resliceInto(new Float32Array(5), v, { frameFromPixel: m, width: 3, height: 2 })).toThrowError(/6 numbers/);
  });
});

describe('resampling', () => {
  it('carries values through a typed transform to where they belong', () => {
    const v = linearVolume(identity4(), [12, 12, 12]);
    const ctFromMr = transform(ct, mr, fromQuaternion(new Float64Array(16), [0, 0, Math.SQRT1_2, Math.SQRT1_2], [8, 3, 2]));
    const out = resample(v, { frame: mr, size: [3, 3, 3], frameFromIndex: identity4() }, ctFromMr);
    const there = transformPoint(new Float64Array(3), ctFromMr.matrix, [2, 1, 0]) as unknown as [number, number, number];
    expect(sampleLinear(out, 2, 1, 0)).toBeCloseTo(plane(...there), 9);
    expect(out.frame.name).toBe('mr');
    expect(() => resample(v, { frame: ct, size: [3, 3, 3], frameFromIndex: identity4() }, ctFromMr as never)).toThrowError(
      /frame "ct"/,
    );
  });

  it('rounds to integer voxels and fills what the source does not cover with its smallest value', () => {
    const v = volume({
      frame: ct,
      voxels: Int16Array.of(10, 13, 10, 13),
      size: [2, 2, 1],
      frameFromIndex: identity4(),
      rescale: { slope: -2, intercept: 1 },
    });
    const m = identity4();
    m[12] = 0.5;
    const out = regrid(v, { size: [3, 1, 1], frameFromIndex: m });
    expect(Array.from(out.voxels)).toEqual([12, 13, 13]);
    expect(valueRange(v)).toEqual({ min: -25, max: -19 });
  });

  it('straightens a tilted volume: right angles, same values where both have them, the tilt told', () => {
    const degrees = 18.5;
    const m = identity4();
    m[9] = 2.5 * Math.sin((degrees * Math.PI) / 180);
    m[10] = 2.5 * Math.cos((degrees * Math.PI) / 180);
    m[0] = m[5] = 0.8;
    const v = linearVolume(m, [8, 9, 10]);
    expect(shearDegrees(v)).toBeCloseTo(degrees, 9);
    expect(() => requireNoShear(v, 'Navigation')).toThrowError(/18\.50°/);
    const straight = resampleStraight(v, { outside: -999 });
    expect(shearDegrees(straight)).toBeLessThan(1e-9);
    expect(spacingOf(straight)[2]).toBeCloseTo(2.5 * Math.cos((degrees * Math.PI) / 180), 9);
    for (const [i, j, k] of [
      [1, 1, 1],
      [4, 4, 5],
      [6, 7, 8],
    ] as const) {
      const [x, y, z] = transformPoint(new Float64Array(3), m, [i, j, k]) as unknown as [number, number, number];
      expect(sampleLinear(straight, x, y, z)).toBeCloseTo(plane(x, y, z), 8);
    }
    expect(straight.warnings[0]?.code).toBe('resampled');
    for (const c of cornersOf(v)) expect(sampleLinear(straight, ...(c as unknown as [number, number, number]))).not.toBeNaN();
  });
});

describe('windows', () => {
  it('put level at middle grey and the edges at black and white', () => {
    const w = { width: 400, level: 40 };
    expect(greyOf(40, w)).toBe(0.5);
    expect(greyOf(-160, w)).toBe(0);
    expect(greyOf(240, w)).toBe(1);
  });

  it('of an MR cover its values, and of a CT are soft tissue', () => {
    const voxels = Float32Array.from({ length: 1000 }, (_, n) => n);
    const base = { frame: ct, voxels, size: [10, 10, 10] as const, frameFromIndex: identity4() };
    const w = windowPreset(volume({ ...base, modality: 'MR' }));
    expect(w.level - w.width / 2).toBeCloseTo(10, 0);
    expect(w.level + w.width / 2).toBeCloseTo(995, 0);
    expect(windowPreset(volume({ ...base, modality: 'CT' }))).toEqual({ width: 400, level: 40 });
  });
});
