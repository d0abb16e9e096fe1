/** Packing the packages, and what publint and attw say of the tarballs. */
import { join } from 'node:path';
import { build } from '../build.mjs';
import { PACKAGES } from './entries.mjs';
import { npm, tool } from './run.mjs';

/**
 * @typedef {object} Tarball
 * @property {string} name
 * @property {string} path
 * @property {number} bytes
 * @property {readonly string[]} files
 */

/**
 * Builds the packages and packs them into `folder`.
 * @param {string} folder
 * @returns {Promise<Tarball[]>}
 */
export async function packAll(folder) {
  await build();
  const workspaces = PACKAGES.flatMap((name) => ['--workspace', `packages/${name}`]);
  const { code, output } = await npm(['pack', ...workspaces, '--json', '--pack-destination', folder, '--loglevel=error']);
  if (code !== 0) throw new Error(`npm pack failed:\n${output}`);
  // npm 11 answers with an array or, for several workspaces, with an object by name.
  const packed = Object.values(JSON.parse(output.slice(output.search(/[[{]/))));
  return packed.map(({ name, filename, size, files }) => ({
    name,
    path: join(folder, filename),
    bytes: size,
    files: files.map((/** @type {{ path: string }} */ file) => file.path),
  }));
}

/**
 * @param {Tarball} tarball
 * @returns {Promise<Record<'publint' | 'attw', import('./run.mjs').Outcome>>}
 */
export async function checkTarball({ path }) {
  const [publint, attw] = await Promise.all([
    tool('publint/src/cli.js', ['run', path, '--strict']),
    tool('@arethetypeswrong/cli/dist/index.js', [path, '--profile', 'esm-only', '--no-color', '--no-emoji']),
  ]);
  return { publint, attw };
}
