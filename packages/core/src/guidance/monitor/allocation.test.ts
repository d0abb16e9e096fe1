import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('looks a hundred thousand times without one garbage collection', { retry: 2 }, async () => {
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
  const result = JSON.parse(stdout) as { ticks: number; collections: number; control: number; alarms: number };
  expect(result.ticks).toBe(100_000);
  expect(result.alarms).toBe(0);
  expect(result.control).toBeGreaterThan(3);
  expect(result.collections).toBe(0);
});
