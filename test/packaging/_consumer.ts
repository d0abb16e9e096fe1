import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import rootManifest from '../../package.json' with { type: 'json' };
import { npm } from '../../scripts/lib/run.mjs';
import type { Tarball } from '../../scripts/lib/tarballs.mjs';

/** An empty folder of our own outside the repository. */
export function emptyFolder(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'trocar-consumer-')));
}

/** Writes a file of the consumer's project. */
export function put(folder: string, path: string, text: string | Uint8Array): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

/** What an application would have beside ours: the versions this project itself is tested with. */
const TOOLS = ['@types/three', 'three', 'typescript', 'vite', 'webpack'] as const;

/**
 * Installs the tarballs into an empty project, as an application would.
 * @returns undefined where it worked, `offline` where the registry was out of reach, else npm's words
 */
export async function installInto(
  folder: string,
  tarballs: readonly Tarball[],
): Promise<undefined | 'offline' | { failed: string }> {
  const tools = TOOLS.map((name) => [name, rootManifest.devDependencies[name]]);
  const ours = tarballs.map(({ name, path }) => [name, `file:${path}`]);
  put(
    folder,
    'package.json',
    JSON.stringify({ name: 'consumer', private: true, type: 'module', dependencies: Object.fromEntries([...ours, ...tools]) }),
  );
  const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  const { code, output } = await npm(args, { cwd: folder });
  if (code === 0) return undefined;
  return /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENOTCACHED/.test(output) ? 'offline' : { failed: output };
}
