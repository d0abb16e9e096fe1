/**
 * `npm run fuzz`: every fuzz test with a hundred times its inputs, ten million a decoder, from a new seed: for the
 * night. `npm run fuzz -- packages/device-bridge/src/codec/igtl` runs only what matches. TROCAR_EFFORT and TROCAR_SEED
 * are taken where they are set; the seed is printed, so that a failure can be had again.
 */
import { ready } from './bootstrap.mjs';
import { tool } from './lib/run.mjs';

await ready('test');
const effort = process.env['TROCAR_EFFORT'] ?? '100';
const seed = process.env['TROCAR_SEED'] ?? String(Date.now() % 2 ** 31);
console.log(`Fuzzing with TROCAR_EFFORT=${effort} TROCAR_SEED=${seed} …`);
const filters = process.argv.slice(2);
const { code } = await tool(
  'vitest/vitest.mjs',
  [
    'run',
    '--project',
    'node',
    '--project',
    'timed',
    ...(filters.length > 0 ? filters : ['fuzz', 'robustness', 'packages/core/src/recording']),
  ],
  { show: 'all', env: { TROCAR_EFFORT: effort, TROCAR_SEED: seed } },
);
process.exitCode = code;
