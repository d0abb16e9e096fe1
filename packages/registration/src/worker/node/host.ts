import { Worker } from 'node:worker_threads';
import type { WorkerHandle } from '../messages.js';
import { PROGRAM } from '../program.generated.js';

/**
 * A worker thread. Its program is a text, because it must run as it stands from the sources, from dist/ and out of a bundle.
 * A page's way of making workers means nothing here.
 */
export function startWorker(): WorkerHandle {
  const worker = new Worker(PROGRAM, { eval: true });
  worker.unref();
  const handle: WorkerHandle = {
    post: (message) => worker.postMessage(message),
    onAnswer: () => undefined,
    onDeath: () => undefined,
    hold: (busy) => {
      if (busy) worker.ref();
      else worker.unref();
    },
    end: () => void worker.terminate(),
  };
  worker.on('message', (message) => handle.onAnswer(message));
  worker.on('error', (error) => handle.onDeath(error.message));
  worker.on('exit', () => handle.onDeath('it ended'));
  return handle;
}

/** Memory can always be shared with worker threads. */
export function canShare(): boolean {
  return true;
}
