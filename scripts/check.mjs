/** `npm run check`: types, lint and format, import rules, unused code. Runs no test. */
import { ready } from './bootstrap.mjs';
import { runChecks } from './lib/checks.mjs';

await ready('build');
const { failed } = await runChecks();
process.exitCode = failed === 0 ? 0 : 1;
