import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { NavError } from '@trocar/core';
import type { Engine, PipelineAnswer, PipelineCall } from '../engine.js';

const require = createRequire(import.meta.url);

/**
 * The worker's whole program. A string, because it must run as it stands from the sources, from dist/ and out of a bundle.
 * Outputs are views on the module's shared memory: they are copied, else that memory would live as long as the result.
 */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
const runner = import(workerData.runner);
const tight = (value) => {
  if (ArrayBuffer.isView(value)) return value.slice();
  if (Array.isArray(value)) return value.map(tight);
  if (value === null || typeof value !== 'object' || value instanceof Map) return value;
  return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, tight(own)]));
};
parentPort.on('message', async ({ path, args, outputs, inputs }) => {
  try {
    const { runPipelineNode } = await runner;
    const result = await runPipelineNode(path, args, outputs, inputs);
    if (result.returnValue !== 0) parentPort.postMessage({ ok: false, reason: result.stderr || 'return value ' + result.returnValue });
    else parentPort.postMessage({ ok: true, outputs: result.outputs.map((output) => tight(output.data)) });
  } catch (error) {
    parentPort.postMessage({ ok: false, reason: error instanceof Error ? error.message : 'exception ' + String(error) });
  }
});
`;

function resolved(name: string): string {
  try {
    return require.resolve(name);
  } catch (cause) {
    throw new NavError('assets/missing', `The package "${name}" is not installed beside @trocar/registration.`, { cause });
  }
}

/** The ArrayBuffers of a call's inputs, which are handed over rather than copied. */
function buffersOf(call: PipelineCall): ArrayBuffer[] {
  return call.inputs.flatMap((input) =>
    input.type === 'Image' && input.data.data.buffer instanceof ArrayBuffer ? [input.data.data.buffer] : [],
  );
}

/** A worker thread: the pipelines block their thread for their whole run, and ending the thread is the only way out. */
export function openEngine(): Engine {
  const runner = pathToFileURL(resolved('itk-wasm')).href;
  // Their output is kept off the console: a failed pipeline prints what its answer says anyway.
  const worker = new Worker(PROGRAM, { eval: true, workerData: { runner }, stdout: true, stderr: true });
  worker.unref();
  return {
    run: (call, signal) =>
      new Promise<PipelineAnswer>((resolve, reject) => {
        const aborted = (): void => {
          void worker.terminate();
          settle(() => reject(abortError(signal)));
        };
        const answered = (answer: PipelineAnswer): void => settle(() => resolve(answer));
        const died = (error: Error): void => settle(() => resolve({ ok: false, reason: error.message }));
        const exited = (): void => settle(() => resolve({ ok: false, reason: 'the worker thread ended' }));
        const settle = (finish: () => void): void => {
          signal?.removeEventListener('abort', aborted);
          worker.off('message', answered).off('error', died).off('exit', exited);
          worker.unref();
          finish();
        };
        if (signal?.aborted) return aborted();
        signal?.addEventListener('abort', aborted, { once: true });
        worker.on('message', answered).on('error', died).on('exit', exited);
        worker.ref();
        const path = join(dirname(resolved(call.package)), 'pipelines', call.pipeline);
        worker.postMessage({ path, args: call.args, outputs: call.outputs, inputs: call.inputs }, buffersOf(call));
      }),
    close: () => void worker.terminate(),
  };
}

function abortError(signal: AbortSignal | undefined): NavError {
  return new NavError('registration/aborted', 'The registration was stopped by the caller.', { cause: signal?.reason });
}
