import { beforeAll, describe, expect, inject, it } from 'vitest';
import type { Volume } from '../../volume/index.js';
import { reconstructLikePlus, type Sweep } from '../index.js';
import { havePlusData, type PlusReference, plusReference, spineSweep, wireSweep } from '../test-support/plus-data.js';

/**
 * Against volumes that PLUS made itself (PlusLibData), voxel for voxel. Older ones have one plane less along an axis, because PLUS
 * once cut the size off where it now rounds it: planes that only one of the two has must be empty.
 */

const FAN_CLIP = {
  rectangle: { origin: [192, 16], size: [420, 580] },
  fan: { apex: [380, 20], anglesDeg: [-45, 45], radii: [120, 360] },
} as const;
/** Half a million pixels an image, eight voxels a pixel: seconds on a quiet machine. */
const MINUTES = 600_000;
const STICKS = { kind: 'stick', lengthLimit: 9, count: 1 } as const;

/** Voxels that differ, the largest difference, and what lies in planes that only one has. */
function compare(ours: Volume<'reference'>, theirs: PlusReference) {
  let differ = 0;
  let most = 0;
  let extra = 0;
  const size = [0, 1, 2].map((a) => Math.max(ours.size[a] as number, theirs.size[a] as number)) as [number, number, number];
  const read = (voxels: ArrayLike<number>, s: readonly number[], i: number, j: number, k: number): number | undefined =>
    i < (s[0] as number) && j < (s[1] as number) && k < (s[2] as number)
      ? (voxels[i + (s[0] as number) * (j + (s[1] as number) * k)] as number)
      : undefined;
  for (let k = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1) {
        const a = read(ours.voxels, ours.size, i, j, k);
        const b = read(theirs.voxels, theirs.size, i, j, k);
        if (a === undefined || b === undefined) extra += (a ?? 0) + (b ?? 0);
        else if (a !== b) {
          differ += 1;
          most = Math.max(most, Math.abs(a - b));
        }
      }
    }
  }
  const planes = Math.max(...[0, 1, 2].map((a) => Math.abs((ours.size[a] as number) - (theirs.size[a] as number))));
  const shift = Math.max(
    ...[0, 1, 2].map((r) => Math.abs((ours.frameFromIndex[12 + r] as number) - (theirs.offset[r] as number))),
  );
  return { differ, most, extra, planes, shift };
}

describe.runIf(havePlusData)('the volumes of PLUS, voxel for voxel', () => {
  let spine: Sweep<'reference'>;
  beforeAll(async () => {
    spine = await spineSweep();
  });

  it('nearest, latest, clipped to a fan', () => {
    const ours = reconstructLikePlus(spine, { spacingMm: 0.5, interpolation: 'nearest', compounding: 'latest', clip: FAN_CLIP });
    const { shift, planes, ...found } = compare(ours, plusReference('vtkVolumeReconstructorTestNNLATEvolumeRef.mha'));
    expect(found).toEqual({ differ: 0, most: 0, extra: 0 });
    expect(planes).toBeLessThanOrEqual(1);
    expect(shift).toBeLessThan(1e-3);
  });

  it('linear, mean, clipped to a fan, holes filled by sticks', () => {
    const ours = reconstructLikePlus(spine, {
      spacingMm: 0.5,
      interpolation: 'linear',
      compounding: 'mean',
      clip: FAN_CLIP,
      holeFilling: [STICKS],
    });
    const { shift, planes, ...found } = compare(ours, plusReference('vtkVolumeReconstructorTestLNMEANvolumeRef.mha'));
    expect(found).toEqual({ differ: 0, most: 0, extra: 0 });
    expect(planes).toBeLessThanOrEqual(1);
    expect(shift).toBeLessThan(1e-3);
  });

  it(
    'linear, mean, whole images, holes filled by sticks',
    () => {
      const clip = { rectangle: { origin: [0, 0], size: [820, 616] } } as const;
      const ours = reconstructLikePlus(spine, {
        spacingMm: 0.5,
        interpolation: 'linear',
        compounding: 'mean',
        clip,
        holeFilling: [STICKS],
      });
      const { shift, planes, ...found } = compare(ours, plusReference('SpinePhantomFreehandReconstructed.mha'));
      expect(found).toEqual({ differ: 0, most: 0, extra: 0 });
      expect(planes).toBeLessThanOrEqual(1);
      expect(shift).toBeLessThan(1e-3);
    },
    MINUTES,
  );

  // Every pixel by the full matrix product: a minute, which an ordinary run does not take.
  it.each(inject('effort') > 1 ? ['linear, mean, without optimisation'] : [])(
    '%s',
    async () => {
      const clip = { rectangle: { origin: [167, 62], size: [495, 488] } } as const;
      const ours = reconstructLikePlus(await wireSweep(), {
        spacingMm: 0.5,
        interpolation: 'linear',
        compounding: 'mean',
        optimization: 'none',
        clip,
      });
      const { shift, planes, ...found } = compare(ours, plusReference('NwirePhantomFreehandReconstructed.mha'));
      expect(found).toEqual({ differ: 0, most: 0, extra: 0 });
      expect(planes).toBeLessThanOrEqual(1);
      expect(shift).toBeLessThan(1e-3);
    },
    MINUTES,
  );
});
