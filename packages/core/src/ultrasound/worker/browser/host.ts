import type { ReconstructionWorker } from '../messages.js';

/**
 * A worker of reconstruction: a Web Worker in a page, a worker thread in Node.
 * @param create a page's own way of making the worker of `reconstruction.worker.js`; by default it is looked for beside this file; Node has its own
 */
export function startReconstructionWorker(create?: () => Worker): ReconstructionWorker {
  const worker = create?.() ?? new Worker(new URL('../reconstruction.worker.js', import.meta.url), { type: 'module' });
  return {
    postMessage: (message, transfer = []) => worker.postMessage(message, transfer),
    listen: (heard, died) => {
      worker.onmessage = ({ data }) => heard(data);
      worker.onerror = (event) => died(event.message || 'it could not be loaded');
    },
    terminate: () => worker.terminate(),
  };
}
