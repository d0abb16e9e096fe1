/**
 * Completes package-lock.json with the platform packages (esbuild's, Biome's, … binaries as optional dependencies)
 * that npm left out.
 *
 * npm writes only those that its registry answered for; a mirror that holds one platform gives a lock that `npm ci`
 * calls out of step, there and on every other platform. The missing entries follow from their parents: the exact
 * version stands in `optionalDependencies`, the platform in the name. They carry no integrity until npm has seen them.
 *
 *   node scripts/complete-lock.mjs           writes the lock
 *   node scripts/complete-lock.mjs --check   exits 1 where an entry is missing
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** @typedef {{ cpu: string[], os?: string[], libc?: string[] }} Platform */
/** @typedef {{ version?: string, dev?: boolean, optional?: boolean, optionalDependencies?: Record<string, string> } & Partial<Platform>} Entry */
/** @typedef {Record<string, Entry>} Entries */

const OS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const CPU = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];
/** @type {Record<string, string>} */
const LIBC = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' };
const EXACT = /^\d+\.\d+\.\d+(-[\w.-]+)?$/;

/**
 * What a platform package runs on, read from its name; undefined where the name names no platform.
 * @param {string} name
 * @returns {Platform | undefined}
 */
export function platformOf(name) {
  const words = name.split(/[-/]/);
  const cpu = words.filter((w) => CPU.includes(w));
  const os = words.filter((w) => OS.includes(w));
  const libc = words.flatMap((w) => LIBC[w] ?? []);
  if (cpu.length === 0) return undefined;
  return { cpu, ...(os.length > 0 && { os }), ...(libc.length > 0 && os.includes('linux') && { libc }) };
}

/**
 * Where `name` resolves to from the package at `path`, as Node looks it up; undefined where nowhere.
 * @param {Entries} packages
 * @param {string} path
 * @param {string} name
 */
function resolved(packages, path, name) {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const candidate = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (packages[candidate] !== undefined) return candidate;
    if (at === '') return undefined;
  }
}

/**
 * The entries a lock lacks, by path.
 * @param {{ packages: Entries }} lock
 * @returns {Entries}
 */
export function missingPlatformEntries(lock) {
  /** @type {Entries} */
  const missing = {};
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const platform = platformOf(name);
      if (platform === undefined || !EXACT.test(version)) continue;
      const { cpu, libc, os } = platform;
      const wanted = { version, cpu, ...(entry.dev && { dev: true }), ...(libc && { libc }), optional: true, ...(os && { os }) };
      const found = resolved({ ...lock.packages, ...missing }, path, name);
      const known = found === undefined ? undefined : (lock.packages[found] ?? missing[found]);
      if (known?.version === version) continue;
      missing[known === undefined ? `node_modules/${name}` : `${path}/node_modules/${name}`] = wanted;
    }
  }
  return missing;
}

function main() {
  const file = new URL('../package-lock.json', import.meta.url);
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const missing = missingPlatformEntries(lock);
  const count = Object.keys(missing).length;
  if (process.argv.includes('--check') || count === 0) {
    for (const path of Object.keys(missing)) console.error(`package-lock.json lacks ${path}`);
    if (count > 0) console.error('Run: node scripts/complete-lock.mjs');
    process.exitCode = count > 0 ? 1 : 0;
    return;
  }
  const paths = Object.entries({ ...lock.packages, ...missing }).sort(([a], [b]) => a.localeCompare(b, 'en'));
  writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(paths) }, null, 2)}\n`);
  console.error(`package-lock.json: ${count} platform packages added.`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
