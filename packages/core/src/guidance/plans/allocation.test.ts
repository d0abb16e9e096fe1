import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** A compiler that is held up by other programs leaves code boxing its numbers for a while; code that allocates does so each time. */
const AGAIN = { retry: 2 };

it('follows a needle through forty thousand poses against six structures without one garbage collection', AGAIN, async () => {
  const probe = fileURLToPath(new URL('./allocation.probe.mjs', import.meta.url));
  const flags = ['--max-semi-space-size=1', '--conditions=@trocar/source', '--import', 'tsx'];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, probe], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  });
  const result = JSON.parse(stdout) as { poses: number; collections: number; control: number } & Record<string, number>;
  expect(result.poses).toBe(40_000);
  // It must have been near, in breach and clear: what never happens allocates nothing.
  expect(result['breaches']).toBeGreaterThan(1000);
  expect(result['breaches']).toBeLessThan(38_000);
  expect(Number.isFinite(result['clearance']) && (result['time'] as number) > 0).toBe(true);
  expect(result.control).toBeGreaterThan(3);
  expect(result.collections).toBe(0);
});
