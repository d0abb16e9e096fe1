import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { copyAssets } from '@trocar/core/node';

const root = join(import.meta.dirname, '../..');

/**
 * Builds the page with Vite, and puts the image decoders beside it: everything it will ever load comes from the folder
 * that is returned. Decoders are copied only where they are not there yet.
 */
export async function buildPage(): Promise<string> {
  const { build, defaultClientConditions } = await import('vite');
  const outDir = join(root, 'dist/page');
  await build({
    root: join(root, 'page'),
    configFile: false,
    logLevel: 'warn',
    resolve: { conditions: ['@trocar/source', ...defaultClientConditions] },
    build: { outDir, emptyOutDir: false, target: 'es2022', chunkSizeWarningLimit: 4000, sourcemap: false },
    worker: { format: 'es' },
  });
  const assets = join(outDir, 'trocar');
  if (!existsSync(join(assets, 'pipelines'))) await copyAssets(assets);
  return outDir;
}
