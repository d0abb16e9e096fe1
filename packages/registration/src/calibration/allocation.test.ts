import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** A compiler that is held up by other programs leaves code boxing its numbers for a while; code that allocates does so each time. */
const AGAIN = { retry: 2 };

it('collects fifty thousand poses of a pivot without one garbage collection', AGAIN, async () => {
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
  const result = JSON.parse(stdout) as Readonly<Record<string, number>>;
  expect(result['kept']).toBe(200);
  expect(result['tip']).toBeCloseTo(150, 6);
  expect(result['control']).toBeGreaterThan(3);
  expect(result['collections']).toBe(0);
});
