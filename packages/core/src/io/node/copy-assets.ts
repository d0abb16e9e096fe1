import { copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
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
 * Put before the worker's script: its decompressor fetches its own code from a data: address, which a page's content
 * security policy would have to allow. Decoded in place, `script-src 'wasm-unsafe-eval'` is all the worker needs.
 */
const DATA_URLS_WITHOUT_FETCH = `{
  const fetchAny = globalThis.fetch;
  const mark = 'data:application/wasm;base64,';
  globalThis.fetch = (url, ...rest) =>
    typeof url === 'string' && url.startsWith(mark)
      ? Promise.resolve(new Response(Uint8Array.from(atob(url.slice(mark.length)), (c) => c.charCodeAt(0))))
      : fetchAny(url, ...rest);
}`;

/**
 * Copies the WebAssembly decoders and their worker out of the installed packages, so that a page serves them itself:
 * `folder/pipelines/*` and `folder/itk-wasm-pipeline.worker.js`. Then `setAssetsBase()` gets the path of `folder`.
 * The pipelines of `@itk-wasm/elastix` and `@itk-wasm/transform-io` come along where they are installed.
 * @throws NavError `assets/missing` where a needed package is not installed, `io/not-writable`
 */
export async function copyAssets(folder: string): Promise<CopiedAssets> {
  const wanted = [
    ...pipelineFiles(pipelinesFolder('@itk-wasm/dicom'), [DICOM_PIPELINE]),
    ...pipelineFiles(pipelinesFolder('@itk-wasm/image-io'), Object.values(IMAGE_PIPELINES)),
    ...(await Promise.all(OPTIONAL.map(installed))).flat(),
  ];
  let bytes = 0;
  try {
    await mkdir(join(folder, 'pipelines'), { recursive: true });
    const worker = `${DATA_URLS_WITHOUT_FETCH}\n${await readFile(workerScript(), 'utf8')}`;
    await writeFile(join(folder, WORKER_FILE), worker);
    bytes += Buffer.byteLength(worker);
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
  return { folder, files: [WORKER_FILE, ...wanted.map(([, to]) => to)], bytes };
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
