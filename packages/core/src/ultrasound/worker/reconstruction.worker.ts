import type { ToReconstructionWorker } from './messages.js';
import { serveReconstruction } from './serve.js';

/** The Web Worker of reconstruction: a file of its own, that a page's bundler or `createWorker` finds. */
const scope = globalThis as unknown as {
  postMessage(message: unknown, transfer: ArrayBufferLike[]): void;
  onmessage: ((event: { data: ToReconstructionWorker }) => void) | null;
};

serveReconstruction({
  post: (message, transfer) => scope.postMessage(message, transfer),
  listen: (heard) => {
    scope.onmessage = ({ data }) => heard(data);
  },
});
