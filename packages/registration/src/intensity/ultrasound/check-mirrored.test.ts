import { frame, isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { simulateUltrasound } from '@trocar/core/testing';
import { volume } from '@trocar/core/volume';
import { describe, expect, inject, it } from 'vitest';
import { checkMirrored } from './check-mirrored.js';

const US = frame('us');
const MR = frame('mr');

/** Echoes without structure. */
function speckle(seed: number) {
  const random = new Random(seed);
  const voxels = Float32Array.from({ length: 22 ** 3 }, () => 50 + 20 * random.normal());
  const frameFromIndex = [1.2, 0, 0, 0, 0, 1.2, 0, 0, 0, 0, 1.2, 0, -12, -12, -12, 1];
  return { voxels, size: [22, 22, 22] as const, frameFromIndex };
}

const noise = volume({ frame: US, ...speckle(1) });
const other = volume({ frame: MR, ...speckle(2) });

// Whole sweeps with their sides exchanged: the ultrasound chain's own test.
describe('the volume of pictures with their sides exchanged', () => {
  it.runIf(inject('effort') > 1)(
    'shows that somebody has turned them round, where the moving images fit it',
    async () => {
      const sim = simulateUltrasound({ seed: 11 + inject('seed'), shiftMm: 0 });
      const options = { initial: sim.usFromMr, searchMm: 4, searchDeg: 4 };
      expect((await checkMirrored(sim.us, [sim.t1, sim.flair], options)).map(({ code }) => code)).toEqual(['pictures-mirrored']);
    },
    120_000,
  );

  it('shows nothing where it is noise', async () => {
    expect(await checkMirrored(noise, [other], { searchMm: 1, searchDeg: 1 })).toEqual([]);
  });

  it('is refused as the registration refuses it', async () => {
    await expect(checkMirrored(noise, [other], { searchMm: -1 })).rejects.toSatisfy((e: unknown) =>
      isNavError(e, 'registration/bad-option'),
    );
  });
});
