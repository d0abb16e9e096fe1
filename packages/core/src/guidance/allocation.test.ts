import { expect, it } from 'vitest';
import { runProbe } from '../test-support/probe.js';

/** A compiler that is held up by other programs leaves code boxing its numbers for a while; code that allocates does so each time. */
const AGAIN = { retry: 2 };

it('reads half a million poses and deviations without one garbage collection', AGAIN, async () => {
  const result = await runProbe(import.meta.url);
  expect(result['poses']).toBe(500_000);
  expect(Number.isFinite(result['sum'])).toBe(true);
  expect(result['control']).toBeGreaterThan(3);
  expect(result['collections']).toBe(0);
});
