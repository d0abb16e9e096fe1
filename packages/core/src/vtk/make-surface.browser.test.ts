import { expect, it } from 'vitest';
import { frame } from '../frames/index.js';
import { volume } from '../volume/index.js';
import { decimationReady, isosurface, labelSurface, makeSurface } from './index.js';

const SIZE = [96, 90, 80] as const;

function ball(): ReturnType<typeof volume<'ct'>> {
  const voxels = new Int16Array(SIZE[0] * SIZE[1] * SIZE[2]);
  for (let n = 0; n < voxels.length; n += 1) {
    const [i, j, k] = [n % SIZE[0], Math.floor(n / SIZE[0]) % SIZE[1], Math.floor(n / (SIZE[0] * SIZE[1]))];
    voxels[n] = 1000 - 30 * Math.hypot(i - 47, j - 44, k - 40);
  }
  const frameFromIndex = Float64Array.of(0.8, 0, 0, 0, 0, -0.9, 0, 0, 0.1, 0, 1.2, 0, 5, 6, 7, 1);
  return volume({ frame: frame('ct'), voxels, size: [...SIZE], frameFromIndex, rescale: { slope: 2, intercept: -1 } });
}

const createWorker = (): Worker => new Worker(new URL('./surface.worker.ts', import.meta.url), { type: 'module' });

it('is the surface that is made here, with progress, and the page goes on meanwhile', async () => {
  const v = ball();
  const began = performance.now();
  const wanted = isosurface(v, 100, { windowedSinc: 10 });
  const here = performance.now() - began;
  const told: number[] = [];
  let [last, gap] = [performance.now(), 0];
  const ticking = setInterval(() => {
    gap = Math.max(gap, performance.now() - last);
    last = performance.now();
  }, 2);
  const made = await makeSurface(v, { level: 100 }, { windowedSinc: 10, createWorker, onProgress: (f) => told.push(f) });
  clearInterval(ticking);
  console.log(`the page's longest pause ${gap.toFixed(0)} ms; made on the page it would be ${here.toFixed(0)} ms`);
  expect(made.indices).toEqual(wanted.indices);
  expect(made.positions).toEqual(wanted.positions);
  expect(made.normals).toEqual(wanted.normals);
  expect(wanted.indices.length).toBeGreaterThan(30_000);
  expect(told.length).toBeGreaterThan(5);
  expect(told.every((f, n) => f <= 1 && f > (told[n - 1] ?? 0))).toBe(true);
  expect(gap).toBeLessThan(Math.max(50, here / 2));
});

it('goes around a label, and the volume keeps its voxels', async () => {
  const v = ball();
  const before = v.voxels.slice();
  const made = await makeSurface(v, { label: 400 }, { createWorker });
  expect(made).toEqual(labelSurface(v, 400));
  expect(v.voxels).toEqual(before);
});

it('is thinned out in the worker as it is here', async () => {
  const v = ball();
  const decimation = { toErrorMm: 0.2 };
  const told: number[] = [];
  const made = await makeSurface(v, { level: 100 }, { decimation, createWorker, onProgress: (f) => told.push(f) });
  await decimationReady();
  expect(made).toEqual(isosurface(v, 100, { decimation }));
  expect(made.errorMm).toBeGreaterThan(0);
  expect(made.errorMm).toBeLessThanOrEqual(0.2);
  expect(made.indices.length).toBeLessThan(isosurface(v, 100).indices.length / 4);
  expect(told.every((f, n) => f <= 1 && f > (told[n - 1] ?? 0))).toBe(true);
});

it('is stopped at once, before it begins and in the middle; says what failed', async () => {
  const v = ball();
  const ended: string[] = [];
  const watched = (): Worker => {
    const worker = createWorker();
    const terminate = worker.terminate.bind(worker);
    worker.terminate = () => {
      ended.push('ended');
      terminate();
    };
    return worker;
  };
  const failed = expect.objectContaining({ code: 'vtk/failed' });
  await expect(makeSurface(v, { level: 0 }, { createWorker: watched, signal: AbortSignal.abort('now') })).rejects.toMatchObject({
    code: 'vtk/aborted',
  });
  expect(ended.length).toBe(0);
  const middle = new AbortController();
  const making = makeSurface(
    v,
    { level: 0 },
    { createWorker: watched, signal: middle.signal, onProgress: () => middle.abort('why') },
  );
  await expect(making).rejects.toMatchObject({ code: 'vtk/aborted', cause: 'why' });
  const early = new AbortController();
  const handing = makeSurface(v, { level: 0 }, { createWorker: watched, signal: early.signal });
  early.abort('early');
  await expect(handing).rejects.toMatchObject({ cause: 'early' });
  await expect(makeSurface(v, { level: Number.NaN }, { createWorker: watched })).rejects.toEqual(failed);
  const nowhere = (): Worker => new Worker(new URL('about:blank#none.js', import.meta.url), { type: 'module' });
  await expect(makeSurface(v, { level: 0 }, { createWorker: nowhere })).rejects.toEqual(failed);
  expect(ended.length).toBe(3);
});
