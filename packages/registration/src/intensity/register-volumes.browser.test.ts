import { isNavError } from '@trocar/core';
import { describe, expect, it } from 'vitest';
import { BITS, bitsOf, errorsOfPair, pairForBits } from '../testing/intensity.js';
import { registerVolumes } from './register-volumes.js';

const createWorker = (): Worker => new Worker(new URL('../worker/intensity.worker.ts', import.meta.url), { type: 'module' });

describe('registerVolumes in a browser', () => {
  it('is bit for bit what it is in Node, in the page and in workers, from this origin alone', async () => {
    const pair = pairForBits();
    for (const threads of [0, 1, 2]) {
      const found = await registerVolumes(pair.fixed.volume, pair.moving, { seed: 7, threads, createWorker });
      expect(found.outcome).toBe('ok');
      expect(errorsOfPair(pair, found.movingFromFixed).worst).toBeLessThan(1);
      expect(bitsOf(found.movingFromFixed.matrix)).toBe(BITS);
    }
    const fetched = performance.getEntriesByType('resource').map((entry) => new URL(entry.name).origin);
    expect([...new Set(fetched)]).toEqual([location.origin]);
  });

  it('stops within 200 ms, and lets the page draw meanwhile', async () => {
    const pair = pairForBits();
    for (const threads of [0, 2]) {
      const controller = new AbortController();
      let stoppedAt = 0;
      const work = registerVolumes(pair.fixed.volume, pair.moving, {
        threads,
        createWorker,
        signal: controller.signal,
        progress: () => {
          if (stoppedAt > 0) return;
          stoppedAt = performance.now();
          setTimeout(() => controller.abort(), 0);
        },
      });
      const code = await work.then(
        () => 'nothing thrown',
        (e: unknown) => (isNavError(e) ? e.code : String(e)),
      );
      expect(code).toBe('registration/aborted');
      expect(performance.now() - stoppedAt).toBeLessThan(200);
    }
  });

  it('says so where its worker cannot be loaded', async () => {
    const pair = pairForBits();
    const lost = (): Worker => new Worker('/no-such-worker.js', { type: 'module' });
    const work = registerVolumes(pair.fixed.volume, pair.moving, { threads: 1, createWorker: lost });
    const code = await work.then(
      () => 'nothing thrown',
      (e: unknown) => (isNavError(e) ? e.code : String(e)),
    );
    expect(code).toBe('registration/failed');
  });
});
