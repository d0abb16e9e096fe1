import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('400,000 poses with their raw bytes are recorded with no garbage but a little for each chunk', async () => {
  const probe = fileURLToPath(new URL('./allocation.probe.mjs', import.meta.url));
  const flags = ['--max-semi-space-size=1', '--conditions=@trocar/source', '--import', 'tsx'];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, probe], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  });
  const result = JSON.parse(stdout) as { lost: number; chunks: number; collections: number; control: number };
  expect(result.lost).toBe(0);
  expect(result.chunks).toBeGreaterThan(100);
  expect(result.control).toBeGreaterThan(3);
  // Fifty thousand flushes, one collection for every hundred chunks: an object a flush would be ten times that.
  expect(result.collections).toBeLessThanOrEqual(result.chunks / 50);
});
