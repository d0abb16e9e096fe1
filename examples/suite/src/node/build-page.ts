import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { copyAssets } from '@trocar/core/node';

/**
 * Builds the page of an example with Vite, and puts the image decoders beside it: everything it will ever load comes from the
 * folder that is returned. Decoders are copied only where they are not there yet.
 * @param example the folder of the example, which has the page in `page/`
 */
export async function buildPage(example: string): Promise<string> {
  const { build, defaultClientConditions } = await import('vite');
  const outDir = join(example, 'dist/page');
  await build({
    root: join(example, 'page'),
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
