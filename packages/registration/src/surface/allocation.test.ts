import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** A compiler that is held up by other programs leaves code boxing its numbers for a while; code that allocates does so each time. */
const AGAIN = { retry: 2 };

it('is offered fifty thousand points of a surface without one garbage collection', AGAIN, async () => {
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
  expect(result['kept']).toBe(result['taken']);
  expect(result['taken']).toBeGreaterThan(300);
  expect(result['too-near']).toBeGreaterThan(40_000);
  expect(result['not-ok']).toBe(1_000);
  expect(result['control']).toBeGreaterThan(3);
  expect(result['collections']).toBe(0);
});
