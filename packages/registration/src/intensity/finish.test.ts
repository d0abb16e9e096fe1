import { frame } from '@trocar/core';
import { Random, transformPoint } from '@trocar/core/math';
import { volume } from '@trocar/core/volume';
import { describe, expect, inject, it } from 'vitest';
import { poseOf } from '../testing/intensity.js';
import { ctHead, mrHead } from '../testing/phantoms.js';
import { Breath } from './breath.js';
import { type ByteImage, HOLE, WHITE } from './byte-image.js';
import { drawEvenly } from './even-samples.js';
import { distanceBetween, halfwayBetween, type Motion, moved, product3 } from './motion.js';
import { registerVolumes } from './register-volumes.js';
import type { SampleSet } from './samples.js';
import { byteImageOf, evenBytes } from './stretch.js';

const ct = frame('ct');
const breath = new Breath(undefined);
// Oblique and mirrored: rows of a rotation by 30° about z, spacings 0.8, 1.1 and 2.5 mm, third axis downwards.
const [c, s] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
const GEOMETRY = [0.8 * c, 0.8 * s, 0, 0, -1.1 * s, 1.1 * c, 0, 0, 0, 0, -2.5, 0, -40, 25, 60, 1];

describe('even bytes', () => {
  it('are linear in the values again, however unevenly the curve spread them', async () => {
    const random = new Random(inject('seed'));
    // Air, two tissues and a little bone, as in a CT; an odd number of voxels, one of them without a value.
    const means = [-1000, -1000, -1000, 30, 45, 45, 45, 900];
    const voxels = Float32Array.from({ length: 35 * 33 * 21 }, (_, n) =>
      n === 77
        ? Number.NaN
        : (means[random.below(8)] as number) + (random.below(8) === 0 ? random.between(0, 900) : 8 * random.normal()),
    );
    const v = volume({ frame: ct, voxels, size: [35, 33, 21], frameFromIndex: GEOMETRY });
    const stretched = await byteImageOf(v, 'fixed', [1, 1, 1], breath);
    const table = evenBytes(stretched.curve);
    const values = stretched.values.map((byte) => table[byte] as number);
    expect(values[77]).toBe(HOLE);
    // The line through two tissues that the curve set farther apart than it found them.
    const [air, bone] = [-1000, 900].map((value) => {
      const near = [...voxels.keys()].filter((n) => Math.abs((voxels[n] as number) - value) < 4);
      return near.reduce((sum, n) => sum + (values[n] as number), 0) / near.length;
    }) as [number, number];
    expect(bone - air).toBeGreaterThan(100);
    let worst = 0;
    let curved = 0;
    voxels.forEach((x, n) => {
      const line = air + ((bone - air) * (x + 1000)) / 1900;
      if (!(line > 1 && line < WHITE - 1)) return;
      worst = Math.max(worst, Math.abs((values[n] as number) - line));
      curved = Math.max(curved, Math.abs((stretched.values[n] as number) - line));
    });
    // A byte of the flattest piece stands for four of these.
    expect(worst).toBeLessThan(4);
    expect(curved).toBeGreaterThan(10);
  });
});

describe('even samples', () => {
  const size = [40, 33, 24] as const;
  const ramp = (p: ArrayLike<number>): number => 130 + 0.5 * ((p[0] as number) - 1.3 * (p[1] as number) + 0.6 * (p[2] as number));
  const image = (hole: (i: number) => boolean): ByteImage => {
    const p = new Float64Array(3);
    const values = Uint8Array.from({ length: size[0] * size[1] * size[2] }, (_, n) => {
      const [i, j, k] = [n % size[0], Math.floor(n / size[0]) % size[1], Math.floor(n / (size[0] * size[1]))];
      return hole(i) ? HOLE : Math.round(ramp(transformPoint(p, GEOMETRY, [i, j, k])));
    });
    return { values, size, frameFromIndex: Float64Array.from(GEOMETRY), holes: hole(0) };
  };
  const options = { count: 4000, fixedBins: 254, fine: 4, centre: [10, 20, 30] as const };

  const itself = Uint8Array.from({ length: HOLE + 1 }, (_, byte) => byte);
  const drawn = (from: ByteImage, exchange = itself): SampleSet =>
    drawEvenly(from, exchange, new Random(inject('seed')), options, 50);

  it('see what is where they are, by what bytes stand for', () => {
    const negative = itself.map((byte) => (byte === HOLE ? HOLE : WHITE - byte));
    const set = drawn(
      image(() => false),
      negative,
    );
    expect(set.count).toBe(4000);
    for (let n = 0; n < set.count; n += 1) {
      const place = [set.x, set.y, set.z].map((a, r) => (a[n] as number) + (options.centre[r] as number));
      const bin = ((WHITE - ramp(place)) * options.fixedBins) / (WHITE + 1);
      // Half a byte by rounding to bytes, half a bin by flooring.
      expect(Math.abs((set.rows[n] as number) / options.fine + 0.5 - bin)).toBeLessThan(1.1);
    }
  });

  it('miss the mean place by far less than random ones, and are as many among holes', () => {
    const whole = drawn(image(() => false));
    const middle = transformPoint(new Float64Array(3), GEOMETRY, [19.5, 16, 11.5]);
    [whole.x, whole.y, whole.z].forEach((a, r) => {
      const mean = a.reduce((sum, x) => sum + x, 0) / whole.count + (options.centre[r] as number);
      const spread = Math.sqrt(a.reduce((sum, x) => sum + (x - mean + (options.centre[r] as number)) ** 2, 0) / whole.count);
      expect(Math.abs(mean - (middle[r] as number))).toBeLessThan((0.25 * spread) / Math.sqrt(whole.count));
    });
    const half = drawn(image((i) => i < 20));
    expect(half.count).toBeGreaterThan(0.9 * options.count);
  });
});

it('halfway between two motions is as far from both, and what they are', () => {
  const random = new Random(inject('seed'));
  const start: Motion = { linear: Float64Array.of(0, 1, 0, -1, 0, 0, 0, 0, 1), at: Float64Array.of(5, -3, 8) };
  for (const [kind, steps] of [
    ['rigid', 6],
    ['similarity', 7],
    ['affine', 12],
  ] as const) {
    const [a, b] = [0, 1].map(() => {
      const step = Array.from({ length: steps }, () => random.between(-3, 3));
      return moved(kind, start, step, 60);
    }) as [Motion, Motion];
    const half = halfwayBetween(kind, a, b);
    const apart = distanceBetween(a, b, 60);
    expect(distanceBetween(a, half, 60) / apart).toBeCloseTo(0.5, 2);
    expect(distanceBetween(b, half, 60) / apart).toBeCloseTo(0.5, 2);
    if (kind === 'affine') continue;
    // Turning the same way about, whichever comes first, and no shear in it.
    const other = halfwayBetween(kind, b, a);
    expect(distanceBetween(half, other, 60)).toBeLessThan(1e-9);
    const l = half.linear;
    const square = product3(
      l,
      [0, 3, 6, 1, 4, 7, 2, 5, 8].map((n) => l[n] as number),
    );
    const grow = square[0] as number;
    square.forEach((x, n) => {
      expect(x).toBeCloseTo(n % 4 === 0 ? grow : 0, 12);
    });
    if (kind === 'rigid') expect(grow).toBeCloseTo(1, 12);
  }
});

it('a result is nearly the same whichever image is called fixed', async () => {
  const pose = poseOf([0.12, 0.2, -0.1], [5, 10, -8]);
  const fixed = ctHead(3).volume;
  const moving = mrHead(3, pose).volume;
  const there = await registerVolumes(fixed, moving);
  const back = await registerVolumes(moving, fixed);
  const p = [20, 30, 60];
  const [x, y] = [there.movingFromFixed, back.fixedFromMoving].map(({ matrix }) =>
    transformPoint(new Float64Array(3), matrix, p),
  );
  expect(Math.hypot(...(x as Float64Array).map((a, r) => a - ((y as Float64Array)[r] as number)))).toBeLessThan(0.1);
  expect(there.evidence.finishMm).toBeLessThan(0.5);
});
