import { isNavError } from '@trocar/core';
import { type Volume, volume } from '@trocar/core/volume';
import { describe, expect, inject, it } from 'vitest';
import { ct, mr } from '../testing/phantoms.js';
import { registerVolumes } from './register-volumes.js';

const createWorker = (): Worker => new Worker(new URL('../worker/intensity.worker.ts', import.meta.url), { type: 'module' });
const SIZE = [512, 512, 400] as const;

/** A shell with two different things in it, moved along i by so many voxels: quick to make, for there are 10⁸ of them. */
function shell<F extends string>(frame: Volume<F>['frame'], inside: number, outside: number, shift: number): Volume<F> {
  const [ni, nj, nk] = SIZE;
  const voxels = new Int16Array(ni * nj * nk);
  for (let k = 0, n = 0; k < nk; k += 1) {
    const z = (k - 200) / 170;
    for (let j = 0; j < nj; j += 1) {
      const y = (j - 256) / 200;
      for (let i = 0; i < ni; i += 1, n += 1) {
        const x = (i - 256 - shift) / 180;
        const d = x * x + y * y + z * z;
        if (d >= 1) voxels[n] = outside;
        else {
          const lump = (x + 0.3) ** 2 + (y - 0.2) ** 2 + z * z < 0.08 ? 300 : 0;
          const hollow = (x - 0.4) ** 2 + y * y + (z - 0.4) ** 2 < 0.05 ? -400 : 0;
          voxels[n] = inside + (d > 0.85 ? 700 : lump + hollow) + ((n * 7919) & 15);
        }
      }
    }
  }
  const frameFromIndex = [0.6, 0, 0, 0, 0, 0.6, 0, 0, 0, 0, 0.8, 0, -150, -150, -160, 1];
  return volume({ frame, voxels, size: SIZE, frameFromIndex });
}

/** Promised are 200 ms; a busy machine may hold a page up for longer, and is told so only where it is asked to try hard. */
const STOPS_MS = inject('effort') >= 4 ? 200 : 1500;

describe('registerVolumes on 512×512×400 in a browser', () => {
  it('finds the shift, says that it averaged voxels, and stops at once', async () => {
    const [fixed, moving] = [shell(ct, 40, -1000, 0), shell(mr, 500, 5, 20)];
    for (const threads of [0, 2]) {
      const found = await registerVolumes(fixed, moving, { threads, createWorker });
      expect(found.outcome).toBe('ok');
      expect(found.findings.map(({ code }) => code)).toContain('reduced');
      const m = found.movingFromFixed.matrix;
      expect(Math.hypot((m[12] as number) - 12, m[13] as number, m[14] as number)).toBeLessThan(0.1);
      const controller = new AbortController();
      let stoppedAt = 0;
      setTimeout(() => {
        stoppedAt = performance.now();
        controller.abort();
      }, 100);
      const code = await registerVolumes(fixed, moving, { threads, createWorker, signal: controller.signal }).then(
        () => 'nothing thrown',
        (e: unknown) => (isNavError(e) ? e.code : String(e)),
      );
      expect(code).toBe('registration/aborted');
      expect(performance.now() - stoppedAt).toBeLessThan(STOPS_MS);
    }
  });
});
