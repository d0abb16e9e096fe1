import { it } from 'vitest';
import { expectNoCollections } from '../../test-support/probe.js';

it.each(['transform', 'plus', 'position', 'tdata'])(
  '400,000 poses from %s messages through the driver to path readings take no garbage collection',
  (what) => expectNoCollections(import.meta.url, what),
);
