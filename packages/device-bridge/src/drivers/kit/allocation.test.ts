import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it.each(['dtrack', 'natnet'])('400,000 poses from %s datagrams to path readings take no garbage collection', async (what) => {
  const probe = fileURLToPath(new URL('./allocation.probe.mjs', import.meta.url));
  const flags = ['--max-semi-space-size=1', '--conditions=@trocar/source', '--import', 'tsx'];
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, probe, what], { cwd });
  const result = JSON.parse(stdout) as { poses: number; live: number; collections: number; control: number; sum: number };
  expect(result.live).toBe(result.poses);
  expect(Number.isFinite(result.sum)).toBe(true);
  expect(result.control).toBeGreaterThan(3);
  expect(result.collections).toBe(0);
});
