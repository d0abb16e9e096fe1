/**
 * Makes a fresh clone ready, and says on stderr what it does and what will be missing. Node built-ins only.
 *
 *   node scripts/bootstrap.mjs [start|test|bench|build|archive]
 *
 * Dependencies come from `npm ci --ignore-scripts`: no package's install script runs, nor is one needed. Programs
 * that only tests use (a browser, independent readers, a pty, a peer) come from Debian where this is root on Debian;
 * elsewhere the ones already there are used and the rest is named. TROCAR_NO_APT=1 keeps it from installing any.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canInstallDebianPackages, findBrowser, findPython, hasProgram, ROOT } from './lib/host.mjs';
import { npm, run } from './lib/run.mjs';

/** @typedef {'start' | 'test' | 'bench' | 'build' | 'archive'} Purpose */

/**
 * @typedef {object} Need
 * @property {string} debian the Debian package
 * @property {() => boolean} present
 * @property {string} without what is not done where it is missing
 * @property {readonly Purpose[]} purposes
 */

/** @type {readonly Need[]} */
const NEEDS = [
  {
    debian: 'chromium',
    present: () => findBrowser() !== undefined,
    without: 'browser, end-to-end and packaging tests are skipped (set CHROME_PATH to a Chromium or Chrome)',
    purposes: ['test', 'bench'],
  },
  // Lohit has these letters alone: a font that has Latin ones too would take them over, and kept pictures would differ.
  {
    debian: 'fonts-lohit-deva',
    present: () => existsSync('/usr/share/fonts/truetype/lohit-devanagari') || process.platform !== 'linux',
    without: 'whether words in Hindi fit is measured without their letters',
    purposes: ['test'],
  },
  {
    debian: 'fonts-lohit-beng-bengali',
    present: () => existsSync('/usr/share/fonts/truetype/lohit-bengali') || process.platform !== 'linux',
    without: 'whether words in Bengali fit is measured without their letters',
    purposes: ['test'],
  },
  {
    debian: 'fonts-lohit-gujr',
    present: () => existsSync('/usr/share/fonts/truetype/lohit-gujarati') || process.platform !== 'linux',
    without: 'whether words in Gujarati fit is measured without their letters',
    purposes: ['test'],
  },
  {
    debian: 'socat',
    present: () => hasProgram('socat'),
    without: 'tests of a tracker on a real pty are skipped',
    purposes: ['test'],
  },
  {
    debian: 'python3-nibabel',
    present: () => findPython(['nibabel']) !== undefined,
    without: 'geometry is not compared with nibabel',
    purposes: ['test'],
  },
  {
    debian: 'python3-pydicom',
    present: () => findPython(['pydicom']) !== undefined,
    without: 'geometry and written DICOM are not compared with pydicom',
    purposes: ['test'],
  },
  {
    debian: 'python3-numpy',
    present: () => findPython(['numpy']) !== undefined,
    without: 'pixels of written DICOM are not compared with pydicom',
    purposes: ['test'],
  },
  {
    debian: 'elastix',
    present: () => hasProgram('elastix'),
    without: 'image registration is not compared with native elastix',
    purposes: ['test', 'bench'],
  },
  {
    debian: 'python3-vtk9',
    present: () => findPython(['vtk']) !== undefined,
    without: "surface registration is not compared with VTK's iterative closest point",
    purposes: ['test', 'bench'],
  },
  {
    debian: 'libopenigtlink-dev',
    present: () => existsSync('/usr/include/openigtlink'),
    without: 'OpenIGTLink is not tried against, nor timed beside, the reference library',
    purposes: ['test', 'bench'],
  },
  {
    debian: 'openigtlink-examples',
    present: () => existsSync('/usr/share/doc/openigtlink-examples/examples'),
    without: 'OpenIGTLink is not tried live against the reference programs',
    purposes: ['test'],
  },
  {
    debian: 'cmake',
    present: () => hasProgram('cmake'),
    without: 'the OpenIGTLink reference programs are not built',
    purposes: ['test'],
  },
  {
    debian: 'g++',
    present: () => hasProgram('g++'),
    without: 'nothing in C++ is built to compare with',
    purposes: ['test', 'bench'],
  },
  {
    debian: 'make',
    present: () => hasProgram('make'),
    without: 'the OpenIGTLink reference programs are not built',
    purposes: ['test'],
  },
  {
    debian: 'openssl',
    present: () => hasProgram('openssl'),
    without: 'bridge, archive and audit events are not tried with TLS',
    purposes: ['test'],
  },
  {
    debian: 'orthanc',
    present: () => hasProgram('Orthanc'),
    without: 'nothing is stored in, nor retrieved from, a real archive',
    purposes: ['test', 'bench', 'archive'],
  },
  {
    debian: 'orthanc-dicomweb',
    present: () => existsSync('/usr/share/orthanc/plugins/libOrthancDicomWeb.so'),
    without: 'nothing is stored in, nor retrieved from, a real archive',
    purposes: ['test', 'bench', 'archive'],
  },
  {
    debian: 'dicom3tools',
    present: () => hasProgram('dciodvfy'),
    without: 'written DICOM is not validated by dciodvfy',
    purposes: ['test'],
  },
  {
    debian: 'dcmtk',
    present: () => hasProgram('dcmdump'),
    without: 'written DICOM is not read by dcmtk',
    purposes: ['test'],
  },
  {
    debian: 'mosquitto',
    present: () => hasProgram('mosquitto') || existsSync('/usr/sbin/mosquitto'),
    without: 'live sessions are not sent through a real broker',
    purposes: ['test', 'bench'],
  },
];

/** @param {string} text */
const say = (text) => void process.stderr.write(`${text}\n`);

/**
 * Whether node_modules holds what package-lock.json asks for, other platforms' optional packages apart.
 * @param {string} root
 */
export function dependenciesInstalled(root) {
  const installed = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installed)) return false;
  /** @type {(path: string) => Record<string, { version?: string, optional?: boolean, link?: boolean }>} */
  const packagesOf = (path) => JSON.parse(readFileSync(path, 'utf8')).packages;
  const have = packagesOf(installed);
  return Object.entries(packagesOf(join(root, 'package-lock.json')))
    .filter(([path, entry]) => path.startsWith('node_modules/') && !entry.optional)
    .every(([path, entry]) => path in have && have[path]?.version === entry.version && existsSync(join(root, path)));
}

/** @returns {Promise<void>} */
async function installDependencies() {
  if (dependenciesInstalled(ROOT)) return;
  const fresh = !existsSync(join(ROOT, 'node_modules'));
  say(fresh ? 'Installing dependencies (npm ci) …' : 'The lock file has changed: updating dependencies (npm install) …');
  const { code, seconds } = await npm([fresh ? 'ci' : 'install', '--ignore-scripts', '--no-audit', '--no-fund'], {
    show: 'stderr',
  });
  if (code !== 0) throw new Error('npm could not install the dependencies; its message is above.');
  say(`Dependencies installed in ${seconds.toFixed(0)} s.`);
}

/**
 * @param {readonly Need[]} missing
 * @returns {Promise<void>}
 */
async function installFromDebian(missing) {
  const names = missing.map((need) => need.debian);
  say(`Installing from Debian: ${names.join(', ')} …`);
  /** @type {Parameters<typeof run>[2]} */
  // Run level 1: what brings a service (orthanc, mosquitto) is not to start it; tests start their own, on ports of their own.
  const quiet = { env: { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' } };
  const update = await run('apt-get', ['update', '-qq'], quiet);
  if (update.code !== 0) say(`apt-get update failed:\n${update.output.trim().split('\n').slice(-3).join('\n')}`);
  // One by one: a package this release does not have must not keep the others out.
  for (const name of names) {
    const { code, output, seconds } = await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', name], quiet);
    if (code === 0) say(`  ${name}: installed in ${seconds.toFixed(0)} s`);
    else say(`  ${name}: not installed: ${output.trim().split('\n').at(-1)}`);
  }
}

/**
 * Makes everything ready that `purpose` needs, and returns what is still missing, as sentences.
 * @param {Purpose} purpose
 * @returns {Promise<string[]>}
 */
export async function bootstrap(purpose) {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new Error(`Node ${process.versions.node} is too old: Trocar needs 20.19 or newer.`);
  }
  await installDependencies();
  const needs = NEEDS.filter((need) => need.purposes.includes(purpose));
  let missing = needs.filter((need) => !need.present());
  if (missing.length > 0 && canInstallDebianPackages()) {
    await installFromDebian(missing);
    missing = missing.filter((need) => !need.present());
  }
  const sentences = missing.map((need) => `without ${need.debian}: ${need.without}`);
  for (const sentence of sentences) say(`Note: ${sentence}.`);
  return sentences;
}

/**
 * {@link bootstrap}, ending the process with a sentence instead of a stack where it fails.
 * @param {Purpose} purpose
 */
export async function ready(purpose) {
  try {
    return await bootstrap(purpose);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const purpose = /** @type {Purpose} */ (process.argv[2] ?? 'test');
  await ready(purpose);
}
