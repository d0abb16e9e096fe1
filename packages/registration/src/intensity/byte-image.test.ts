import { frame } from '@trocar/core';
import { Random, transformPoint } from '@trocar/core/math';
import { volume } from '@trocar/core/volume';
import { describe, expect, inject, it } from 'vitest';
import { Breath } from './breath.js';
import { type ByteImage, coarser, HOLE } from './byte-image.js';
import { averager } from './kernels/averaging.js';
import { allRotations } from './orientations.js';
import { byteImageOf } from './stretch.js';

const ct = frame('ct');
const breath = new Breath(undefined);

// Oblique and mirrored: rows of a rotation by 30° about z, spacings 0.8, 1.1 and 2.5 mm, third axis downwards.
const [c, s] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
const GEOMETRY = [0.8 * c, 0.8 * s, 0, 0, -1.1 * s, 1.1 * c, 0, 0, 0, 0, -2.5, 0, -40, 25, 60, 1];

describe('images as bytes', () => {
  it.each([[[2, 1, 1]], [[3, 2, 4]], [[2, 2, 2]]] as const)(
    'a coarser image keeps its place: a ramp averaged by %j',
    async (factors) => {
      // Even, so that the bytes are linear in the values but for rounding, and wide, so that rounding is small.
      const ramp = (p: ArrayLike<number>): number => (p[0] as number) - 1.3 * (p[1] as number) + 0.6 * (p[2] as number);
      const size = [40, 33, 24] as const;
      const values = new Uint8Array(size[0] * size[1] * size[2]);
      const p = new Float64Array(3);
      const value = (m: ArrayLike<number>, i: number, j: number, k: number): number =>
        0.5 * ramp(transformPoint(p, m, [i, j, k])) + 130;
      for (let k = 0, n = 0; k < size[2]; k += 1) {
        for (let j = 0; j < size[1]; j += 1) {
          for (let i = 0; i < size[0]; i += 1, n += 1) values[n] = Math.round(value(GEOMETRY, i, j, k));
        }
      }
      const image: ByteImage = { values, size, frameFromIndex: Float64Array.from(GEOMETRY), holes: false };
      const small = await coarser(image, factors, breath);
      expect(small.size).toEqual(size.map((count, a) => Math.floor(count / factors[a as 0 | 1 | 2])));
      let off = 0;
      small.values.forEach((x, n) => {
        const [ni, nj] = small.size;
        off += x - value(small.frameFromIndex, n % ni, Math.floor(n / ni) % nj, Math.floor(n / (ni * nj)));
      });
      // Half a voxel off along any axis would be 0.2 and more.
      expect(Math.abs(off / small.values.length)).toBeLessThan(0.05);
    },
  );

  it('averages the same whichever way it is done: in WebAssembly, in typed arrays, with holes to mind', async () => {
    const random = new Random(inject('seed'));
    const kernel = await averager();
    expect(kernel).toBeDefined();
    for (const ni of [24, 25, 37]) {
      const size = [ni, 11, 9] as const;
      const values = Uint8Array.from({ length: ni * 99 }, () => random.below(255));
      const image = { values, size, frameFromIndex: Float64Array.from(GEOMETRY) };
      for (const factors of [
        [2, 2, 2],
        [2, 1, 3],
        [3, 2, 1],
        [1, 5, 4],
      ] as const) {
        const fast = await coarser({ ...image, holes: false }, factors, breath, kernel);
        const plain = await coarser({ ...image, holes: false }, factors, breath);
        const careful = await coarser({ ...image, holes: true }, factors, breath);
        expect(plain.values).toEqual(careful.values);
        expect(fast).toEqual(plain);
      }
    }
  });

  it('what is no number is a hole, and averaged images keep the geometry of the volume', async () => {
    const size = [12, 10, 8] as const;
    const random = new Random(inject('seed'));
    const voxels = Float32Array.from({ length: 960 }, (_, n) => (n === 500 ? Number.NaN : random.between(-1000, 1000)));
    const image = await byteImageOf(volume({ frame: ct, voxels, size, frameFromIndex: GEOMETRY }), 'fixed', [1, 1, 1], breath);
    expect(image.holes).toBe(true);
    expect([...image.values.keys()].filter((n) => image.values[n] === HOLE)).toEqual([500]);
    const rising = [...voxels.keys()].filter((n) => n !== 500).sort((a, b) => (voxels[a] as number) - (voxels[b] as number));
    rising.forEach((n, at) => {
      if (at > 0) expect(image.values[n]).toBeGreaterThanOrEqual(image.values[rising[at - 1] as number] as number);
    });
  });

  it.each([
    ['Int8Array', Int8Array, -100, 100],
    ['Uint8Array', Uint8Array, 0, 255],
    ['Int16Array', Int16Array, -1000, 2000],
    ['Int16Array, its whole range', Int16Array, -32768, 32767],
    ['Uint16Array', Uint16Array, 30_000, 65_000],
  ] as const)('is the same from integers and from floats: %s', async (_, Kind, low, high) => {
    const random = new Random(inject('seed') + 1);
    // An odd number of voxels, and a view that begins in the middle of its buffer.
    const whole = new Kind(1298).map(() => low + random.below(high - low + 1)).subarray(3);
    const init = { frame: ct, size: [7, 37, 5] as const, frameFromIndex: GEOMETRY };
    const [a, b] = await Promise.all(
      [whole, Float64Array.from(whole)].map((voxels) => byteImageOf(volume({ ...init, voxels }), 'fixed', [1, 1, 1], breath)),
    );
    expect(a).toEqual(b);
  });
});

it('216 rotations are proper, different, and leave no rotation farther than 36° away', () => {
  const random = new Random(inject('seed'));
  const all = allRotations();
  expect(all).toHaveLength(216);
  for (const m of all) {
    const dot = (a: number, b: number): number =>
      [0, 1, 2].reduce((sum, k) => sum + (m[3 * a + k] as number) * (m[3 * b + k] as number), 0);
    expect(Math.abs(dot(0, 0) - 1) + Math.abs(dot(1, 1) - 1) + Math.abs(dot(0, 1)) + Math.abs(dot(1, 2))).toBeLessThan(1e-12);
    const [a, b, d, e, f, g, h, i, j] = m as unknown as number[];
    const determinant =
      (a as number) * ((f as number) * (j as number) - (g as number) * (i as number)) -
      (b as number) * ((e as number) * (j as number) - (g as number) * (h as number)) +
      (d as number) * ((e as number) * (i as number) - (f as number) * (h as number));
    expect(determinant).toBeCloseTo(1, 12);
  }
  const q = new Float64Array(4);
  for (let n = 0; n < 300; n += 1) {
    random.rotation(q);
    const [x, y, z, w] = q as unknown as [number, number, number, number];
    const r = [
      1 - 2 * (y * y + z * z),
      2 * (x * y - w * z),
      2 * (x * z + w * y),
      2 * (x * y + w * z),
      1 - 2 * (x * x + z * z),
      2 * (y * z - w * x),
      2 * (x * z - w * y),
      2 * (y * z + w * x),
      1 - 2 * (x * x + y * y),
    ];
    const cosine = Math.max(...all.map((m) => (m.reduce((sum, v, k) => sum + v * (r[k] as number), 0) - 1) / 2));
    expect((Math.acos(Math.min(1, cosine)) * 180) / Math.PI).toBeLessThan(36);
  }
});
