import type { ByteImage } from './byte-image.js';
import { type ClimbOptions, climb } from './climb.js';
import { Comparison, type Detail, type Score } from './evaluate.js';
import type { Kernel } from './kernels/kernel.js';
import type { Motion, MotionKind } from './motion.js';
import type { IntensityMetric } from './mutual-information.js';
import type { SampleSet } from './samples.js';

/** What every worker holds of a registration: sample sets, each with the image they are compared with. */
export interface LevelData {
  readonly samples: SampleSet;
  readonly image: ByteImage;
  readonly metric: IntensityMetric;
  readonly movingBins: number;
  /** What each of the image's 256 bytes stands for; absent: itself. */
  readonly exchange?: Uint8Array;
}

/** A piece of work: a pure function of the levels and its own numbers, so that it matters not who does it. */
export type Task =
  | { readonly kind: 'scores'; readonly level: number; readonly motions: readonly Motion[] }
  | {
      readonly kind: 'detail';
      readonly level: number;
      readonly motion: Motion;
      readonly transform: MotionKind;
      readonly stepMm: number;
    }
  | { readonly kind: 'climb'; readonly level: number; readonly motion: Motion; readonly options: ClimbOptions };

/** What a task comes to. */
export interface Reached {
  readonly motion: Motion;
  readonly score: Score;
  readonly evaluations: number;
  /** Of a `detail` task. */
  readonly detail?: Detail;
}

/** Does tasks with one kernel. */
export class Workshop {
  readonly #kernel: Kernel;
  readonly #levels: LevelData[] = [];
  readonly #comparisons: Array<Comparison | undefined> = [];

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  supply(level: number, data: LevelData): void {
    this.#levels[level] = data;
  }

  do(task: Task): Reached[] {
    const comparison = this.#comparisonOf(task.level);
    if (task.kind === 'climb') return [climb(comparison, task.motion, task.options)];
    if (task.kind === 'detail') {
      const { motion, transform, stepMm } = task;
      return [{ motion, score: comparison.score(motion), evaluations: 1, detail: comparison.detail(transform, motion, stepMm) }];
    }
    return task.motions.map((motion) => ({ motion, score: comparison.score(motion), evaluations: 1 }));
  }

  /** Made when first needed: a worker that never sees the finest level does not copy it. */
  #comparisonOf(level: number): Comparison {
    const known = this.#comparisons[level];
    if (known !== undefined) return known;
    const { samples, image, metric, movingBins, exchange } = this.#levels[level] as LevelData;
    const made = new Comparison(this.#kernel, samples, image, metric, movingBins, exchange);
    this.#comparisons[level] = made;
    return made;
  }
}
