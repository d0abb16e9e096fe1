import { NavError } from '../../base/index.js';
import { identity4, invert4, multiply4 } from '../../math/index.js';
import type { SlabPlan } from '../compounding/slab.js';
import type { Planes } from '../options.js';
import type { Sweep, SweepFrame } from '../sweep.js';
import type { FromReconstructionWorker, ReconstructionWorker } from './messages.js';

/** So many images lie before a worker at a time. */
const AHEAD = 3;
let jobs = 0;

/** Who works, and who may stop them. */
export interface CrewOptions {
  readonly workers: readonly ReconstructionWorker[];
  readonly signal?: AbortSignal;
  readonly progress?: (fraction: number) => void;
}

/** Where frames lie along k, voxels: the least and the greatest of their clipped corners. */
function reaches<F extends string>(sweep: Sweep<F>, plan: SlabPlan): Array<readonly [number, number]> {
  const inverse = identity4();
  invert4(inverse, plan.grid.frameFromIndex);
  const m = identity4();
  const rows = sweep.size[1];
  return sweep.frames.map(({ frameFromImage }) => {
    multiply4(m, inverse, frameFromImage);
    const at = (column: number, row: number): number => (m[14] as number) + (m[2] as number) * column + (m[6] as number) * row;
    const corners = [at(0, 0), at(sweep.size[0] - 1, 0), at(0, rows - 1), at(sweep.size[0] - 1, rows - 1)];
    return [Math.min(...corners), Math.max(...corners)];
  });
}

/** How many planes further than its pixels an image may reach: a beam of some width does so. */
function planesBeyond({ grid, elevationMm = 0 }: SlabPlan): number {
  const inverse = identity4();
  invert4(inverse, grid.frameFromIndex);
  return (elevationMm / 2) * Math.hypot(inverse[2] as number, inverse[6] as number, inverse[10] as number);
}

/** Divides the planes so that each worker gets about as many pixels. */
export function dividePlanes<F extends string>(sweep: Sweep<F>, plan: SlabPlan, parts: number): Planes[] {
  const count = plan.grid.size[2];
  const load = new Float64Array(count);
  for (const [low, high] of reaches(sweep, plan)) {
    const first = Math.max(0, Math.floor(low));
    const last = Math.min(count - 1, Math.ceil(high));
    for (let k = first; k <= last; k += 1) load[k] = (load[k] as number) + 1 / (last - first + 1);
  }
  const total = load.reduce((sum, x) => sum + x, 0);
  const cuts = [0];
  let sum = 0;
  for (let k = 0; k < count && cuts.length < parts; k += 1) {
    sum += load[k] as number;
    if (sum >= (total * cuts.length) / parts && k + 1 < count) cuts.push(k + 1);
  }
  return [...cuts, count].slice(1).map((end, n) => [cuts[n] as number, end]);
}

/** One slab's planes. */
interface SlabResult {
  readonly planes: Planes;
  readonly voxels: Uint8Array | Float32Array;
  readonly seen: Uint8Array;
}

/**
 * Has workers take a sweep's images into a slab each. What comes out does not depend on how many there are.
 * @throws NavError `ultrasound/aborted`, `ultrasound/failed`
 */
export async function compoundByWorkers<F extends string>(
  sweep: Sweep<F>,
  plan: SlabPlan,
  float: boolean,
  { workers, signal, progress }: CrewOptions,
): Promise<SlabResult[]> {
  const parts = dividePlanes(sweep, plan, workers.length);
  const reach = reaches(sweep, plan);
  const beyond = 1 + planesBeyond(plan);
  const tasks = parts.map(([first, end]) =>
    reach.flatMap(([low, high], n) => (high >= first - beyond && low <= end - 1 + beyond ? [n] : [])),
  );
  const total = tasks.reduce((sum, list) => sum + list.length, 0);
  let done = 0;
  jobs += 1;
  const job = jobs;
  const onTaken = (): void => {
    done += 1;
    progress?.(done / total);
  };
  return Promise.all(
    parts.map((planes, n) => {
      const images = (tasks[n] as number[]).map((index) => ({ index, frame: sweep.frames[index] as SweepFrame }));
      const slab = { ...plan, first: planes[0], end: planes[1] };
      return runSlab(workers[n] as ReconstructionWorker, { job, slab, images, float, signal, onTaken });
    }),
  );
}

interface SlabJob {
  readonly job: number;
  readonly slab: SlabPlan;
  readonly images: ReadonlyArray<{ readonly index: number; readonly frame: SweepFrame }>;
  readonly float: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onTaken: () => void;
}

function runSlab(worker: ReconstructionWorker, work: SlabJob): Promise<SlabResult> {
  const { job, slab, images, float, signal, onTaken } = work;
  let next = 0;
  /** Copies of images that were taken: theirs is the memory of the next. */
  const spare: Uint8Array<ArrayBuffer>[] = [];
  const send = (): void => {
    const image = images[next];
    next += 1;
    if (image === undefined) {
      if (next === images.length + 1) worker.postMessage({ kind: 'end', job, float });
      return;
    }
    const { frameFromImage, timeMs } = image.frame;
    const pixels = spare.pop() ?? new Uint8Array(image.frame.pixels.length);
    pixels.set(image.frame.pixels);
    const place = Float64Array.from(frameFromImage);
    const message = { kind: 'image', job, pixels, frameFromImage: place, stamp: timeMs ?? image.index } as const;
    worker.postMessage(message, [pixels.buffer]);
  };
  return new Promise((resolve, reject) => {
    const stop = (error: NavError): void => {
      signal?.removeEventListener('abort', onAbort);
      reject(error);
    };
    const onAbort = (): void => {
      worker.terminate();
      stop(new NavError('ultrasound/aborted', 'The reconstruction was aborted.', { cause: signal?.reason }));
    };
    const heard = (message: FromReconstructionWorker): void => {
      if (message.job !== job) return;
      if (message.kind === 'failed') stop(lost(message.reason));
      else if (message.kind === 'taken') {
        spare.push(message.pixels as Uint8Array<ArrayBuffer>);
        onTaken();
        send();
      } else {
        signal?.removeEventListener('abort', onAbort);
        resolve({ planes: [slab.first, slab.end], voxels: message.voxels, seen: message.seen });
      }
    };
    if (signal?.aborted) return onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    worker.listen(heard, (reason) => stop(lost(reason)));
    worker.postMessage({ kind: 'begin', job, plan: slab });
    for (let n = 0; n < AHEAD; n += 1) send();
  });
}

const lost = (reason: string): NavError =>
  new NavError('ultrasound/failed', `A worker of the reconstruction stopped: ${reason}. Try again, or without workers.`, {
    detail: { reason },
  });
