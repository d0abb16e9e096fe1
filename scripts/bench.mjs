/** `npm run bench`: every benchmark, or those whose names hold one of the arguments. */
import { ready } from './bootstrap.mjs';
import { runTypeScript } from './lib/run.mjs';

await ready('bench');
const { code } = await runTypeScript('bench/run.ts', process.argv.slice(2), { show: 'all' });
process.exitCode = code;
