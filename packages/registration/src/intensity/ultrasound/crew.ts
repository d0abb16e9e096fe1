import { Breath } from '../breath.js';
import type { Lc2Answer, Lc2Task, Lc2Workshop, UltrasoundData } from './workshop.js';

/** Who does the tasks of one registration to ultrasound. */
export interface Lc2Crew {
  /** Gives it the data of a level, before any task there. */
  supply(level: number, data: UltrasoundData): void;
  /**
   * Does tasks, in any order, and answers in theirs.
   * @param progress called with the share of them that is done
   * @throws NavError `registration/aborted`
   */
  run<T extends Lc2Task>(tasks: readonly T[], progress?: (fraction: number) => void): Promise<Array<Lc2Answer<T>>>;
  /** Ends it: tasks under way are given up. */
  close(): void;
}

/** All in this thread, one run after the other, with pauses. */
export function inlineLc2Crew(workshop: Lc2Workshop, signal: AbortSignal | undefined): Lc2Crew {
  const breath = new Breath(signal);
  let before: Promise<unknown> = Promise.resolve();
  const all = async <T extends Lc2Task>(tasks: readonly T[], progress?: (fraction: number) => void) => {
    const answers: Array<Lc2Answer<T>> = [];
    for (const task of tasks) {
      await breath.take();
      answers.push(workshop.do(task) as Lc2Answer<T>);
      progress?.(answers.length / tasks.length);
    }
    return answers;
  };
  return {
    supply: (level, data) => workshop.supply(level, data),
    run: (tasks, progress) => {
      const after = before.then(() => all(tasks, progress));
      before = after.catch(() => undefined);
      return after;
    },
    close: () => undefined,
  };
}
