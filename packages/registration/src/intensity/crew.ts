import { Breath } from './breath.js';
import type { LevelData, Reached, Task, Workshop } from './workshop.js';

/** Who does the tasks of one registration. */
export interface Crew {
  /** How many tasks run at the same time. */
  readonly hands: number;
  /** Gives it the data of a level, before any task there. */
  supply(level: number, data: LevelData): void;
  /**
   * Does tasks, in any order, and answers in theirs.
   * @throws NavError `registration/aborted`
   */
  run(tasks: readonly Task[]): Promise<Reached[][]>;
  /** Ends it: tasks under way are given up. */
  close(): void;
}

/** All in this thread, with pauses. */
export function inlineCrew(workshop: Workshop, signal: AbortSignal | undefined, close: () => void): Crew {
  const breath = new Breath(signal);
  return {
    hands: 1,
    supply: (level, data) => workshop.supply(level, data),
    async run(tasks) {
      const answers: Reached[][] = [];
      for (const task of tasks) {
        await breath.take();
        answers.push(workshop.do(task));
      }
      return answers;
    },
    close,
  };
}
