import { isNavError } from '@trocar/core';
import { identity4, transformPoint } from '@trocar/core/math';
import { describe, expect, it } from 'vitest';
import { bitsOf } from '../../testing/intensity.js';
import { SMALL_PAIR_BITS, smallUltrasoundPair } from '../../testing/ultrasound.js';
import { registerToUltrasound } from './register-to-ultrasound.js';

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
      for (const corner of [identity4().subarray(12, 15), [10, -10, 10]]) {
        const a = transformPoint(new Float64Array(3), found.usFromMoving.matrix, corner);
        const b = transformPoint(new Float64Array(3), usFromMr, corner);
        expect(Math.hypot(...[0, 1, 2].map((r) => (a[r] as number) - (b[r] as number)))).toBeLessThan(0.5);
      }
    }
    expect(all[0]?.bits).toBe(SMALL_PAIR_BITS);
    for (const one of all) expect(one).toEqual(all[0]);
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
