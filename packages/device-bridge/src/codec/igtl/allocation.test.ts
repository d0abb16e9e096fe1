import { it } from 'vitest';
import { expectNoCollections } from '../../test-support/probe.js';

it.each(['transform', 'plus', 'tdata'])('400,000 poses from %s messages, packed and read, take no garbage collection', (what) =>
  expectNoCollections(import.meta.url, what),
);
