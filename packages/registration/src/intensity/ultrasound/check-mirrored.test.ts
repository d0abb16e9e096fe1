import { frame, isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { simulateUltrasound } from '@trocar/core/testing';
import { makeSweep, mirrorSweep, type Sweep } from '@trocar/core/ultrasound';
import { volume } from '@trocar/core/volume';
import { describe, expect, inject, it } from 'vitest';
import { checkMirrored } from './check-mirrored.js';

const US = frame('us');
const MR = frame('mr');
const COLUMNS = 16;

/** Pictures whose left half is dark. */
const sweep = makeSweep({
  frame: US,
  size: [COLUMNS, 4],
  frames: [0, 1, 2].map((n) => ({
    pixels: Uint8Array.from({ length: 4 * COLUMNS }, (_, i) => (i % COLUMNS < COLUMNS / 2 ? 0 : 100 + i)),
    frameFromImage: Float64Array.of(0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 1, 0, 0, 0, n, 1),
  })),
});

/** Echoes without structure. */
function speckle(seed: number) {
  const random = new Random(seed);
  const voxels = Float32Array.from({ length: 22 ** 3 }, () => 50 + 20 * random.normal());
  const frameFromIndex = [1.2, 0, 0, 0, 0, 1.2, 0, 0, 0, 0, 1.2, 0, -12, -12, -12, 1];
  return { voxels, size: [22, 22, 22] as const, frameFromIndex };
}

const noise = (seed: number) => volume({ frame: US, ...speckle(seed) });
const other = volume({ frame: MR, ...speckle(2) });

describe('pictures that somebody has turned round', () => {
  it.runIf(inject('effort') > 1)(
    'are named where the moving images fit with their sides exchanged, and only there',
    async () => {
      const sim = simulateUltrasound({ seed: 11 + inject('seed'), shiftMm: 0 });
      // The volume is the body's where the pictures are turned, and nothing of it where they are not.
      const reconstruct = async (given: Sweep<'us'>) => ((given.frames[1]?.pixels[0] as number) > 0 ? sim.us : noise(1));
      const how = { reconstruct, moving: [sim.t1, sim.flair], options: { initial: sim.usFromMr, searchMm: 4, searchDeg: 4 } };
      expect((await checkMirrored({ sweep, ...how })).map(({ code }) => code)).toEqual(['pictures-mirrored']);
      expect(await checkMirrored({ sweep: mirrorSweep(sweep), ...how })).toEqual([]);
    },
    120_000,
  );

  it('the volume is made of the pictures with their sides exchanged, in their places; of noise nothing is claimed', async () => {
    const given: Sweep<'us'>[] = [];
    const reconstruct = async (turned: Sweep<'us'>) => {
      given.push(turned);
      return noise(1);
    };
    expect(await checkMirrored({ sweep, reconstruct, moving: [other], options: { searchMm: 1, searchDeg: 1 } })).toEqual([]);
    expect(given).toEqual([mirrorSweep(sweep)]);
    expect(given[0]?.frames[1]?.pixels[0]).toBe(100 + COLUMNS - 1);
    expect(given[0]?.frames[1]?.frameFromImage).toEqual(sweep.frames[1]?.frameFromImage);
  });

  it('what the registration refuses is thrown', async () => {
    const reconstruct = async () => noise(1);
    const moving = [other];
    await expect(checkMirrored({ sweep, reconstruct, moving, options: { searchMm: -1 } })).rejects.toSatisfy((e: unknown) =>
      isNavError(e, 'registration/bad-option'),
    );
  });
});
