import { parentPort } from 'node:worker_threads';
import { serveReconstruction } from '../serve.js';

/** The same for a worker thread. */
serveReconstruction({
  post: (message, transfer) => parentPort?.postMessage(message, transfer as ArrayBuffer[]),
  listen: (heard) => {
    parentPort?.on('message', heard);
  },
});
