import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** A compiler that is held up by other programs leaves code boxing its numbers for a while; code that allocates does so each time. */
const AGAIN = { retry: 2 };

it('reads half a million poses and deviations without one garbage collection', AGAIN, async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--max-semi-space-size=1',
      '--conditions=@trocar/source',
      '--import',
      'tsx',
      fileURLToPath(new URL('./allocation.probe.mjs', import.meta.url)),
    ],
    { cwd: fileURLToPath(new URL('.', import.meta.url)) },
  );
  const result = JSON.parse(stdout) as { poses: number; collections: number; control: number; sum: number };
  expect(result.poses).toBe(500_000);
  expect(Number.isFinite(result.sum)).toBe(true);
  expect(result.control).toBeGreaterThan(3);
  expect(result.collections).toBe(0);
});
