import type { Lc2Answer, Lc2Task, UltrasoundData } from '../intensity/ultrasound/workshop.js';
import type { LevelData, Reached, Task } from '../intensity/workshop.js';

/** What workers can do, and what each is about. */
export interface Crafts {
  readonly volumes: { readonly data: LevelData; readonly task: Task; readonly answer: Reached[] };
  readonly ultrasound: { readonly data: UltrasoundData; readonly task: Lc2Task; readonly answer: Lc2Answer };
}

/** One of them. */
export type Craft = keyof Crafts;

/** What a registration worker is told. `job` names a registration: answers to an earlier one are dropped. */
export type ToWorker =
  | {
      readonly kind: 'begin';
      readonly craft: Craft;
      readonly job: number;
      readonly module: WebAssembly.Module | undefined;
    }
  | { readonly kind: 'level'; readonly job: number; readonly level: number; readonly data: Crafts[Craft]['data'] }
  | { readonly kind: 'task'; readonly job: number; readonly index: number; readonly task: Crafts[Craft]['task'] }
  | { readonly kind: 'forget' };

/** What it answers. */
export type FromWorker =
  | { readonly job: number; readonly index: number; readonly answer: Crafts[Craft]['answer'] }
  | { readonly job: number; readonly index: number; readonly failed: string };

/** A worker's end of the line. */
export interface Port {
  post(message: FromWorker): void;
  listen(heard: (message: ToWorker) => void): void;
}

/** A worker as the crew sees it, in Node and in browsers alike. */
export interface WorkerHandle {
  post(message: ToWorker): void;
  /** Called with each answer. */
  onAnswer: (message: FromWorker) => void;
  /** Called where the worker ends by itself, with what it said. */
  onDeath: (reason: string) => void;
  /** Whether the process is kept alive for it: it is not while it has nothing to do. */
  hold(busy: boolean): void;
  end(): void;
}
