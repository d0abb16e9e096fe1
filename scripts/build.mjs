/** `npm run build`: JavaScript by tsup, declarations by tsc, into each package's dist/. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ready } from './bootstrap.mjs';
import { manifest, PACKAGES } from './lib/entries.mjs';
import { ROOT } from './lib/host.mjs';
import { npm, tool } from './lib/run.mjs';

/** @param {import('./lib/run.mjs').Outcome} outcome @param {string} doing */
function must({ code, output }, doing) {
  if (code !== 0) throw new Error(`${doing} failed:\n${output.trimEnd()}`);
}

/**
 * Builds every package from nothing, so that no file of an earlier build is left in what is packed.
 * @returns {Promise<void>}
 */
export async function build() {
  for (const name of PACKAGES) rmSync(join(ROOT, 'packages', name, 'dist'), { recursive: true, force: true });
  const projects = PACKAGES.flatMap((name) => [`packages/${name}`, `packages/${name}/tsconfig.node.json`]);
  const declarations = tool('typescript/bin/tsc', ['-b', ...projects]);
  for (const name of PACKAGES) {
    must(await tool('tsup/dist/cli-default.js', [], { cwd: join(ROOT, 'packages', name) }), `tsup of ${name}`);
  }
  must(await declarations, 'tsc -b');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await ready('build');
  const started = performance.now();
  try {
    await build();
    // npm links no command whose file is not there yet, as on a fresh clone: now it can, and `npx trocar-volume` works here.
    must(await npm(['rebuild', '--ignore-scripts', ...PACKAGES.map((name) => manifest(name).name)]), 'npm rebuild');
    console.log(`Built ${PACKAGES.join(', ')} in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
