import { describe, expect, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import { identity4, Random } from '../../math/index.js';
import { spacingOf } from '../../volume/index.js';
import type { ClipFan } from '../clip.js';
import { makeSweep } from '../sweep.js';
import { detectPlusFan } from './fan-angles.js';
import { reconstructLikePlus } from './reconstruct-like-plus.js';

const SIZE = [240, 180] as const;
const FAN: ClipFan = { apex: [120, -20], anglesDeg: [-40, 40], radii: [40, 190] };
const RADIANS = Math.PI / 180;

/** Lit between two angles of the fan, and dark beside them. */
function picture(from: number, to: number, lit: (u: number, v: number) => number = () => 120): Uint8Array {
  return Uint8Array.from({ length: SIZE[0] * SIZE[1] }, (_, n) => {
    const [u, v] = [n % SIZE[0], Math.floor(n / SIZE[0])];
    const [x, y] = [u - FAN.apex[0], v - FAN.apex[1]];
    const degrees = Math.atan2(x, y) / RADIANS;
    return degrees >= from && degrees <= to ? lit(u, v) : 5;
  });
}

describe("the part of a fan that an image fills, by PLUS's rules", () => {
  it.each([
    [-20, 12],
    [-31, -2],
    [3, 29],
  ])('from %s° to %s°: half a window wider on the innermost arc, less three degrees', (from, to) => {
    const radius = 40 + 0.15 * 150;
    const wider = 10 / radius / RADIANS - 3;
    const within = 1.5 / radius / RADIANS;
    const found = detectPlusFan(picture(from, to), SIZE, FAN);
    expect(Math.abs((found?.anglesDeg[0] ?? Number.NaN) - (from - wider))).toBeLessThan(within);
    expect(Math.abs((found?.anglesDeg[1] ?? Number.NaN) - (to + wider))).toBeLessThan(within);
    expect(found).toMatchObject({ apex: FAN.apex, radii: FAN.radii });
  });

  it('never beyond the fan, also where all of it is lit', () => {
    expect(detectPlusFan(picture(-90, 90), SIZE, FAN)?.anglesDeg).toEqual([-37, 37]);
    expect(detectPlusFan(picture(-38, 90), SIZE, FAN)?.anglesDeg[0]).toBeGreaterThanOrEqual(-40);
  });

  it('of the widest stretch, through gaps narrower than half a window, and in speckle', () => {
    const random = new Random(3);
    const speckled = detectPlusFan(
      picture(-25, 20, () => (random.uniform() < 0.8 ? 90 : 10)),
      SIZE,
      FAN,
    );
    const whole = detectPlusFan(picture(-25, 20), SIZE, FAN);
    for (const k of [0, 1] as const)
      expect(Math.abs((speckled?.anglesDeg[k] as number) - (whole?.anglesDeg[k] as number))).toBeLessThan(8);
    const two = picture(-30, 30, (u) => (u > 85 && u < 110 ? 5 : 120));
    expect(detectPlusFan(two, SIZE, FAN)?.anglesDeg[1]).toBeGreaterThan(25);
  });

  it('none where nothing is lit, and by another threshold another', () => {
    expect(
      detectPlusFan(
        picture(-20, 20, () => 25),
        SIZE,
        FAN,
      ),
    ).toBeUndefined();
    expect(
      detectPlusFan(
        picture(-20, 20, () => 25),
        SIZE,
        FAN,
        { brightness: 20 },
      ),
    ).toBeDefined();
  });
});

describe("PLUS's reconstruction by them", () => {
  const sweep = (images: readonly Uint8Array[], apartMm = 1) =>
    makeSweep({
      frame: frame('reference'),
      size: SIZE,
      frames: images.map((pixels, n) => {
        const frameFromImage = identity4();
        frameFromImage[14] = apartMm * n;
        return { pixels, frameFromImage };
      }),
    });
  const options = { spacingMm: 1, interpolation: 'nearest', compounding: 'latest', clip: { fan: FAN } } as const;

  it('pastes of each image what it fills of the fan, and nothing of a dark one', () => {
    const images = [picture(-20, 12), picture(-90, 90, () => 20), picture(3, 29)];
    const all = reconstructLikePlus(sweep(images), options);
    const found = reconstructLikePlus(sweep(images), { ...options, fanDetection: {} });
    const plane = SIZE[0] * SIZE[1];
    const pasted = (k: number): number => found.voxels.subarray(k * plane, (k + 1) * plane).filter((v) => v > 0).length;
    for (const [k, own] of [0, 2].map((n) => [n, detectPlusFan(images[n] as Uint8Array, SIZE, FAN) as ClipFan] as const)) {
      const one = reconstructLikePlus(sweep(images), { ...options, clip: { fan: own } });
      expect(found.voxels.subarray(k * plane, (k + 1) * plane)).toEqual(one.voxels.subarray(k * plane, (k + 1) * plane));
      expect(pasted(k)).toBeGreaterThan(3000);
    }
    expect(pasted(1)).toBe(0);
    expect(all.voxels.subarray(plane, 2 * plane).some((v) => v > 0)).toBe(true);
  });

  it('has a third edge of which a whole number reaches over the images', () => {
    const images = Array.from({ length: 8 }, () => picture(-90, 90));
    // 7 · 0.53 = 3.71 mm: three voxels of 1.2367 mm.
    const { size, frameFromIndex } = reconstructLikePlus(sweep(images, 0.53), { ...options, recomputeSpacing: true });
    expect([size[2], frameFromIndex[10]]).toEqual([4, 3.71 / 3]);
    expect(frameFromIndex[0]).toBe(1);
    const plain = reconstructLikePlus(sweep(images, 0.53), options);
    expect([plain.size[2], spacingOf(plain)[2]]).toEqual([5, 1]);
    // Less than one voxel stays as it is.
    expect(reconstructLikePlus(sweep(images, 0.1), { ...options, recomputeSpacing: true }).frameFromIndex[10]).toBe(1);
  });

  it('needs a fan to look in', () => {
    const refused = (): unknown => reconstructLikePlus(sweep([picture(0, 9)]), { ...options, clip: {}, fanDetection: {} });
    expect(refused).toThrow(/clip\.fan/);
    try {
      refused();
    } catch (error) {
      expect(isNavError(error, 'ultrasound/bad-option')).toBe(true);
    }
  });
});
