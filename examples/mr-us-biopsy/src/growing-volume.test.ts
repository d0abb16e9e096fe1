import { fromRotationVector, identity4, invertRigid, multiply4, Random, transformPoint } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { rasterOf, reconstructorOn, type SweptFrame } from './compound.js';
import { GROWING_MM, GrowingVolume } from './growing-volume.js';
import { FAN } from './probe.js';
import { middleSlice, seenMl } from './swept-slice.js';

const random = new Random(inject('seed'));
const echoes = (): Uint8Array =>
  Uint8Array.from({ length: FAN.lines * FAN.samples }, () => 1 + Math.floor(255 * random.uniform()));
const image = echoes();

/** Planes `stepMm` apart along their own normal, each turned by `turnRad` about its rows; somewhere, turned somehow. */
function frames(count: number, stepMm: number, turnRad = 0): SweptFrame[] {
  const placed = fromRotationVector(identity4(), [0.4, -0.7, 0.3]);
  placed.set([40, -25, 90], 12);
  return Array.from({ length: count }, (_, n) => {
    const own = fromRotationVector(identity4(), [turnRad * n, 0, 0]);
    own[13] = stepMm * n;
    return { echoes: image, referenceFromPlane: multiply4(identity4(), placed, own), atMs: 80 * n };
  });
}

/** Follows a sweep as a page does: some images at a time. Returns what was seen after each. */
function swept(volume: GrowingVolume, all: readonly SweptFrame[], atOnce: number): number[] {
  const seen: number[] = [];
  for (let n = atOnce; n < all.length + atOnce; n += atOnce) {
    volume.follow(all.slice(0, n));
    seen.push(volume.seenMl);
  }
  return seen;
}

describe('a volume that grows while it is swept', () => {
  it('sees more with every image, and in the end the fan times the way', () => {
    const volume = new GrowingVolume();
    const seen = swept(volume, frames(60, 0.7), 3);
    for (let n = 1; n < seen.length; n += 1) expect(seen[n]).toBeGreaterThan(seen[n - 1] as number);
    // Each pixel counts for the voxels around it: the sector without its first millimetre at least, and a voxel more all round at most.
    const [r, R, wayMm, s] = [FAN.startMm + 1, FAN.endMm, 59 * 0.7, GROWING_MM];
    const sector = (inner: number, outer: number): number => FAN.halfAngle * (outer ** 2 - inner ** 2);
    expect(volume.seenMl).toBeGreaterThan((sector(r, R) * wayMm) / 1000);
    expect(volume.seenMl).toBeLessThan(((sector(r - s, R + s) + 2 * s * (R - r + 2 * s)) * (wayMm + 2 * s)) / 1000);
    expect(volume.seenMl).toBe(seenMl(volume));
    expect(volume.images).toBe(60);
  });

  for (const [name, stepMm, turnRad] of [
    ['to one side', 0.8, 0],
    ['to the other side', -0.8, 0],
    ['turned', 0.4, 0.014],
    ['turned back', -0.4, -0.014],
  ] as const) {
    it(`is bit for bit what its grid gives at once, and leaves out no pixel: swept ${name}`, () => {
      const all = frames(40, stepMm, turnRad);
      const volume = new GrowingVolume();
      swept(volume, all, 4);
      const frameFromIndex = volume.referenceFromIndex as Float64Array;
      const atOnce = reconstructorOn({ size: volume.size, frameFromIndex });
      for (const frame of all) atOnce.add(rasterOf(frame));
      expect(Buffer.compare(atOnce.voxels, volume.voxels)).toBe(0);
      const indexFromReference = invertScaled(frameFromIndex);
      for (const { referenceFromPlane } of all) {
        for (const corner of FAN.outline()) {
          const at = transformPoint(new Float64Array(3), multiply4(identity4(), indexFromReference, referenceFromPlane), corner);
          at.forEach((v, a) => {
            expect(v).toBeGreaterThanOrEqual(0);
            expect(v).toBeLessThanOrEqual((volume.size[a] as number) - 1);
          });
        }
      }
    });
  }

  it('begins anew with another sweep, and is empty before the first image', () => {
    const volume = new GrowingVolume();
    expect(volume.follow([])).toBe(false);
    expect([volume.seenMl, volume.voxels.length]).toEqual([0, 0]);
    const all = frames(30, 0.8);
    volume.follow(all);
    expect(volume.follow(all)).toBe(false);
    const ml = volume.seenMl;
    const other = frames(5, 0.8);
    expect(volume.follow(other)).toBe(true);
    expect(volume.images).toBe(5);
    expect(volume.seenMl).toBeLessThan(ml / 4);
    expect(volume.follow([])).toBe(true);
    expect([volume.seenMl, volume.voxels.length]).toEqual([0, 0]);
  });

  it('refuses images too far apart to be one sweep, and stays as it was', () => {
    const volume = new GrowingVolume();
    const [first, second] = frames(2, 900) as [SweptFrame, SweptFrame];
    volume.follow([first]);
    const [ml, size] = [volume.seenMl, volume.size];
    for (let n = 0; n < 2; n += 1)
      expect(() => volume.follow([first, second])).toThrow(expect.objectContaining({ code: 'ultrasound/too-large' }));
    expect([volume.seenMl, volume.size, volume.images]).toEqual([ml, size, 1]);
  });
});

describe('a slice of a swept volume', () => {
  it('has grey where something was seen, and nothing where not: its rows from above', () => {
    // 2 × 3 × 3 voxels; the middle along each axis is voxel 1. Then only what was reached.
    const voxels = Uint8Array.from({ length: 18 }, (_, n) => (n === 8 ? 0 : n + 1));
    const cut = (low: readonly [number, number, number]): (number | undefined)[][] => {
      const axes = { across: 2, right: 0, up: 1 } as const;
      const reached = { low, high: [2, 3, 3] } as const;
      const { width, height, rgba } = middleSlice({ voxels, size: [2, 3, 3], spacingMm: [1, 1, 1], reached }, axes);
      expect([width, height]).toEqual([2 - low[0], 3 - low[1]]);
      return Array.from({ length: width * height }, (_, n) => [rgba[4 * n], rgba[4 * n + 3]]);
    };
    const seen = (grey: number): number[] => [grey, 255];
    expect(cut([0, 0, 0])).toEqual([seen(11), seen(12), [0, 0], seen(10), seen(7), seen(8)]);
    expect(cut([1, 1, 1])).toEqual([seen(18), seen(16)]);
  });
});

/** The inverse of a grid's matrix: a rotation times {@link GROWING_MM}, and a place. */
function invertScaled(m: Float64Array): Float64Array {
  const rigid = m.map((v, n) => (n < 12 ? v / GROWING_MM : v));
  const scale = Float64Array.of(1 / GROWING_MM, 0, 0, 0, 0, 1 / GROWING_MM, 0, 0, 0, 0, 1 / GROWING_MM, 0, 0, 0, 0, 1);
  return multiply4(identity4(), scale, invertRigid(identity4(), rigid));
}
