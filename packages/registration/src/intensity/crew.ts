import { NavError } from '@trocar/core';
import type { LevelData, Reached, Task, Workshop } from './workshop.js';

/** Who does the tasks of one registration. */
export interface Crew {
  /** How many tasks run at the same time. */
  readonly hands: number;
  /**
   * Does tasks, in any order, and answers in theirs.
   * @throws NavError `registration/aborted`
   */
  run(tasks: readonly Task[]): Promise<Reached[][]>;
  /** Ends it: tasks under way are given up. */
  close(): void;
}

/** Makes a crew that holds these levels. */
export type CrewMaker = (levels: readonly LevelData[], signal: AbortSignal | undefined) => Promise<Crew>;

/** Lets go of the thread at least so often, ms, so that an abort is heard and a page can draw. */
const BREATH_MS = 25;

/** All in this thread, with pauses. */
export function inlineCrew(workshop: Workshop, signal: AbortSignal | undefined): Crew {
  let since = performance.now();
  return {
    hands: 1,
    async run(tasks) {
      const answers: Reached[][] = [];
      for (const task of tasks) {
        if (performance.now() - since > BREATH_MS) {
          await pause();
          since = performance.now();
        }
        if (signal?.aborted) throw aborted(signal);
        answers.push(workshop.do(task));
      }
      return answers;
    },
    close: () => undefined,
  };
}

/** A turn of the event loop: a resolved promise would not let messages and timers through. */
export function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}

/** What is thrown when the caller stops a registration. */
export function aborted(signal: AbortSignal): NavError {
  return new NavError('registration/aborted', 'The registration was stopped by the caller.', { cause: signal.reason });
}
