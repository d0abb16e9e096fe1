import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../../scripts/lib/host.mjs';
import { trackedFiles } from '../_tracked-files.js';

const MAX_LINES = 500;

it(`no source file has more than ${MAX_LINES} lines`, () => {
  // What a program wrote, nobody reads.
  const sources = trackedFiles().filter((path) => /[.](ts|mjs)$/.test(path) && !path.endsWith('.generated.ts'));
  expect(sources.length).toBeGreaterThan(20);
  const tooLong = sources
    .map((path) => ({ path, lines: readFileSync(join(ROOT, path), 'utf8').split('\n').length - 1 }))
    .filter(({ lines }) => lines > MAX_LINES);
  expect(tooLong).toEqual([]);
});
