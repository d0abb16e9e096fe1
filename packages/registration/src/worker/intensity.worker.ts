import type { ToWorker } from './messages.js';
import { serve } from './serve.js';

/** The Web Worker of image registration: a file of its own, that a page's bundler or `createWorker` finds. */
const scope = globalThis as unknown as {
  postMessage(message: unknown): void;
  onmessage: ((event: { data: ToWorker }) => void) | null;
};

serve({
  post: (message) => scope.postMessage(message),
  listen: (heard) => {
    scope.onmessage = ({ data }) => heard(data);
  },
});
