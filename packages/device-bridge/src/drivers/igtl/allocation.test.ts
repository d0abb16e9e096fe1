import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it.each(['transform', 'plus', 'position', 'tdata'])(
  '400,000 poses from %s messages through the driver to path readings are not allocated for',
  async (what) => {
    const probe = fileURLToPath(new URL('./allocation.probe.mjs', import.meta.url));
    const flags = ['--max-semi-space-size=1', '--conditions=@trocar/source', '--import', 'tsx'];
    const cwd = fileURLToPath(new URL('.', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, probe, what], { cwd });
    const result = JSON.parse(stdout) as { poses: number; live: number; collections: number; control: number; sum: number };
    expect(result.live).toBe(result.poses);
    expect(Number.isFinite(result.sum)).toBe(true);
    expect(result.control).toBeGreaterThan(3);
    // A number boxed per pose would take six. What runs seldom (a clock map's look at its delays) is compiled late, and
    // what it boxes until then can fill a nursery once.
    expect(result.collections).toBeLessThanOrEqual(1);
  },
);
