import { cpSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, defaultClientConditions } from 'vite';

/** Where pictures for people go. */
const PICTURES = join(import.meta.dirname, '../../test-results');

/**
 * Builds an example's page from the sources with Vite, into a new folder that is returned.
 * @param files beside the page: their paths there, and where they are
 */
export async function buildExample(root: string, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const outDir = mkdtempSync(join(tmpdir(), 'trocar-example-'));
  await build({
    root,
    base: './',
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['@trocar/source', ...defaultClientConditions] },
    // As a page is developed: React checks more, and runs every effect twice.
    define: { 'process.env.NODE_ENV': '"development"' },
    build: { outDir, emptyOutDir: true, target: 'es2022', minify: false, chunkSizeWarningLimit: 8000 },
    worker: { format: 'es' },
  });
  for (const [to, from] of Object.entries(files)) cpSync(from, join(outDir, to), { recursive: true });
  return outDir;
}

/** The path of a picture for people. */
export function picturePath(name: string): string {
  mkdirSync(PICTURES, { recursive: true });
  return join(PICTURES, `${name}.png`);
}
