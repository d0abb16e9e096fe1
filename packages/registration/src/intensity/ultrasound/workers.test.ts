import { isNavError, point } from '@trocar/core';
import { transformPoint } from '@trocar/core/math';
import { describe, expect, it } from 'vitest';
import { bitsOf } from '../../testing/intensity.js';
import { SMALL_PAIR_BITS, smallUltrasoundPair } from '../../testing/ultrasound.js';
import { registerToUltrasound } from './register-to-ultrasound.js';

/** How far two poses put the corners of what is looked at from each other, mm. */
function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const at = (m: ArrayLike<number>, p: readonly number[]): Float64Array => transformPoint(new Float64Array(3), m, p);
  const corners = [
    [0, 0, 0],
    [10, -10, 10],
  ];
  return Math.max(...corners.map((p) => Math.hypot(...at(a, p).map((x, r) => x - (at(b, p)[r] as number)))));
}

describe('registerToUltrasound in workers', { timeout: 240_000 }, () => {
  it('is bit for bit the same for any number of them, and right', async () => {
    const { us, mr, usFromMr } = smallUltrasoundPair(5);
    const all = [];
    for (const threads of [0, 1, 2, 4]) {
      const told: number[] = [];
      const options = { seed: 7, searchMm: 5, searchDeg: 5, threads, progress: (f: number) => told.push(f) };
      const found = await registerToUltrasound(us, [mr], options);
      const covariance = found.usFromMoving.covariance as Float64Array;
      all.push({ bits: bitsOf(found.usFromMoving.matrix), covariance: bitsOf(covariance), evidence: found.evidence });
      expect(told.at(-1)).toBe(1);
      expect(told.every((f, n) => n === 0 || f >= (told[n - 1] as number))).toBe(true);
      expect(farthest(found.usFromMoving.matrix, usFromMr)).toBeLessThan(0.5);
    }
    expect(all[0]?.bits).toBe(SMALL_PAIR_BITS);
    for (const one of all) expect(one).toEqual(all[0]);
  });

  it('is so by MIND, too', async () => {
    const { us, mr, usFromMr } = smallUltrasoundPair(5);
    const all = [];
    for (const threads of [0, 2]) {
      const found = await registerToUltrasound(us, [mr], { seed: 7, searchMm: 5, searchDeg: 5, metric: 'mind', threads });
      expect(found.usFromMoving.provenance?.method).toBe('mind-rigid');
      all.push({ bits: bitsOf(found.usFromMoving.matrix), evidence: found.evidence });
      expect(farthest(found.usFromMoving.matrix, usFromMr)).toBeLessThan(0.5);
    }
    expect(all[1]).toEqual(all[0]);
  });

  it('explains ultrasound by CT, with beams from the probe that is told', async () => {
    const { us, mr, usFromMr } = smallUltrasoundPair(5);
    const voxels = Int16Array.from(mr.voxels as Int16Array, (x) => 0.5 * x - 150);
    const options = { seed: 7, searchMm: 5, searchDeg: 5, modality: 'ct', threads: 2 } as const;
    // The cone's apex; the image that says nothing is taken for what it was said to be.
    const found = await registerToUltrasound(us, [{ ...mr, modality: 'OT', voxels }], {
      ...options,
      probe: point(us.frame, [0, 0, -32]),
    });
    expect(farthest(found.usFromMoving.matrix, usFromMr)).toBeLessThan(0.5);
    const asMr = await registerToUltrasound(us, [{ ...mr, voxels }], { ...options, modality: 'mr' });
    expect(found.evidence.similarity).toBeGreaterThan(asMr.evidence.similarity);
  });

  it('stops when it is told to', async () => {
    const { us, mr } = smallUltrasoundPair(5);
    for (const threads of [0, 2]) {
      const controller = new AbortController();
      const work = registerToUltrasound(us, [mr], {
        threads,
        signal: controller.signal,
        progress: (fraction) => {
          if (fraction > 0.15) controller.abort();
        },
      });
      const code = await work.then(
        () => 'nothing thrown',
        (e: unknown) => (isNavError(e) ? e.code : String(e)),
      );
      expect(code).toBe('registration/aborted');
    }
  });

  it('refuses numbers of workers that are none', async () => {
    const { us, mr } = smallUltrasoundPair(5);
    for (const threads of [-1, 1.5, 65, Number.NaN]) {
      await expect(registerToUltrasound(us, [mr], { threads })).rejects.toMatchObject({ code: 'registration/bad-option' });
    }
  });
});
