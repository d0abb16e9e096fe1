import { Worker } from 'node:worker_threads';
import type { ReconstructionWorker } from '../messages.js';

/** A worker thread of reconstruction. @param program its program in one piece, as CommonJS text */
export function startReconstructionThread(program: string): ReconstructionWorker {
  const worker = new Worker(program, { eval: true });
  return {
    postMessage: (message) => worker.postMessage(message),
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
