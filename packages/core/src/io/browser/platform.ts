import { InterfaceTypes, runPipeline } from 'itk-wasm';
import { isNavError, NavError } from '../../base/index.js';
import { requireAsset, requireAssetLocation } from '../assets.js';
import { imageFrom, pipelineFailed } from '../pipeline-result.js';
import type { PipelineCall, PipelineImage, Platform } from '../platform.js';
import { throwIfAborted, type VolumeFile } from '../source.js';

/** A worker, and the end of it: whoever aborts ends the worker for all, and the others begin again in a new one. */
interface Running {
  readonly worker: Worker;
  readonly url: string;
  readonly ended: AbortController;
}

/** Why a call that was not aborted itself lost its worker. */
const LOST = new Error('another call ended this worker');

let running: Running | undefined;

/** One worker serves all calls, one after the other: WASM modules stay compiled in it. */
function workerAt(url: string, createWorker: ((url: string) => Worker) | undefined): Running {
  if (running?.url !== url) {
    if (running !== undefined) discard(running);
    running = { worker: createWorker?.(url) ?? new Worker(url, { type: 'module' }), url, ended: new AbortController() };
  }
  return running as Running;
}

function discard(which: Running): void {
  if (running === which) running = undefined;
  which.worker.terminate();
  which.ended.abort();
}

async function run(call: PipelineCall, signal: AbortSignal | undefined): Promise<PipelineImage> {
  const location = requireAssetLocation();
  // Absolute addresses, because a worker resolves relative ones against itself.
  const base = new URL(location.pipelines, document.baseURI).href;
  const workerUrl = new URL(location.worker, document.baseURI).href;
  await Promise.all([workerUrl, `${base}/${call.pipeline}.js`, `${base}/${call.pipeline}.wasm.zst`].map(requireAsset));
  for (;;) {
    throwIfAborted(signal);
    const used = workerAt(workerUrl, location.createWorker);
    const watch = new AbortController();
    try {
      return await Promise.race([inWorker(call, used.worker, base), end(used, signal, watch.signal)]);
    } catch (cause) {
      if (cause === LOST) continue;
      if (isNavError(cause, 'io/aborted') || isNavError(cause, 'assets/missing')) discard(used);
      throw isNavError(cause) ? cause : pipelineFailed(call, cause);
    } finally {
      watch.abort();
    }
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
  });
  return imageFrom(call, result);
}

/** Rejects when the caller aborts or the worker ends: itk-wasm's own promise would stay pending for ever. */
function end(used: Running, signal: AbortSignal | undefined, watch: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const once = { once: true, signal: watch };
    signal?.addEventListener('abort', () => reject(aborted(signal)), once);
    used.ended.signal.addEventListener('abort', () => reject(LOST), once);
    used.worker.addEventListener('error', (event) => reject(workerFailed(used.url, event.message)), once);
  });
}

function aborted(signal: AbortSignal): NavError {
  return new NavError('io/aborted', 'Reading was stopped by the caller.', { cause: signal.reason });
}

function workerFailed(url: string, reason: string): NavError {
  return new NavError('assets/missing', `The decoder worker "${url}" failed to start: ${reason || 'no reason given'}.`, {
    detail: { url },
  });
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
  readFile: (path) => Promise.reject(noFiles(path)),
  readSibling: () => Promise.resolve<VolumeFile | undefined>(undefined),
  writePath: (path) => Promise.reject(noFiles(path)),
  requireAssets: () => void requireAssetLocation(),
  run,
};
