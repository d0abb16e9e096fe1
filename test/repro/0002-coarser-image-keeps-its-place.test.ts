import { frame } from '@trocar/core';
import { transformPoint } from '@trocar/core/math';
import { volume } from '@trocar/core/volume';
import { expect, it } from 'vitest';
import { pictureOf, shrunk } from '../../packages/registration/src/itk/image.js';

/**
 * A block of averaged voxels lies at the block's centre, not at its first voxel. With the half voxels left out every
 * registration of a coarsened image would be off by them, and no test of a registration noticed it.
 */
it.each([[[2, 1, 1]], [[3, 2, 4]], [[5, 5, 2]]] as const)(
  'a ramp that is averaged by %j is the same ramp at the new voxel centres',
  (factors) => {
    const ct = frame('ct');
    const ramp = ([x, y, z]: readonly number[]): number => 0.7 * (x as number) - 1.3 * (y as number) + 0.4 * (z as number) + 11;
    // Oblique and mirrored: rows of a rotation by 30° about z, spacings 0.8, 1.1 and 2.5 mm, third axis downwards.
    const [c, s] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
    const frameFromIndex = [0.8 * c, 0.8 * s, 0, 0, -1.1 * s, 1.1 * c, 0, 0, 0, 0, -2.5, 0, -40, 25, 60, 1];
    const size = [15, 11, 9] as const;
    const placeOf = (m: ArrayLike<number>, i: number, j: number, k: number): ArrayLike<number> =>
      transformPoint(new Float64Array(3), m, [i, j, k]);
    const voxels = new Float32Array(15 * 11 * 9);
    for (let k = 0, n = 0; k < 9; k += 1) {
      for (let j = 0; j < 11; j += 1) {
        for (let i = 0; i < 15; i += 1, n += 1) voxels[n] = ramp(Array.from(placeOf(frameFromIndex, i, j, k)));
      }
    }
    const coarse = shrunk(pictureOf(volume({ frame: ct, voxels, size, frameFromIndex }), 'fixed'), factors);
    expect(coarse.size).toEqual(size.map((count, a) => Math.floor(count / (factors[a] as number))));
    const [ni, nj, nk] = coarse.size;
    for (let k = 0, n = 0; k < nk; k += 1) {
      for (let j = 0; j < nj; j += 1) {
        for (let i = 0; i < ni; i += 1, n += 1) {
          const expected = ramp(Array.from(placeOf(coarse.frameFromIndex, i, j, k)));
          expect(Math.abs((coarse.values[n] as number) - expected)).toBeLessThan(1e-4);
        }
      }
    }
  },
);
