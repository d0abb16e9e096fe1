import { frame } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { volume } from '@trocar/core/volume';
import { describe, expect, inject, it } from 'vitest';
import { type CubeImage, gradientMagnitude, locallyNormalised } from './cube-image.js';
import { boxOf, cubesOf, sameValue } from './cubes-of.js';
import { fillingOf, readingOfUltrasound, withoutBlind, withoutHoles } from './fan.js';
import { mindDescriptors } from './mind.js';
import { mindDifference, mindPair } from './mind-profile.js';
import { mindStart } from './mind-start.js';

const random = new Random(inject('seed'));
const us = frame('us');

/** An ultrasound on an oblique, mirrored grid: a cone of echoes from the apex down, with an echo-free ball and a gap in it. */
function cone(filling: number) {
  const size: [number, number, number] = [60, 50, 56];
  const voxels = new Float32Array(size[0] * size[1] * size[2]).fill(filling);
  for (let k = 8, n = 0; k < 50; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1) {
        n = i + size[0] * (j + size[1] * k);
        const inCone = Math.hypot(i - 30, j - 25) < 4 + 0.4 * k;
        const hole = Math.hypot(i - 30, j - 25, k - 40) < 6;
        if (inCone && !hole && j !== 20) voxels[n] = filling + 40 + random.between(0, 60);
      }
    }
  }
  return volume({ frame: us, voxels, size, frameFromIndex: [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 12, -7, 3, 1] });
}

const at = (image: CubeImage, x: number, y: number, z: number): number => {
  const [i, j, k] = [x, y, z].map((v, r) => Math.round((v - (image.origin[r] as number)) / image.spacingMm)) as [
    number,
    number,
    number,
  ];
  return image.values[i + image.size[0] * (j + image.size[1] * k)] as number;
};

describe('the fan', () => {
  it.each([0, -5, 255])('is told from its surroundings whatever they are filled with (%d)', (filling) => {
    const v = cone(filling);
    expect(fillingOf(v)).toBe(filling);
    const image = cubesOf(v, 1, boxOf(v), readingOfUltrasound(filling));
    // The voxel (30, 30, 30) lies at (−18, 23, 33).
    expect(at(image, -18, 23, 33)).toBeGreaterThan(filling + 30);
    expect(at(image, -18 + 25, 23, 13)).toBeNaN();
  });

  it('has no holes where there is only no echo, and no gaps', () => {
    const v = cone(0);
    const image = withoutHoles(cubesOf(v, 1, boxOf(v), readingOfUltrasound(0)), 0);
    expect(at(image, -18, 18, 43)).toBe(0);
    expect(at(image, -18, 13, 33)).toBeGreaterThan(20);
    expect(at(image, -18 + 25, 23, 13)).toBeNaN();
  });

  it('leaves out what lies beside the probe and in shadow where the probe is known', () => {
    const v = cone(0);
    const bright = {
      ...v,
      voxels: v.voxels.map((x, n) => (n % 60 > 40 && Math.floor(n / 3000) > 20 ? x * 0.02 + (x > 0 ? 0.1 : 0) : x)),
    };
    const image = withoutHoles(cubesOf(bright, 1, boxOf(v), readingOfUltrasound(0)), 0);
    const kept = withoutBlind(image, [-18, 18, 3]);
    expect(at(image, -18, 20, 12)).not.toBeNaN();
    expect(at(kept, -18, 20, 12)).toBeNaN();
    expect(at(kept, -18, 25, 33)).not.toBeNaN();
    // Voxels with i > 40, at x < −28, are next to dark.
    expect(at(image, -31, 18, 43)).not.toBeNaN();
    expect(at(kept, -31, 18, 43)).toBeNaN();
  });
});

describe('cubes', () => {
  it('hold a linear image exactly, on any grid, and its slope', () => {
    const size: [number, number, number] = [30, 26, 28];
    const voxels = Float32Array.from({ length: size[0] * size[1] * size[2] }, (_, n) => {
      const [i, j, k] = [n % 30, Math.floor(n / 30) % 26, Math.floor(n / 780)];
      return 2 * (12 - i) + 3 * (0.8 * j - 7) - (1.2 * k + 3);
    });
    const v = volume({ frame: us, voxels, size, frameFromIndex: [-1, 0, 0, 0, 0, 0.8, 0, 0, 0, 0, 1.2, 0, 12, -7, 3, 1] });
    for (const h of [0.7, 1, 2]) {
      const image = cubesOf(v, h, { low: [-8, -2, 8], high: [6, 8, 24] }, { value: sameValue });
      for (const [x, y, z] of [
        [-8, -2, 8],
        [-8 + 2 * h, -2 + 3 * h, 8 + h],
      ] as const) {
        expect(at(image, x, y, z)).toBeCloseTo(2 * x + 3 * y - z, 3);
      }
      expect(at(gradientMagnitude(image), -8 + 2 * h, -2 + 2 * h, 8 + 2 * h)).toBeCloseTo(Math.sqrt(14), 3);
    }
  });

  it('normalised locally do not change with gain and offset', () => {
    const values = Float32Array.from({ length: 8000 }, () => random.normal());
    const image: CubeImage = { size: [20, 20, 20], spacingMm: 1, origin: [0, 0, 0], values };
    const once = locallyNormalised(image, 2.5, 0.1).values;
    const again = locallyNormalised({ ...image, values: values.map((x) => 300 + 40 * x) }, 2.5, 0.1).values;
    once.forEach((x, n) => {
      expect(again[n]).toBeCloseTo(x, 2);
    });
  });
});

describe('MIND', () => {
  const size: [number, number, number] = [44, 40, 42];
  /** Smooth noise that is the same function of position for any origin. */
  const waves = Array.from(
    { length: 24 },
    () => [random.normal(), random.normal(), random.normal(), random.between(0, 6)] as const,
  );
  const image = (origin: readonly [number, number, number], remap: (x: number) => number): CubeImage => ({
    size,
    spacingMm: 1.5,
    origin,
    values: Float32Array.from({ length: size[0] * size[1] * size[2] }, (_, n) => {
      const p = [n % size[0], Math.floor(n / size[0]) % size[1], Math.floor(n / (size[0] * size[1]))].map(
        (i, r) => (origin[r] as number) + 1.5 * i,
      ) as [number, number, number];
      return remap(waves.reduce((s, [a, b, c, d]) => s + Math.sin((a * p[0] + b * p[1] + c * p[2]) / 4 + d), 0));
    }),
  });

  it('does not see a change of contrast', () => {
    const a = mindDescriptors(
      image([0, 0, 0], (x) => x),
      1,
      2,
    ).values;
    const b = mindDescriptors(
      image([0, 0, 0], (x) => 50 - 3 * x),
      1,
      2,
    ).values;
    a.forEach((x, n) => {
      if (n % 97 === 0) expect(b[n]).toBeCloseTo(x, 3);
    });
  });

  it('finds the way from far, with its sign, where contrast is turned around', () => {
    const pair = mindPair(
      image([0, 0, 0], (x) => x),
      [image([-9, 6, 12], (x) => 40 - x)],
    );
    // The same function of position: the identity is right, and a moving frame 9 mm off in x is not.
    const found = mindStart(pair, 12) as Float64Array;
    [0, 1, 2].forEach((r) => {
      expect(Math.abs(found[12 + r] as number)).toBeLessThan(2);
    });
    const shifted = mindPair(
      image([0, 0, 0], (x) => x),
      [{ ...image([-9, 6, 12], (x) => 40 - x), origin: [-9 + 6, 6 - 3, 12 + 9] }],
    );
    const there = mindStart(shifted, 12) as Float64Array;
    [6, -3, 9].forEach((mm, r) => {
      expect(Math.abs((there[12 + r] as number) - mm)).toBeLessThan(2);
    });
    expect(mindDifference(shifted, there)).toBeLessThan(mindDifference(shifted, found));
  });
});
