import { afterEach, expect, it, vi } from 'vitest';
import { BITS, bitsOf, pairForBits } from '../testing/intensity.js';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

it.each([
  ['is not there', undefined],
  ['is forbidden', { compile: () => Promise.reject(new Error('Refused to compile: violates the Content Security Policy')) }],
])('gives the same bits where WebAssembly %s, with and without workers', async (_, stub) => {
  vi.resetModules();
  vi.stubGlobal('WebAssembly', stub);
  const { registerVolumes } = await import('./register-volumes.js');
  const { fixed, moving } = pairForBits();
  for (const threads of [0, 2]) {
    const found = await registerVolumes(fixed.volume, moving, { seed: 7, threads });
    expect(bitsOf(found.movingFromFixed.matrix)).toBe(BITS);
  }
});

it('registers to ultrasound without it, too', async () => {
  vi.resetModules();
  vi.stubGlobal('WebAssembly', undefined);
  const { lc2Module } = await import('./ultrasound/kernels/wasm-lc2.js');
  expect(await lc2Module()).toBeUndefined();
});
