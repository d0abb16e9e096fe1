import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** A nursery of 1 MiB, so that a number boxed for each of some hundred thousand poses is some collections. */
const FLAGS = ['--max-semi-space-size=1', '--expose-gc', '--conditions=@trocar/source', '--import', 'tsx'];

/**
 * Runs `allocation.probe.mjs` of a test's own folder in a process of its own.
 * @param test the test's `import.meta.url`
 * @returns what the probe printed: the facts it counted, with `collections` and `control`
 */
export async function runProbe(test: string, ...args: readonly string[]): Promise<Readonly<Record<string, number>>> {
  const probe = fileURLToPath(new URL('./allocation.probe.mjs', test));
  const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, probe, ...args], {
    cwd: fileURLToPath(new URL('.', test)),
  });
  return JSON.parse(stdout) as Readonly<Record<string, number>>;
}
