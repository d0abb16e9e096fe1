import { it } from 'vitest';
import { expectNoCollections } from '../../test-support/probe.js';

it.each(['dtrack', 'natnet'])('400,000 poses from %s datagrams to path readings take no garbage collection', (what) =>
  expectNoCollections(import.meta.url, what),
);
