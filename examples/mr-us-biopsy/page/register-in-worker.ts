import { NavError, type NavErrorCode } from '@trocar/core';
import type { Volume } from '@trocar/core/volume';
import type { RegisterSweep, SweepRegistration } from '../src/register-step.js';
import type { RegisterAnswer, RegisterOrder } from './register.worker.js';

/** Registers in a worker of its own, from copies of the voxels: the page goes on drawing, and an abort ends the worker at once. */
export const registerInWorker: RegisterSweep = (us, mr, { initial, signal, progress }) =>
  new Promise<SweepRegistration>((resolve, reject) => {
    const worker = new Worker(new URL('./register.worker.ts', import.meta.url), { type: 'module' });
    const fail = (code: string, message: string): void => {
      worker.terminate();
      reject(new NavError(code as NavErrorCode, message));
    };
    signal.addEventListener('abort', () => fail('registration/aborted', 'The registration was stopped.'), { once: true });
    worker.addEventListener('error', ({ message }) => fail('registration/failed', message || 'The worker did not start.'));
    worker.addEventListener('message', ({ data }: MessageEvent<RegisterAnswer>) => {
      if (signal.aborted) return;
      if ('progress' in data) progress(data.progress);
      else if ('failure' in data) fail(data.failure.code, data.failure.message);
      else {
        worker.terminate();
        resolve(data.result);
      }
    });
    const order: RegisterOrder = { us: sent(us), mr: sent(mr), initial: Float64Array.from(initial.matrix) };
    worker.postMessage(order);
  });

function sent({ voxels, size, frameFromIndex, rescale }: Volume<'mr'> | Volume<'reference'>): RegisterOrder['us'] {
  return { voxels, size, frameFromIndex, rescale };
}
