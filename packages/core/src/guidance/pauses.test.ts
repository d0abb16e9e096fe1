import { expect, it } from 'vitest';
import { pausesOf } from './pauses.js';

const aborted = (cause: unknown): Error => new Error('stopped', { cause });

it('lets other work run when it is time to, and not before', async () => {
  let told = 0;
  let others = 0;
  const pause = pausesOf({ signal: undefined, everyMs: 5, aborted, progress: () => (told += 1) });
  const until = performance.now() + 40;
  const timer = setInterval(() => {
    others += 1;
  }, 0);
  expect(pausesOf({ signal: undefined, everyMs: 1e6, aborted })()).toBeUndefined();
  let asked = 0;
  while (performance.now() < until || others === 0) {
    asked += 1;
    const waits = pause();
    if (waits !== undefined) await waits;
  }
  clearInterval(timer);
  expect(told).toBeGreaterThan(0);
  expect(told).toBeLessThan(asked);
  expect(others).toBeGreaterThan(0);
});

it('stops where it was asked to: before it begins, while it computes, and while it pauses', async () => {
  const controller = new AbortController();
  const pause = pausesOf({ signal: controller.signal, everyMs: 0, aborted });
  const waits = pause();
  controller.abort('enough');
  await expect(waits).rejects.toMatchObject({ message: 'stopped', cause: 'enough' });
  expect(pause).toThrow('stopped');
  expect(() => pausesOf({ signal: controller.signal, everyMs: 0, aborted })).toThrow('stopped');
});
