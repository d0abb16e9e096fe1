import { it } from 'vitest';
import { expectNoCollections } from '../../test-support/probe.js';

it.each(['bx2', 'bx', 'tx', 'bridge'])('400,000 poses from %s bytes to path readings take no garbage collection', (what) =>
  expectNoCollections(import.meta.url, what),
);
