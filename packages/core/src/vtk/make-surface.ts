import { NavError } from '../base/index.js';
import type { AnyVolume } from '../volume/index.js';
import type { IsosurfaceOptions, Progress, SurfaceOf } from './isosurface.js';
import type { Isosurface } from './surface-mesh.js';
import type { FromSurfaceWorker, ToSurfaceWorker } from './surface-messages.js';

/** How a surface is made beside the page. */
export interface SurfaceWork extends IsosurfaceOptions {
  /** Stops it: the worker ends at once. */
  readonly signal?: AbortSignal;
  /** Told how much is done, 0 … 1. */
  readonly onProgress?: Progress;
  /** The page's own way of making the worker of `surface.worker.js`. Default: it is looked for beside this file, as bundlers do. */
  readonly createWorker?: () => Worker;
}

/** Voxels handed over at a time: some milliseconds of copying, and the page draws in between. */
const PART = 2 ** 21;

/**
 * A surface of a volume (`{ level }`) or of a label map (`{ label }`), made in a worker of its own, so that the page goes on drawing; the
 * same surface as {@link isosurface} and {@link labelSurface} make. The voxels are copied, in parts.
 * @throws NavError `vtk/failed` where a number is not usable or the worker cannot be loaded; `vtk/aborted` where `signal` stopped it, its
 * reason as the cause
 */
export async function makeSurface(v: AnyVolume, what: SurfaceOf, work: SurfaceWork = {}): Promise<Isosurface> {
  const { signal, onProgress, createWorker, ...options } = work;
  if (signal?.aborted) throw stopped(signal);
  const worker = createWorker?.() ?? new Worker(new URL('./surface.worker.js', import.meta.url), { type: 'module' });
  let stop = (): void => {};
  try {
    const made = new Promise<Isosurface>((resolve, reject) => {
      stop = () => reject(stopped(signal as AbortSignal));
      signal?.addEventListener('abort', stop, { once: true });
      worker.onmessage = ({ data }: MessageEvent<FromSurfaceWorker>) => {
        if (data.kind === 'progress') onProgress?.(data.fraction);
        else if (data.kind === 'made') resolve(data.surface);
        else reject(new NavError('vtk/failed', data.why));
      };
      worker.onerror = (event) => reject(new NavError('vtk/failed', `A surface's worker failed: ${event.message || NOT_LOADED}`));
    });
    // Whoever stops it while voxels are handed over is answered by what is awaited then.
    made.catch(() => {});
    await Promise.race([handOver(worker, v, signal), made]);
    worker.postMessage({ kind: 'make', what, options } satisfies ToSurfaceWorker);
    return await made;
  } finally {
    signal?.removeEventListener('abort', stop);
    worker.terminate();
  }
}

const NOT_LOADED = 'it could not be loaded. Give createWorker where the page is not made by a bundler that finds it.';

async function handOver(worker: Worker, v: AnyVolume, signal: AbortSignal | undefined): Promise<void> {
  const { size, frameFromIndex, rescale, voxels } = v;
  worker.postMessage({
    kind: 'grid',
    grid: { size, frameFromIndex, rescale },
    empty: voxels.slice(0, 0),
  } satisfies ToSurfaceWorker);
  for (let at = 0; at < voxels.length; at += PART) {
    if (signal?.aborted) throw stopped(signal);
    const part = voxels.slice(at, at + PART);
    worker.postMessage({ kind: 'voxels', at, part } satisfies ToSurfaceWorker, [part.buffer as ArrayBuffer]);
    await new Promise((resolve) => {
      setTimeout(resolve, 0);
    });
  }
}

function stopped(signal: AbortSignal): NavError {
  return new NavError('vtk/aborted', 'The surface was stopped by the caller.', { cause: signal.reason });
}
