import { expect, it } from 'vitest';
import { runProbe } from '../../test-support/probe.js';

it('looks a hundred thousand times without one garbage collection', { retry: 2 }, async () => {
  const result = await runProbe(import.meta.url);
  expect(result['ticks']).toBe(100_000);
  expect(result['alarms']).toBe(0);
  expect(result['control']).toBeGreaterThan(3);
  expect(result['collections']).toBe(0);
});
