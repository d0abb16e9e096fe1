/** The checks that read the code without running it. */
import { tool } from './run.mjs';

/** @typedef {{ name: string, what: string, run: () => ReturnType<typeof tool> }} Check */

/** @type {readonly Check[]} */
export const CHECKS = [
  { name: 'types', what: 'tsc -b', run: () => tool('typescript/bin/tsc', ['-b']) },
  { name: 'lint and format', what: 'biome ci', run: () => tool('@biomejs/biome/bin/biome', ['ci', '--colors=off']) },
  {
    name: 'who may import whom',
    what: 'dependency-cruiser',
    run: () =>
      tool('dependency-cruiser/bin/dependency-cruise.mjs', [
        '--config',
        '.dependency-cruiser.mjs',
        '--output-type',
        'err',
        'packages',
        'examples',
        'bench',
        'test',
      ]),
  },
  { name: 'nothing unused', what: 'knip', run: () => tool('knip/bin/knip.js', ['--no-progress']) },
];

/**
 * Runs every check, prints one line for each and, of those that failed, their output.
 * @returns {Promise<{ passed: number, failed: number, failures: string[] }>}
 */
export async function runChecks() {
  /** @type {string[]} */
  const failures = [];
  // The type-check keeps one core busy by itself; the others follow each other on a second.
  const one = /** @param {Check} check */ async (check) => {
    const { code, output, seconds } = await check.run();
    console.log(`${code === 0 ? '✓' : '✗'} ${check.name} (${check.what}) ${seconds.toFixed(1)} s`);
    if (code === 0) return;
    failures.push(check.name);
    console.log(output.trimEnd());
  };
  const [types, ...rest] = CHECKS;
  const others = async () => {
    for (const check of rest) await one(check);
  };
  await Promise.all([types && one(types), others()]);
  return { passed: CHECKS.length - failures.length, failed: failures.length, failures };
}
