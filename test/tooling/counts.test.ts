import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../../scripts/lib/host.mjs';
import { tool } from '../../scripts/lib/run.mjs';

/** The line of counts is what people and machines go by: it is held by a run in which everything happens. */

const FILES = {
  'mixed.test.js': `
    it('passes', () => {});
    it('fails', () => { throw new Error('on purpose'); });
    it('is skipped with a reason', ({ skip }) => skip(true, 'no such device'));
    describe.skipIf(true)('without data', () => { it('one', () => {}); it('two', () => {}); });`,
  'broken.test.js': `throw new Error('does not load');`,
  'hook.test.js': `
    beforeAll(() => { throw new Error('the hook fails'); });
    it('never runs', () => {});`,
  'stray.test.js': `it('leaves a rejection behind', () => { Promise.reject(new Error('stray')); });`,
};

it('counts tests, files that do not load, hooks that fail and errors outside tests', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'trocar-counts-')));
  try {
    const outputFile = join(folder, 'counts.json');
    const reporters = [[join(ROOT, 'scripts/lib/counts-reporter.mjs'), { outputFile }]];
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
    writeFileSync(join(folder, 'vitest.config.mjs'), `export default ${JSON.stringify({ test: { globals: true, reporters } })};`);
    const { code } = await tool('vitest/vitest.mjs', ['run', '--root', folder], { cwd: folder });
    expect(code).toBe(1);
    const counts = JSON.parse(readFileSync(outputFile, 'utf8'));
    const { dearest, projects, ...rest } = counts;
    const together = Object.values(projects as Record<string, { files: number; seconds: number }>);
    expect(together.map(({ files }) => files)).toEqual([Object.keys(FILES).length]);
    const sum = dearest.reduce((all: number, [, seconds]: [string, number]) => all + seconds, 0);
    expect(together[0]?.seconds).toBeCloseTo(sum, 9);
    expect(dearest.map(([file]: [string]) => file).sort()).toEqual(Object.keys(FILES).sort());
    for (const [, seconds] of dearest) expect(seconds).toBeGreaterThanOrEqual(0);
    expect({ ...rest, failures: [...rest.failures].sort() }).toEqual({
      passed: 2,
      failed: 4,
      skipped: 4,
      failures: [
        'an error outside any test',
        'broken.test.js did not load',
        'hook.test.js did not load',
        'mixed.test.js > fails',
      ],
      reasons: { 'mixed.test.js: no such device': 1, 'mixed.test.js > without data': 2, 'hook.test.js': 1 },
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
