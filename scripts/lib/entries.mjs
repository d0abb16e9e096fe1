/** What a package is built from: everything its package.json and its workers name. Node built-ins only. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './host.mjs';

/** The packages that are published, in the order they depend on each other. */
export const PACKAGES = ['core', 'registration', 'device-bridge'];

/**
 * @param {string} name folder below packages/
 * @returns {any} its package.json
 */
export function manifest(name) {
  return JSON.parse(readFileSync(join(ROOT, 'packages', name, 'package.json'), 'utf8'));
}

/**
 * Every string in a nested value, as `exports` and `imports` nest their conditions.
 * @param {unknown} value
 * @returns {string[]}
 */
function leaves(value) {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [];
}

/**
 * The source files that become files of their own in dist/: entry points, halves chosen by `imports`, bins, workers.
 * @param {string} name folder below packages/
 * @returns {Record<string, string>} path below dist/ without extension → path below the package
 */
export function entriesOf(name) {
  const { exports = {}, imports = {}, bin = {} } = manifest(name);
  const fromDist = leaves(bin).map((path) => path.replace(/^[.]\/dist\//, './src/').replace(/[.]js$/, '.ts'));
  const workers = readdirSync(join(ROOT, 'packages', name, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.worker.ts'))
    .map((path) => `./src/${path.replaceAll('\\', '/')}`);
  const sources = [...leaves(exports), ...leaves(imports), ...fromDist, ...workers].filter(
    (path) => path.startsWith('./src/') && path.endsWith('.ts') && !path.endsWith('.d.ts'),
  );
  return Object.fromEntries([...new Set(sources)].map((path) => [path.slice('./src/'.length, -'.ts'.length), path.slice(2)]));
}

/**
 * The public entry points: subpath (`.`, `./io`) → path of the source file below the root.
 * @param {string} name folder below packages/
 * @returns {Record<string, string>}
 */
export function publicEntries(name) {
  const entries = Object.entries(manifest(name).exports).filter(([, target]) => typeof target === 'object');
  return Object.fromEntries(
    entries.map(([subpath, target]) => [subpath, `packages/${name}/${String(target['@trocar/source']).slice(2)}`]),
  );
}

/**
 * Every built file that a package.json points to: entry points with their declarations, halves chosen by `imports`, bins.
 * @param {string} name folder below packages/
 * @returns {string[]} paths below the package
 */
export function distFiles(name) {
  const { exports = {}, imports = {}, bin = {} } = manifest(name);
  return [exports, imports, bin]
    .flatMap(leaves)
    .filter((path) => path.startsWith('./dist/'))
    .map((path) => path.slice(2));
}
