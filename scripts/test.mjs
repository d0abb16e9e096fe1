/**
 * `npm test`: everything, on a fresh clone too. Prepares the machine, runs the static checks, then all tests; ends
 * with why tests were skipped and one line of counts, in which a check counts as a test.
 *
 * With arguments (`npm test -- packages/core/src/frames`) it runs only the tests that match, and no checks.
 * TROCAR_EFFORT (default 1) multiplies the number of seeds and fuzz cases; TROCAR_DATA (default ../shared/data) is
 * where real data lies.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ready } from './bootstrap.mjs';
import { runChecks } from './lib/checks.mjs';
import { findBrowser, ROOT } from './lib/host.mjs';
import { run, tool } from './lib/run.mjs';

const COUNTS = join(ROOT, 'node_modules/.cache/trocar/test-counts.json');

/** @typedef {import('./lib/counts-reporter.mjs').Counts} Counts */

/**
 * @param {readonly string[]} filters
 * @returns {Promise<Counts>}
 */
async function runVitest(filters) {
  rmSync(COUNTS, { force: true });
  // CI: a missing record fails instead of being written, and a forgotten `.only` fails too.
  const env = { TROCAR_TEST_COUNTS: COUNTS, ...(filters.length === 0 && { CI: '1' }) };
  const { code } = await tool('vitest/vitest.mjs', ['run', ...filters], { show: 'all', env });
  /** @type {Counts} */
  let counts = { passed: 0, failed: 0, skipped: 0, failures: [], reasons: {}, projects: {}, dearest: [] };
  try {
    counts = JSON.parse(readFileSync(COUNTS, 'utf8'));
  } catch {
    // Vitest ended before it could report: the exit code below says so.
  }
  if (code === 0 || counts.failed > 0) return counts;
  return { ...counts, failed: 1, failures: [`vitest ended with exit code ${code} and no failed test`] };
}

/** Files of browser tests, which no project runs where there is no browser: each is counted as skipped. */
async function browserFilesNotRun() {
  if (findBrowser() !== undefined) return 0;
  const { output } = await run('git', ['ls-files', '--', '*.browser.test.ts']);
  return output.split('\n').filter((line) => line !== '').length;
}

await ready('test');
const filters = process.argv.slice(2);
const checks = filters.length === 0 ? await runChecks() : { passed: 0, failed: 0, failures: [] };
const tests = await runVitest(filters);
const filesNotRun = filters.length === 0 ? await browserFilesNotRun() : 0;

const reasons = Object.entries(tests.reasons).sort(([a], [b]) => a.localeCompare(b));
if (filesNotRun > 0) reasons.push(['browser test files, of which none ran: no Chromium found', filesNotRun]);
if (reasons.length > 0) console.log('\nSkipped:');
for (const [reason, count] of reasons) console.log(`  ${count} × ${reason}`);
if (filters.length === 0) {
  console.log('\nWhat the files of each project took together, s:');
  for (const [name, { files, seconds }] of Object.entries(tests.projects)) {
    console.log(`  ${seconds.toFixed(0).padStart(6)}  ${name}, ${files} files`);
  }
  console.log('\nFiles that took longest, s:');
  for (const [file, seconds] of tests.dearest) console.log(`  ${seconds.toFixed(1).padStart(6)}  ${file}`);
}
const failures = [...checks.failures, ...tests.failures];
if (failures.length > 0) console.log('\nFailed:');
for (const failure of failures) console.log(`  ${failure}`);

const failed = checks.failed + tests.failed;
console.log(`\n${checks.passed + tests.passed} passed, ${failed} failed, ${tests.skipped + filesNotRun} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
