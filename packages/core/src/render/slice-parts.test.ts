import { describe, expect, it } from 'vitest';
import { frame } from '../frames/index.js';
import { fromRotationVector, Random, transformPoint, vec3 } from '../math/index.js';
import { Sampler, type Volume, type VoxelArray, volume } from '../volume/index.js';
import { outOf, patientAxes, type SliceAxes, volumeAxes } from './planes.js';
import { boxCut, cutOut, REACH, voxelsIn } from './slice-parts.js';

const CT = frame('ct');
const SIZE = [31, 22, 17] as const;

/** Columns turned and sheared at random, mirrored as often as not. */
function grid(random: Random, turn: number): Float64Array {
  const m = fromRotationVector(
    new Float64Array(16),
    [0, 1, 2].map(() => turn * (random.uniform() - 0.5)),
  );
  const spacing = [0.6, 1.1, 2.3];
  for (let c = 0; c < 3; c += 1) {
    const sign = random.uniform() < 0.5 ? -1 : 1;
    for (let r = 0; r < 3; r += 1) m[4 * c + r] = sign * (spacing[c] as number) * (m[4 * c + r] as number);
  }
  m[9] = (m[9] as number) + 0.4 * turn * (random.uniform() - 0.5);
  m.set([12, -40, 300], 12);
  return m;
}

function made(frameFromIndex: Float64Array, voxels: VoxelArray = new Int16Array(31 * 22 * 17)): Volume<'ct'> {
  return volume({ frame: CT, size: [...SIZE], frameFromIndex, voxels });
}

function turnedAxes(random: Random): SliceAxes {
  const m = fromRotationVector(
    new Float64Array(16),
    [0, 1, 2].map(() => 6 * (random.uniform() - 0.5)),
  );
  return { right: m.slice(0, 3), up: m.slice(4, 7) };
}

const inside = (x: readonly number[]): boolean => x.every((v, c) => v >= -0.5 && v <= (SIZE[c] as number) - 0.5);

describe('the box of what a plane cuts', () => {
  it.each([
    ['a plane', 0, REACH.plane],
    ['a plane whose air is told by its neighbours', 0, REACH.air],
    ['a slab', 5, REACH.plane],
  ])('holds every voxel that interpolation takes: %s', (_, halfMm, reach) => {
    const random = new Random(11);
    let looked = 0;
    const missing: number[][] = [];
    for (let n = 0; n < 60; n += 1) {
      const v = made(grid(random, n % 3));
      const axes =
        n % 2 === 0 ? turnedAxes(random) : volumeAxes(v, (['axial', 'coronal', 'sagittal'] as const)[n % 3] ?? 'axial');
      const through = SIZE.map((s) => random.uniform() * s - 0.5);
      const centre = transformPoint(vec3(0, 0, 0), v.frameFromIndex, through);
      const { low, high } = boxCut(v, { axes, centre }, halfMm, reach);
      const normal = outOf(axes);
      const inverse = new Sampler(v).indexFromFrame;
      for (let p = 0; p < 400; p += 1) {
        const [a, b, c] = [0, 1, 2].map(() => 2 * random.uniform() - 1) as [number, number, number];
        const point = [0, 1, 2].map(
          (k) =>
            (centre[k] as number) +
            14 * (a * (axes.right[k] as number) + b * (axes.up[k] as number)) +
            halfMm * c * (normal[k] as number),
        );
        const at = Array.from(transformPoint(vec3(0, 0, 0), inverse, point));
        if (!inside(at)) continue;
        looked += 1;
        for (let k = 0; k < 3; k += 1) {
          for (const by of [-reach, 0, reach]) {
            const x = Math.min((SIZE[k] as number) - 1, Math.max(0, (at[k] as number) + by));
            if ((low[k] as number) > Math.floor(x) || (high[k] as number) < Math.ceil(x)) missing.push([n, ...at]);
          }
        }
      }
    }
    expect(missing).toEqual([]);
    expect(looked).toBeGreaterThan(5000);
  });

  it('is three slices thick at most for a plane along the grid, and wholly within the volume', () => {
    const v = made(Float64Array.of(0.6, 0, 0, 0, 0, 1.1, 0, 0, 0, 0, -2.3, 0, 12, -40, 300, 1));
    const centre = transformPoint(vec3(0, 0, 0), v.frameFromIndex, [10.4, 7.99, 12]);
    const sizes = (['sagittal', 'coronal', 'axial'] as const).map((view) => {
      const { low, high } = boxCut(v, { axes: patientAxes(view), centre }, 0, REACH.plane);
      return low.map((l, k) => (high[k] as number) - l + 1);
    });
    expect(sizes).toEqual([
      [2, 22, 17],
      [31, 3, 17],
      [31, 22, 3],
    ]);
  });

  it('beside the volume is the slice that is nearest', () => {
    const v = made(Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1));
    const box = (z: number): unknown => boxCut(v, { axes: patientAxes('axial'), centre: vec3(0, 0, z) }, 0, REACH.plane);
    expect(box(-30)).toEqual({ low: [0, 0, 0], high: [30, 21, 0] });
    expect(box(400)).toEqual({ low: [0, 0, 16], high: [30, 21, 16] });
  });
});

describe('a part of a volume', () => {
  it.each([new Int16Array(31 * 22 * 17), new Uint8Array(31 * 22 * 17), new Float32Array(31 * 22 * 17)])(
    'has the same values at the same points, to its last voxel',
    (voxels) => {
      const random = new Random(5);
      for (let n = 0; n < voxels.length; n += 1) voxels[n] = Math.floor(200 * random.uniform());
      const v = made(grid(random, 2), voxels);
      for (const box of [
        { low: [3, 0, 5], high: [5, 21, 16] },
        { low: [0, 4, 0], high: [30, 4, 16] },
        { low: [0, 0, 9], high: [30, 21, 11] },
      ]) {
        const part = cutOut(v, box);
        expect(part.voxels.length).toBe(voxelsIn(box));
        for (let k = box.low[2] as number; k <= (box.high[2] as number); k += 1) {
          for (let j = box.low[1] as number; j <= (box.high[1] as number); j += 1) {
            for (let i = box.low[0] as number; i <= (box.high[0] as number); i += 1) {
              const own = [i, j, k].map((x, c) => x - (box.low[c] as number)) as [number, number, number];
              expect(part.voxels[own[0] + part.size[0] * (own[1] + part.size[1] * own[2])]).toBe(v.voxels[i + 31 * (j + 22 * k)]);
            }
          }
        }
        const here = transformPoint(vec3(0, 0, 0), part.frameFromIndex, [0, 0, 0]);
        const there = transformPoint(vec3(0, 0, 0), v.frameFromIndex, box.low);
        for (let r = 0; r < 3; r += 1) expect(Math.abs((here[r] as number) - (there[r] as number))).toBeLessThan(1e-9);
      }
    },
  );
});
