import { NavError, type NavErrorCode, type Transform, transform } from '@trocar/core';
import type { Volume } from '@trocar/core/volume';
import { CT, SECOND } from '../src/frames.js';
import type { ImageResult, RegisterImages } from '../src/image-step.js';
import type { ImageOrder, ImagesAnswer, ImagesOrder, SentEdge } from './images.worker.js';

/**
 * Registers the two images in a worker of its own, from copies of their voxels: the page goes on drawing, and an abort ends
 * the worker at once, whatever it is doing.
 */
export const registerInWorker: RegisterImages = (first, second, { signal, progress, preview }) =>
  new Promise<ImageResult>((resolve, reject) => {
    const worker = new Worker(new URL('./images.worker.ts', import.meta.url), { type: 'module' });
    const end = (): void => worker.terminate();
    const fail = (code: NavErrorCode, message: string): void => {
      end();
      reject(new NavError(code, message));
    };
    signal.addEventListener('abort', () => fail('registration/aborted', 'The registration was stopped.'), { once: true });
    worker.addEventListener('error', ({ message }) => fail('registration/failed', message || 'The worker did not start.'));
    worker.addEventListener('message', ({ data }: MessageEvent<ImagesAnswer>) => {
      if (signal.aborted) return;
      if ('progress' in data) progress(data.progress);
      else if ('preview' in data) preview(received({ matrix: data.preview }, 'preview'));
      else if ('result' in data) {
        end();
        const { edge, method, ...rest } = data.result;
        resolve({ ...rest, fixedFromMoving: received(edge, method) });
      } else {
        fail((data.failure.code ?? 'registration/failed') as NavErrorCode, data.failure.message);
      }
    });
    const orders: ImagesOrder = { first: orderOf(first), second: orderOf(second) };
    worker.postMessage(orders);
  });

function orderOf(v: Volume<'ct'> | Volume<'second'>): ImageOrder {
  return { voxels: v.voxels, size: v.size, frameFromIndex: v.frameFromIndex, rescale: v.rescale };
}

function received({ matrix, covariance }: SentEdge, method: string): Transform<'ct', 'second'> {
  return transform(CT, SECOND, matrix, { provenance: { method }, ...(covariance && { covariance }) });
}
