import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'vitest';

/** A nursery of 1 MiB, so that a number boxed for each of some hundred thousand poses is some collections. */
const FLAGS = ['--max-semi-space-size=1', '--expose-gc', '--conditions=@trocar/source', '--import', 'tsx'];

/**
 * Runs `allocation.probe.mjs` of a test's own folder in a process of its own, and expects that every pose came through
 * live and none of them took a garbage collection.
 * @param test the test's `import.meta.url`
 * @param what the probe's argument
 */
export async function expectNoCollections(test: string, what: string): Promise<void> {
  const probe = fileURLToPath(new URL('./allocation.probe.mjs', test));
  const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, probe, what], {
    cwd: fileURLToPath(new URL('.', test)),
  });
  const result = JSON.parse(stdout) as { poses: number; live: number; collections: number; control: number; sum: number };
  expect(result.live).toBe(result.poses);
  expect(Number.isFinite(result.sum)).toBe(true);
  expect(result.control).toBeGreaterThan(3);
  expect(result.collections).toBe(0);
}
