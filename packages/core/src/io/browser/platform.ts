import { InterfaceTypes, runPipeline } from 'itk-wasm';
import { isNavError, NavError } from '../../base/index.js';
import { requireAssetLocation } from '../assets.js';
import { imageFrom, pipelineFailed } from '../pipeline-result.js';
import type { PipelineCall, PipelineImage, Platform } from '../platform.js';
import { throwIfAborted, type VolumeFile } from '../source.js';

interface Running {
  readonly worker: Worker;
  readonly url: string;
  busy: number;
}

let running: Running | undefined;

/** One worker serves all calls: WASM modules stay compiled in it. A call that must be ended ends its worker. */
function workerAt(url: string, createWorker: ((url: string) => Worker) | undefined): Running {
  if (running?.url !== url) {
    running?.worker.terminate();
    running = { worker: createWorker?.(url) ?? new Worker(url, { type: 'module' }), url, busy: 0 };
  }
  return running as Running;
}

function discard(which: Running): void {
  which.worker.terminate();
  if (running === which) running = undefined;
}

/** Found once per address: a missing file, or a server that answers every address with its start page. */
const found = new Set<string>();

async function requireAsset(url: string): Promise<void> {
  if (found.has(url)) return;
  const answer = await fetch(url, { method: 'HEAD' }).catch(() => undefined);
  if (!answer?.ok || answer.headers.get('content-type')?.includes('text/html')) {
    throw new NavError(
      'assets/missing',
      `The decoder asset "${url}" is not there (${answer ? `status ${answer.status}` : 'no answer'}). ` +
        'Run "npx trocar-volume assets DIR" again and check the path given to setAssetsBase().',
      { detail: { url } },
    );
  }
  found.add(url);
}

async function run(call: PipelineCall, signal: AbortSignal | undefined): Promise<PipelineImage> {
  throwIfAborted(signal);
  const location = requireAssetLocation();
  // Absolute addresses, because a worker resolves relative ones against itself.
  const base = new URL(location.pipelines, document.baseURI).href;
  const workerUrl = new URL(location.worker, document.baseURI).href;
  await Promise.all([workerUrl, `${base}/${call.pipeline}.js`, `${base}/${call.pipeline}.wasm.zst`].map(requireAsset));
  const used = workerAt(workerUrl, location.createWorker);
  used.busy += 1;
  try {
    return await Promise.race([inWorker(call, used.worker, base), ended(used, signal)]);
  } catch (cause) {
    if (isNavError(cause, 'io/aborted') || isNavError(cause, 'assets/missing')) discard(used);
    throw isNavError(cause) ? cause : pipelineFailed(call, cause);
  } finally {
    used.busy -= 1;
  }
}

async function inWorker(call: PipelineCall, worker: Worker, base: string): Promise<PipelineImage> {
  const inputs = call.files.map((f) => ({ type: InterfaceTypes.BinaryFile, data: { path: f.name, data: f.bytes } }));
  const outputs = Array.from({ length: call.outputCount }, (_, n) => ({
    type: n === call.imageOutput ? InterfaceTypes.Image : InterfaceTypes.JsonCompatible,
  }));
  const result = await runPipeline(call.pipeline, [...call.args], outputs, inputs, {
    pipelineBaseUrl: base,
    pipelineQueryParams: {},
    webWorker: worker,
    noCopy: true,
  });
  return imageFrom(call, result);
}

/** Rejects when the caller aborts or the worker dies: itk-wasm's own promise would stay pending for ever. */
function ended(used: Running, signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(abortError(signal)), { once: true });
    used.worker.addEventListener(
      'error',
      (event) =>
        reject(
          new NavError(
            'assets/missing',
            `The decoder worker "${used.url}" failed to start: ${event.message || 'no reason given'}.`,
          ),
        ),
      { once: true },
    );
  });
}

function abortError(signal: AbortSignal): NavError {
  return new NavError('io/aborted', 'Reading was stopped by the caller.', { cause: signal.reason });
}

function noFiles(path: string): NavError {
  return new NavError(
    'io/unsupported-format',
    `A browser cannot open the path "${path}". Pass the files themselves: a File list, or names with bytes.`,
  );
}

/** Browser: files only from memory, pipelines in a worker from the configured place. */
export const platform: Platform = {
  readPath: (path) => Promise.reject(noFiles(path)),
  readSibling: () => Promise.resolve<VolumeFile | undefined>(undefined),
  writePath: (path) => Promise.reject(noFiles(path)),
  requireAssets: () => void requireAssetLocation(),
  run,
};
