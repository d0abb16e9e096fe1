/** What this machine has: the project's root, programs on the path, a browser. Node built-ins only. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Where Chromium and Chrome usually live, per platform. */
const BROWSERS = {
  linux: [
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/usr/bin/google-chrome-stable',
    '/opt/google/chrome/chrome',
    '/snap/bin/chromium',
  ],
  darwin: ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/Applications/Chromium.app/Contents/MacOS/Chromium'],
  win32: ['ProgramFiles', 'ProgramFiles(x86)', 'LocalAppData'].map((folder) =>
    join(process.env[folder] ?? '', 'Google/Chrome/Application/chrome.exe'),
  ),
};

/** The browser tests use: CHROME_PATH if set, else the first found; undefined where there is none. */
export function findBrowser() {
  const given = process.env['CHROME_PATH'];
  if (given !== undefined && given !== '') return existsSync(given) ? given : undefined;
  const places = BROWSERS[/** @type {keyof typeof BROWSERS} */ (process.platform)] ?? [];
  return places.find((place) => existsSync(place));
}

/**
 * Whether a program is on the path.
 * @param {string} program
 */
export function hasProgram(program) {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * A Python 3 that finds these modules (none is imported): the system's, which Debian's packages serve, or the one on
 * the path. TROCAR_PYTHON names another.
 * @param {readonly string[]} modules
 */
export function findPython(modules) {
  const ask = `import importlib.util as u,sys; sys.exit(any(u.find_spec(m) is None for m in ${JSON.stringify(modules)}))`;
  const given = process.env['TROCAR_PYTHON'];
  return (given ? [given] : ['/usr/bin/python3', 'python3']).find(
    (python) => spawnSync(python, ['-c', ask], { stdio: 'ignore' }).status === 0,
  );
}

/** Whether this process may install Debian packages: root, on Debian or a relative of it. */
export function canInstallDebianPackages() {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version') && hasProgram('apt-get') && !process.env['TROCAR_NO_APT'];
}
