import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { WORKER, workerProgram } from '../../../../scripts/build-kernels.mjs';

it('the worker threads run what the sources say: else run `node scripts/build-kernels.mjs`', async () => {
  expect(readFileSync(WORKER.target, 'utf8') === (await workerProgram())).toBe(true);
});
