import { afterEach, expect, it, vi } from 'vitest';
import { bitsOfScene, SCENE_BITS } from './test-support/bits.js';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

it('a volume is the same, to the last bit, on every machine', async () => {
  expect(await bitsOfScene()).toBe(SCENE_BITS);
});

it.each([
  ['is not there', undefined],
  [
    'is forbidden',
    {
      Module: class {
        constructor() {
          throw new Error('Refused to compile: violates the Content Security Policy');
        }
      },
    },
  ],
])('and where WebAssembly %s', async (_, stub) => {
  vi.resetModules();
  vi.stubGlobal('WebAssembly', stub);
  const { bitsOfScene: bare } = await import('./test-support/bits.js');
  const { CompoundKernel } = await import('./compounding/kernels/wasm.js');
  const grid = { size: [2, 2, 2], frameFromIndex: new Float64Array(16) } as const;
  const plan = { grid, first: 0, end: 2, interpolation: 'linear', compounding: 'mean', columns: 2 } as const;
  const room = { ...plan, spans: new Int32Array(8), importance: undefined };
  expect(CompoundKernel.make(room, 0, 2, new Float64Array(6))).toBeUndefined();
  expect(await bare()).toBe(SCENE_BITS);
});
