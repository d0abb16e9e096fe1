import { copyFile, mkdir, readdir, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { NavError } from '../../base/index.js';
import { WORKER_FILE } from '../assets.js';
import { DICOM_PIPELINE, IMAGE_PIPELINES } from '../pipelines.js';
import { pipelinesFolder } from './platform.js';

/** What {@link copyAssets} put in place. */
export interface CopiedAssets {
  readonly folder: string;
  /** Paths relative to the folder. */
  readonly files: readonly string[];
  readonly bytes: number;
}

/** Packages that the application may have installed beside core: their pipelines come along. */
const OPTIONAL = ['@itk-wasm/elastix', '@itk-wasm/transform-io'];

/**
 * Copies the WebAssembly decoders and their worker out of the installed packages, so that a page serves them itself:
 * `folder/pipelines/*` and `folder/itk-wasm-pipeline.worker.js`. Then `setAssetsBase()` gets the path of `folder`.
 * The pipelines of `@itk-wasm/elastix` and `@itk-wasm/transform-io` come along where they are installed.
 * @throws NavError `assets/missing` where a needed package is not installed, `io/not-writable`
 */
export async function copyAssets(folder: string): Promise<CopiedAssets> {
  const wanted: [from: string, to: string][] = [[workerScript(), WORKER_FILE]];
  wanted.push(...pipelineFiles(pipelinesFolder('@itk-wasm/dicom'), [DICOM_PIPELINE]));
  wanted.push(...pipelineFiles(pipelinesFolder('@itk-wasm/image-io'), Object.values(IMAGE_PIPELINES)));
  for (const packageName of OPTIONAL) wanted.push(...(await installed(packageName)));
  let bytes = 0;
  try {
    await mkdir(join(folder, 'pipelines'), { recursive: true });
    for (const [from, to] of wanted) {
      await copyFile(from, join(folder, to));
      bytes += (await stat(from)).size;
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NavError('io/not-writable', `The assets could not be copied to "${folder}": ${reason}.`, {
      detail: { folder },
      cause,
    });
  }
  return { folder, files: wanted.map(([, to]) => to), bytes };
}

function pipelineFiles(from: string, pipelines: readonly string[]): [string, string][] {
  return pipelines.flatMap((name) =>
    [`${name}.js`, `${name}.wasm.zst`].map((file): [string, string] => [join(from, file), `pipelines/${file}`]),
  );
}

/** All pipelines of an optional package, wherever core or the application finds it; none where nobody does. */
async function installed(packageName: string): Promise<[string, string][]> {
  const beside = createRequire(join(process.cwd(), 'package.json'));
  for (const find of [() => pipelinesFolder(packageName), () => join(dirname(beside.resolve(packageName)), 'pipelines')]) {
    try {
      const from = find();
      const names = (await readdir(from)).filter((name) => /^[a-z0-9-]+\.(js|wasm\.zst)$/.test(name));
      return names.sort().map((name) => [join(from, name), `pipelines/${name}`]);
    } catch {
      // Not here: the next place may have it.
    }
  }
  return [];
}

function workerScript(): string {
  try {
    const root = dirname(createRequire(import.meta.url).resolve('itk-wasm'));
    return join(root, 'pipeline', 'web-workers', 'bundles', 'itk-wasm-pipeline.min.worker.js');
  } catch (cause) {
    throw new NavError('assets/missing', 'The package "itk-wasm" is not installed beside @trocar/core.', { cause });
  }
}
