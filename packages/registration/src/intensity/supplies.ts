import type { Crew } from './crew.js';
import type { LevelData, Reached, Task } from './workshop.js';

/**
 * A crew whose levels are made while it works: the search begins on the coarsest, and the samples of the finest are drawn
 * meanwhile. Tasks wait until theirs are there.
 * @param levels makes each level, in the order in which they are needed
 * @param pause comes between two levels, and lets the crew's answers through
 */
export function supplied(crew: Crew, levels: ReadonlyArray<() => LevelData>, pause: () => Promise<void>): Crew {
  const ready: Promise<void>[] = [];
  let before = Promise.resolve();
  levels.forEach((make, level) => {
    const after = before;
    before = (async () => {
      await after;
      if (level > 0) await pause();
      crew.supply(level, make());
    })();
    // Whoever waits for a level hears why it is not there; nobody may.
    before.catch(() => undefined);
    ready.push(before);
  });
  return {
    hands: crew.hands,
    supply: (level, data) => crew.supply(level, data),
    async run(tasks: readonly Task[]): Promise<Reached[][]> {
      await ready[Math.max(0, ...tasks.map(({ level }) => level))];
      return crew.run(tasks);
    },
    close: () => crew.close(),
  };
}
