/**
 * `node scripts/build-kernels.mjs`: compiles every `kernels/assembly/*.as` of a package's sources into a base64 module beside
 * its folder, `kernels/<name>.generated.ts`, and bundles the programs of worker threads. With `--check` it only
 * compares, and fails where anything is not what its sources make: a test runs that.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';
import { build } from 'esbuild';
import { PACKAGES } from './lib/entries.mjs';
import { ROOT } from './lib/host.mjs';

const FLAGS = ['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--use', 'abort='];

/**
 * The kernels' sources and what they become.
 * @returns {{ source: string, target: string }[]} absolute paths
 */
function kernels() {
  return PACKAGES.flatMap((name) => {
    const base = join(ROOT, 'packages', name, 'src');
    return readdirSync(base, { recursive: true, encoding: 'utf8' })
      .map((path) => path.replaceAll('\\', '/'))
      .filter((path) => /(^|\/)kernels\/assembly\/[^/]+[.]as$/.test(path))
      .map((path) => ({
        source: join(base, path),
        target: join(base, path.replace(/assembly\/([^/]+)[.]as$/, '$1.generated.ts')),
      }));
  });
}

/**
 * The module of a kernel, as the text of a TypeScript file.
 * @param {string} source absolute path of the AssemblyScript
 * @returns {Promise<string>}
 */
async function generated(source) {
  const name = basename(source, '.as');
  /** @type {Uint8Array | undefined} */
  let binary;
  const { error, stderr } = await asc.main([`${name}.ts`, '--outFile', 'kernel.wasm', ...FLAGS], {
    readFile: (file) => (basename(file) === `${name}.ts` ? readFileSync(source, 'utf8') : null),
    writeFile: (file, contents) => {
      if (file === 'kernel.wasm' && typeof contents !== 'string') binary = contents;
    },
  });
  if (error || binary === undefined) throw new Error(`${source} does not compile:\n${stderr}`);
  const lines =
    Buffer.from(binary)
      .toString('base64')
      .match(/.{1,116}/g) ?? [];
  return [
    `/** Compiled from assembly/${name}.as by scripts/build-kernels.mjs. Do not edit. */`,
    'export const KERNEL: string = [',
    ...lines.map((line) => `  '${line}',`),
    "].join('');",
    '',
  ].join('\n');
}

/** Folders of workers: the program of the worker threads is bundled into a module beside it. */
const WORKERS = ['packages/registration/src/worker', 'packages/core/src/ultrasound/worker'].map((folder) => ({
  source: join(ROOT, folder, 'node/program.ts'),
  target: join(ROOT, folder, 'program.generated.ts'),
}));

/**
 * A worker's program in one piece, as the text of a TypeScript file.
 * @param {string} source absolute path
 * @returns {Promise<string>}
 */
async function workerProgram(source) {
  const { outputFiles } = await build({
    entryPoints: [source],
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    platform: 'neutral',
    mainFields: ['module', 'main'],
    external: ['node:*'],
    format: 'cjs',
    target: 'es2022',
    minify: true,
    conditions: ['@trocar/source'],
    legalComments: 'none',
  });
  const text = new TextDecoder().decode(/** @type {Uint8Array} */ (outputFiles[0]?.contents));
  const lines =
    Buffer.from(text)
      .toString('base64')
      .match(/.{1,116}/g) ?? [];
  return [
    '/** Bundled from node/program.ts by scripts/build-kernels.mjs. Do not edit. */',
    'export const PROGRAM: string = new TextDecoder().decode(',
    '  Uint8Array.from(',
    '    atob(',
    '      [',
    ...lines.map((line) => `        '${line}',`),
    "      ].join(''),",
    '    ),',
    '    (c) => c.charCodeAt(0),',
    '  ),',
    ');',
    '',
  ].join('\n');
}

/**
 * What this script writes, as it is now: kernels before the programs, which contain them.
 * @returns {AsyncGenerator<{ target: string, text: string }>}
 */
async function* everything() {
  for (const { source, target } of kernels()) yield { target, text: await generated(source) };
  for (const { source, target } of WORKERS) yield { target, text: await workerProgram(source) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes('--check');
  for await (const { target, text } of everything()) {
    if (!check) writeFileSync(target, text);
    else if (readFileSync(target, 'utf8') !== text) {
      console.error(`${target} is not what its sources make. Run node scripts/build-kernels.mjs.`);
      process.exitCode = 1;
    }
    if (!check) console.log(`${target}: ${text.length} bytes`);
  }
}
