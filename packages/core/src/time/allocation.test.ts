import { expect, it } from 'vitest';
import { runProbe } from '../test-support/probe.js';

/** A compiler that is held up by other programs leaves code boxing its numbers for a while; code that allocates does so each time. */
const AGAIN = { retry: 2 };

it.each(['frames', 'stamps', 'polled'])(
  'a clock map learns and maps 500,000 %s without a garbage collection',
  AGAIN,
  async (what) => {
    const result = await runProbe(import.meta.url, what);
    expect(result['restarts']).toBe(0);
    expect(result['usesFilter']).toBe(what === 'polled' ? 1 : 0);
    expect(Number.isFinite(result['sum'])).toBe(true);
    expect(result['control']).toBeGreaterThan(3);
    expect(result['collections']).toBe(0);
  },
);
