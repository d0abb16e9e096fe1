import { NavError } from '@trocar/core';
import { canShare, startWorker } from '#worker/host';
import { aborted } from '../intensity/breath.js';
import type { Crew } from '../intensity/crew.js';
import { kernelModule } from '../intensity/kernels/wasm.js';
import type { Lc2Crew } from '../intensity/ultrasound/crew.js';
import { lc2Module } from '../intensity/ultrasound/kernels/wasm-lc2.js';
import type { Lc2Answer, Lc2Task, UltrasoundData } from '../intensity/ultrasound/workshop.js';
import type { Craft, Crafts, FromWorker, WorkerHandle } from './messages.js';

/** Workers are kept so long for the next registration, ms: starting one and compiling its code takes longer than its work. */
const KEPT_MS = 30_000;

/** Workers with nothing to do, by how they were made. */
const idle = new Map<(() => Worker) | undefined, WorkerHandle[]>();
let jobs = 0;

function hire(create: (() => Worker) | undefined, count: number): WorkerHandle[] {
  const waiting = idle.get(create) ?? [];
  const hired = waiting.splice(0, count);
  while (hired.length < count) hired.push(startWorker(create));
  for (const worker of hired) worker.hold(true);
  return hired;
}

function dismiss(create: (() => Worker) | undefined, workers: readonly WorkerHandle[]): void {
  const waiting = idle.get(create) ?? [];
  idle.set(create, waiting);
  for (const worker of workers) {
    worker.onAnswer = () => undefined;
    worker.post({ kind: 'forget' });
    worker.hold(false);
    waiting.push(worker);
    const leave = (): void => {
      const at = waiting.indexOf(worker);
      if (at < 0) return;
      waiting.splice(at, 1);
      worker.end();
    };
    worker.onDeath = leave;
    const timer: unknown = setTimeout(leave, KEPT_MS);
    // Node's timers keep a process alive unless told not to; a page's are numbers.
    if (typeof timer === 'object') (timer as { unref(): void }).unref();
  }
}

/**
 * So many tasks of a run lie before a worker at a time, so that it does not wait for the post; of scores, of which a run has few
 * and equal ones, more.
 */
const AHEAD = 2;
const SCORES_AHEAD = 4;

/** One run of tasks: who waits for which answer. */
interface Run<C extends Craft> {
  readonly tasks: ReadonlyArray<Crafts[C]['task']>;
  readonly answers: Array<Crafts[C]['answer'] | undefined>;
  next: number;
  missing: number;
  readonly done: (answers: Array<Crafts[C]['answer']>) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * A crew of workers. Each takes the next task as it becomes free; answers are put in the tasks' order, so that nothing
 * depends on who did what when.
 * @param create a page's own way of making the worker of `intensity.worker.js`
 */
export async function workerCrew(hands: number, signal: AbortSignal | undefined, create?: () => Worker): Promise<Crew> {
  return hired('volumes', await kernelModule(), hands, signal, create);
}

/** The same for registration to ultrasound. */
export async function lc2WorkerCrew(hands: number, signal: AbortSignal | undefined, create?: () => Worker): Promise<Lc2Crew> {
  const crew = hired('ultrasound', await lc2Module(), hands, signal, create);
  return {
    supply: (level, data) => crew.supply(level, canShare() ? shared(data) : data),
    async run<T extends Lc2Task>(tasks: readonly T[], progress?: (fraction: number) => void) {
      let done = 0;
      // One run each: what is done is told as it is.
      const answers = tasks.map(async (task) => {
        const [answer] = await crew.run([task]);
        done += 1;
        progress?.(done / tasks.length);
        return answer as Lc2Answer<T>;
      });
      return Promise.all(answers);
    },
    close: () => crew.close(),
  };
}

/** Fields are big: all workers see the same ones. */
function shared(data: UltrasoundData): UltrasoundData {
  if ('moving' in data) {
    const values = new Uint8Array(new SharedArrayBuffer(data.moving.values.byteLength));
    values.set(data.moving.values);
    return { ...data, moving: { ...data.moving, values } };
  }
  const { patches, fields } = data;
  const values = new Float32Array(new SharedArrayBuffer(fields.values.byteLength));
  values.set(fields.values);
  return { patches, fields: { ...fields, values } };
}

function hired<C extends Craft>(
  craft: C,
  module: WebAssembly.Module | undefined,
  hands: number,
  signal: AbortSignal | undefined,
  create: (() => Worker) | undefined,
): WorkerCrew<C> {
  if (signal?.aborted) throw aborted(signal);
  jobs += 1;
  return new WorkerCrew(craft, module, hire(create, hands), jobs, signal, create);
}

class WorkerCrew<C extends Craft> {
  readonly hands: number;
  readonly #workers: WorkerHandle[];
  /** How many tasks lie before each worker. */
  readonly #load = new Map<WorkerHandle, number>();
  readonly #runs = new Map<number, Run<C>>();
  readonly #job: number;
  readonly #signal: AbortSignal | undefined;
  readonly #create: (() => Worker) | undefined;
  readonly #onAbort = (): void => this.#stop(aborted(this.#signal as AbortSignal));
  #stopped: unknown;
  #index = 0;
  /** Which run and place each index under way belongs to. */
  readonly #places = new Map<number, { readonly run: Run<C>; readonly at: number }>();

  constructor(
    craft: C,
    module: WebAssembly.Module | undefined,
    workers: WorkerHandle[],
    job: number,
    signal: AbortSignal | undefined,
    create: (() => Worker) | undefined,
  ) {
    this.hands = workers.length;
    this.#workers = workers;
    this.#job = job;
    this.#signal = signal;
    this.#create = create;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    for (const worker of workers) {
      this.#load.set(worker, 0);
      worker.onAnswer = (message) => this.#answered(worker, message);
      worker.onDeath = (reason) => this.#stop(lost(reason));
      worker.post({ kind: 'begin', craft, job, module });
    }
  }

  supply(level: number, data: Crafts[C]['data']): void {
    if (this.#stopped !== undefined) return;
    for (const worker of this.#workers) worker.post({ kind: 'level', job: this.#job, level, data });
  }

  run(tasks: ReadonlyArray<Crafts[C]['task']>): Promise<Array<Crafts[C]['answer']>> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    if (tasks.length === 0) return Promise.resolve([]);
    return new Promise((done, fail) => {
      const answers = new Array<Crafts[C]['answer'] | undefined>(tasks.length);
      const run = { tasks, answers, next: 0, missing: tasks.length, done, fail };
      this.#runs.set(this.#index++, run);
      this.#assign();
    });
  }

  /** Hands the next tasks of the oldest runs to whoever has least to do. */
  #assign(): void {
    for (const run of this.#runs.values()) {
      const most = run.tasks[0]?.kind === 'scores' ? SCORES_AHEAD : AHEAD;
      while (run.next < run.tasks.length) {
        const [worker, load] = [...this.#load].reduce((least, one) => (one[1] < least[1] ? one : least));
        if (load >= most) break;
        this.#load.set(worker, load + 1);
        const at = run.next++;
        const index = this.#index++;
        this.#places.set(index, { run, at });
        worker.post({ kind: 'task', job: this.#job, index, task: run.tasks[at] as Crafts[C]['task'] });
      }
    }
  }

  #answered(worker: WorkerHandle, message: FromWorker): void {
    if (message.job !== this.#job) return;
    const place = this.#places.get(message.index);
    if (place === undefined) return;
    this.#places.delete(message.index);
    this.#load.set(worker, (this.#load.get(worker) as number) - 1);
    if ('failed' in message) {
      this.#stop(lost(message.failed));
      return;
    }
    const { run, at } = place;
    run.answers[at] = message.answer;
    run.missing -= 1;
    if (run.missing === 0) {
      for (const [key, value] of this.#runs) if (value === run) this.#runs.delete(key);
      run.done(run.answers as Array<Crafts[C]['answer']>);
    }
    this.#assign();
  }

  #stop(error: unknown): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = error;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    // A worker in the middle of a task hears nothing: ending it is the only way to stop it at once.
    for (const worker of this.#workers) {
      worker.onDeath = () => undefined;
      worker.end();
    }
    for (const run of this.#runs.values()) run.fail(error);
    this.#runs.clear();
  }

  close(): void {
    if (this.#stopped !== undefined) return;
    if (this.#places.size > 0) {
      this.#stop(lost('it was closed'));
      return;
    }
    this.#stopped = lost('it was closed');
    this.#signal?.removeEventListener('abort', this.#onAbort);
    dismiss(this.#create, this.#workers);
  }
}

function lost(reason: string): NavError {
  return new NavError('registration/failed', `A registration worker stopped: ${reason}. Try again, or with threads: 0.`, {
    detail: { reason },
  });
}
