import type { PointObservation } from '@trocar/registration';
import { MIDDLE_ROW } from '../src/probe-calibration.js';
import type { FitBeadAnswer, FitBeadOrder } from './fit-bead.worker.js';

/** Works a probe's calibration out of its pictures in a worker of its own: the page goes on drawing. */
export function fitBeadInWorker(seen: readonly PointObservation[]): Promise<FitBeadAnswer> {
  return new Promise((resolve) => {
    const worker = new Worker(new URL('./fit-bead.worker.ts', import.meta.url), { type: 'module' });
    const end = (answer: FitBeadAnswer): void => {
      worker.terminate();
      resolve(answer);
    };
    worker.addEventListener('error', ({ message }) =>
      end({ code: 'calibration-failed', message: message || 'The worker did not start.' }),
    );
    worker.addEventListener('message', ({ data }: MessageEvent<FitBeadAnswer>) => end(data));
    worker.postMessage({ seen, row: MIDDLE_ROW } satisfies FitBeadOrder);
  });
}
