import { expect, it } from 'vitest';
import { runProbe } from '../test-support/probe.js';

/** A compiler that is held up by other programs leaves code boxing its numbers for a while; code that allocates does so each time. */
const AGAIN = { retry: 2 };

it('400,000 poses with their raw bytes are recorded with no garbage but a little for each chunk', AGAIN, async () => {
  const { lost, chunks, control, collections } = await runProbe(import.meta.url);
  expect(lost).toBe(0);
  expect(chunks).toBeGreaterThan(100);
  expect(control).toBeGreaterThan(3);
  // Fifty thousand flushes, one collection for every hundred chunks: an object a flush would be ten times that.
  expect(collections).toBeLessThanOrEqual((chunks as number) / 50);
});
