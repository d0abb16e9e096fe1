import { it } from 'vitest';
import { expectNoCollections } from '../../test-support/probe.js';

/** A compiler that is held up by other programs leaves code boxing its numbers for a while; code that allocates does so each time. */
const AGAIN = { retry: 2 };

it.each(['bx2', 'bx', 'tx', 'bridge'])('400,000 poses from %s bytes to path readings take no garbage collection', AGAIN, (what) =>
  expectNoCollections(import.meta.url, what),
);
