import type { SurfaceMesh } from '@trocar/core/render';
import type { Volume } from '@trocar/core/volume';
import type { SkinAnswer, SkinOrder } from './surface.worker.js';

/**
 * The skin of an image, made in a worker of its own from a copy of the voxels: the page goes on meanwhile.
 * @throws Error where the worker does not start or finds no skin
 */
export async function skinOf(v: Volume<'ct'>): Promise<SurfaceMesh> {
  const worker = new Worker(new URL('./surface.worker.ts', import.meta.url), { type: 'module' });
  try {
    const answer = await new Promise<SkinAnswer>((resolve, reject) => {
      worker.addEventListener('message', ({ data }: MessageEvent<SkinAnswer>) => resolve(data), { once: true });
      worker.addEventListener('error', ({ message }) => reject(new Error(message || 'The worker did not start.')), {
        once: true,
      });
      const order: SkinOrder = { voxels: v.voxels, size: v.size, frameFromIndex: v.frameFromIndex, rescale: v.rescale };
      worker.postMessage({ ...order, ...(v.modality !== undefined && { modality: v.modality }) });
    });
    if ('failure' in answer) throw new Error(answer.failure);
    return answer.mesh;
  } finally {
    worker.terminate();
  }
}
