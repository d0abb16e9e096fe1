/**
 * For allocation probes, which run in a process of their own with a small nursery. Plain JavaScript, so that nothing but
 * tsx's loader stands between the engine and the code.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

/** A compiler that shares the machine may take this many rounds to get to the hot code. */
const ROUNDS = 20;
/** Observers report in a later turn. */
const TURN_MS = 20;

/**
 * How many garbage collections `run` takes, once `warmUp` has been called until a whole round went by without any: code
 * that is not yet compiled boxes its doubles.
 * @param {() => unknown} warmUp
 * @param {() => unknown} run
 * @returns {Promise<{ collections: number, control: number }>} control: those of something that allocates for certain
 */
export async function countCollections(warmUp, run) {
  let collections = 0;
  new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  }).observe({ entryTypes: ['gc'] });
  const turn = () => pause(TURN_MS);
  for (let round = 0, before = -1; round < ROUNDS && before !== collections; round += 1) {
    before = collections;
    await warmUp();
    await turn();
  }
  await warmUp();
  // What loading and warming up left behind must not fill the nursery later, and be counted as the run's.
  globalThis.gc({ type: 'minor' });
  await turn();
  collections = 0;
  await run();
  await turn();
  const counted = collections;
  let kept = [];
  for (let i = 0; i < 200_000; i += 1) {
    kept.push(new Float64Array(4));
    if (kept.length > 100) kept = [];
  }
  await turn();
  return { collections: counted, control: collections - counted };
}
