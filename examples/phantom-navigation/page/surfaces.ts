import type { SurfaceMesh } from '@trocar/core/render';
import type { Volume } from '@trocar/core/volume';
import type { Structure } from '../../suite/page/guide.js';
import type { SurfaceAnswer, SurfaceOrder } from './surface.worker.js';

/**
 * The skin of an image, made from a copy of the voxels.
 * @throws Error where the worker does not start or finds no skin
 */
export async function skinOf({ voxels, size, frameFromIndex, rescale, modality }: Volume<'ct'>): Promise<SurfaceMesh> {
  const skin = { voxels, size, frameFromIndex, rescale, ...(modality !== undefined && { modality }) };
  const [made] = await surfaces({ skin });
  if (made === undefined) throw new Error('There is no skin.');
  return made.mesh;
}

/**
 * What the tip must not touch, of a simulated phantom.
 * @throws Error where the worker does not start
 */
export function structuresOfPhantom(): Promise<readonly Structure[]> {
  return surfaces({ structures: 'phantom' });
}

/** Surfaces, made in a worker of its own: the page goes on meanwhile. */
async function surfaces(order: SurfaceOrder): Promise<readonly Structure[]> {
  const worker = new Worker(new URL('./surface.worker.ts', import.meta.url), { type: 'module' });
  try {
    const answer = await new Promise<SurfaceAnswer>((resolve, reject) => {
      worker.addEventListener('message', ({ data }: MessageEvent<SurfaceAnswer>) => resolve(data), { once: true });
      worker.addEventListener('error', ({ message }) => reject(new Error(message || 'The worker did not start.')), {
        once: true,
      });
      worker.postMessage(order);
    });
    if ('failure' in answer) throw new Error(answer.failure);
    return answer.surfaces;
  } finally {
    worker.terminate();
  }
}
