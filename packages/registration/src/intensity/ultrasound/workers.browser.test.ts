import { describe, expect, it } from 'vitest';
import { bitsOf } from '../../testing/intensity.js';
import { SMALL_PAIR_BITS, smallUltrasoundPair } from '../../testing/ultrasound.js';
import { registerToUltrasound } from './register-to-ultrasound.js';

const createWorker = (): Worker => new Worker(new URL('../../worker/intensity.worker.ts', import.meta.url), { type: 'module' });

describe('registerToUltrasound in a browser', () => {
  it('is bit for bit what it is in Node, in the page and in workers', async () => {
    const { us, mr } = smallUltrasoundPair(5);
    for (const threads of [0, 2]) {
      const found = await registerToUltrasound(us, [mr], { seed: 7, searchMm: 5, searchDeg: 5, threads, createWorker });
      expect(bitsOf(found.usFromMoving.matrix)).toBe(SMALL_PAIR_BITS);
    }
  }, 120_000);
});
