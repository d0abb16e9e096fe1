import { parentPort } from 'node:worker_threads';
import { serveReconstruction } from '../serve.js';

/** The same for a worker thread: what scripts/build-kernels.mjs makes ../program.generated.ts from. */
serveReconstruction({
  post: (message, transfer) => parentPort?.postMessage(message, transfer as ArrayBuffer[]),
  listen: (heard) => {
    parentPort?.on('message', heard);
  },
});
