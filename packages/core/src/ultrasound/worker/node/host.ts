import { Worker } from 'node:worker_threads';
import type { ReconstructionWorker } from '../messages.js';
import { PROGRAM } from '../program.generated.js';

/**
 * A worker thread of reconstruction. Its program is a text, because it must run as it stands from the sources, from dist/ and out of a
 * bundle. A page's way of making workers means nothing here.
 */
export function startReconstructionWorker(): ReconstructionWorker {
  const worker = new Worker(PROGRAM, { eval: true });
  return {
    postMessage: (message, transfer = []) => worker.postMessage(message, transfer),
    listen: (heard, died) => {
      worker.removeAllListeners();
      worker.on('message', heard);
      worker.on('error', (error) => died(error.message));
      worker.on('exit', () => died('it ended'));
    },
    terminate: () => {
      worker.removeAllListeners();
      void worker.terminate();
    },
  };
}
