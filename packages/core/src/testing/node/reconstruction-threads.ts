import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { ReconstructionWorker } from '../../ultrasound/index.js';
import { startReconstructionThread } from '../../ultrasound/worker/node/host.js';

/** Worker threads of reconstruction, from the sources. */
export async function startThreads(count: number): Promise<ReconstructionWorker[]> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../ultrasound/worker/node/program.ts', import.meta.url))],
    bundle: true,
    write: false,
    platform: 'neutral',
    mainFields: ['module', 'main'],
    external: ['node:*'],
    format: 'cjs',
    target: 'es2022',
    conditions: ['@trocar/source'],
  });
  const program = new TextDecoder().decode(outputFiles[0]?.contents);
  return Array.from({ length: count }, () => startReconstructionThread(program));
}
