import { isNavError, NavError } from '@trocar/core';
import { requireAsset, requireAssetLocation } from '@trocar/core/io';
import { runPipeline } from 'itk-wasm';
import type { Engine, PipelineAnswer, PipelineCall } from '../engine.js';

/** A Web Worker of its own, from the configured place: ending it is the only way to stop a pipeline. */
export function openEngine(): Engine {
  const location = requireAssetLocation();
  // Absolute addresses, because a worker resolves relative ones against itself.
  const base = new URL(location.pipelines, document.baseURI).href;
  const url = new URL(location.worker, document.baseURI).href;
  let worker: Worker | undefined;
  return {
    async run(call, signal) {
      if (signal?.aborted) throw abortError(signal);
      await Promise.all([url, `${base}/${call.pipeline}.js`, `${base}/${call.pipeline}.wasm.zst`].map(requireAsset));
      worker ??= location.createWorker?.(url) ?? new Worker(url, { type: 'module' });
      const watch = new AbortController();
      try {
        return await Promise.race([answerOf(call, worker, base), ended(worker, url, signal, watch.signal)]);
      } catch (cause) {
        if (isNavError(cause)) {
          worker.terminate();
          worker = undefined;
          throw cause;
        }
        return { ok: false, reason: cause instanceof Error ? cause.message : `exception ${String(cause)}` };
      } finally {
        watch.abort();
      }
    },
    close: () => worker?.terminate(),
  };
}

async function answerOf(call: PipelineCall, worker: Worker, base: string): Promise<PipelineAnswer> {
  // itk-wasm's own types are wider than what is used here.
  type Runner = (
    pipeline: string,
    args: string[],
    outputs: readonly unknown[],
    inputs: readonly unknown[],
    options: object,
  ) => Promise<{ returnValue: number; stderr: string; outputs: ReadonlyArray<{ data?: unknown }> }>;
  const result = await (runPipeline as unknown as Runner)(call.pipeline, [...call.args], call.outputs, call.inputs, {
    pipelineBaseUrl: base,
    pipelineQueryParams: {},
    webWorker: worker,
    noCopy: true,
  });
  if (result.returnValue !== 0) return { ok: false, reason: result.stderr || `return value ${result.returnValue}` };
  return { ok: true, outputs: result.outputs.map((output) => output.data) };
}

/**
 * Rejects when the caller aborts or the worker dies: itk-wasm's own promise would stay pending for ever.
 * @param done stops the watching
 */
function ended(worker: Worker, url: string, signal: AbortSignal | undefined, done: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(abortError(signal)), { once: true, signal: done });
    worker.addEventListener(
      'error',
      (event) =>
        reject(new NavError('assets/missing', `The registration worker "${url}" failed: ${event.message || 'no reason given'}.`)),
      { once: true, signal: done },
    );
  });
}

function abortError(signal: AbortSignal): NavError {
  return new NavError('registration/aborted', 'The registration was stopped by the caller.', { cause: signal.reason });
}
