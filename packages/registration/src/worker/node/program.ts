import { parentPort } from 'node:worker_threads';
import { serve } from '../serve.js';

/** The same for a worker thread: what scripts/build-kernels.mjs makes ../program.generated.ts from. */
serve({
  post: (message) => parentPort?.postMessage(message),
  listen: (heard) => {
    parentPort?.on('message', heard);
  },
});
