import { expect, it } from 'vitest';
import { runProbe } from '../../test-support/probe.js';

/** A compiler that is held up by other programs leaves code boxing its numbers for a while; code that allocates does so each time. */
const AGAIN = { retry: 2 };

it('follows a needle through forty thousand poses against six structures without one garbage collection', AGAIN, async () => {
  const result = await runProbe(import.meta.url);
  expect(result['poses']).toBe(40_000);
  // It must have been near, in breach and clear: what never happens allocates nothing.
  expect(result['breaches']).toBeGreaterThan(1000);
  expect(result['breaches']).toBeLessThan(38_000);
  expect(Number.isFinite(result['clearance']) && (result['time'] as number) > 0).toBe(true);
  expect(result['control']).toBeGreaterThan(3);
  expect(result['collections']).toBe(0);
});
