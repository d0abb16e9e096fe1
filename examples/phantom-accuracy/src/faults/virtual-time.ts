import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type ManualClock, manualClock } from '@trocar/core/testing';

/** Time that passes only when it is told to: real drivers with their timers, in no time and the same way every time. */
export interface VirtualTime {
  readonly clock: ManualClock;
  /** Lets so many ms pass, calling `each` after every step. */
  pass(ms: number, each?: () => void): Promise<void>;
  /** Lets time pass until something is settled. */
  until<T>(promise: Promise<T>): Promise<T>;
  /** Gives the real timers back. */
  end(): void;
}

/** How finely time passes, ms: pollings and deadlines are seen this exactly. */
const STEP_MS = 4;
const MICROTASKS = 10;

/** Takes the timers over until `end`. One at a time. */
export function virtualTime(): VirtualTime {
  const clock = manualClock(1000);
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const step = async (): Promise<void> => {
    clock.advance(STEP_MS);
    mock.timers.tick(STEP_MS);
    // A question and its answer go through the microtasks of both ends.
    for (let k = 0; k < MICROTASKS; k += 1) await undefined;
  };
  return {
    clock,
    pass: async (ms, each) => {
      for (let gone = 0; gone < ms; gone += STEP_MS) {
        await step();
        each?.();
      }
    },
    until: async (promise) => {
      let done = false;
      const end = (): void => {
        done = true;
      };
      promise.then(end, end);
      for (let n = 0; !done && n < 100_000; n += 1) {
        await step();
        await turn();
      }
      return promise;
    },
    end: () => mock.timers.reset(),
  };
}
