import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('poses, deviations, distances, cuts and images take less than 64 bytes a frame, over 300 000 frames', async () => {
  const probe = fileURLToPath(new URL('./allocation.probe.mjs', import.meta.url));
  // A nursery of 1 MiB: every collection stands for at most so much that was allocated.
  const flags = ['--expose-gc', '--max-semi-space-size=1', '--conditions=@trocar/source', '--import', 'tsx', probe];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: fileURLToPath(new URL('.', import.meta.url)) });
  const result = JSON.parse(stdout) as { collections: number; control: number; distance: number; cuts: number; status: string };
  expect(result.status).toBe('ok');
  expect(Math.abs(result.distance - 20)).toBeLessThan(0.3);
  expect(result.cuts).toBe(300_000);
  expect(result.control).toBeGreaterThan(3);
  expect((result.collections * 2 ** 20) / 300_000).toBeLessThan(64);
});
