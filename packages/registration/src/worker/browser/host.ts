import type { WorkerHandle } from '../messages.js';

/** A Web Worker. @param create the page's own way of making it; by default it is looked for beside this file */
export function startWorker(create?: () => Worker): WorkerHandle {
  const worker = create?.() ?? new Worker(new URL('../intensity.worker.js', import.meta.url), { type: 'module' });
  const handle: WorkerHandle = {
    post: (message) => worker.postMessage(message),
    onAnswer: () => undefined,
    onDeath: () => undefined,
    hold: () => undefined,
    end: () => worker.terminate(),
  };
  worker.onmessage = ({ data }) => handle.onAnswer(data);
  worker.onerror = (event) => handle.onDeath(event.message || 'it could not be loaded');
  return handle;
}

/** Only a page that is cross-origin isolated may share memory with its workers. */
export function canShare(): boolean {
  return typeof SharedArrayBuffer !== 'undefined' && globalThis.crossOriginIsolated === true;
}
