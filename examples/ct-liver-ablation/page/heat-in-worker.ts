import type { BioheatProblem } from '@trocar/core/guidance';
import { volume } from '@trocar/core/volume';
import { CT } from '../src/frames.js';
import type { HeatPreview } from '../src/heat.js';
import type { HeatAnswer, HeatOrder } from './heat.worker.js';

/**
 * Works a heat preview out in a worker of its own: the page goes on drawing.
 * @throws Error where the worker does not start, or finds nothing
 */
export function heatInWorker(problem: BioheatProblem<'ct'>, progress: (fraction: number) => void): Promise<HeatPreview> {
  const { voxels, size, frameFromIndex } = problem.labels;
  const order: HeatOrder = { ...problem, labels: { voxels, size, frameFromIndex } };
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./heat.worker.ts', import.meta.url), { type: 'module' });
    const fail = (message: string): void => {
      worker.terminate();
      reject(new Error(message));
    };
    worker.addEventListener('error', ({ message }) => fail(message || 'The worker did not start.'));
    worker.addEventListener('message', ({ data }: MessageEvent<HeatAnswer>) => {
      if ('progress' in data) progress(data.progress);
      else if ('failure' in data) fail(data.failure);
      else {
        worker.terminate();
        const mask = volume({ frame: CT, voxels: data.mask, size, frameFromIndex, modality: 'SEG' });
        resolve({ mask, ml: data.ml, boilingMl: data.boilingMl });
      }
    });
    worker.postMessage(order);
  });
}
