/** Starting other programs. Node built-ins only. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './host.mjs';

/**
 * @typedef {object} Outcome
 * @property {number} code exit code; 1 where a signal ended it or it could not be started
 * @property {string} output stdout and stderr together, empty where they were shown
 * @property {number} seconds
 */

/**
 * Runs a program in the repository's root and waits for it. A signal that ends this process ends it too.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ show?: 'all' | 'stderr' | 'nothing', env?: Record<string, string>, cwd?: string }} [options]
 *   `show: 'stderr'` sends everything to stderr, which keeps stdout for the one thing asked for
 * @returns {Promise<Outcome>}
 */
export function run(command, args, { show = 'nothing', env = {}, cwd = ROOT } = {}) {
  const started = performance.now();
  /** @type {import('node:child_process').StdioOptions} */
  const stdio = show === 'all' ? 'inherit' : show === 'stderr' ? ['ignore', 2, 2] : ['ignore', 'pipe', 'pipe'];
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio, env: { ...process.env, ...env } });
    const forward = /** @param {NodeJS.Signals} signal */ (signal) => void child.kill(signal);
    process.on('SIGINT', forward).on('SIGTERM', forward);
    let output = '';
    const keep = /** @param {Buffer} chunk */ (chunk) => {
      output += chunk.toString();
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    const end = /** @param {number} code */ (code) => {
      process.off('SIGINT', forward).off('SIGTERM', forward);
      resolve({ code, output, seconds: (performance.now() - started) / 1000 });
    };
    child.once('error', (error) => {
      output += `${error.message}\n`;
      end(1);
    });
    child.once('close', (code) => end(code ?? 1));
  });
}

/**
 * Runs npm: the one that started this script, if one did.
 * @param {readonly string[]} args
 * @param {Parameters<typeof run>[2]} [options]
 */
export function npm(args, options) {
  const own = process.env['npm_execpath'];
  if (own?.endsWith('.js')) return run(process.execPath, [own, ...args], options);
  return run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, options);
}

/**
 * Runs a tool's own script from node_modules with this Node: `tool('vitest/vitest.mjs', ['run'])`.
 * @param {string} script path below node_modules
 * @param {readonly string[]} args
 * @param {Parameters<typeof run>[2]} [options]
 */
export function tool(script, args, options) {
  return run(process.execPath, [join(ROOT, 'node_modules', script), ...args], options);
}

/**
 * Runs a TypeScript file on the packages' sources: nothing needs to be built.
 * @param {string} file path below the root
 * @param {readonly string[]} args
 * @param {Parameters<typeof run>[2] & { nodeArgs?: readonly string[] }} [options]
 */
export function runTypeScript(file, args, { nodeArgs = [], ...options } = {}) {
  const loader = pathToFileURL(join(ROOT, 'node_modules/tsx/dist/loader.mjs')).href;
  return run(
    process.execPath,
    ['--conditions=@trocar/source', '--import', loader, ...nodeArgs, join(ROOT, file), ...args],
    options,
  );
}
