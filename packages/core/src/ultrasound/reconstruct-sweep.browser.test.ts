import { afterAll, expect, it } from 'vitest';
import { startReconstructionWorker } from './index.js';
import { bitsOfScene, SCENE_BITS } from './test-support/bits.js';

const createWorker = (): Worker => new Worker(new URL('./worker/reconstruction.worker.ts', import.meta.url), { type: 'module' });
const workers = [startReconstructionWorker(createWorker), startReconstructionWorker(createWorker)];

afterAll(() => {
  for (const worker of workers) worker.terminate();
});

it('a volume is bit for bit what it is in Node, in the page and in workers', async () => {
  expect(await bitsOfScene()).toBe(SCENE_BITS);
  expect(await bitsOfScene(workers)).toBe(SCENE_BITS);
});
