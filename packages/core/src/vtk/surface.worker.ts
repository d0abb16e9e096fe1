import { frame } from '../frames/index.js';
import { type AnyVolume, volume } from '../volume/index.js';
import { decimationReady } from './decimate.js';
import { surfaceOf } from './isosurface.js';
import type { FromSurfaceWorker, SurfaceGrid, ToSurfaceWorker } from './surface-messages.js';

/** The Web Worker of surfaces: a file of its own, that a page's bundler or `createWorker` finds. Makes one surface. */
const scope = globalThis as unknown as {
  postMessage(message: FromSurfaceWorker, transfer?: ArrayBufferLike[]): void;
  onmessage: ((event: { data: ToSurfaceWorker }) => void) | null;
};

let grid: SurfaceGrid | undefined;
let voxels: AnyVolume['voxels'] | undefined;

scope.onmessage = ({ data }) => {
  if (data.kind === 'grid') {
    grid = data.grid;
    const count = grid.size[0] * grid.size[1] * grid.size[2];
    voxels = new (data.empty.constructor as new (length: number) => AnyVolume['voxels'])(count);
  } else if (data.kind === 'voxels') voxels?.set(data.part, data.at);
  else if (grid !== undefined && voxels !== undefined) void make({ ...grid, voxels }, data);
};

async function make(
  order: SurfaceGrid & Pick<AnyVolume, 'voxels'>,
  { what, options }: ToSurfaceWorker & { kind: 'make' },
): Promise<void> {
  let told = 0;
  try {
    if (options.decimation !== undefined) await decimationReady();
    const surface = surfaceOf(volume({ ...order, frame: frame('grid') }), what, options, (fraction) => {
      if (fraction < told + 0.01) return;
      told = fraction;
      scope.postMessage({ kind: 'progress', fraction });
    });
    const { positions, normals, indices } = surface;
    scope.postMessage({ kind: 'made', surface }, [positions.buffer, normals.buffer, indices.buffer]);
  } catch (error) {
    scope.postMessage({ kind: 'failed', why: error instanceof Error ? error.message : String(error) });
  }
}
